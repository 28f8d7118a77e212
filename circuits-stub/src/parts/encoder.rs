use std::time::Duration;

use circuits_gpio::LineSpec;

use super::Host;
use crate::gpio::{Driver, Step};
use crate::{Result, Stub};

/// A rotary encoder: two contacts to ground, a quarter of a step apart. Each click (a detent) is
/// one whole step, with both contacts open in between.
///
/// It does not keep the board. Turned clockwise, the first line falls first, then the other; so it is with the usual KY-040 and
/// EC11.
///
/// ```
/// use circuits_gpio::{Bias, Config, Edge, EdgeDetection, Lines};
/// use circuits_stub::{Stub, parts::Encoder};
/// use std::time::Duration;
///
/// let millis = Duration::from_millis;
/// let stub = Stub::virtual_time().lines(["CLK", "DT"]);
/// let knob = Encoder::new(&stub, "CLK", "DT")?;
/// let config = Config::new().bias(Bias::PullUp).edge_detection(EdgeDetection::Both);
/// let mut lines = Lines::open_on(&stub, ["CLK", "DT"].map(|line| (line, config.clone())))?;
///
/// knob.turn(-1)?;
/// let first = lines.wait_edge(millis(100))?.expect("it was turned");
/// assert_eq!((first.line(), first.edge()), (1, Edge::Falling));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoder {
    host: Host,
    driver: Driver,
    lines: [LineSpec; 2],
    quarter: Duration,
}

impl Encoder {
    /// Connects an encoder to two lines, which are to be pulled up.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn new(
        stub: &Stub,
        first: impl Into<LineSpec>,
        second: impl Into<LineSpec>,
    ) -> Result<Encoder> {
        let lines = [first.into(), second.into()];
        for line in &lines {
            stub.net(line)?;
        }
        Ok(Encoder {
            host: Host::of(stub),
            driver: Driver::new(),
            lines,
            quarter: Duration::from_millis(2),
        })
    }

    /// Sets how long a click takes. Default: 8 ms, which is a fast hand.
    pub fn click_time(self, time: Duration) -> Encoder {
        Encoder {
            quarter: time / 4,
            ..self
        }
    }

    /// Turns it by so many clicks, clockwise if there are more than none. They take their time,
    /// while others go on; what was left of an earlier turn does not come.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), if its chip was removed, or the board is gone.
    pub fn turn(&self, clicks: i16) -> Result<()> {
        let [first, second] = self.lines.clone();
        let stub = self.host.stub(&first)?;
        let (leads, follows) = match clicks > 0 {
            true => (first, second),
            false => (second, first),
        };
        let clicks = u32::from(clicks.unsigned_abs());
        let plays = vec![
            (leads, self.contact(1, clicks)),
            (follows, self.contact(2, clicks)),
        ];
        stub.play_together(self.driver, plays)
    }

    /// Closes a contact so many quarters after the beginning, for two quarters of each click.
    fn contact(&self, quarters: u32, clicks: u32) -> Vec<Step> {
        let step = |number: u32| match (number, number % 2) {
            (0, _) => (self.quarter.saturating_mul(quarters), Some(false)),
            (_, 0) => (self.quarter.saturating_mul(2), Some(false)),
            _ => (self.quarter.saturating_mul(2), None),
        };
        (0..2 * clicks).map(step).collect()
    }
}
