//! What a board file sets is set: each setting is seen where it acts.

use std::time::Duration;

use circuits_can::{Frame, Id, Interface, Socket, State};
use circuits_gpio::{Bias, Config, EdgeDetection, Input};
use circuits_i2c::{Bus, ErrorKind};
use circuits_spi::Device;
use circuits_stub::parts::{Encoder, WheelEncoder};
use circuits_stub::{BoardFile, Stub, i2c};
use embedded_hal::i2c::{I2c, Operation};
use embedded_hal::spi::SpiDevice;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn board(text: &str) -> Stub {
    let built = BoardFile::parse(text).and_then(|file| file.virtual_time().build());
    built.unwrap_or_else(|error| panic!("{error}"))
}

fn sleep(stub: &Stub, length: Duration) {
    stub.delay().sleep(length).unwrap();
}

#[test]
fn a_bus_is_what_its_tables_say_together() {
    let stub = board(
        r#"
        [[i2c]]
        bus = "i2c-1"
        controller = "bcm2835"
        [[i2c]]
        bus = "i2c-1"
        frequency = 400_000
        [[i2c]]
        bus = "i2c-1"
        address = 0x48
        chip = "tmp102"
        held_by = "lm75"
        [[spi]]
        node = "spidev0.0"
        controller = "designware"
        [[spi]]
        node = "spidev0.1"
        bufsiz = 1024
        "#,
    );
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
    let held = bus.device(0x48).unwrap_err();
    assert_eq!(held.kind(), ErrorKind::InUse);
    // A start, two bytes with their acknowledges, and a stop: 20 bits.
    bus.write(0x48, &[3]).unwrap();
    assert_eq!(stub.clock().now().as_nanos(), 50_000);
    let mut byte = [0];
    let read_first = &mut [Operation::Read(&mut byte), Operation::Write(&[3])];
    let error = bus.transaction(0x48, read_first).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    let config = circuits_spi::Config::new();
    let mut device = Device::open_on(&stub, "spidev0.0", &config).unwrap();
    device.write(&[0; 1024]).unwrap();
    let error = device.write(&[0; 1025]).unwrap_err();
    assert_eq!(error.kind(), circuits_spi::ErrorKind::Limit);
    let error = Device::open_on(&stub, "spidev0.1", &config.three_wire(true));
    let kind = error.map(drop).unwrap_err().kind();
    assert_eq!(kind, circuits_spi::ErrorKind::Unsupported);
}

#[test]
fn an_interface_is_up_again_by_itself_and_frames_of_one_identifier_fail() {
    let stub = board(
        r#"
        [[can]]
        interfaces = ["can0", "can1"]
        [[can]]
        interface = "can0"
        bitrate = 500_000
        restart_after = "100 ms"
        [[can]]
        interface = "can1"
        bitrate = 500_000
        [[fault]]
        interface = "can0"
        fault = "bit_error"
        times = 32
        id = 0x123
        "#,
    );
    let socket = Socket::open_on(&stub, "can0", &Default::default()).unwrap();
    let state = || {
        let interface = Interface::open_on(&stub, "can0").unwrap();
        interface.info().unwrap().state
    };
    let send = |id| {
        let frame = Frame::new(Id::standard(id).unwrap(), &[]).unwrap();
        socket.write(&frame, None).unwrap();
        sleep(&stub, millis(50));
    };
    send(0x122);
    assert_eq!(state(), Some(State::ErrorActive));
    send(0x123);
    assert_eq!(state(), Some(State::BusOff));
    sleep(&stub, millis(100));
    assert_eq!(state(), Some(State::ErrorActive));
}

#[test]
fn a_motor_speaks_while_somebody_listens() {
    let stub = board(
        r#"
        [[can]]
        interface = "can0"
        bitrate = 500_000
        chip = "odrive"
        axis = 0
        while_open = true
        "#,
    );
    let recording = stub.record();
    sleep(&stub, millis(1000));
    assert_eq!(recording.to_string().matches("001#").count(), 0);
    let socket = Socket::open_on(&stub, "can0", &Default::default()).unwrap();
    sleep(&stub, millis(1000));
    let beats = recording.to_string().matches("001#").count();
    assert!((8..=10).contains(&beats), "{beats}");
    drop(socket);
    sleep(&stub, millis(200));
    let beats = recording.to_string().matches("001#").count();
    sleep(&stub, millis(1000));
    assert_eq!(recording.to_string().matches("001#").count(), beats);
}

#[test]
fn a_memory_is_protected() {
    let memory = "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x50\nchip = \"at24c02\"\nwrite_protected = ";
    for (protected, byte) in [("true", 0xff), ("false", 7)] {
        let stub = board(&format!("{memory}{protected}"));
        let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
        let _ = bus.write(0x50, &[0, 7]);
        sleep(&stub, millis(10));
        let mut read = [0];
        bus.write_read(0x50, &[0], &mut read).unwrap();
        assert_eq!(read, [byte]);
    }
}

#[test]
fn a_seed_in_a_file_is_that_of_a_fault() {
    let text = "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\n";
    let fault = "[[fault]]\nbus = \"i2c-1\"\nfault = \"no_acknowledge\"\nchance = 0.2\nseed = 9\nalways = true";
    let by_file = board(&format!("{text}{fault}"));
    let by_code = board(text);
    let fault = i2c::Fault::no_acknowledge().chance(0.2, 9).always();
    by_code.i2c_fault("i2c-1", fault).unwrap();
    let [file, code] = [by_file, by_code].map(|stub| {
        let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
        [(); 100].map(|()| bus.write(0x48, &[0]).is_err())
    });
    assert_eq!(file, code);
    assert!(code.contains(&true));
}

const LINES: &str = "[[chip]]\nlabel = \"x\"\nlines = [\"A\", \"B\"]\n[[part]]\nname = \"part\"\n";

#[test]
fn people_do_what_the_file_says_while_a_program_looks() {
    let stub = board(&format!(
        "{LINES}part = \"encoder\"\nlines = [\"A\", \"B\"]\nclick_time = \"40 ms\"\nturned = {{ every = \"1 s\", clicks = [1, -1] }}"
    ));
    let stub = ["A", "B"]
        .into_iter()
        .fold(stub, |stub, line| stub.pull(line, Bias::PullUp).unwrap());
    let recording = stub.record();
    sleep(&stub, millis(3500));
    assert_eq!(recording.to_string(), "", "nobody looks");
    let both = Config::new().edge_detection(EdgeDetection::Both);
    let mut lines = ["A", "B"].map(|line| Input::open_on(&stub, line, &both).unwrap());
    let firsts = [(); 2].map(|()| {
        sleep(&stub, millis(1000));
        let [first, second] = lines.each_mut().map(|line| {
            let event = line.try_edge().unwrap().expect("it was turned");
            while line.try_edge().unwrap().is_some() {}
            event.time()
        });
        // They are a quarter of a click apart.
        let apart = first.since(second).max(second.since(first));
        assert_eq!(apart, millis(10));
        first < second
    });
    assert_ne!(firsts[0], firsts[1], "there and back");
    stub.part::<Encoder>("part").unwrap();
}

#[test]
fn nobody_presses_a_button_that_no_program_has() {
    let stub = board(&format!(
        "{LINES}part = \"button\"\nline = \"A\"\nto = \"supply\"\npressed = {{ every = \"1 s\", for = \"500 ms\" }}"
    ));
    sleep(&stub, millis(1250));
    assert!(!stub.level("A").unwrap());
    let _input = Input::open_on(&stub, "A", &Config::new()).unwrap();
    sleep(&stub, millis(1000));
    assert!(stub.level("A").unwrap());
}

#[test]
fn what_is_broken_is_so_from_the_beginning() {
    let wheel = "part = \"wheel_encoder\"\nlines = [\"A\", \"B\"]\nspeed = 100\nstick = ";
    for (stuck, edges) in [("true", 0), ("false", 100)] {
        let stub = board(&format!("{LINES}{wheel}{stuck}"));
        sleep(&stub, millis(1005));
        let wheel: WheelEncoder = stub.part("part").unwrap();
        assert_eq!(wheel.position(), edges);
    }
    let ranger = "part = \"ranger\"\ntrigger = \"A\"\necho = \"B\"\ndistance = 1\nsilent = ";
    for (silent, echo) in [("true", false), ("false", true)] {
        let stub = board(&format!("{LINES}{ranger}{silent}"));
        stub.drive("A", true).unwrap();
        sleep(&stub, millis(1));
        stub.drive("A", false).unwrap();
        sleep(&stub, millis(2));
        assert_eq!(stub.level("B").unwrap(), echo);
    }
}
