//! What bit rates a controller can do: a whole number of quanta of its clock for each bit.

use std::io;

use super::{EINVAL, errno};

/// The clock of a controller, in hertz, if nobody says otherwise: that of an MCP2518FD on most boards.
pub(super) const CLOCK: u32 = 40_000_000;

/// A bit: how many of them there are a second, and where in it it is sampled, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timing {
    pub(super) bitrate: u32,
    pub(super) sample_point: u32,
}

/// How many quanta there may be in the parts of a bit, before and after it is sampled, and how many periods of the
/// clock in a quantum (drivers/net/can/spi/mcp251xfd/mcp251xfd-core.c).
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    before: (u32, u32),
    after: (u32, u32),
    prescaler: u32,
}

/// Of the arbitration, and of classic frames.
pub(super) const NOMINAL: Limits = Limits {
    before: (2, 256),
    after: (1, 128),
    prescaler: 256,
};

/// Of the data phase.
pub(super) const DATA: Limits = Limits {
    before: (1, 32),
    after: (1, 16),
    prescaler: 256,
};

/// What is too far off to be taken for what was asked for, in thousandths (CAN_CALC_MAX_ERROR,
/// drivers/net/can/dev/calc_bittiming.c).
const TOO_FAR: u64 = 50;

impl Timing {
    /// The timing that is nearest, as the kernel finds it (`can_calc_bittiming`): by the bit rate first, and then by
    /// the sample point, which is by CiA's advice if none was asked for, and not later than it should be.
    ///
    /// # Errors
    /// `EINVAL`: none is near.
    pub(super) fn nearest(
        limits: &Limits,
        clock: u32,
        bitrate: u32,
        sample_point: Option<u32>,
    ) -> io::Result<Timing> {
        let wanted = sample_point.unwrap_or(match bitrate {
            800_001.. => 750,
            500_001.. => 800,
            _ => 875,
        });
        let (least, most) = (
            limits.before.0 + limits.after.0,
            limits.before.1 + limits.after.1,
        );
        let mut best: Option<(u32, u32, Timing)> = None;
        // As long as can be, for that has the finest quanta.
        for quanta in (least + 1..=most + 1).rev() {
            let prescaler = u64::from(clock) / (u64::from(quanta) * u64::from(bitrate.max(1)));
            for prescaler in [prescaler + 1, prescaler] {
                if !(1..=u64::from(limits.prescaler)).contains(&prescaler) {
                    continue;
                }
                let rate = clock / (prescaler as u32 * quanta);
                let Some(point) = limits.sample(quanta, wanted) else {
                    continue;
                };
                let off = (rate.abs_diff(bitrate), point.abs_diff(wanted));
                if best.is_none_or(|(rate, point, _)| off < (rate, point)) {
                    let timing = Timing {
                        bitrate: rate,
                        sample_point: point,
                    };
                    best = Some((off.0, off.1, timing));
                }
            }
        }
        match best {
            Some((off, _, timing))
                if u64::from(off) * 1000 / u64::from(bitrate.max(1)) <= TOO_FAR =>
            {
                Ok(timing)
            }
            _ => Err(errno(EINVAL)),
        }
    }
}

impl Limits {
    /// Where a bit of so many quanta can be sampled, nearest to that and not after it.
    fn sample(&self, quanta: u32, wanted: u32) -> Option<u32> {
        let after = quanta - wanted * quanta / 1000;
        let points = [after, after.saturating_sub(1)].map(|after| {
            let after = after.clamp(self.after.0, self.after.1);
            // One quantum is for the edge.
            let before = (quanta - 1).saturating_sub(after);
            let before = before.min(self.before.1);
            (before >= self.before.0 && quanta - 1 - before <= self.after.1)
                .then(|| 1000 * (1 + before) / quanta)
        });
        points
            .into_iter()
            .flatten()
            .filter(|point| *point <= wanted)
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nominal(bitrate: u32, sample_point: Option<u32>) -> Option<(u32, u32)> {
        let timing = Timing::nearest(&NOMINAL, CLOCK, bitrate, sample_point).ok()?;
        Some((timing.bitrate, timing.sample_point))
    }

    /// What `ip link` shows for an mcp251xfd of 40 MHz.
    #[test]
    fn usual_rates_are_exact() {
        assert_eq!(nominal(125_000, None), Some((125_000, 875)));
        assert_eq!(nominal(250_000, None), Some((250_000, 875)));
        assert_eq!(nominal(500_000, None), Some((500_000, 875)));
        assert_eq!(nominal(1_000_000, None), Some((1_000_000, 750)));
        assert_eq!(nominal(500_000, Some(800)), Some((500_000, 800)));
        let data = |bitrate| {
            Timing::nearest(&DATA, CLOCK, bitrate, None)
                .unwrap()
                .bitrate
        };
        for bitrate in [1_000_000, 2_000_000, 4_000_000, 5_000_000, 8_000_000] {
            assert_eq!(data(bitrate), bitrate);
        }
    }

    #[test]
    fn others_are_near_or_refused() {
        assert_eq!(nominal(83_333, None), Some((83_333, 875)));
        assert_eq!(nominal(799_999, None), Some((800_000, 800)));
        for bitrate in [1, 13, 300, 25_000_000, 4_000_000_000] {
            assert_eq!(nominal(bitrate, None), None, "{bitrate}");
        }
        assert!(nominal(406, None).is_some(), "the slowest that there is");
        assert!(Timing::nearest(&DATA, CLOCK, 14_500_000, None).is_err());
    }
}
