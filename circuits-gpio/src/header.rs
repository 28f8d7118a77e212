//! The lines of a Raspberry Pi, by number and by pin.

/// The chips that a Pi's header is connected to, by their labels: the Pi 0 to 3, the 4, the 5. Line
/// *n* of each is GPIO *n*.
const CHIPS: [&str; 3] = ["pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"];

/// How many GPIOs are at the header, from 0.
const GPIOS: u32 = 28;

/// What is at the pins of the header, from pin 1 on.
/// (<https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#gpio>)
const PINS: [Pin; 40] = {
    use Pin::{Five, Gpio, Ground, Three};
    [
        Three,
        Five, //
        Gpio(2),
        Five, //
        Gpio(3),
        Ground, //
        Gpio(4),
        Gpio(14), //
        Ground,
        Gpio(15), //
        Gpio(17),
        Gpio(18), //
        Gpio(27),
        Ground, //
        Gpio(22),
        Gpio(23), //
        Three,
        Gpio(24), //
        Gpio(10),
        Ground, //
        Gpio(9),
        Gpio(25), //
        Gpio(11),
        Gpio(8), //
        Ground,
        Gpio(7), //
        Gpio(0),
        Gpio(1), //
        Gpio(5),
        Ground, //
        Gpio(6),
        Gpio(12), //
        Gpio(13),
        Ground, //
        Gpio(19),
        Gpio(16), //
        Gpio(26),
        Gpio(20), //
        Ground,
        Gpio(21), //
    ]
};

#[derive(Clone, Copy)]
enum Pin {
    Gpio(u32),
    Ground,
    Three,
    Five,
}

/// Tells whether a chip is the one of the header.
pub(crate) fn is_header(label: &str) -> bool {
    CHIPS.contains(&label)
}

/// The offset that `GPIO17` is at, whatever the kernel calls the line.
pub(crate) fn by_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("GPIO")?;
    let number: u32 = digits.parse().ok()?;
    // Not GPIO+7, nor GPIO007.
    (number < GPIOS && number.to_string() == digits).then_some(number)
}

/// The offset that a pin is connected to, or what is there instead.
pub(crate) fn by_pin(pin: u32) -> Result<u32, &'static str> {
    let index = usize::try_from(pin).ok().and_then(|pin| pin.checked_sub(1));
    match index.and_then(|index| PINS.get(index)) {
        Some(Pin::Gpio(number)) => Ok(*number),
        Some(Pin::Ground) => Err("this pin is ground"),
        Some(Pin::Three) => Err("this pin is the supply of 3.3 V"),
        Some(Pin::Five) => Err("this pin is the supply of 5 V"),
        None => Err("a header has pins 1 to 40"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gpio_has_one_pin() {
        let mut gpios: Vec<u32> = (1..=40).filter_map(|pin| by_pin(pin).ok()).collect();
        gpios.sort();
        assert_eq!(gpios, (0..GPIOS).collect::<Vec<_>>());
        // Pins that are easily remembered.
        assert_eq!([by_pin(3), by_pin(11), by_pin(40)], [Ok(2), Ok(17), Ok(21)]);
        for pin in [0, 1, 2, 6, 39, 41, u32::MAX] {
            by_pin(pin).unwrap_err();
        }
    }

    #[test]
    fn only_plain_numbers_are_numbers() {
        assert_eq!(by_number("GPIO27"), Some(27));
        for name in ["GPIO28", "GPIO+7", "GPIO07", "GPIO", "gpio7", "7"] {
            assert_eq!(by_number(name), None);
        }
    }
}
