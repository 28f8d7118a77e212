//! What the station is made of: a file in TOML, or the full station.
//!
//! ```toml
//! bus = "i2c-1"
//! sensor = { chip = "bme280", address = 0x76 }   # or tmp102
//! # The rest may be left out, or "none".
//! screen = { chip = "ssd1306", address = 0x3c }
//! clock = { chip = "ds3231" }
//! button = "GPIO27"                              # from the line to ground
//! led = "GPIO17"
//! utc_offset = -4.0                              # hours, for the screen; the log has UTC
//! ```

use std::fs;
use std::path::Path;

use circuits::Failure;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

/// What the station is made of.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) bus: String,
    pub(crate) sensor: Sensor,
    #[serde(default, deserialize_with = "unless_none")]
    pub(crate) screen: Option<Screen>,
    #[serde(default, deserialize_with = "unless_none")]
    pub(crate) clock: Option<Clock>,
    #[serde(default, deserialize_with = "unless_none")]
    pub(crate) button: Option<String>,
    #[serde(default, deserialize_with = "unless_none")]
    pub(crate) led: Option<String>,
    /// Hours by which the place is before UTC.
    #[serde(default)]
    pub(crate) utc_offset: f64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sensor {
    pub(crate) chip: Chip,
    pub(crate) address: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Chip {
    Bme280,
    Tmp102,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Screen {
    pub(crate) chip: ScreenChip,
    pub(crate) address: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScreenChip {
    Ssd1306,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clock {
    pub(crate) chip: ClockChip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClockChip {
    Ds3231,
}

impl Config {
    /// The full station on a Raspberry Pi's header.
    pub(crate) fn full() -> Config {
        Config {
            bus: "i2c-1".into(),
            sensor: Sensor {
                chip: Chip::Bme280,
                address: 0x76,
            },
            screen: Some(Screen {
                chip: ScreenChip::Ssd1306,
                address: 0x3c,
            }),
            clock: Some(Clock {
                chip: ClockChip::Ds3231,
            }),
            button: Some("GPIO27".into()),
            led: Some("GPIO17".into()),
            utc_offset: 0.0,
        }
    }

    pub(crate) fn read(path: &Path) -> Result<Config, Failure> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        Config::parse(&text).map_err(|error| format!("{shown}: {error}").into())
    }

    pub(crate) fn parse(text: &str) -> Result<Config, String> {
        // Its errors show the line, and what of it is wrong.
        let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
        let (addresses, chip) = match config.sensor.chip {
            Chip::Bme280 => (0x76..=0x77, "BME280"),
            Chip::Tmp102 => (0x48..=0x4b, "TMP102"),
        };
        let mut devices = vec![("sensor", config.sensor.address, addresses, chip)];
        if let Some(screen) = &config.screen {
            devices.push(("screen", screen.address, 0x3c..=0x3d, "SSD1306"));
        }
        for (what, address, addresses, chip) in devices {
            if !addresses.contains(&address) {
                let (first, last) = addresses.into_inner();
                return Err(format!(
                    "{what}: a {chip} is at {first:#04x} to {last:#04x}, and not at {address:#04x}"
                ));
            }
        }
        match (-14.0..=14.0).contains(&config.utc_offset) {
            true => Ok(config),
            false => Err("utc_offset: no place is more than 14 hours from UTC".into()),
        }
    }
}

/// What is there, unless it says "none".
fn unless_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = toml::Value::deserialize(deserializer)?;
    match value.as_str() {
        Some("none") => Ok(None),
        _ => T::deserialize(value).map(Some).map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_head_of_this_file_shows_is_the_full_station() {
        let lines = include_str!("config.rs").lines();
        let shown: Vec<_> = lines
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| line.trim_start_matches("//! "))
            .collect();
        let config = Config::parse(&shown.join("\n")).unwrap();
        let full = Config {
            utc_offset: -4.0,
            ..Config::full()
        };
        assert_eq!(config, full);
    }

    #[test]
    fn what_is_left_out_is_not_there() {
        let text = "bus = 'i2c-1'\nsensor = { chip = 'tmp102', address = 0x49 }\n";
        let small = Config::parse(text).unwrap();
        assert_eq!((small.screen.clone(), small.clock.clone()), (None, None));
        assert_eq!((small.button.clone(), small.led.clone()), (None, None));
        let none = "screen = 'none'\nclock = 'none'\nbutton = 'none'\nled = 'none'\n";
        assert_eq!(Config::parse(&format!("{text}{none}")), Ok(small));
    }

    #[test]
    fn errors_say_where_and_what() {
        let good = "bus = 'i2c-1'\nsensor = { chip = 'bme280', address = 0x76 }\n";
        for (text, words) in [
            ("bus = 'i2c-1'", &["missing field `sensor`"][..]),
            ("bus = i2c-1", &["line 1, column 7"]),
            (
                "bus = 'i2c-1'\nsensor = { chip = 'dht22', address = 0x76 }",
                &["line 2, column 19", "dht22", "`bme280` or `tmp102`"],
            ),
            (
                "bus = 'i2c-1'\nsensor = { chip = 'bme280', address = 0x48 }",
                &["sensor: a BME280 is at 0x76 to 0x77, and not at 0x48"],
            ),
            (
                &format!("{good}screen = {{ chip = 'ssd1306', address = 0x3f }}"),
                &["screen: a SSD1306 is at 0x3c to 0x3d"],
            ),
            (
                &format!("{good}lcd = 0x27"),
                &["line 3, column 1", "unknown field `lcd`"],
            ),
            (
                &format!("{good}led = 17"),
                &["line 3, column 7", "expected a string"],
            ),
            (&format!("{good}utc_offset = 100"), &["14 hours"]),
        ] {
            let error = Config::parse(text).unwrap_err();
            for words in words {
                assert!(error.contains(words), "{words:?} is not in: {error}");
            }
        }
        let error = Config::read(Path::new("/nowhere/station.toml")).unwrap_err();
        assert!(format!("{error:?}").starts_with("/nowhere/station.toml: No such file"));
    }
}
