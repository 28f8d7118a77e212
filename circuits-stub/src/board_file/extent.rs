//! What a quantity can be.

use std::fmt;

/// From one number to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    least: f64,
    most: f64,
}

impl Extent {
    /// Any number that there is.
    pub(super) const ANY: Extent = Extent::new(f64::NEG_INFINITY, f64::INFINITY);

    pub(super) const fn new(least: f64, most: f64) -> Extent {
        Extent { least, most }
    }

    /// As exactly as chips have it: what a sum of decimal fractions is too much does not count.
    pub(super) fn contains(self, number: f64) -> bool {
        (self.least as f32..=self.most as f32).contains(&(number as f32))
    }

    /// What it is of numbers that are yet to be multiplied.
    pub(super) fn before(self, factor: f64) -> Extent {
        let (one, other) = (self.least / factor, self.most / factor);
        match factor == 0.0 {
            true => Extent::ANY,
            false => Extent::new(one.min(other), one.max(other)),
        }
    }
}

/// To be read after "is to be".
impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least.is_finite(), self.most.is_finite()) {
            (true, false) => write!(f, "{} or more", self.least),
            (false, true) => write!(f, "{} or less", self.most),
            _ => write!(f, "{} to {}", self.least, self.most),
        }
    }
}
