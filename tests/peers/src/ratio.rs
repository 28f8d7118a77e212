use fastrand::Rng;

use crate::rounds::SEED;

const RESAMPLES: usize = 10_000;

/// How much longer something takes than something else, with its 95 % interval.
#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) value: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

impl Ratio {
    /// Returns the median of the ratios in each round: what was measured side by side stays so. The
    /// interval is that of the percentile bootstrap, which draws rounds (Efron and Tibshirani, An
    /// Introduction to the Bootstrap, 13.3).
    pub(crate) fn new(times: &[f64], bare: &[f64]) -> Ratio {
        let rounds = times.iter().zip(bare);
        let mut rounds: Vec<f64> = rounds.map(|(time, bare)| time / bare).collect();
        let mut rng = Rng::with_seed(SEED);
        let mut drawn = vec![0.0; rounds.len()];
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                drawn.fill_with(|| rounds[rng.usize(..rounds.len())]);
                median(&mut drawn)
            })
            .collect();
        medians.sort_unstable_by(f64::total_cmp);
        Ratio {
            value: median(&mut rounds),
            lower: medians[RESAMPLES / 40],
            upper: medians[RESAMPLES - 1 - RESAMPLES / 40],
        }
    }
}

/// Sorts, and returns what is in the middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() % 2 {
        0 => (values[half - 1] + values[half]) / 2.0,
        _ => values[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn what_slows_down_both_does_not_count() {
        let bare: Vec<f64> = (1..=30).map(f64::from).collect();
        let times: Vec<f64> = bare.iter().map(|time| time * 1.5).collect();
        let ratio = Ratio::new(&times, &bare);
        assert_eq!((ratio.value, ratio.lower, ratio.upper), (1.5, 1.5, 1.5));
    }

    #[test]
    fn the_interval_contains_the_truth_as_often_as_it_says() {
        let mut rng = Rng::with_seed(1);
        let mut contained = 0;
        for _ in 0..20 {
            let mut rounds = |time: f64| -> Vec<f64> {
                (0..30).map(|_| time * (1.0 + 0.1 * rng.f64())).collect()
            };
            let ratio = Ratio::new(&rounds(110.0), &rounds(100.0));
            assert!(ratio.lower < ratio.value && ratio.value < ratio.upper);
            assert!(ratio.upper - ratio.lower < 0.1);
            contained += u32::from(ratio.lower <= 1.1 && 1.1 <= ratio.upper);
        }
        // 19, give or take two standard deviations.
        assert!((17..=20).contains(&contained), "{contained} of 20");
    }
}
