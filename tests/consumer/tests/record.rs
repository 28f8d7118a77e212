//! What the record is good for: what a program does can be read, and searched.

use std::error::Error;
use std::io;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use circuits::gpio::{Config, Output, Watch};
use circuits::stub::Stub;
use circuits::stub::chips::{Tmp102, W25q};
use circuits::{Board, Interrupt, spi, uart};
use thermostat::Thermostat;
use thermostat::proxy::{Answer, Call, Entry, Fault, Place, Proxy, Record};

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A room, and a board that keeps a record of what a program does there.
struct Room {
    stub: Stub,
    sensor: Tmp102,
    board: Board,
    record: Record,
}

impl Room {
    fn new() -> Result<Room> {
        let sensor = Tmp102::new();
        let stub = Stub::virtual_time()
            .lines(["GPIO17", "GPIO27"])
            .i2c_device("i2c-1", 0x48, sensor.clone())?;
        let record = Record::default();
        let board = Board::from(&stub)
            .with_gpio(Proxy::noting_in(&record, stub.clone()))?
            .with_i2c(Proxy::noting_in(&record, stub.clone()))?;
        Ok(Room {
            stub,
            sensor,
            board,
            record,
        })
    }

    /// Runs the thermostat, and a script beside it, which ends it.
    fn beside(&self, script: impl FnOnce(Interrupt) -> Result) -> Result {
        self.stub.run(|| {
            let mut thermostat = Thermostat::new(&self.board)?;
            let interrupt = self.board.interrupt()?;
            let running = self.stub.spawn("thermostat", move || thermostat.run())?;
            script(interrupt)?;
            running.join()?
        })
    }

    fn sleep(&self, seconds: u64) -> Result {
        Ok(self.stub.delay().sleep(Duration::from_secs(seconds))?)
    }
}

fn line(offset: u32) -> Place {
    Place::Lines {
        chip: "gpiochip0".into(),
        offsets: vec![offset],
    }
}

/// Whether the heater is set by this, and how.
fn heats(entry: &Entry) -> Option<bool> {
    match entry.call {
        Call::Set { levels, .. } if entry.place == line(0) => Some(levels == 1),
        _ => None,
    }
}

#[test]
fn an_evening_can_be_read() -> Result {
    let room = Room::new()?;
    room.sensor.set_celsius(19.0);
    room.beside(|interrupt| {
        room.sleep(5)?;
        // What came before has its own test.
        room.record.take();
        room.sleep(10)?;
        room.stub.drive("GPIO27", true)?;
        room.sleep(1)?;
        interrupt.raise();
        Ok(())
    })?;
    assert_eq!(
        room.record.to_string(),
        "\
10.000480 s  gpiochip0:1: wait until 10.000480 s: nothing came
10.000480 s  i2c-1: 0x48: write 00, read 13 00, busy until 10.000960 s
10.000960 s  gpiochip0:1: get: low
10.000960 s  gpiochip0:0: set high
15.000000 s  gpiochip0:1: read: rising at 15.000000 s
15.000000 s  gpiochip0:1: wait until 20.000960 s
15.000000 s  i2c-1: 0x48: write 00, read 13 00, busy until 15.000480 s
15.000480 s  gpiochip0:1: get: high
15.000480 s  gpiochip0:0: set low
16.000000 s  gpiochip0:1: wait until 25.000480 s: operation interrupted
16.000000 s  gpiochip0:0: set low
16.000000 s  i2c-1: close
16.000000 s  gpiochip0:0: release
16.000000 s  gpiochip0:1: release
"
    );
    Ok(())
}

/// What no level tells: between the moment at which it sees the door open and that at which it sees
/// it closed, the program does not so much as try to heat.
#[test]
fn nothing_is_heated_while_the_door_is_seen_open() -> Result {
    let room = Room::new()?;
    room.sensor.set_celsius(15.0);
    room.beside(|interrupt| {
        for open in [true, false, true, true, false] {
            room.sleep(77)?;
            room.stub.drive("GPIO27", open)?;
        }
        room.sleep(77)?;
        interrupt.raise();
        Ok(())
    })?;
    let entries = room.record.take();
    let (mut open, mut looks) = (false, 0);
    for entry in &entries {
        if let Ok(Answer::Levels(levels)) = entry.result {
            (open, looks) = (levels == 1, looks + 1);
        }
        assert!(!(open && heats(entry) == Some(true)), "{entry}");
    }
    assert!(looks > 40, "{looks}");
    assert_eq!(entries.iter().rev().find_map(heats), Some(false));
    Ok(())
}

#[test]
fn a_sensor_that_is_pulled_out_is_tried_three_times() -> Result {
    let room = Room::new()?;
    let ended = room.beside(|_| {
        room.sleep(5)?;
        room.stub.unplug_i2c("i2c-1", 0x48);
        Ok(())
    });
    assert!(ended.is_err());
    let tries: Vec<_> = room
        .record
        .entries()
        .into_iter()
        .filter(|entry| {
            matches!(
                entry.result,
                Err(Fault {
                    number: Some(121),
                    ..
                })
            )
        })
        .collect();
    assert_eq!(tries.len(), 3, "{}", room.record);
    for pair in tries.windows(2) {
        let pause = pair[1].asked.since(pair[0].answered);
        assert!(pause >= Duration::from_millis(100), "{pause:?}");
    }
    Ok(())
}

#[test]
fn errors_have_their_kinds_and_numbers() -> Result {
    let room = Room::new()?;
    let _held = Output::open_on(&room.stub, "GPIO17", &Config::new())?;
    assert!(room.board.output("GPIO17").is_err());
    assert!(room.board.i2c_bus("i2c-7").is_err());
    let faults: Vec<_> = room
        .record
        .entries()
        .into_iter()
        .filter_map(|entry| Some((entry.place, entry.result.err()?)))
        .collect();
    let held = Fault {
        kind: io::ErrorKind::ResourceBusy,
        number: Some(16),
    };
    // The virtual board has no number for a bus that is not there.
    let absent = Fault {
        kind: io::ErrorKind::NotFound,
        number: None,
    };
    let bus = Place::Bus("i2c-7".into());
    assert_eq!(faults, [(line(0), held), (bus, absent)]);
    Ok(())
}

#[test]
fn a_future_that_is_dropped_is_told() -> Result {
    let room = Room::new()?;
    let mut door = room.board.input("GPIO27")?;
    let mut watch = Watch::open_on(&**room.board.gpio(), ["GPIO17"])?;
    room.record.take();
    room.stub.block_on(async {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(pin!(door.edges().next_event()).poll(&mut cx).is_pending());
        assert!(
            pin!(watch.changes().next_change())
                .poll(&mut cx)
                .is_pending()
        );
    });
    let (door, watched) = (line(1), line(0));
    let cancelled: Vec<_> = room
        .record
        .entries()
        .into_iter()
        .filter(|entry| entry.call == Call::Cancel)
        .map(|entry| entry.place)
        .collect();
    assert!(cancelled.contains(&door) && cancelled.contains(&watched));
    Ok(())
}

#[test]
fn an_answer_that_is_none_yet_is_not_noted() -> Result {
    let room = Room::new()?;
    let mut door = room.board.input("GPIO27")?;
    assert_eq!(door.wait_edge(Duration::from_secs(1))?, None);
    let blocked = Fault {
        kind: io::ErrorKind::WouldBlock,
        number: Some(11),
    };
    let entries = room.record.entries();
    assert!(entries.iter().all(|entry| entry.call != Call::Read));
    assert!(entries.iter().all(|entry| entry.result != Err(blocked)));
    Ok(())
}

/// What is sent in place is noted as it was sent; of what failed nothing was received.
#[test]
fn what_goes_to_a_memory_can_be_read() -> Result {
    use circuits::embedded_hal::spi::{Operation, SpiDevice};

    let stub = Stub::virtual_time().spi_device("spidev0.0", W25q::w25q16jv())?;
    let proxy = Proxy::new(stub.clone());
    let record = proxy.record().clone();
    let board = Board::from(&stub).with_spi(proxy)?;
    assert!(board.spi_device("spidev0.1", &spi::Config::new()).is_err());
    let mut flash = board.spi_device("spidev0.0", &spi::Config::new())?;
    let mut id = [0x9f, 0, 0, 0];
    flash.transfer_in_place(&mut id)?;
    let mut status = [0; 2];
    flash.transaction(&mut [
        Operation::Write(&[0x05]),
        Operation::DelayNs(1000),
        Operation::Read(&mut status),
    ])?;
    stub.remove_spi_node("spidev0.0")?;
    assert!(flash.transfer(&mut status, &[0x05]).is_err());
    drop(flash);
    assert_eq!(
        record.to_string(),
        "\
0.000000 s  spidev0.1: open: entity not found
0.000000 s  spidev0.1: absence: there are controllers, and no such chip select: the device tree says which there are, on a Raspberry Pi by dtoverlay=spi0-2cs or spi1-3cs
0.000000 s  spidev0.0: open
0.000000 s  spidev0.0: config: Mode0, 1000000 Hz
0.000000 s  spidev0.0: configure: Mode0, 1000000 Hz
0.000000 s  spidev0.0: config: Mode0, 1000000 Hz
0.000000 s  spidev0.0: transfer 9f 00 00 00 to ff ef 40 15, busy until 0.000032 s
0.000032 s  spidev0.0: write 05, wait 1000 ns, read 00 00, busy until 0.000057 s
0.000057 s  spidev0.0: transfer 05 00, busy until 0.000057 s: Cannot send after transport endpoint shutdown (os error 108)
0.000057 s  spidev0.0: close
"
    );
    Ok(())
}

/// Each wait is told by what it waits for; what is read comes before the wait that it ends.
#[test]
fn what_goes_over_a_serial_line_can_be_read() -> Result {
    use std::io::{Read, Write};

    use circuits::stub::uart::Fault;

    let stub = Stub::virtual_time().serial_loop("ttyAMA0")?;
    let proxy = Proxy::new(stub.clone());
    let record = proxy.record().clone();
    let board = Board::from(&stub).with_uart(proxy)?;
    let config = uart::Config::new().baud(9600).report_errors(true);
    let mut port = board.serial_port("ttyAMA0", &config)?;
    record.take();
    stub.serial_fault("ttyAMA0", Fault::parity().after(1))?;
    port.write_all(b"hal")?;
    port.flush()?;
    let mut bytes = [0; 3];
    assert_eq!(port.read(&mut bytes)?, 1);
    assert!(port.read(&mut bytes).is_err());
    assert_eq!(port.read(&mut bytes)?, 1);
    let second = Duration::from_secs(1);
    assert!(port.read_within(&mut bytes, second).is_err());
    port.set_rts(false)?;
    assert!(port.wait_modem_change(Some(second))?.is_some());
    stub.remove_serial_port("ttyAMA0")?;
    assert!(port.write(b"!").is_err());
    drop(port);
    assert_eq!(
        record.to_string(),
        "\
0.000000 s  ttyAMA0: write 68 61 6c: 3 taken
0.000000 s  ttyAMA0: wait to write
0.003124 s  ttyAMA0: drain
0.003124 s  ttyAMA0: wait to drain
0.003124 s  ttyAMA0: read: 68
0.003124 s  ttyAMA0: wait to read
0.003124 s  ttyAMA0: read: 61, damaged
0.003124 s  ttyAMA0: wait to read
0.003124 s  ttyAMA0: read: 6c
0.003124 s  ttyAMA0: wait to read
1.003124 s  ttyAMA0: wait to read until 1.003124 s: nothing came
1.003124 s  ttyAMA0: set RTS inactive
1.003124 s  ttyAMA0: counters: 3 received, 3 sent, 1 parity errors, 2 CTS, 1 DSR, 1 CD
1.003124 s  ttyAMA0: wait for a modem line until 2.003124 s
1.003124 s  ttyAMA0: modem lines: DTR, DSR, CD active
1.003124 s  ttyAMA0: write 21: No such device (os error 19)
1.003124 s  ttyAMA0: wait to write: No such device (os error 19)
1.003124 s  ttyAMA0: close
"
    );
    Ok(())
}

/// What is sent is told when it is taken over; what comes, with what was lost before it.
#[test]
fn what_goes_over_a_can_bus_can_be_read() -> Result {
    use circuits::can::{self, CycleConfig, ErrorMask, Filter, Frame, Id, InterfaceConfig};
    use circuits::stub::can::Fault;

    let stub = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let proxy = Proxy::new(stub.clone());
    let record = proxy.record().clone();
    let board = Board::from(&stub).with_can(proxy)?;
    assert!(board.can_socket("can7", &can::Config::new()).is_err());
    let interface = board.can_interface("can0")?;
    interface.down()?;
    interface.configure(&InterfaceConfig::new().bitrate(250_000))?;
    interface.up()?;
    let stub = stub.can_configure("can1", &InterfaceConfig::new().bitrate(250_000))?;
    let config = can::Config::new()
        .filters([Filter::masked(Id::standard(0x200)?, 0x700)])
        .errors(ErrorMask::BUS_OFF);
    let socket = board.can_socket("can0", &config)?;
    let far = can::Socket::open_on(&stub, "can1", &can::Config::new())?;
    let speed: Frame = "201#DC05".parse()?;
    far.write(&speed, None)?;
    assert_eq!(socket.read_frame(None)?, speed);
    let second = Duration::from_secs(1);
    assert!(socket.read(second).is_err());
    let cycle = board.can_cycle("can0", &[speed], &CycleConfig::every(second).times(2))?;
    cycle.set_frames(&["202#".parse()?])?;
    drop(cycle);
    stub.can_fault("can0", Fault::bit_error().times(32))?;
    socket.write_many(&[speed, speed], None)?;
    assert!(socket.read(second)?.error().is_some());
    assert_eq!(interface.info()?.state, Some(can::State::BusOff));
    interface.restart()?;
    assert_eq!(socket.lost()?, 0);
    stub.remove_can_interface("can0")?;
    assert!(socket.write(&speed, second).is_err());
    drop(socket);
    assert_eq!(
        record.to_string(),
        "\
0.000000 s  can7: open: all frames: No such device (os error 19)
0.000000 s  can0: link
0.000000 s  can0: take down
0.000000 s  can0: configure: 250000 bit/s
0.000000 s  can0: info: down, Stopped, 250000 bit/s, errors 0 sent, 0 received
0.000000 s  can0: take up
0.000000 s  can0: open: 200:80000700, errors bus_off
0.000000 s  can0: config: 200:80000700, errors bus_off
0.000252 s  can0: read: 201#DC05
0.000252 s  can0: wait to read
1.000252 s  can0: wait to read until 1.000252 s: nothing came
1.000252 s  can0: send 201#DC05 every 1s, 2 times
1.000252 s  can0: send 202# instead
1.000252 s  can0: send no more
1.000252 s  can0: write 201#DC05, 201#DC05
1.000252 s  can0: wait to write
1.006432 s  can0: read: bus-off
1.006432 s  can0: wait to read until 2.000252 s
1.006432 s  can0: info: up, BusOff, 250000 bit/s, errors 256 sent, 0 received
1.006432 s  can0: restart
1.006432 s  can0: lost: 0 frames
1.006432 s  can0: write 201#DC05: No such device (os error 19)
1.006432 s  can0: wait to write until 2.006432 s: No such device (os error 19)
1.006432 s  can0: close
"
    );
    Ok(())
}
