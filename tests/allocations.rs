//! No operation takes memory from the heap in the steady state, blocking or async, on either board.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use circuits::gpio::{Config, EdgeDetection, Input, Lines};
use circuits::i2c::smbus::Call;
use circuits::i2c::{Bus, Operation};
use circuits::stub::Stub;
use circuits::stub::chips::Tmp102;
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

/// Runs something a few times, then often, and asserts that it takes no memory then.
fn assert_none(what: &str, mut f: impl FnMut()) {
    (0..10).for_each(|_| f());
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    (0..ROUNDS).for_each(|_| f());
    let taken = ALLOCATIONS.load(Ordering::SeqCst) - before;
    assert_eq!(taken, 0, "{what}: {taken} allocations in {ROUNDS} rounds");
}

async fn assert_none_async(what: &str, mut f: impl AsyncFnMut()) {
    for _ in 0..10 {
        f().await;
    }
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    for _ in 0..ROUNDS {
        f().await;
    }
    let taken = ALLOCATIONS.load(Ordering::SeqCst) - before;
    assert_eq!(taken, 0, "{what}: {taken} allocations in {ROUNDS} rounds");
}

/// What a test needs of a board.
struct Bench {
    board: Board,
    input: String,
    output: String,
    drive: Box<dyn Fn(bool)>,
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
        let mut delay = self.board.delay();
        assert_none("delay", || delay.delay_us(100));
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
    let board = Board::from(&stub);
    let driver = board.output("DRIVER").unwrap();
    let drive = Box::new(move |level| driver.set(level).unwrap());
    Bench {
        board,
        input: "IN".into(),
        output: "OUT".into(),
        drive,
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
    }
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
        // These need root, gpio-sim, and a TMP102 or a relative at 0x48 on i2c-1.
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
