//! Boards from files.

use std::time::Duration;

use circuits_i2c::Bus;
use circuits_stub::chips::{Bme280, Tmp102};
use circuits_stub::{BoardFile, Stub};
use embedded_hal::i2c::I2c;

fn board(text: &str) -> Stub {
    let file = BoardFile::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let built = file.virtual_time().build();
    built.unwrap_or_else(|error| panic!("{error}"))
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
        celsius = { mean = 20, amplitude = 10, period = "1 h" }
        hectopascals = 990
        "#,
    );
    let mut bus = Bus::open_on(&stub, "i2c-1", &Default::default()).unwrap();
    let mut id = [0];
    bus.write_read(0x76, &[0xd0], &mut id).unwrap();
    assert_eq!(id, [0x60]);
    stub.part::<Bme280>("sensor").unwrap().set_celsius(3.0);
    stub.delay().sleep(Duration::from_secs(1)).unwrap();
}

/// Where each mistake is, and what is said of it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "[[i2c]]\nbus = \"i2c-1\"\nchip = \"bme208\"\naddress = 1",
        "3:8: no chip \"bme208\": did you mean \"bme280\"?",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\nchip = \"bme280\"\nadress = 1",
        "4:1: no key adress: did you mean \"address\"?",
    ),
    (
        "[[i2c]]\nbus = \"i2c-1\"\nchip = \"bme280\"\n",
        "1:1: this needs the key address",
    ),
    ("x = ", "1:5: "),
    ("x = 1\ny = = 2", "2:"),
];

#[test]
fn mistakes_are_told_at_their_places() {
    for (text, says) in MISTAKES {
        let built = BoardFile::parse(text).and_then(|file| file.virtual_time().build());
        let error = built.expect_err(text);
        println!("{error}");
        assert!(
            error.to_string().starts_with(says),
            "{error}\nand not {says}"
        );
    }
}

#[test]
fn a_program_prints_what_the_file_says() {
    let printed = |text: &str| {
        let file =
            BoardFile::parse(&format!("{text}\n[[chip]]\nlabel = 'x'\nlines = ['LED']")).unwrap();
        let stub = file.clone().virtual_time().build().unwrap();
        let recording = stub.record();
        circuits_gpio::Output::open_on(&stub, "LED", &Default::default()).unwrap();
        stub.plug_i2c("i2c-9", 0x48, Tmp102::new()).unwrap();
        stub.note("a remark");
        let mut entries = recording.entries();
        entries.retain(|entry| file.traces(&entry.action));
        assert!(file.is_traced() || entries.is_empty());
        entries
            .iter()
            .map(|entry| entry.action.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(printed("").len(), 5);
    assert_eq!(printed("trace = true").len(), 5);
    assert_eq!(printed("trace = false"), [""; 0]);
    assert_eq!(
        printed("trace = ['notes', 'hotplug']"),
        ["i2c-9 0x48: plugged in", "a remark"]
    );
    assert_eq!(printed("trace = ['gpio']").len(), 3);
    let error = BoardFile::parse("trace = ['ic2']").unwrap_err().to_string();
    assert!(
        error.starts_with("1:10: no kind \"ic2\": did you mean \"i2c\"?"),
        "{error}"
    );
}
