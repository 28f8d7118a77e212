//! Boards from files.

use std::time::Duration;

use circuits_i2c::Bus;
use circuits_stub::chips::Bme280;
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
