//! When faults happen, and what comes of those of SPI: by the buses' own calls.

use std::error::Error;
use std::io::{Read, Write};
use std::time::Duration;

use circuits_can::{Frame, Id, Interface, Socket, State};
use circuits_i2c::Bus;
use circuits_spi::{BitOrder, Device, ErrorKind, Operation};
use circuits_stub::chips::{Tmp102, W25q};
use circuits_stub::{Stub, can, i2c, spi, uart};
use circuits_uart::Port;
use embedded_hal::i2c::I2c;
use embedded_hal::spi::SpiDevice;

type Outcome = Result<(), Box<dyn Error>>;

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

fn sensor() -> Result<(Stub, Bus), Box<dyn Error>> {
    let stub = Stub::virtual_time().i2c_device("i2c-1", 0x48, Tmp102::new())?;
    let bus = Bus::open_on(&stub, "i2c-1", &Default::default())?;
    Ok((stub, bus))
}

/// Which of transactions fail, one every 10 ms.
fn failures(stub: &Stub, bus: &mut Bus, count: usize) -> Result<Vec<usize>, Box<dyn Error>> {
    let mut failed = Vec::new();
    for number in 0..count {
        stub.clock()
            .sleep_until(circuits_wait::Time::ZERO + MILLIS(10 * number as u64 + 10))?;
        if bus.write(0x48, &[0]).is_err() {
            failed.push(number);
        }
    }
    Ok(failed)
}

#[test]
fn a_fault_has_its_time() -> Outcome {
    let (stub, mut bus) = sensor()?;
    let fault = i2c::Fault::no_acknowledge()
        .not_before(MILLIS(35))
        .until(MILLIS(70));
    stub.i2c_fault("i2c-1", fault.always())?;
    assert_eq!(
        failures(&stub, &mut bus, 10)?,
        [3, 4, 5],
        "at 40, 50 and 60 ms"
    );
    Ok(())
}

#[test]
fn the_same_seed_fails_the_same() -> Outcome {
    let run = |seed, beside: Option<i2c::Fault>| {
        let (stub, mut bus) = sensor()?;
        let noise = i2c::Fault::no_acknowledge().chance(0.2, seed).always();
        stub.i2c_fault("i2c-1", noise)?;
        if let Some(fault) = beside {
            stub.i2c_fault("i2c-1", fault)?;
        }
        failures(&stub, &mut bus, 100)
    };
    let failed = run(1, None)?;
    assert!((10..30).contains(&failed.len()), "{failed:?}");
    assert_eq!(failed, run(1, None)?);
    assert_ne!(failed, run(2, None)?);
    // Another one takes its turn where this one does not.
    let beside = run(1, Some(i2c::Fault::failed().after(50)))?;
    let others: Vec<_> = beside
        .iter()
        .filter(|number| !failed.contains(number))
        .collect();
    assert_eq!(others.len(), 1);
    assert_eq!(beside.len(), failed.len() + 1);
    Ok(())
}

#[test]
fn noise_on_a_serial_line_is_the_same_each_time() -> Outcome {
    let run = |seed| -> Result<Vec<u8>, Box<dyn Error>> {
        let stub = Stub::virtual_time().serial_loop("ttyS0")?;
        let mut port = Port::open_on(&stub, "ttyS0", &Default::default())?;
        let noise = uart::Fault::flipped_bit().chance(0.05, seed).always();
        stub.serial_fault("ttyS0", noise)?;
        port.write_all(&[0; 1000])?;
        let mut bytes = vec![0; 1000];
        port.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = run(3)?;
    let wrong = bytes.iter().filter(|byte| **byte != 0).count();
    assert!((25..80).contains(&wrong), "{wrong}");
    assert_eq!(bytes, run(3)?);
    assert_ne!(bytes, run(4)?);
    Ok(())
}

#[test]
fn a_serial_line_is_bad_for_a_while() -> Outcome {
    let stub = Stub::virtual_time().serial_loop("ttyS0")?;
    let mut port = Port::open_on(&stub, "ttyS0", &circuits_uart::Config::new().baud(10_000))?;
    let lost = uart::Fault::lost_byte()
        .not_before(MILLIS(3))
        .until(MILLIS(5))
        .always();
    stub.serial_fault("ttyS0", lost)?;
    // A byte a millisecond: the third is there after 3 ms.
    port.write_all(b"abcdef")?;
    port.flush()?;
    let mut bytes = [0; 6];
    let count = port.read(&mut bytes)?;
    assert_eq!(&bytes[..count], b"abef");
    Ok(())
}

#[test]
fn frames_of_one_identifier_fail() -> Outcome {
    let stub = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let [can0, can1] =
        ["can0", "can1"].map(|name| Socket::open_on(&stub, name, &Default::default()));
    let (can0, can1) = (can0?, can1?);
    let heartbeat = Id::standard(0x701)?;
    stub.can_fault("can1", can::Fault::overrun().of(heartbeat).always())?;
    for id in [heartbeat, Id::standard(0x181)?, heartbeat] {
        can0.write(&Frame::new(id, &[])?, None)?;
    }
    assert_eq!(
        can1.read(MILLIS(10))?.frame().map(Frame::id),
        Some(Id::standard(0x181)?)
    );
    assert!(can1.read(MILLIS(10)).is_err());
    stub.clear_can_faults("can1")?;
    can0.write(&Frame::new(heartbeat, &[])?, None)?;
    assert_eq!(
        can1.read(MILLIS(10))?.frame().map(Frame::id),
        Some(heartbeat)
    );
    Ok(())
}

/// A controller that tries for ever, and is looked at no more, is looked at when something goes wrong with it.
#[test]
fn a_fault_comes_to_a_controller_that_tries_in_vain() -> Outcome {
    let stub = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let can0 = Socket::open_on(&stub, "can0", &Default::default())?;
    let interface = Interface::open_on(&stub, "can0")?;
    stub.cut_can("can0")?;
    can0.write(&Frame::new(Id::standard(1)?, &[])?, None)?;
    stub.delay().sleep(MILLIS(1000))?;
    assert_eq!(interface.info()?.state, Some(State::ErrorPassive));
    stub.can_fault(
        "can0",
        can::Fault::bit_error().not_before(MILLIS(1500)).times(16),
    )?;
    stub.delay().sleep(MILLIS(400))?;
    assert_eq!(interface.info()?.state, Some(State::ErrorPassive));
    stub.delay().sleep(MILLIS(200))?;
    assert_eq!(interface.info()?.state, Some(State::BusOff));
    Ok(())
}

/// What no program is told somebody finds in the trace.
#[test]
fn what_is_not_told_is_in_the_trace() -> Outcome {
    let (stub, mut bus) = sensor()?;
    let stub = stub.serial_loop("ttyS0")?;
    let recording = stub.record();
    stub.i2c_fault("i2c-1", i2c::Fault::flipped_bit())?;
    bus.write_read(0x48, &[0], &mut [0; 2])?;
    stub.i2c_fault("i2c-1", i2c::Fault::failed())?;
    assert!(bus.write(0x48, &[0]).is_err());

    let mut port = Port::open_on(&stub, "ttyS0", &Default::default())?;
    stub.serial_fault("ttyS0", uart::Fault::flipped_bit())?;
    stub.serial_fault("ttyS0", uart::Fault::lost_byte())?;
    stub.serial_fault("ttyS0", uart::Fault::framing())?;
    port.write_all(b"abc")?;
    port.flush()?;
    let shown = recording.to_string();
    let told = shown
        .lines()
        .filter(|line| line.contains("fault") || line.contains("failed"));
    let told: Vec<_> = told
        .filter_map(|line| line.split_once("  "))
        .map(|(_, what)| what)
        .collect();
    assert_eq!(
        told,
        [
            "i2c-1: fault: a bit is turned over",
            "i2c-1 0x48: write, failed",
            "ttyS0: fault: a bit is turned over",
            "ttyS0: fault: a byte is lost",
        ]
    );
    Ok(())
}

fn flash() -> Result<(Stub, Device), Box<dyn Error>> {
    let stub = Stub::virtual_time().spi_device("spidev0.0", W25q::w25q32jv())?;
    let config = circuits_spi::Config::new().speed_hz(1_000_000);
    let device = Device::open_on(&stub, "spidev0.0", &config)?;
    Ok((stub, device))
}

fn id(device: &mut Device) -> Result<[u8; 3], circuits_spi::Error> {
    let mut id = [0x55; 3];
    device.transaction(&mut [Operation::Write(&[0x9f]), Operation::Read(&mut id)])?;
    Ok(id)
}

#[test]
fn a_controller_times_out_when_the_kernel_has_lost_patience() -> Outcome {
    let (stub, mut device) = flash()?;
    stub.spi_fault("spidev0.0", spi::Fault::timed_out())?;
    // 1000 bytes take 8 ms at 1 MHz; then it is 216 ms.
    let error = device.write(&[0; 1000]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(stub.clock().now().as_nanos(), 216_000_000);
    assert_eq!(id(&mut device)?, [0xef, 0x40, 0x16]);

    // Where nothing is transferred, nothing can.
    stub.spi_fault("spidev0.0", spi::Fault::timed_out())?;
    device.transaction(&mut [Operation::DelayNs(1000)])?;
    assert_eq!(id(&mut device)?, [0xef, 0x40, 0x16]);
    Ok(())
}

#[test]
fn a_transfer_that_fails_ends_the_message_and_hands_out_nothing() -> Outcome {
    let (stub, mut device) = flash()?;
    let recording = stub.record();
    stub.spi_fault("spidev0.0", spi::Fault::failed().times(2))?;
    let mut read = [0x55; 3];
    let error = device.transaction(&mut [Operation::Read(&mut read), Operation::Write(&[6])]);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(read, [0x55; 3], "as it was");
    let error = device.transfer_in_place(&mut read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(read, [0x55; 3]);
    assert_eq!(stub.clock().now().as_nanos(), 48_000, "three bytes each");
    let told = "spidev0.0: fault: the transfer fails";
    assert_eq!(recording.to_string().matches(told).count(), 2);

    // A write enable that the device has seen counts, though the program has an error.
    stub.spi_fault("spidev0.0", spi::Fault::failed())?;
    assert!(device.write(&[0x06]).is_err());
    let mut status = [0x05, 0];
    device.transfer_in_place(&mut status)?;
    assert_eq!(status[1] & 0b10, 0b10);
    Ok(())
}

#[test]
fn what_is_read_is_wrong_and_nobody_is_told() -> Outcome {
    let (stub, mut device) = flash()?;
    let other = Device::open_on(
        &stub.clone().spi_node("spidev0.1")?,
        "spidev0.1",
        &Default::default(),
    );
    for (fault, read) in [
        (spi::Fault::flipped_bit(), [0xef, 0x40, 0x17]),
        (spi::Fault::stuck_high(), [0xff; 3]),
        (spi::Fault::stuck_low(), [0x00; 3]),
    ] {
        stub.spi_fault("spidev0.0", fault.after(1))?;
        let mut bytes = [0];
        other
            .as_ref()
            .map_err(ToString::to_string)?
            .clone()
            .read(&mut bytes)?;
        assert_eq!(
            id(&mut device)?,
            [0xef, 0x40, 0x16],
            "the other node's does not count"
        );
        assert_eq!(id(&mut device)?, read);
        assert_eq!(id(&mut device)?, [0xef, 0x40, 0x16]);
    }
    Ok(())
}

#[test]
fn words_and_their_order_are_as_ever() -> Outcome {
    let stub = Stub::virtual_time().spi_node("spidev0.0")?;
    let config = circuits_spi::Config::new()
        .bits_per_word(12)
        .bit_order(BitOrder::LsbFirst);
    let mut device = Device::open_on(&stub, "spidev0.0", &config)?;
    stub.spi_fault("spidev0.0", spi::Fault::stuck_high())?;
    let mut words = [0; 4];
    device.read(&mut words)?;
    assert_eq!(words.map(u16::from), [0xff, 0x0f, 0xff, 0x0f]);
    // What goes round in the controller does not come over the wire.
    device.configure(&config.clone().bits_per_word(8).loopback(true))?;
    stub.spi_fault("spidev0.0", spi::Fault::stuck_low())?;
    let mut bytes = [1, 2];
    device.transfer_in_place(&mut bytes)?;
    assert_eq!(bytes, [1, 2]);
    Ok(())
}

#[test]
fn a_node_has_its_own_faults_while_it_is_there() -> Outcome {
    let (stub, _) = flash()?;
    let always = spi::Fault::failed().always();
    stub.spi_fault("spidev0.0", always.clone())?;
    stub.remove_spi_node("spidev0.0")?;
    assert!(stub.spi_fault("spidev0.0", always.clone()).is_err());
    assert!(stub.clear_spi_faults("spidev0.0").is_err());
    assert!(stub.spi_fault("spi", always).is_err());
    stub.plug_spi_node("spidev0.0")?;
    let mut device = Device::open_on(&stub, "spidev0.0", &Default::default())?;
    device.write(&[1])?;
    Ok(())
}

#[test]
fn what_fails_takes_its_time_and_what_is_turned_over_is_one_bit() -> Outcome {
    let (stub, mut bus) = sensor()?;
    let mut limit = [0; 2];
    stub.i2c_fault("i2c-1", i2c::Fault::flipped_bit())?;
    bus.write_read(0x48, &[3], &mut limit)?;
    assert_eq!(limit, [0x50, 0x01]);

    // A start, seven bits, the direction and the acknowledge at 100 kHz.
    stub.i2c_fault("i2c-1", i2c::Fault::failed())?;
    let before = stub.clock().now();
    assert!(bus.write(0x48, &[3]).is_err());
    assert_eq!(stub.clock().now().since(before).as_nanos(), 100_000);
    Ok(())
}

/// Whether a flash memory may be written to, which it has to be told.
fn is_enabled(device: &mut Device) -> Result<bool, circuits_spi::Error> {
    let mut status = [5, 0];
    device.transfer_in_place(&mut status)?;
    Ok(status[1] & 2 != 0)
}

#[test]
fn a_device_sees_what_fails_and_not_what_never_began() -> Outcome {
    let (stub, mut device) = flash()?;
    stub.spi_fault("spidev0.0", spi::Fault::timed_out())?;
    assert!(device.write(&[6]).is_err());
    assert!(!is_enabled(&mut device)?);
    stub.spi_fault("spidev0.0", spi::Fault::failed())?;
    assert!(device.write(&[6]).is_err());
    assert!(is_enabled(&mut device)?);
    Ok(())
}
