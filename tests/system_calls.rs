//! One system call an operation on Linux, as the kernel's own trace counts them.
#![cfg(target_os = "linux")]

use std::time::Duration;

use circuits::Board;
use circuits::gpio::{Config, EdgeDetection, Input, Lines, Output};
use circuits::i2c::Operation;
use circuits::prelude::*;
use circuits::spi;
use circuits_bench::{SimLines, Tracer};

const ROUNDS: usize = 100;

/// Asserts that each round of `f` is one ioctl and nothing else.
fn assert_one_ioctl(what: &str, f: impl FnMut()) {
    assert_one_ioctl_in(ROUNDS, what, f);
}

fn assert_one_ioctl_in(rounds: usize, what: &str, mut f: impl FnMut()) {
    let calls = Tracer::new().trace(|| (0..rounds).for_each(|_| f()));
    assert_eq!(calls, vec![libc::SYS_ioctl; rounds], "{what}");
}

#[test]
#[ignore = "needs root, tracefs and gpio-sim"]
fn a_line_is_set_and_read_by_one_call() {
    let (board, sim) = (Board::linux().unwrap(), SimLines::new());
    let output = board.output(sim.output()).unwrap();
    assert_one_ioctl("set", || output.set(!output.is_set()).unwrap());
    let input = board.input(sim.input()).unwrap();
    assert_one_ioctl("get", || assert!(!input.get().unwrap()));
}

/// What the driver is told, which is more than its line shows to anybody who looks.
#[test]
#[ignore = "needs root, tracefs and gpio-sim"]
fn an_output_has_no_other_level_before_its_first() {
    let (board, sim) = (Board::linux().unwrap(), SimLines::new());
    let told = |f: &mut dyn FnMut()| {
        let trace = Tracer::of("gpio").events(f);
        // Interrupts set lines in this thread's name as well: the one for the LED of the SD card.
        // Ours is the one that got a direction.
        let number = |line: &str| {
            Some(
                line.split_once("gpio_direction: ")?
                    .1
                    .split_once(' ')?
                    .0
                    .to_owned(),
            )
        };
        let ours = trace.lines().find_map(number).expect(&trace);
        let set = format!("gpio_value: {ours} set ");
        let value = |line: &str| Some(line.split_once(&set)?.1.trim() == "1");
        let values: Vec<bool> = trace.lines().filter_map(value).collect();
        assert!(!values.is_empty(), "{trace}");
        values
    };
    for level in [true, false] {
        for active_low in [false, true] {
            let config = Config::new().active_low(active_low).initial(level);
            let electrical = level != active_low;
            let mut opened = None;
            let open = &mut || {
                opened = Some(Output::open_on(board.gpio(), sim.output(), &config).unwrap());
            };
            assert_eq!(told(open), [electrical], "{config:?}");
            // Set up anew it stays as it is.
            let mut output = opened.unwrap();
            let values = told(&mut || output.configure(&config).unwrap());
            assert!(
                values.iter().all(|value| *value == electrical),
                "{config:?}"
            );
            drop(output);
            let mut line = board.line(sim.output(), &Config::input().active_low(active_low));
            let line = line.as_mut().unwrap();
            assert_eq!(told(&mut || line.make_output(level).unwrap()), [electrical]);
        }
    }
}

#[test]
#[ignore = "needs root, tracefs and gpio-sim"]
fn lines_are_set_and_read_together_by_one_call() {
    let (board, sim) = (Board::linux().unwrap(), SimLines::new());
    let both = [sim.input(), sim.output()].map(|line| (line, Config::output()));
    let lines = Lines::open_on(board.gpio(), both).unwrap();
    assert_one_ioctl("set together", || lines.set(!lines.levels()).unwrap());
    assert_one_ioctl("set some", || lines.set_some(0b10, 0b10).unwrap());
    assert_one_ioctl("get together", || assert!(lines.get().is_ok()));
}

#[test]
#[ignore = "needs root, tracefs and gpio-sim"]
fn a_burst_of_edges_is_one_call() {
    let (board, sim) = (Board::linux().unwrap(), SimLines::new());
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = Input::open_on(board.gpio(), sim.input(), &config.event_buffer(100)).unwrap();
    for number in 0..60 {
        sim.drive(number % 2 == 0);
        board.delay().sleep(Duration::from_millis(5)).unwrap();
    }
    let calls = Tracer::new().trace(|| {
        let mut last = 0;
        while last < 60 {
            let event = input.wait_edge(Duration::from_secs(1)).unwrap().unwrap();
            assert_eq!(event.lost(), 0);
            last = event.sequence();
        }
    });
    assert_eq!(calls, [libc::SYS_read]);
}

#[test]
#[ignore = "needs root, tracefs and gpio-sim"]
fn an_edge_that_is_queued_is_one_call() {
    let (board, sim) = (Board::linux().unwrap(), SimLines::new());
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = Input::open_on(board.gpio(), sim.input(), &config).unwrap();
    for level in [true, false, true] {
        sim.drive(level);
        board.delay().sleep(Duration::from_millis(50)).unwrap();
    }
    let calls = Tracer::new().trace(|| {
        // One read brings them all.
        for _ in 0..3 {
            assert!(input.wait_edge(Duration::from_secs(1)).unwrap().is_some());
        }
    });
    // The clock is read in user space where the kernel lets it (vdso(7)).
    assert_eq!(calls, [libc::SYS_read]);
}

#[test]
#[ignore = "needs root, tracefs, and a TMP102 or a relative at 0x48 on i2c-1"]
fn a_transaction_is_one_call() {
    let mut bus = Board::linux().unwrap().i2c_bus("i2c-1").unwrap();
    let mut other = bus.clone();
    assert_one_ioctl("write_read", || {
        bus.write_read(0x48, &[0], &mut [0; 2]).unwrap()
    });
    assert_one_ioctl("a clone's, to nobody", || {
        drop(other.write(0x13, &[0]).unwrap_err())
    });
    // Nothing is opened anew, or said beforehand.
    let mut address = 0x48;
    assert_one_ioctl("at alternating addresses", || {
        address ^= 0x48 ^ 0x50;
        bus.write_read(address, &[0], &mut [0; 2]).unwrap();
    });
    let mut sensor = bus.device(0x48).unwrap();
    assert_one_ioctl("a device's", || {
        sensor.write_read(0x48, &[0], &mut [0; 2]).unwrap()
    });
    assert_one_ioctl("joined", || {
        let (mut high, mut low) = ([0], [0]);
        let mut parts = [
            Operation::Write(&[0]),
            Operation::Read(&mut high),
            Operation::Read(&mut low),
        ];
        bus.transaction(0x48, &mut parts).unwrap();
    });
}

#[test]
#[ignore = "needs root, tracefs, and a TMP102 or a relative at 0x48 on i2c-1"]
fn a_call_of_smbus_is_one_call() {
    let bus = Board::linux().unwrap().i2c_bus("i2c-1").unwrap();
    let mut sensor = bus.smbus(0x48).unwrap();
    let mut clone = sensor.clone();
    // Whom it is for is told once.
    sensor.read_word_data(0).unwrap();
    assert_one_ioctl("smbus", || assert!(sensor.read_word_data(0).is_ok()));
    assert_one_ioctl("a clone's", || assert!(clone.read_byte_data(1).is_ok()));
    let mut memory = bus.smbus(0x50).unwrap();
    let calls = Tracer::new().trace(|| {
        for _ in 0..ROUNDS {
            sensor.read_word_data(0).unwrap();
            memory.read_byte().unwrap();
        }
    });
    // And again when it is for another one.
    assert_eq!(calls, vec![libc::SYS_ioctl; ROUNDS * 2 * 2 - 1]);
}

#[test]
#[ignore = "needs root and tracefs"]
fn what_there_is_to_read_is_one_call_and_so_is_a_write() {
    use std::fs::File;
    use std::io::{Read, Write};

    use circuits::uart::{self, framing::Framed};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap();
    let board = Board::linux().unwrap();
    let config = uart::Config::new();
    let mut port = board.serial_port(path.to_str().unwrap(), &config).unwrap();
    let mut master = File::from(master);
    let mut send = |bytes: &[u8]| {
        master.write_all(bytes).unwrap();
        board.delay().sleep(Duration::from_millis(50)).unwrap();
    };

    send(&[7; 100]);
    let calls = Tracer::new().trace(|| {
        for _ in 0..10 {
            port.read_exact(&mut [0; 10]).unwrap();
        }
    });
    assert_eq!(calls, [libc::SYS_read; 10]);
    let calls = Tracer::new().trace(|| {
        for _ in 0..10 {
            port.write_all(&[0; 10]).unwrap();
        }
    });
    assert_eq!(calls, [libc::SYS_write; 10]);
    // All frames that are there by one call.
    send(&b"a line\n".repeat(20));
    let mut lines = Framed::new(&port, uart::framing::Lines::new());
    let calls = Tracer::new().trace(|| {
        for _ in 0..20 {
            assert_eq!(lines.read_frame().unwrap().unwrap(), b"a line");
        }
    });
    assert_eq!(calls, [libc::SYS_read]);
}

#[test]
#[ignore = "needs root, tracefs and vcan"]
fn a_burst_of_frames_is_one_call() {
    use circuits::can::{self, Frame, Id, Received};
    use circuits_bench::CanLink;

    let _link = CanLink::new("calls0");
    let board = Board::linux().unwrap();
    let open = || board.can_socket("calls0", &can::Config::new()).unwrap();
    let (here, there) = (open(), open());
    let frames = [Frame::new(Id::standard(0x123).unwrap(), &[7; 8]).unwrap(); 64];
    let mut came = [Received::empty(); 64];
    // The first look at a clock of a process, and the first burst, take calls of their own.
    there.write(&frames[0], None).unwrap();
    here.read_frame(None).unwrap();

    let calls = Tracer::new().trace(|| there.write_many(&frames, None).unwrap());
    assert_eq!(calls, [libc::SYS_sendmmsg]);
    let calls = Tracer::new().trace(|| {
        assert_eq!(here.read_many(&mut came, None).unwrap(), 64);
    });
    assert_eq!(calls, [libc::SYS_recvmmsg]);
    // One by one they are handed out of what two calls have read.
    there.write_many(&frames, None).unwrap();
    let calls = Tracer::new().trace(|| {
        for frame in &frames {
            assert_eq!(here.read_frame(None).unwrap(), *frame);
        }
    });
    assert_eq!(calls, [libc::SYS_recvmmsg; 2]);
    let calls = Tracer::new().trace(|| {
        for frame in &frames[..10] {
            there.write(frame, None).unwrap();
        }
    });
    assert_eq!(calls, [libc::SYS_sendto; 10]);
}

#[test]
#[ignore = "needs root, tracefs, and a W25Q flash on spidev0.0"]
fn a_transaction_of_spi_is_one_call() {
    use circuits::embedded_hal::spi::{SpiBus, SpiDevice};
    use spi::Operation::{DelayNs, Read, Transfer, TransferInPlace, Write};

    let one_ioctl = |what, f: &mut dyn FnMut()| {
        // The first takes memory for a copy, if it needs one.
        f();
        // In the emulated Pi each takes a while.
        assert_one_ioctl_in(5, what, f);
    };
    let board = Board::linux().unwrap();
    let mut device = board.spi_device("spidev0.0", &spi::Config::new()).unwrap();
    let mut clone = device.clone();
    let (mut id, mut long) = ([0; 3], [0; 64]);
    one_ioctl("write and read", &mut || {
        let mut operations = [Write(&[0x9f]), Read(&mut id)];
        device.transaction(&mut operations).unwrap();
    });
    assert_eq!(id[..2], [0xef, 0x40]);
    one_ioctl("a clone's, in place", &mut || {
        clone.transfer_in_place(&mut long).unwrap();
    });
    one_ioctl("nothing", &mut || device.transaction(&mut []).unwrap());
    one_ioctl("nothing to write", &mut || device.write(&[]).unwrap());
    one_ioctl("eight, as they are", &mut || {
        let (a, b) = long.split_at_mut(8);
        let mut operations = [
            Write(&[0x9f]),
            Read(&mut id),
            DelayNs(1000),
            Transfer(a, &[0; 8]),
            DelayNs(1000),
            Write(&[0; 2]),
            TransferInPlace(b),
            DelayNs(0),
        ];
        device.transaction(&mut operations).unwrap();
    });
    one_ioctl("joined, of unequal sides", &mut || {
        let (a, b) = long.split_at_mut(8);
        let mut operations = [
            Write(&[0x9f]),
            Write(&[]),
            Read(&mut id),
            Read(a),
            Transfer(b, &[0; 3]),
            Transfer(&mut [], &[1, 2, 3]),
        ];
        device.transaction(&mut operations).unwrap();
    });
    one_ioctl("a delay of several transfers", &mut || {
        let mut operations = [Write(&[0x9f]), Read(&mut id), DelayNs(100_000_000)];
        device.transaction(&mut operations).unwrap();
    });
    one_ioctl("sixteen transfers", &mut || {
        let mut operations: [_; 16] = std::array::from_fn(|_| DelayNs(1000));
        operations[7] = Read(&mut long);
        device.transaction(&mut operations).unwrap();
    });
    // More take memory, for which an allocator may ask the kernel.
    let calls = Tracer::new().trace(|| {
        let mut operations: [_; 40] = std::array::from_fn(|_| DelayNs(1000));
        operations[7] = Read(&mut long);
        device.transaction(&mut operations).unwrap();
    });
    let ioctls = calls.iter().filter(|call| **call == libc::SYS_ioctl);
    assert_eq!(ioctls.count(), 1, "{calls:?}");
    drop((device, clone));
    let config = spi::Config::new().chip_select(spi::ChipSelect::None);
    let mut bus = board.spi_bus("spidev0.0", &config).unwrap();
    one_ioctl("a bus", &mut || {
        bus.transfer(&mut long, &[1, 2, 3]).unwrap()
    });
    one_ioctl("a bus in place", &mut || {
        bus.transfer_in_place(&mut long).unwrap()
    });
    let calls = Tracer::new().trace(|| {
        bus.write(&[]).unwrap();
        bus.flush().unwrap();
    });
    assert_eq!(calls, [], "there is nothing to do");
}
