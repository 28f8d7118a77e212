use circuits_gpio::Bias;

/// What a line, and all that is wired to it, is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Net {
    /// Something drives it: high, if it is so.
    Driven(bool),
    /// Nothing drives it, and it is pulled: up, if it is so. Where both are, it is down.
    Pulled(bool),
    /// Nothing drives it or pulls it. It reads as low here; on a real board as anything.
    Floating,
    /// It is driven high and low, which may break what does it. It reads as low.
    Contended,
    /// It has a short circuit, to the supply, if it is high: [`stuck_high`](super::Fault::stuck_high).
    Shorted(bool),
}

impl Net {
    /// Returns the level that it reads as.
    pub fn level(self) -> bool {
        matches!(
            self,
            Net::Driven(true) | Net::Pulled(true) | Net::Shorted(true)
        )
    }
}

/// What a resistor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pull {
    Up,
    Down,
}

impl Pull {
    pub(super) fn of(bias: Option<Bias>) -> Option<Pull> {
        match bias? {
            Bias::PullUp => Some(Pull::Up),
            Bias::PullDown => Some(Pull::Down),
            Bias::Disabled => None,
        }
    }
}

/// What comes of all that drive a net, or pull it: a chip does both, and what is outside drives.
pub(super) fn resolve(all: impl Iterator<Item = (Option<bool>, [Option<Pull>; 2])>) -> Net {
    let (mut high, mut low, mut up, mut down) = (false, false, false, false);
    for (level, pulls) in all {
        high |= level == Some(true);
        low |= level == Some(false);
        up |= pulls.contains(&Some(Pull::Up));
        down |= pulls.contains(&Some(Pull::Down));
    }
    match (high, low) {
        (true, true) => Net::Contended,
        (false, false) if up || down => Net::Pulled(!down),
        (false, false) => Net::Floating,
        _ => Net::Driven(high),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_stronger_than_pulls() {
        let (high, low, none) = (Some(true), Some(false), None);
        let (up, down) = (Some(Pull::Up), Some(Pull::Down));
        for (all, net) in [
            (vec![(high, [down, None])], Net::Driven(true)),
            (
                vec![(low, [None, up]), (none, [None; 2])],
                Net::Driven(false),
            ),
            (
                vec![(low, [None, up]), (low, [None; 2])],
                Net::Driven(false),
            ),
            (vec![(high, [None; 2]), (low, [None; 2])], Net::Contended),
            (vec![(none, [None, up])], Net::Pulled(true)),
            (
                vec![(none, [None, up]), (none, [down, None])],
                Net::Pulled(false),
            ),
            (vec![(none, [None; 2])], Net::Floating),
        ] {
            assert_eq!(resolve(all.into_iter()), net);
        }
    }
}
