//! A PI controller for the speed of a wheel.

/// What is asked for is known to need about so much (`feed`); what is wrong with that is made up for at once
/// (`proportional`) and in time (`integral`).
#[derive(Clone, Debug)]
pub struct Pi {
    feed: f64,
    proportional: f64,
    integral: f64,
    sum: f64,
}

impl Pi {
    pub fn new(feed: f64, proportional: f64, integral: f64) -> Pi {
        Pi {
            feed,
            proportional,
            integral,
            sum: 0.0,
        }
    }

    /// Forgets what was.
    pub fn reset(&mut self) {
        self.sum = 0.0;
    }

    /// Returns the duty for a speed, from -1 to 1, when it is this fast; called once in so many seconds.
    pub fn duty(&mut self, target: f64, speed: f64, seconds: f64) -> f64 {
        // What is to stand still is let alone: a sum that winds up there would jerk it.
        if target == 0.0 {
            self.reset();
            return 0.0;
        }
        let error = target - speed;
        let sum = self.sum + self.integral * error * seconds;
        let wanted = self.feed * target + self.proportional * error + sum;
        let duty = wanted.clamp(-1.0, 1.0);
        // At the end of what it can do it does not go on summing up, unless that leads away from the end.
        if duty == wanted || error * wanted < 0.0 {
            self.sum = sum;
        }
        duty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wheel that reaches `fastest` at full duty, with a lag of 0.1 s.
    fn drive(pi: &mut Pi, speed: &mut f64, fastest: f64, target: f64, cycles: usize) -> f64 {
        let mut duty = 0.0;
        for _ in 0..cycles {
            duty = pi.duty(target, *speed, 0.01);
            *speed += (duty * fastest - *speed) * 0.01 / 0.1;
        }
        duty
    }

    #[test]
    fn it_gets_there_with_a_battery_that_is_low() {
        let (mut pi, mut speed) = (Pi::new(1.0 / 0.65, 1.0, 6.0), 0.0);
        drive(&mut pi, &mut speed, 0.5, 0.3, 200);
        assert!((speed - 0.3).abs() < 0.005, "{speed}");
    }

    #[test]
    fn what_it_cannot_do_does_not_add_up() {
        let (mut pi, mut speed) = (Pi::new(1.0 / 0.65, 1.0, 6.0), 0.0);
        assert_eq!(drive(&mut pi, &mut speed, 0.0, 0.3, 1000), 1.0);
        // It is let go, and is not faster than it should be for as long as it was held.
        drive(&mut pi, &mut speed, 0.65, 0.3, 150);
        assert!((speed - 0.3).abs() < 0.01, "{speed}");
    }

    #[test]
    fn zero_is_off_at_once() {
        let mut pi = Pi::new(1.0, 1.0, 6.0);
        pi.duty(0.5, 0.0, 0.01);
        assert_eq!(pi.duty(0.0, 0.4, 0.01), 0.0);
        assert_eq!(pi.duty(-0.2, -0.2, 0.01), -0.2);
    }
}
