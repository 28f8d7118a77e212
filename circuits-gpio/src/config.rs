use crate::EdgeDetection;

/// How a line is to be held. What is not set is left to the chip or is off.
///
/// ```
/// use circuits_gpio::{Bias, Config};
///
/// let button = Config::new().active_low(true).bias(Bias::PullUp).consumer("stop button");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    direction: Direction,
    initial: bool,
    active_low: bool,
    bias: Option<Bias>,
    edge_detection: EdgeDetection,
    consumer: Option<String>,
}

impl Config {
    /// Makes the default configuration: active high, bias as the chip has it, no edge detection.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets whether the line is active when it is electrically low. Levels and edges are logical
    /// then: *high* means active.
    pub fn active_low(mut self, active_low: bool) -> Config {
        self.active_low = active_low;
        self
    }

    /// Sets the bias of the line, in place of whatever the chip has.
    pub fn bias(mut self, bias: Bias) -> Config {
        self.bias = Some(bias);
        self
    }

    /// Sets which edges of an input are kept from the moment it is opened. Default: none, until
    /// somebody waits for one.
    pub fn edge_detection(mut self, edges: EdgeDetection) -> Config {
        self.edge_detection = edges;
        self
    }

    /// Sets the level that an output has from the start. Default: low.
    pub fn initial(mut self, high: bool) -> Config {
        self.initial = high;
        self
    }

    /// Sets the name under which others see the line held. Default: that of the program. The kernel
    /// keeps 31 bytes of it.
    pub fn consumer(mut self, name: impl Into<String>) -> Config {
        self.consumer = Some(name.into());
        self
    }

    /// Returns the same in this direction: what [`Input`](crate::Input) and
    /// [`Output`](crate::Output) open a backend with, whatever was set.
    pub fn towards(&self, direction: Direction) -> Config {
        Config {
            direction,
            ..self.clone()
        }
    }

    /// Returns the direction, which is that of the type that opens the line.
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

    /// Returns which edges are kept.
    pub fn detected_edges(&self) -> EdgeDetection {
        self.edge_detection
    }

    /// Returns the logical level that an output starts with.
    pub fn initial_level(&self) -> bool {
        self.initial
    }

    /// Returns the name under which others see the line held: the program's, if none was set.
    pub fn consumer_name(&self) -> String {
        self.consumer.clone().unwrap_or_else(|| {
            let program = std::env::current_exe().ok();
            let name = program.as_deref().and_then(|path| path.file_name());
            name.map_or_else(
                || "circuits".into(),
                |name| name.to_string_lossy().into_owned(),
            )
        })
    }

    /// Checks what no backend could do.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.direction == Direction::Output && self.edge_detection != EdgeDetection::Off {
            return Err("an output has no edges to detect: open the line as an input");
        }
        if self.direction == Direction::Input && self.initial {
            return Err("an input has no initial level: open the line as an output");
        }
        Ok(())
    }
}

/// Which way a line goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The line is read.
    #[default]
    Input,
    /// The line is driven.
    Output,
}

/// What holds a line at a level while nothing drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bias {
    /// Nothing: the line floats.
    Disabled,
    /// A resistor to the supply.
    PullUp,
    /// A resistor to ground.
    PullDown,
}
