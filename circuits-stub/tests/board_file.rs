//! Boards from files: what is on them, and what is said of mistakes.

use std::path::Path;
use std::time::Duration;

use circuits_gpio::{Backend, Bias, Config, EdgeDetection, Input, LineSpec, Output, Watch};
use circuits_i2c::{Bus, ErrorKind};
use circuits_stub::chips::{Bme280, Mcp23017, Odrive, Tmp102};
use circuits_stub::parts::{Button, Led};
use circuits_stub::{BoardFile, Stub};
use embedded_hal::i2c::I2c;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/boards"))
}

fn board(text: &str) -> Stub {
    let file = BoardFile::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let built = file.base(folder()).virtual_time().build();
    built.unwrap_or_else(|error| panic!("{error}"))
}

fn celsius(bus: &mut Bus) -> f32 {
    let mut bytes = [0; 2];
    bus.write_read(0x48, &[0], &mut bytes).unwrap();
    f32::from(i16::from_be_bytes(bytes) >> 4) / 16.0
}

#[test]
fn a_chip_is_on_its_bus_and_in_hand() {
    let stub = board(
        r#"
        [[i2c]]
        bus = "i2c-1"
        chip = "bme280"
        address = 0x76
        name = "sensor"
        "#,
    );
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
    let mut id = [0];
    bus.write_read(0x76, &[0xd0], &mut id).unwrap();
    assert_eq!(id, [0x60]);
    stub.part::<Bme280>("sensor").unwrap().set_celsius(3.0);
}

#[test]
fn a_quantity_goes_with_the_time_of_the_board() {
    let sensor = "[[i2c]]\nbus = \"i2c-1\"\naddress = 0x48\nchip = \"tmp102\"\ncelsius = ";
    for (quantity, temperatures) in [
        ("-12.5", [-12.5, -12.5, -12.5]),
        (
            r#"{ mean = 20, amplitude = 8, period = "40 s" }"#,
            [20.0, 28.0, 20.0],
        ),
        ("{ start = 20, per_second = 0.5 }", [20.0, 25.0, 30.0]),
        (r#"{ csv = "day.csv", speed = 1080 }"#, [12.0, 10.0, 8.0]),
        (
            r#"{ csv = "day.csv", column = "humidity", factor = 0.5, speed = 2160 }"#,
            [40.0, 46.0, 30.5],
        ),
    ] {
        let stub = board(&format!("{sensor}{quantity}"));
        let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
        for (tens, expected) in (0..).zip(temperatures) {
            let now = stub.clock().now().as_nanos();
            stub.delay()
                .sleep(Duration::from_nanos(tens * 10_000_000_000 - now))
                .unwrap();
            // What the wire takes is in it.
            let difference = celsius(&mut bus) - expected;
            assert!(
                difference.abs() < 0.6,
                "{quantity} at {tens}0 s: {difference}"
            );
        }
    }
}

#[test]
fn lines_are_named_pulled_wired_and_held() {
    let stub = board(
        r#"
        [[chip]]
        label = "first"
        lines = ["A", "B", "", "C"]
        [[chip]]
        label = "second"
        lines = ["D"]
        interrupts = false
        [lines]
        A = { pull = "up" }
        C = { driven = "high" }
        "gpiochip0:2" = { held_by = "kernel" }
        [[wire]]
        between = ["A", "B"]
        "#,
    );
    assert!(stub.level("B").unwrap() && stub.level("C").unwrap());
    assert_eq!(
        stub.consumer("gpiochip0:2").unwrap().as_deref(),
        Some("kernel")
    );
    stub.let_go("C").unwrap();
    assert!(!stub.level("C").unwrap());
    let config = Config::new().edge_detection(EdgeDetection::Both);
    Input::open_on(&stub, "second:0", &config).unwrap_err();
    Input::open_on(&stub, "first:0", &config).unwrap();
}

#[test]
fn a_button_is_pressed_while_a_program_looks() {
    let stub = board(
        r#"
        [[chip]]
        label = "x"
        lines = ["STOP"]
        [[part]]
        part = "button"
        name = "stop"
        line = "STOP"
        to = "ground"
        bouncing = "5 ms"
        pressed = { every = "1 s", for = "200 ms" }
        "#,
    );
    stub.delay().sleep(millis(5500)).unwrap();
    let config = Config::new()
        .bias(Bias::PullUp)
        .active_low(true)
        .debounce(millis(10));
    let mut stop = Input::open_on(&stub, "STOP", &config).unwrap();
    let pressed = stop.wait_edge(None).unwrap().unwrap();
    let released = stop.wait_edge(None).unwrap().unwrap();
    assert_eq!(pressed.time().as_nanos(), 6_015_000_000);
    assert_eq!(released.time().as_nanos(), 6_215_000_000);
    // By hand as well.
    stub.part::<Button>("stop")
        .unwrap()
        .press_for(millis(50))
        .unwrap();
    let again = stop.wait_edge(None).unwrap().unwrap();
    let over = stop.wait_edge(None).unwrap().unwrap();
    assert_eq!(over.time().since(again.time()), millis(50));
}

/// What has a name does not keep its board.
#[test]
fn a_board_goes_with_its_last_handle() {
    let stub = board(include_str!("../boards/sample.toml"));
    let lamp = stub.part::<Led>("lamp").unwrap();
    let button = stub.part::<Button>("button").unwrap();
    let motor = stub.part::<Odrive>("motor").unwrap();
    assert!(!lamp.is_lit().unwrap());
    drop(stub);
    assert!(lamp.is_lit().is_err() && button.press().is_err());
    motor.set_load(1.0);
}

#[test]
fn a_screen_is_shown_when_it_rests() {
    let stub = board(
        r#"
        [[i2c]]
        bus = "i2c-1"
        address = 0x3c
        chip = "ssd1306"
        shown = true
        "#,
    );
    let recording = stub.record();
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
    let notes = || {
        let entries = recording.take().into_iter();
        let notes =
            entries.map(|entry| (entry.time.as_nanos() / 1_000_000, entry.action.to_string()));
        let notes =
            notes.filter(|(_, text)| text.contains("0x3c shows") || text.contains("is dark"));
        notes
            .map(|(time, text)| (time, text.lines().count()))
            .collect::<Vec<_>>()
    };
    bus.write(0x3c, &[0x00, 0xa1, 0xc8, 0x8d, 0x14, 0xaf])
        .unwrap();
    // 1/100 s of writing, each before the last one has rested.
    for _ in 0..10 {
        bus.write(0x3c, &[0x40; 100]).unwrap();
    }
    stub.delay().sleep(Duration::from_secs(1)).unwrap();
    let shown = notes();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0].1, 17);
    // The same again is nothing new, and another one waits for half a second.
    bus.write(0x3c, &[0x00, 0xaf]).unwrap();
    stub.delay().sleep(millis(100)).unwrap();
    assert_eq!(notes(), []);
    bus.write(0x3c, &[0x00, 0xa7]).unwrap();
    stub.delay().sleep(millis(100)).unwrap();
    bus.write(0x3c, &[0x00, 0xae]).unwrap();
    let off = stub.clock().now().as_nanos() / 1_000_000;
    stub.delay().sleep(Duration::from_secs(1)).unwrap();
    let shown = notes();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(
        shown[1].1 == 1 && shown[1].0 - shown[0].0 == 500,
        "{shown:?}, off at {off}"
    );
    // Nothing is on the agenda of a screen that rests.
    let reader = stub.serial_port("ttyS0");
    let config = circuits_uart::Config::new();
    let mut port = circuits_uart::Port::open_on(&reader, "ttyS0", &config).unwrap();
    let error = std::io::Read::read(&mut port, &mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Deadlock);
}

#[test]
fn a_brown_out_comes_between_two_transactions() {
    let stub = board(
        r#"
        [[i2c]]
        bus = "i2c-1"
        address = 0x48
        chip = "tmp102"
        [[fault]]
        bus = "i2c-1"
        address = 0x48
        fault = "brown_out"
        length = "50 ms"
        not_before = "10 s"
        "#,
    );
    let recording = stub.record();
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
    bus.write(0x48, &[3, 0x60, 0x00]).unwrap();
    stub.delay().sleep(millis(20_000)).unwrap();
    let mut limit = [0; 2];
    bus.write_read(0x48, &[3], &mut limit).unwrap();
    assert_eq!(limit, [0x50, 0x00], "as after power-on");
    let shown = recording.to_string();
    assert!(
        shown.contains("10.000000 s  i2c-1 0x48: power off"),
        "{shown}"
    );
}

#[test]
fn faults_come_when_the_file_says() {
    let stub = board(
        r#"
        [[i2c]]
        bus = "i2c-1"
        address = 0x48
        chip = "tmp102"
        [[fault]]
        bus = "i2c-1"
        address = 0x48
        fault = "no_acknowledge"
        not_before = "1 s"
        until = "2 s"
        always = true
        "#,
    );
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
    let mut failures = 0;
    for _ in 0..30 {
        match bus.write(0x48, &[0]) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
                failures += 1;
            }
        }
        stub.delay().sleep(millis(100)).unwrap();
    }
    assert!((9..=10).contains(&failures), "{failures}");

    let stub = board(
        r#"
        [[i2c]]
        bus = "i2c-1"
        address = 0x48
        chip = "tmp102"
        [[i2c]]
        bus = "i2c-1"
        address = 0x49
        chip = "tmp102"
        [[fault]]
        bus = "i2c-1"
        address = 0x48
        fault = "no_acknowledge"
        after = 2
        times = 3
        "#,
    );
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
    let failed: Vec<usize> = (0..8)
        .filter(|_| bus.write(0x49, &[0]).is_ok() && bus.write(0x48, &[0]).is_err())
        .collect();
    assert_eq!(failed, [2, 3, 4]);
}

#[test]
fn what_is_on_other_buses_is_there() {
    let stub = board(
        r#"
        board = "raspberry-pi-4b"
        [[i2c]]
        bus = "i2c-1"
        address = 0x20
        chip = "mcp23017"
        name = "ports"
        inta = "GPIO4"
        input = { 7 = "high" }
        [[spi]]
        node = "spidev0.0"
        chip = "mcp2515"
        oscillator_hz = 16_000_000
        interrupt_pin = "GPIO24"
        interface = "can0"
        [[spi]]
        node = "spidev0.1"
        select = "GPIO25"
        chip = "sd_card"
        contents = { file = "card.img" }
        [[uart]]
        port = "ttyUSB0"
        controller = "usb"
        chip = "modem"
        receive_sms = [{ from = "+4930", text = "On" }]
        [[can]]
        interface = "can1"
        bitrate = 250_000
        "#,
    );
    assert_eq!(circuits_can::list_on(&stub).unwrap(), ["can0", "can1"]);
    assert!(stub.level("GPIO24").unwrap(), "no interrupt");
    stub.part::<Mcp23017>("ports").unwrap();
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
    let mut levels = [0];
    bus.write_read(0x20, &[0x12], &mut levels).unwrap();
    assert_eq!(levels, [0x80]);
    let error = stub.part::<Tmp102>("ports").unwrap_err();
    assert!(error.to_string().contains("is no"), "{error}");
}

/// Another program takes a line and gives it back, which a watch tells.
#[test]
fn a_line_is_held_at_intervals() {
    let stub = board(
        r#"
        [[chip]]
        label = "x"
        lines = ["A"]
        [lines]
        A = { held_by = "another", held = { every = "1 s", for = "200 ms" } }
        "#,
    );
    let a = LineSpec::from("A");
    stub.delay().sleep(millis(1100)).unwrap();
    assert_eq!(stub.consumer(&a).unwrap(), None, "nobody watches");
    let mut watch = Watch::open_on(&stub, [&a]).unwrap();
    let taken = watch.wait_change(None).unwrap().unwrap();
    let given = watch.wait_change(None).unwrap().unwrap();
    assert_eq!(taken.info().consumer(), Some("another"));
    assert_eq!(given.info().consumer(), None);
    assert_eq!(given.time().since(taken.time()), millis(200));
}

#[test]
fn files_say_what_time_it_is_and_programs_may_say_otherwise() {
    let is_virtual = |file: BoardFile| file.build().unwrap().clock().is_virtual();
    let parse = |text| BoardFile::parse(text).unwrap();
    assert!(!is_virtual(parse("")));
    assert!(is_virtual(parse("time = \"virtual\"")));
    assert!(is_virtual(parse("time = \"real\"").virtual_time()));
    assert!(!is_virtual(parse("time = \"virtual\"").real_time()));
    assert!(parse("").is_traced() && !parse("trace = false").is_traced());
}

#[test]
fn a_file_is_read_beside_what_it_names() {
    let file = BoardFile::read(folder().join("station.toml")).unwrap();
    let stub = file.virtual_time().build().unwrap();
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
    assert!((celsius(&mut bus) - 12.0).abs() < 0.1);
    let error = BoardFile::read(folder().join("nowhere.toml")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("nowhere.toml: this cannot be read"),
        "{error}"
    );
    assert_eq!(
        (error.line(), error.path()),
        (None, Some(&*folder().join("nowhere.toml")))
    );
}

/// What a file says of its header is what programs open, and all pins are there.
#[test]
fn shipped_boards_are_as_programs_see_them() {
    for name in BoardFile::shipped() {
        let file = BoardFile::shipped_named(name).unwrap();
        let stubs = [
            file.clone().virtual_time().build(),
            file.clone().real_time().build(),
        ];
        let [stub, _] = stubs.map(|stub| stub.unwrap_or_else(|error| panic!("{error}")));
        let (_, header) = file.text().split_once("[header]\n").unwrap();
        let mut gpios = 0;
        for (pin, line) in (1..=40).zip(header.lines()) {
            let (number, what) = line.split_once(" = ").unwrap();
            assert_eq!(number.parse(), Ok(pin), "{name}");
            let place = LineSpec::header(pin).find_on(&stub);
            match what.trim_matches('"') {
                "ground" | "3.3 V" | "5 V" => drop(place.unwrap_err()),
                line => {
                    assert_eq!(place.unwrap(), LineSpec::from(line).find_on(&stub).unwrap());
                    gpios += 1;
                }
            }
        }
        assert_eq!(gpios, 28, "{name}");
        assert_eq!(stub.chips().unwrap()[0], "gpiochip0");
        Output::open_on(&stub, "GPIO17", &Config::new()).unwrap();
        let error = Output::open_on(&stub, "GPIO8", &Config::new()).unwrap_err();
        assert!(error.to_string().contains("spi0 CS0"), "{error}");
        // The fifth has the only controller of its kind.
        let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
        let empty = bus.write(0x48, &[]).unwrap_err().kind();
        assert_eq!(
            empty == ErrorKind::Unsupported,
            name == "raspberry-pi-5",
            "{name}: {empty:?}"
        );
    }
    let error = BoardFile::shipped_named("raspberry-pi-3").unwrap_err();
    let says = r#"no board "raspberry-pi-3": did you mean "raspberry-pi-3b"?"#;
    assert_eq!(error.to_string(), says);
}

#[test]
fn a_program_prints_what_the_file_says() {
    let printed = |text: &str| {
        let text = format!("{text}\n[[chip]]\nlabel = 'x'\nlines = ['LED']");
        let file = BoardFile::parse(&text).unwrap();
        let stub = file.clone().virtual_time().build().unwrap();
        let recording = stub.record();
        Output::open_on(&stub, "LED", &Config::new()).unwrap();
        stub.plug_i2c("i2c-9", 0x48, Tmp102::new()).unwrap();
        stub.note("a remark");
        let mut entries = recording.entries();
        entries.retain(|entry| file.traces(&entry.action));
        assert!(file.is_traced() || entries.is_empty());
        let texts = entries.iter().map(|entry| entry.action.to_string());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(printed("").len(), 5);
    assert_eq!(printed("trace = true").len(), 5);
    assert_eq!(printed("trace = false"), [""; 0]);
    let some = printed("trace = ['notes', 'hotplug']");
    assert_eq!(some, ["i2c-9 0x48: plugged in", "a remark"]);
    assert_eq!(printed("trace = ['gpio']").len(), 3);
}

/// The path of a pseudo-terminal is known when the board is made, and told to the first who listens.
#[cfg(unix)]
#[test]
fn the_path_of_a_pseudo_terminal_is_told() {
    let file = BoardFile::parse("[[uart]]\nport = 'ttyS0'\npty = true").unwrap();
    let stub = file.build().unwrap();
    let (first, second) = (stub.record(), stub.record());
    assert!(first.to_string().contains("ttyS0 is /dev/"), "{first}");
    assert!(second.entries().is_empty());
    // Whoever wants to see what goes over the wire wants the path, and so does whoever does not.
    for (kinds, is_told) in [("uart", true), ("notes", true), ("gpio", false)] {
        let file = BoardFile::parse(&format!("trace = ['{kinds}']")).unwrap();
        let told = first.entries().iter().any(|entry| {
            entry.to_string().contains("ttyS0 is /dev/") && file.traces(&entry.action)
        });
        assert_eq!(told, is_told, "{kinds}");
    }
}
