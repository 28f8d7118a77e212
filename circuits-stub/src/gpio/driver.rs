use std::sync::atomic::{AtomicU64, Ordering};

/// One of those who drive lines from outside the board: a part, a pin of a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Driver(u64);

impl Driver {
    /// A test's own hand.
    pub(crate) const FINGER: Driver = Driver(0);

    pub(crate) fn new() -> Driver {
        static DRIVERS: AtomicU64 = AtomicU64::new(1);
        Driver(DRIVERS.fetch_add(1, Ordering::Relaxed))
    }
}

/// Who drives a line from outside the board now, and how.
#[derive(Debug, Default)]
pub(super) struct Drivers(Vec<(Driver, bool)>);

impl Drivers {
    /// Has one drive it, or not any more. Returns what can be told of it: how it is driven now, if that is another way
    /// than before, whoever does it.
    pub(super) fn set(&mut self, driver: Driver, level: Option<bool>) -> Option<Option<bool>> {
        let before = self.sides();
        self.0.retain(|(of, _)| *of != driver);
        self.0.extend(level.map(|level| (driver, level)));
        let after = self.sides();
        (after != before).then_some(match after {
            [false, false] => None,
            // Against others: that is told of besides.
            [true, true] => level,
            [_, high] => Some(high),
        })
    }

    pub(super) fn levels(&self) -> impl Iterator<Item = bool> {
        self.0.iter().map(|(_, level)| *level)
    }

    /// Whether anybody drives it low, and high.
    fn sides(&self) -> [bool; 2] {
        [false, true].map(|side| self.levels().any(|level| level == side))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_told() {
        let [a, b, c] = [(); 3].map(|()| Driver::new());
        let mut drivers = Drivers::default();
        let (low, high) = (Some(false), Some(true));
        for (driver, level, told) in [
            (a, low, Some(low)),
            (a, low, None),
            (b, low, None),
            (a, None, None),
            (c, high, Some(high)),
            (a, high, None),
            (b, None, Some(high)),
            (a, None, None),
            (c, low, Some(low)),
            (c, None, Some(None)),
        ] {
            assert_eq!(drivers.set(driver, level), told, "{driver:?} {level:?}");
        }
    }
}
