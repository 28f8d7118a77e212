use std::time::Duration;

use circuits_gpio::LineSpec;

use super::Host;
use crate::gpio::{Driver, Step};
use crate::{Result, Stub};

/// A button between a line and ground, or the supply. Several may be on one line, and clones are the same button. It
/// does not keep the board.
///
/// ```
/// use circuits_gpio::{Bias, Config, Input};
/// use circuits_stub::{Stub, parts::Button};
/// use std::time::Duration;
///
/// let millis = Duration::from_millis;
/// let stub = Stub::virtual_time().lines(["STOP"]);
/// let button = Button::to_ground(&stub, "STOP")?.bouncing(millis(5));
/// let config = Config::new().bias(Bias::PullUp).active_low(true).debounce(millis(10));
/// let mut stop = Input::open_on(&stub, "STOP", &config)?;
///
/// button.press()?;
/// let event = stop.wait_edge(millis(100))?.expect("it was pressed");
/// assert_eq!(event.time().as_nanos(), 15_000_000);
/// assert_eq!(stop.wait_edge(millis(100))?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Button {
    host: Host,
    driver: Driver,
    line: LineSpec,
    /// The level of what it connects the line to.
    level: bool,
    bounce: Duration,
    /// It connects the line while nobody presses it.
    is_normally_closed: bool,
}

/// What contacts do until they rest, in hundredths of the time that it takes: closed at the
/// beginning, open, closed, and so on; nine changes, as small switches have them.
const BOUNCES: [u32; 9] = [0, 4, 9, 18, 26, 45, 52, 81, 100];

impl Button {
    /// Connects a button between a line and ground, for a line that is pulled up.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn to_ground(stub: &Stub, line: impl Into<LineSpec>) -> Result<Button> {
        Button::new(stub, line.into(), false)
    }

    /// Connects a button between a line and the supply, for a line that is pulled down.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn to_supply(stub: &Stub, line: impl Into<LineSpec>) -> Result<Button> {
        Button::new(stub, line.into(), true)
    }

    fn new(stub: &Stub, line: LineSpec, level: bool) -> Result<Button> {
        stub.net(&line)?;
        Ok(Button {
            host: Host::of(stub),
            driver: Driver::new(),
            line,
            level,
            bounce: Duration::ZERO,
            is_normally_closed: false,
        })
    }

    /// Has it be closed while nobody presses it, and open when it is pressed, as an emergency stop. Default: the other
    /// way round.
    ///
    /// # Errors
    /// As [`press`](Button::press).
    pub fn normally_closed(self) -> Result<Button> {
        let button = Button {
            is_normally_closed: true,
            ..self
        };
        button.play(vec![(Duration::ZERO, Some(button.level))])?;
        Ok(button)
    }

    /// Sets for how long its contacts bounce, both ways: some milliseconds, where they are good.
    /// Default: not at all.
    pub fn bouncing(self, bounce: Duration) -> Button {
        Button { bounce, ..self }
    }

    /// Presses it. It goes on bouncing while others go on.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), if its chip was removed, or the board is gone.
    pub fn press(&self) -> Result<()> {
        self.play(self.change(true))
    }

    /// Presses it for so long, while others go on.
    ///
    /// # Errors
    /// As [`press`](Button::press).
    pub fn press_for(&self, time: Duration) -> Result<()> {
        let mut steps = self.change(true);
        let mut released = self.change(false);
        if let Some((after, _)) = released.first_mut() {
            // Since it closed first, not since it came to rest.
            *after = time.saturating_sub(self.bounce);
        }
        steps.append(&mut released);
        self.play(steps)
    }

    /// Lets go of it.
    ///
    /// # Errors
    /// As [`press`](Button::press).
    pub fn release(&self) -> Result<()> {
        self.play(self.change(false))
    }

    fn play(&self, steps: Vec<Step>) -> Result<()> {
        let plays = vec![(self.line.clone(), steps)];
        self.host
            .stub(&self.line)?
            .play_together(self.driver, plays)
    }

    /// What its contacts do until they rest.
    fn change(&self, is_pressed: bool) -> Vec<Step> {
        let of = |is_pressed| (is_pressed != self.is_normally_closed).then_some(self.level);
        let (from, to) = (of(!is_pressed), of(is_pressed));
        if self.bounce.is_zero() {
            return vec![(Duration::ZERO, to)];
        }
        let mut last = 0;
        let steps = BOUNCES.iter().zip([to, from].into_iter().cycle());
        let steps = steps.map(|(hundredths, state)| {
            let passed = hundredths - std::mem::replace(&mut last, *hundredths);
            (self.bounce / 100 * passed, state)
        });
        steps.collect()
    }
}

#[cfg(test)]
mod tests {
    use circuits_gpio::{Bias, Config, Edge, Input};

    use super::*;

    #[test]
    fn an_emergency_stop_opens_when_it_is_pressed() {
        let stub = Stub::virtual_time().lines(["STOP"]);
        let button = Button::to_ground(&stub, "STOP").unwrap();
        let button = button.normally_closed().unwrap();
        let config = Config::new().bias(Bias::PullUp);
        let mut line = Input::open_on(&stub, "STOP", &config).unwrap();
        assert!(!line.get().unwrap());
        line.wait_edge(Duration::ZERO).unwrap();
        let second = Duration::from_secs(1);
        button.press_for(second).unwrap();
        let edges = [(); 2].map(|_| line.wait_edge(2 * second).unwrap().unwrap());
        assert_eq!(
            edges.map(|event| event.edge()),
            [Edge::Rising, Edge::Falling]
        );
        assert_eq!(edges[1].time().since(edges[0].time()), second);
    }
}
