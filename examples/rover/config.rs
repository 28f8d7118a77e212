//! What is on the rover, and where: a file of TOML.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The rover as it comes.
const DEFAULT: &str = include_str!("rover.toml");

/// A section that is not there is not on the rover.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub drive: Option<Drive>,
    pub encoders: Option<Encoders>,
    pub ranger: Option<Ranger>,
    pub imu: Option<Imu>,
    pub emergency_stop: Option<Line>,
    pub led: Option<Line>,
    pub telemetry: Option<Telemetry>,
    pub brush: Option<Brush>,
    #[serde(default)]
    pub body: Body,
    #[serde(default)]
    pub pace: Pace,
}

/// The H-bridge: at a PCA9685, or at lines.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drive {
    pub enable: Option<String>,
    pub pca9685: Option<Pca9685>,
    pub lines: Option<[String; 4]>,
}

/// Forwards and backwards of the left motor, then of the right one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pca9685 {
    pub bus: String,
    pub address: u8,
    pub channels: [u8; 4],
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoders {
    pub left: [String; 2],
    pub right: [String; 2],
    pub edges_a_turn: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranger {
    pub trigger: String,
    pub echo: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imu {
    pub bus: String,
    pub address: u8,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub line: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    pub port: String,
    #[serde(default = "usual_baud")]
    pub baud: u32,
    /// Whether the other end may hold it up, by RTS and CTS: what does not fit meanwhile is dropped.
    #[serde(default)]
    pub flow_control: bool,
}

fn usual_baud() -> u32 {
    115_200
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brush {
    pub interface: String,
    pub axis: u8,
    pub turns_a_second: f32,
}

/// In metres.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Body {
    pub wheel_diameter: f64,
    pub wheel_distance: f64,
    /// What the wheels reach at full duty, in metres a second: from this the controllers begin.
    pub fastest: f64,
}

impl Default for Body {
    fn default() -> Body {
        Body {
            wheel_diameter: 0.065,
            wheel_distance: 0.15,
            fastest: 0.65,
        }
    }
}

/// How it drives, in metres and metres a second.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    pub cruise: f64,
    /// When something is as near it drives slower, the slower the nearer it is.
    pub slow_from: f64,
    /// When something is as near it turns away.
    pub turn_at: f64,
    /// How fast it turns, in radians a second.
    pub turn: f64,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            cruise: 0.35,
            slow_from: 0.8,
            turn_at: 0.4,
            turn: 2.0,
        }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: it cannot be read", file.display())]
    Unreadable {
        file: PathBuf,
        source: std::io::Error,
    },

    /// The message has line and column, and shows the line.
    #[error("{}: {error}", file.display())]
    Wrong {
        file: PathBuf,
        error: toml::de::Error,
    },

    #[error("{}: {what}", file.display())]
    Nonsense { file: PathBuf, what: &'static str },
}

impl Config {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
            file: file.into(),
            source,
        })?;
        Config::parse(&text, file)
    }

    /// The rover as it comes, with all that there is.
    pub fn full() -> Result<Config, ConfigError> {
        Config::parse(DEFAULT, Path::new("rover.toml"))
    }

    pub fn parse(text: &str, file: &Path) -> Result<Config, ConfigError> {
        let config: Config = toml::from_str(text).map_err(|error| ConfigError::Wrong {
            file: file.into(),
            error,
        })?;
        match config.nonsense() {
            None => Ok(config),
            Some(what) => Err(ConfigError::Nonsense {
                file: file.into(),
                what,
            }),
        }
    }

    /// What can be written and not be: what does not depend on the machine is found out before anything is opened.
    fn nonsense(&self) -> Option<&'static str> {
        if let Some(drive) = &self.drive {
            if drive.pca9685.is_some() == drive.lines.is_some() {
                return Some("[drive] has either a pca9685 or lines");
            }
            if let Some(Pca9685 { channels, .. }) = &drive.pca9685 {
                if channels.iter().any(|channel| *channel > 15) {
                    return Some("[drive] the channels of a PCA9685 are 0 to 15");
                }
            }
        }
        let is_there =
            |one: &Option<Encoders>| one.as_ref().is_some_and(|one| one.edges_a_turn == 0);
        if is_there(&self.encoders) {
            return Some("[encoders] a turn has one edge at least");
        }
        if self.brush.as_ref().is_some_and(|brush| brush.axis > 62) {
            return Some("[brush] an axis is 0 to 62");
        }
        let Body {
            wheel_diameter,
            wheel_distance,
            fastest,
        } = self.body;
        let Pace {
            cruise,
            slow_from,
            turn_at,
            turn,
        } = self.pace;
        let sizes = [
            wheel_diameter,
            wheel_distance,
            fastest,
            cruise,
            turn_at,
            turn,
        ];
        // Not a number is not more than 0 either.
        if !sizes.iter().all(|size| *size > 0.0) || cruise > fastest {
            return Some(
                "[body] and [pace] have sizes of more than 0, and a cruise that the wheels reach",
            );
        }
        if slow_from.is_nan() || slow_from <= turn_at {
            return Some("[pace] it slows down before it turns: slow_from is more than turn_at");
        }
        None
    }

    /// What is not on it.
    pub fn absent(&self) -> Vec<&'static str> {
        let parts = [
            ("drive", self.drive.is_none()),
            ("encoders", self.encoders.is_none()),
            ("ranger", self.ranger.is_none()),
            ("imu", self.imu.is_none()),
            ("emergency_stop", self.emergency_stop.is_none()),
            ("led", self.led.is_none()),
            ("telemetry", self.telemetry.is_none()),
            ("brush", self.brush.is_none()),
        ];
        let absent = parts.into_iter().filter(|(_, is_absent)| *is_absent);
        absent.map(|(part, _)| part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let error = Config::parse(text, Path::new("my.toml"));
        error.expect_err(text).to_string()
    }

    #[test]
    fn the_rover_as_it_comes_has_everything() {
        let config = Config::full().unwrap();
        assert_eq!(config.absent(), [""; 0]);
        assert_eq!(config.body, Body::default());
    }

    #[test]
    fn all_may_be_absent() {
        let config = Config::parse("[led]\nline = \"GPIO4\"", Path::new("")).unwrap();
        assert_eq!(config.absent().len(), 7);
        assert_eq!(config.pace, Pace::default());
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        let unknown = error("[led]\nline = \"GPIO4\"\nbright = true");
        assert!(unknown.starts_with("my.toml: "), "{unknown}");
        assert!(unknown.contains("line 3, column 1"), "{unknown}");
        assert!(unknown.contains("unknown field `bright`"), "{unknown}");
        let missing = error("[ranger]\ntrigger = \"GPIO4\"");
        assert!(missing.contains("missing field `echo`"), "{missing}");
        assert!(error("[imu]\nbus = 1").contains("line 2, column 7"));
    }

    #[test]
    fn nonsense_is_found_out_before_anything_is_opened() {
        let both = "[drive]\nlines = [\"A\", \"B\", \"C\", \"D\"]\n\
            pca9685 = { bus = \"i2c-1\", address = 64, channels = [0, 1, 2, 3] }";
        for (text, says) in [
            ("[drive]", "either"),
            (both, "either"),
            ("[pace]\ncruise = 3.0", "reach"),
            ("[pace]\ncruise = nan", "sizes"),
            ("[pace]\nslow_from = 0.1", "slow_from"),
            (
                "[brush]\ninterface = \"can0\"\naxis = 63\nturns_a_second = 1",
                "axis",
            ),
        ] {
            assert!(error(text).contains(says), "{}", error(text));
        }
    }
}
