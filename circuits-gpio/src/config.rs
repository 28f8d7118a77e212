use std::time::Duration;

use crate::EdgeDetection;

/// How many bytes of a name the kernel keeps: `GPIO_MAX_NAME_SIZE`, include/uapi/linux/gpio.h, with
/// a zero at the end.
const CONSUMER: usize = 31;

/// How a line is to be held. What is not set is left to the chip or is off.
///
/// ```
/// use circuits_gpio::{Bias, Config};
///
/// let button = Config::new().active_low(true).bias(Bias::PullUp).consumer("stop button");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Config {
    direction: Direction,
    initial: bool,
    active_low: bool,
    bias: Option<Bias>,
    drive: Drive,
    edge_detection: EdgeDetection,
    #[cfg_attr(feature = "serde", serde(rename = "debounce_us", with = "micros"))]
    debounce: Duration,
    event_clock: EventClock,
    event_buffer: Option<u32>,
    consumer: Option<String>,
    release: Release,
}

impl Config {
    /// Makes the default configuration: active high, bias as the chip has it, no edge detection.
    pub fn new() -> Config {
        Config::default()
    }

    /// Makes the default configuration of an input, for lines that are opened together.
    pub fn input() -> Config {
        Config::new()
    }

    /// Makes the default configuration of an output, for lines that are opened together.
    pub fn output() -> Config {
        Config::new().towards(Direction::Output)
    }

    /// Sets whether the line is active when it is electrically low. Levels and edges are logical
    /// then: *high* means active.
    pub fn active_low(mut self, active_low: bool) -> Config {
        self.active_low = active_low;
        self
    }

    /// Sets the bias of the line, in place of whatever the chip has.
    ///
    /// The kernel does not tell whether the chip's driver can do it: it ignores what it cannot.
    pub fn bias(mut self, bias: Bias) -> Config {
        self.bias = Some(bias);
        self
    }

    /// Sets how an output is driven. Default: both ways. Where a chip cannot leave a line open, the
    /// kernel makes it an input for that time.
    pub fn drive(mut self, drive: Drive) -> Config {
        self.drive = drive;
        self
    }

    /// Sets which edges of an input are kept from the moment it is opened. Default: none, until
    /// somebody waits for one.
    pub fn edge_detection(mut self, edges: EdgeDetection) -> Config {
        self.edge_detection = edges;
        self
    }

    /// Sets for how long an input must be at a level for it to count, in whole microseconds (what
    /// is less is rounded up). Level and edges are those that lasted; an edge has the time at which
    /// that was clear. Default: none.
    pub fn debounce(mut self, period: Duration) -> Config {
        let micros = period.as_nanos().div_ceil(1000);
        self.debounce = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self
    }

    /// Sets which clock the times of edges are of. Default: the board's, which is monotonic.
    pub fn event_clock(mut self, clock: EventClock) -> Config {
        self.event_clock = clock;
        self
    }

    /// Sets how many edges are kept until they are read, from 1 to 1024. Default: 16 for each line
    /// that is opened together. It is one number for all of them. The kernel may keep more.
    pub fn event_buffer(mut self, edges: u32) -> Config {
        self.event_buffer = Some(edges);
        self
    }

    /// Sets the level that an output has from the start. Default: low.
    pub fn initial(mut self, high: bool) -> Config {
        self.initial = high;
        self
    }

    /// Sets the name under which others see the line held, of 31 bytes at most. Default: that of the
    /// program, as far as it fits. It is one name for all lines that are opened together.
    pub fn consumer(mut self, name: impl Into<String>) -> Config {
        self.consumer = Some(name.into());
        self
    }

    /// Sets what becomes of the line when it is let go. Default: the chip's affair.
    pub fn on_release(mut self, release: Release) -> Config {
        self.release = release;
        self
    }

    /// Returns the same in this direction, which is that of the type that opens the line, whatever
    /// was set.
    pub fn towards(&self, direction: Direction) -> Config {
        Config {
            direction,
            ..self.clone()
        }
    }

    /// Returns the same in the other direction, without what only this one has.
    pub(crate) fn turned(&self) -> Config {
        Config {
            direction: match self.direction {
                Direction::Input => Direction::Output,
                Direction::Output => Direction::Input,
            },
            initial: false,
            edge_detection: EdgeDetection::Off,
            debounce: Duration::ZERO,
            drive: Drive::PushPull,
            release: match self.release {
                Release::Level(_) => Release::Chip,
                either => either,
            },
            ..self.clone()
        }
    }

    /// Returns the same with what is of all lines that are opened together, which stays for as long
    /// as they are.
    pub(crate) fn sharing(self, before: &Config) -> Config {
        Config {
            consumer: before.consumer.clone(),
            event_buffer: before.event_buffer,
            ..self
        }
    }

    /// Returns the direction.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Tells whether the line is active when it is electrically low.
    pub fn is_active_low(&self) -> bool {
        self.active_low
    }

    /// Returns the bias, `None` for whatever the chip has.
    pub fn line_bias(&self) -> Option<Bias> {
        self.bias
    }

    /// Returns how an output is driven.
    pub fn line_drive(&self) -> Drive {
        self.drive
    }

    /// Returns which edges are kept.
    pub fn detected_edges(&self) -> EdgeDetection {
        self.edge_detection
    }

    /// Returns for how long a level must last, in whole microseconds; zero for no debouncing.
    pub fn debounce_period(&self) -> Duration {
        self.debounce
    }

    /// Returns which clock the times of edges are of.
    pub fn times_of(&self) -> EventClock {
        self.event_clock
    }

    /// Returns how many edges are kept, if it was set.
    pub fn event_buffer_size(&self) -> Option<u32> {
        self.event_buffer
    }

    /// Returns the logical level that an output starts with.
    pub fn initial_level(&self) -> bool {
        self.initial
    }

    /// Returns what becomes of the line when it is let go.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Returns the name under which others see the line held: the program's, if none was set.
    pub fn consumer_name(&self) -> String {
        self.consumer.clone().unwrap_or_else(|| {
            let program = std::env::current_exe().ok();
            let name = program.as_deref().and_then(|path| path.file_name());
            let mut name = name.map_or_else(
                || "circuits".into(),
                |name| name.to_string_lossy().into_owned(),
            );
            while name.len() > CONSUMER {
                name.pop();
            }
            name
        })
    }

    /// Checks what no backend could do.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self.direction {
            Direction::Output if self.edge_detection != EdgeDetection::Off => {
                Err("an output has no edges to detect: open the line as an input")
            }
            Direction::Output if !self.debounce.is_zero() => {
                Err("an output has nothing to debounce: open the line as an input")
            }
            Direction::Input if self.initial => {
                Err("an input has no initial level: open the line as an output")
            }
            Direction::Input if self.drive != Drive::PushPull => {
                Err("an input is not driven: open the line as an output")
            }
            Direction::Input if matches!(self.release, Release::Level(_)) => {
                Err("an input has no level to leave behind: open the line as an output")
            }
            _ if self
                .consumer
                .as_ref()
                .is_some_and(|name| name.len() > CONSUMER || name.contains('\0')) =>
            {
                Err("a consumer name has 31 bytes at most, and none of them is zero")
            }
            _ if self.debounce_period() > Config::LONGEST_DEBOUNCE => {
                Err("it cannot be debounced for more than 4294 seconds")
            }
            _ if self
                .event_buffer
                .is_some_and(|edges| !(1..=1024).contains(&edges)) =>
            {
                Err("1 to 1024 edges can be kept")
            }
            _ => Ok(()),
        }
    }

    /// The kernel's number of microseconds has 32 bits.
    const LONGEST_DEBOUNCE: Duration = Duration::from_micros(u32::MAX as u64);

    pub(crate) fn set_initial(&mut self, level: bool) {
        self.initial = level;
    }

    pub(crate) fn set_detection(&mut self, edges: EdgeDetection) {
        self.edge_detection = edges;
    }

    /// What is of all lines that are opened together.
    pub(crate) fn shared(&self) -> (&Option<String>, Option<u32>) {
        (&self.consumer, self.event_buffer)
    }
}

/// Which way a line goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Direction {
    /// The line is read.
    #[default]
    Input,
    /// The line is driven.
    Output,
}

/// What holds a line at a level while nothing drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Bias {
    /// Nothing: the line floats.
    Disabled,
    /// A resistor to the supply.
    PullUp,
    /// A resistor to ground.
    PullDown,
}

/// How an output is driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Drive {
    /// High and low.
    #[default]
    PushPull,
    /// Only low; high leaves it to others.
    OpenDrain,
    /// Only high; low leaves it to others.
    OpenSource,
}

/// Which clock the times of edges are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum EventClock {
    /// `CLOCK_MONOTONIC`, the board's clock.
    #[default]
    Monotonic,
    /// `CLOCK_REALTIME`: since 1970, and it jumps when somebody sets it.
    Realtime,
}

/// What becomes of a line when it is let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Release {
    /// What the chip's driver makes of it: some leave an output as it is, some make it an input.
    #[default]
    Chip,
    /// Nothing: it stays requested, as it is, until the program ends. (No longer: then it is the
    /// chip's affair. What is to outlive a program is another program's to hold.)
    Keep,
    /// It is set to this logical level first, and is the chip's affair then.
    Level(bool),
}

/// A period as a number of microseconds.
#[cfg(feature = "serde")]
mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(period: &Duration, to: S) -> Result<S::Ok, S::Error> {
        u64::try_from(period.as_micros())
            .unwrap_or(u64::MAX)
            .serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let (input, output) = (Direction::Input, Direction::Output);
        let long = Duration::from_secs(5000);
        for (direction, config) in [
            (output, Config::new().edge_detection(EdgeDetection::Both)),
            (output, Config::new().debounce(Duration::from_millis(1))),
            (input, Config::new().initial(true)),
            (input, Config::new().drive(Drive::OpenDrain)),
            (input, Config::new().on_release(Release::Level(true))),
            (input, Config::new().debounce(long)),
            (input, Config::new().debounce(Duration::MAX)),
            (input, Config::new().consumer("x".repeat(32))),
            (input, Config::new().consumer("a\0b")),
            (input, Config::new().event_buffer(0)),
            (input, Config::new().event_buffer(1025)),
        ] {
            config.towards(direction).check().unwrap_err();
        }
        let longest = Config::new()
            .event_buffer(1024)
            .consumer("ö".repeat(15) + "x");
        longest.check().unwrap();
    }

    #[test]
    fn periods_are_rounded_up() {
        for (nanos, micros) in [(0, 0), (1, 1), (1000, 1), (1001, 2)] {
            let config = Config::new().debounce(Duration::from_nanos(nanos));
            assert_eq!(config.debounce_period(), Duration::from_micros(micros));
        }
    }
}
