//! No operation takes memory from the heap in the steady state, blocking or async, on either board.

use std::alloc::{GlobalAlloc, Layout, System};
use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use circuits::can::{self, Frame, Id, Received, Socket};
use circuits::gpio::{Config, EdgeDetection, Input, Lines};
use circuits::i2c::smbus::Call;
use circuits::i2c::{Bus, Operation};
use circuits::spi;
use circuits::stub::Stub;
use circuits::stub::chips::{Tmp102, W25q};
use circuits::uart::framing::{self, Framed};
use circuits::uart::{self, Bursts, Port};
use circuits::{Board, embedded_hal, embedded_hal_async};
use libtest_mimic::{Arguments, Trial};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: it is the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: usize = 100;

/// In the emulated Pi a transaction of SPI takes a while.
const SPI_ROUNDS: usize = 10;

/// Runs something a few times, then often, and asserts that it takes no memory then.
fn assert_none(what: &str, f: impl FnMut()) {
    assert_none_in(ROUNDS, what, f);
}

fn assert_none_in(rounds: usize, what: &str, mut f: impl FnMut()) {
    (0..rounds / 10).for_each(|_| f());
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    (0..rounds).for_each(|_| f());
    let taken = ALLOCATIONS.load(Ordering::SeqCst) - before;
    assert_eq!(taken, 0, "{what}: {taken} allocations in {rounds} rounds");
}

async fn assert_none_async(what: &str, f: impl AsyncFnMut()) {
    assert_none_async_in(ROUNDS, what, f).await;
}

async fn assert_none_async_in(rounds: usize, what: &str, mut f: impl AsyncFnMut()) {
    for _ in 0..rounds / 10 {
        f().await;
    }
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    for _ in 0..rounds {
        f().await;
    }
    let taken = ALLOCATIONS.load(Ordering::SeqCst) - before;
    assert_eq!(taken, 0, "{what}: {taken} allocations in {rounds} rounds");
}

/// What a test needs of a board.
struct Bench {
    board: Board,
    input: String,
    output: String,
    drive: Box<dyn Fn(bool)>,
    /// A serial port that hears what it says.
    echo: String,
    /// A CAN interface and another one on the same bus, or the same one.
    can: [String; 2],
    /// What keeps it there.
    _held: Box<dyn Any>,
}

impl Bench {
    fn input(&self) -> Input {
        let config = Config::new().edge_detection(EdgeDetection::Both);
        Input::open_on(self.board.gpio(), &self.input, &config).unwrap()
    }

    fn blocking(&self) {
        use embedded_hal::delay::DelayNs;
        use embedded_hal::i2c::I2c;

        let output = self.board.output(&self.output).unwrap();
        assert_none("set", || output.set(!output.is_set()).unwrap());
        let mut input = self.input();
        assert_none("get", || assert!(input.get().is_ok()));
        let mut level = false;
        assert_none("edge", || {
            level = !level;
            (self.drive)(level);
            assert!(input.wait_edge(Duration::from_secs(10)).unwrap().is_some());
        });
        assert_none("time-out", || {
            assert!(
                input
                    .wait_edge(Duration::from_micros(100))
                    .unwrap()
                    .is_none()
            )
        });
        drop((output, input));
        self.group();
        let mut bus = self.board.i2c_bus("i2c-1").unwrap();
        assert_none("write_read", || {
            bus.write_read(0x48, &[0], &mut [0; 2]).unwrap()
        });
        assert_none("joined", || joined(&mut bus));
        assert_none("eight writes", || writes::<8>(&mut bus));
        let mut sensor = bus.device(0x48).unwrap();
        assert_none("a device's", || {
            sensor.write_read(0x48, &[0], &mut [0; 2]).unwrap()
        });
        let mut sensor = sensor.smbus();
        assert_none("smbus", || assert!(sensor.read_word_data(0).is_ok()));
        let mut nobody = bus.smbus(0x13).unwrap();
        assert_none("smbus at two addresses", || {
            assert!(sensor.read_word_data(0).is_ok());
            // The error has the name of the bus, which is everybody's.
            drop(nobody.read_byte().unwrap_err());
        });
        self.spi();
        self.uart();
        self.can();
        let mut delay = self.board.delay();
        assert_none("delay", || delay.delay_us(100));
    }

    fn spi_device(&self) -> spi::Device {
        let config = spi::Config::new().speed_hz(10_000_000);
        self.board.spi_device("spidev0.0", &config).unwrap()
    }

    fn spi_bus(&self) -> spi::Bus {
        let config = spi::Config::new().chip_select(spi::ChipSelect::None);
        self.board.spi_bus("spidev0.0", &config).unwrap()
    }

    fn spi(&self) {
        use embedded_hal::spi::{SpiBus, SpiDevice};

        let mut device = self.spi_device();
        for shape in SHAPES {
            assert_none_in(SPI_ROUNDS, &format!("SPI, {shape:?}"), || {
                let mut buffers = Buffers::default();
                device.transaction(&mut buffers.operations(shape)).unwrap();
                buffers.assert_is_id(shape);
            });
        }
        let mut bytes = [0; 64];
        assert_none_in(SPI_ROUNDS, "SPI, in place", || {
            device.transfer_in_place(&mut bytes).unwrap();
        });
        drop(device);
        let mut bus = self.spi_bus();
        assert_none_in(SPI_ROUNDS, "SPI bus", || {
            bus.write(&[0x9f]).unwrap();
            bus.transfer(&mut bytes[..3], &[0]).unwrap();
            bus.read(&mut bytes).unwrap();
        });
    }

    async fn spi_async(&self) {
        use embedded_hal_async::spi::{SpiBus, SpiDevice};

        let mut device = self.spi_device();
        for shape in SHAPES {
            assert_none_async_in(SPI_ROUNDS, &format!("SPI, {shape:?}, async"), async || {
                let mut buffers = Buffers::default();
                let mut operations = buffers.operations(shape);
                device.transaction(&mut operations).await.unwrap();
                buffers.assert_is_id(shape);
            })
            .await;
        }
        drop(device);
        let (mut bus, mut bytes) = (self.spi_bus(), [0; 64]);
        assert_none_async_in(SPI_ROUNDS, "SPI bus, async", async || {
            bus.write(&[0x9f]).await.unwrap();
            bus.transfer(&mut bytes[..3], &[0]).await.unwrap();
            bus.read(&mut bytes).await.unwrap();
        })
        .await;
    }

    fn port(&self) -> Port {
        let config = uart::Config::new().timeout(Duration::from_secs(10));
        self.board.serial_port(&self.echo, &config).unwrap()
    }

    /// At the other end of the port is somebody who says what he hears.
    fn uart(&self) {
        use std::io::{Read, Write};

        let mut port = self.port();
        let mut bytes = [0x55; 64];
        assert_none_in(SPI_ROUNDS, "UART", || {
            port.write_all(&bytes).unwrap();
            port.read_exact(&mut bytes).unwrap();
            port.flush().unwrap();
        });
        assert_none_in(SPI_ROUNDS, "UART, time-out", || {
            // The error has the name of the port, which is everybody's.
            drop(
                port.read_within(&mut bytes, Duration::from_micros(100))
                    .unwrap_err(),
            );
        });
        let mut lines = Framed::new(&port, framing::Lines::new());
        assert_none_in(SPI_ROUNDS, "UART, frames", || {
            lines.write_frame("to and fro").unwrap();
            assert_eq!(lines.read_frame().unwrap().unwrap(), b"to and fro");
        });
        let mut bursts = Bursts::new(port, Duration::from_millis(5));
        assert_none_in(SPI_ROUNDS, "UART, bursts", || {
            bursts.write_burst(b"to and fro").unwrap();
            assert_eq!(bursts.read_burst(None).unwrap(), b"to and fro");
        });
    }

    async fn uart_async(&self) {
        use embedded_io_async::{Read, Write};

        let mut port = self.port();
        let mut bytes = [0x55; 64];
        assert_none_async_in(SPI_ROUNDS, "UART, async", async || {
            port.write_all(&bytes).await.unwrap();
            port.read_exact(&mut bytes).await.unwrap();
            port.flush().await.unwrap();
        })
        .await;
        let mut lines = Framed::new(port, framing::Lines::new());
        assert_none_async_in(SPI_ROUNDS, "UART, frames, async", async || {
            lines.send_frame("to and fro").await.unwrap();
            assert_eq!(lines.next_frame().await.unwrap(), b"to and fro");
        })
        .await;
        let mut bursts = Bursts::new(lines.into_inner(), Duration::from_millis(5));
        assert_none_async_in(SPI_ROUNDS, "UART, bursts, async", async || {
            bursts.send_burst(b"to and fro").await.unwrap();
            assert_eq!(bursts.next_burst().await.unwrap(), b"to and fro");
        })
        .await;
    }

    fn sockets(&self) -> [Socket; 2] {
        self.can.each_ref().map(|name| {
            let config = can::Config::new().timeout(Duration::from_secs(10));
            self.board.can_socket(name, &config).unwrap()
        })
    }

    fn can(&self) {
        let [here, there] = self.sockets();
        let frames = frames();
        let mut came = [Received::empty(); 16];
        assert_none_in(SPI_ROUNDS, "CAN", || {
            there.write(&frames[0], None).unwrap();
            assert_eq!(here.read_frame(None).unwrap(), frames[0]);
        });
        assert_none_in(SPI_ROUNDS, "CAN, bursts", || {
            there.write_many(&frames, None).unwrap();
            let mut count = 0;
            while count < 16 {
                count += here.read_many(&mut came[count..], None).unwrap();
            }
        });
        assert_none_in(SPI_ROUNDS, "CAN, time-out", || {
            // The error has the name of the interface, which is everybody's.
            drop(here.read(Duration::from_micros(100)).unwrap_err());
        });
    }

    async fn can_async(&self) {
        let [mut here, mut there] = self.sockets();
        let frames = frames();
        assert_none_async_in(SPI_ROUNDS, "CAN, async", async || {
            there.send(&frames[0]).await.unwrap();
            assert_eq!(here.next_frame().await.unwrap(), frames[0]);
        })
        .await;
        assert_none_async_in(SPI_ROUNDS, "CAN, bursts, async", async || {
            there.send_many(&frames).await.unwrap();
            for _ in 0..16 {
                here.next_received().await.unwrap();
            }
        })
        .await;
    }

    fn group(&self) {
        let detecting = Config::input().edge_detection(EdgeDetection::Both);
        let both = [(&self.input, detecting), (&self.output, Config::output())];
        let mut lines = Lines::open_on(self.board.gpio(), both).unwrap();
        let mut level = false;
        assert_none("set and get together", || {
            level = !level;
            lines.set(u64::from(level) << 1).unwrap();
            lines.get().unwrap();
        });
        assert_none("edge of a group", || {
            level = !level;
            (self.drive)(level);
            assert!(lines.wait_edge(Duration::from_secs(10)).unwrap().is_some());
        });
    }

    async fn futures(&self) {
        use embedded_hal_async::delay::DelayNs;
        use embedded_hal_async::digital::Wait;
        use embedded_hal_async::i2c::I2c;

        let mut input = self.input();
        let mut level = false;
        assert_none_async("edge, async", async || {
            level = !level;
            (self.drive)(level);
            input.edges().next_event().await.unwrap();
        })
        .await;
        assert_none_async("level, async", async || {
            level = !level;
            (self.drive)(level);
            match level {
                true => input.wait_for_high().await.unwrap(),
                false => input.wait_for_low().await.unwrap(),
            }
        })
        .await;
        let mut bus = self.board.i2c_bus("i2c-1").unwrap();
        assert_none_async("write_read, async", async || {
            bus.write_read(0x48, &[0], &mut [0; 2]).await.unwrap();
        })
        .await;
        assert_none_async("eight operations, async", async || {
            let mut parts: [Operation<'_>; 8] = std::array::from_fn(|number| match number {
                0 => Operation::Write(&[0]),
                _ => Operation::Write(&[]),
            });
            bus.transaction(0x48, &mut parts).await.unwrap();
        })
        .await;
        let mut sensor = bus.smbus(0x48).unwrap();
        let call = Call::ReadWordData { command: 0 };
        assert_none_async("smbus, async", async || {
            sensor.call_async(call).await.unwrap();
        })
        .await;
        self.spi_async().await;
        self.uart_async().await;
        self.can_async().await;
        let mut delay = self.board.delay();
        assert_none_async("delay, async", async || delay.delay_us(100).await).await;
        assert_none_async("time-out, async", async || {
            let wait = delay.timeout(Duration::from_micros(100), input.wait_for_any_edge());
            wait.await.unwrap_err();
        })
        .await;
    }
}

/// Neighbours of one direction: the sensor takes three bytes of them.
fn writes<const COUNT: usize>(bus: &mut Bus) {
    use embedded_hal::i2c::I2c;

    let mut parts: [Operation<'_>; COUNT] = std::array::from_fn(|number| match number {
        0 => Operation::Write(&[3]),
        1 => Operation::Write(&[0x50, 0x00]),
        _ => Operation::Write(&[]),
    });
    bus.transaction(0x48, &mut parts).unwrap();
}

/// How eight operations of SPI are made up.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// None is like its neighbour: they are sent as they are.
    AsTheyAre,
    /// Some are joined.
    Joined,
    /// A transfer has sides of unequal length.
    Unequal,
}

const SHAPES: [Shape; 3] = [Shape::AsTheyAre, Shape::Joined, Shape::Unequal];

/// What a W25Q says to the command 9f: who it is (W25Q16JV, 8.2.27).
#[derive(Default)]
struct Buffers {
    id: [[u8; 1]; 3],
    long: [u8; 32],
}

impl Buffers {
    fn operations(&mut self, shape: Shape) -> [spi::Operation<'_, u8>; 8] {
        use spi::Operation::{DelayNs, Read, Transfer, TransferInPlace, Write};

        let [a, b, c] = &mut self.id;
        let (left, right) = self.long.split_at_mut(16);
        match shape {
            Shape::AsTheyAre => [
                Write(&[0x9f]),
                Read(a),
                DelayNs(1000),
                Read(b),
                TransferInPlace(c),
                Write(&[0; 4]),
                Read(left),
                Transfer(right, &[0; 16]),
            ],
            Shape::Joined => [
                Write(&[]),
                Write(&[0x9f]),
                Read(a),
                Read(b),
                Read(c),
                TransferInPlace(left),
                TransferInPlace(right),
                DelayNs(0),
            ],
            Shape::Unequal => [
                Transfer(&mut [], &[0x9f]),
                Transfer(a, &[]),
                Read(b),
                Transfer(c, &[0; 3]),
                Write(&[0; 4]),
                Transfer(left, &[0; 3]),
                Read(right),
                DelayNs(1000),
            ],
        }
    }

    fn assert_is_id(&self, shape: Shape) {
        assert_eq!(self.id[..2], [[0xef], [0x40]], "{shape:?}");
    }
}

fn frames() -> [Frame; 16] {
    [Frame::new(Id::standard(0x123).unwrap(), &[7; 8]).unwrap(); 16]
}

fn joined(bus: &mut Bus) {
    use embedded_hal::i2c::I2c;

    let (mut high, mut low) = ([0], [0]);
    let mut parts = [
        Operation::Write(&[0]),
        Operation::Read(&mut high),
        Operation::Read(&mut low),
    ];
    bus.transaction(0x48, &mut parts).unwrap();
}

fn on_stub(stub: &Stub) -> Bench {
    let stub = stub
        .clone()
        .lines(["IN", "OUT", "DRIVER"])
        .wire("IN", "DRIVER")
        .unwrap();
    let stub = stub.i2c_device("i2c-1", 0x48, Tmp102::new()).unwrap();
    let stub = stub.spi_device("spidev0.0", W25q::w25q16jv()).unwrap();
    let stub = stub.serial_loop("ttyAMA0").unwrap();
    let stub = stub.can_bus(["can0", "can1"]).unwrap();
    let board = Board::from(&stub);
    let driver = board.output("DRIVER").unwrap();
    let drive = Box::new(move |level| driver.set(level).unwrap());
    Bench {
        board,
        input: "IN".into(),
        output: "OUT".into(),
        drive,
        echo: "ttyAMA0".into(),
        can: ["can0".into(), "can1".into()],
        _held: Box::new(()),
    }
}

#[cfg(target_os = "linux")]
fn on_linux() -> Bench {
    let sim = circuits_bench::SimLines::new();
    let (input, output) = (sim.input(), sim.output());
    let board = Board::linux().unwrap();
    Bench {
        board,
        input,
        output,
        drive: Box::new(move |level| sim.drive(level)),
        echo: echo(),
        can: ["alloc0".into(), "alloc0".into()],
        _held: Box::new(circuits_bench::CanLink::new("alloc0")),
    }
}

/// A pseudo-terminal at whose other end somebody says what he hears. Returns its path.
#[cfg(target_os = "linux")]
fn echo() -> String {
    use std::fs::File;
    use std::io::{Read, Write};

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap();
    let mut master = File::from(master);
    std::thread::spawn(move || {
        let mut bytes = [0; 64];
        // Nobody has the other side open between two ports, which is an error for that time.
        loop {
            match master.read(&mut bytes) {
                Ok(count) => master.write_all(&bytes[..count]).unwrap(),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    });
    path.into_string().unwrap()
}

fn test(name: &str, f: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        f();
        Ok(())
    })
}

fn main() {
    let tests = vec![
        test("stub::real::blocking", || {
            on_stub(&Stub::real_time()).blocking()
        }),
        test("stub::real::futures", || {
            let stub = Stub::real_time();
            stub.block_on(on_stub(&stub).futures());
        }),
        test("stub::guest::blocking", || {
            on_stub(&Stub::virtual_time()).blocking()
        }),
        test("stub::virtual::blocking", || {
            let stub = Stub::virtual_time();
            stub.run(|| on_stub(&stub).blocking());
        }),
        test("stub::virtual::futures", || {
            let stub = Stub::virtual_time();
            stub.block_on(on_stub(&stub).futures());
        }),
        // These need root, gpio-sim, a TMP102 or a relative at 0x48 on i2c-1, a W25Q on spidev0.0,
        // and vcan.
        #[cfg(target_os = "linux")]
        test("linux::blocking", || on_linux().blocking()).with_ignored_flag(true),
        #[cfg(target_os = "linux")]
        test("linux::futures", || {
            Stub::real_time().block_on(on_linux().futures())
        })
        .with_ignored_flag(true),
    ];
    // One after another: all threads of the process are counted.
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    libtest_mimic::run(&arguments, tests).exit();
}
