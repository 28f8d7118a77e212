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

/// Two drivers and two pulls for each line: what is outside, and what the chip does.
pub(super) fn resolve(
    lines: impl Iterator<Item = (Option<bool>, Option<bool>, [Option<Pull>; 2])>,
) -> Net {
    let (mut high, mut low, mut up, mut down) = (false, false, false, false);
    for (outside, output, pulls) in lines {
        for level in [outside, output].into_iter().flatten() {
            match level {
                true => high = true,
                false => low = true,
            }
        }
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
        for (lines, net) in [
            (
                vec![(high, none, [Some(Pull::Down), None])],
                Net::Driven(true),
            ),
            (
                vec![(none, low, [None, Some(Pull::Up)]), (none, none, [None; 2])],
                Net::Driven(false),
            ),
            (vec![(high, low, [None; 2])], Net::Contended),
            (
                vec![(high, none, [None; 2]), (none, low, [None; 2])],
                Net::Contended,
            ),
            (
                vec![(none, none, [None, Some(Pull::Up)])],
                Net::Pulled(true),
            ),
            (
                vec![
                    (none, none, [None, Some(Pull::Up)]),
                    (none, none, [Some(Pull::Down), None]),
                ],
                Net::Pulled(false),
            ),
            (vec![(none, none, [None; 2])], Net::Floating),
        ] {
            assert_eq!(resolve(lines.into_iter()), net);
        }
    }
}
