//! What must hold for any bytes, with bytes that are drawn: the same ones each time. tests/fuzz goes
//! on from here, led by what they reach.

mod invariants;

use invariants::{Drawn, STEP};

/// Calls with bytes of up to so many steps, so many times.
fn draw(seed: u64, steps: usize, rounds: usize, hold: fn(&[u8])) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..rounds {
        let bytes: Vec<u8> = (0..random.usize(..=steps) * STEP)
            .map(|_| random.u8(..))
            .collect();
        let held = std::panic::catch_unwind(|| hold(&bytes));
        if held.is_err() {
            let steps: Vec<_> = Drawn::all(&bytes).map(Drawn::event).collect();
            panic!("{bytes:?} does not hold: {steps:#?}");
        }
    }
}

#[test]
fn any_uevents_lost_or_not() {
    draw(1, 24, 4000, invariants::registry);
}

#[test]
fn what_uevents_lead_to_is_what_a_look_finds() {
    draw(2, 48, 2000, invariants::tree);
}
