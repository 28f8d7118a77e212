//! What must hold for any bytes, with bytes that are drawn: the same ones each time. tests/fuzz goes
//! on from here, led by what they reach.

mod invariants;

use std::fs;
use std::path::Path;

use circuits_enumerate::{Recording, Uevent};
use invariants::{Drawn, STEP, encode};

/// Calls with bytes of up to so many steps, so many times.
fn draw(seed: u64, steps: usize, rounds: usize, hold: fn(&[u8])) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..rounds {
        // Of any paths two are seldom the same, and of any oddities one is always there.
        let mut paths = [0; 6].map(|_| random.u8(..));
        // What hangs on the first.
        paths[1] = paths[0] | 0x40;
        paths[2] = paths[0] | 0xc0;
        let mut step = || {
            let any: [u8; STEP] = [0; STEP].map(|_| random.u8(..));
            let path = |byte: u8| paths[usize::from(byte) % paths.len()];
            let plain = any[4] & 64 == 0;
            let kind = if plain { any[1] & 3 } else { any[3] };
            let properties = if plain { any[4] & 8 } else { any[4] };
            [any[0], path(any[1]), path(any[2]), kind, properties]
        };
        let bytes: Vec<u8> = (0..steps).flat_map(|_| step()).collect();
        let held = std::panic::catch_unwind(|| hold(&bytes));
        if held.is_err() {
            let steps: Vec<_> = Drawn::all(&bytes).map(Drawn::event).collect();
            panic!("{bytes:?} does not hold: {steps:#?}");
        }
    }
}

#[test]
fn any_uevents_lost_or_not() {
    draw(1, 20, 500, invariants::registry);
}

#[test]
fn what_uevents_lead_to_is_what_a_look_finds() {
    draw(2, 30, 400, invariants::tree);
}

#[test]
fn any_datagram_like_those_of_kernels() {
    let mut random = fastrand::Rng::with_seed(3);
    let events =
        b"libudev\0\xfe\xed\xca\xfe add@/devices/a/../b ACTION=add DEVPATH=/devices SEQNUM=7";
    for _ in 0..5_000 {
        let mut bytes = Vec::new();
        // Pieces of what they are made of, ended or not.
        for _ in 0..random.usize(1..6) {
            let from = random.usize(..events.len());
            let to = random.usize(from..events.len());
            bytes.extend(
                events[from..to]
                    .iter()
                    .map(|byte| if *byte == b' ' { 0 } else { *byte }),
            );
        }
        invariants::uevent(&bytes);
    }
}

#[test]
fn recordings_and_parts_of_them() {
    let mut random = fastrand::Rng::with_seed(4);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings/pi");
    for name in ["can-link", "gpio-chip", "i2c-client", "spi-device"] {
        let text = fs::read_to_string(folder.join(name).with_extension("txt")).unwrap();
        invariants::recording(text.as_bytes());
        let lines: Vec<&str> = text.lines().collect();
        for _ in 0..20 {
            let drawn = (0..20).map(|_| lines[random.usize(..lines.len())]);
            let text = format!("[drawn: uevents]\n{}", drawn.collect::<Vec<_>>().join("\n"));
            invariants::recording(text.as_bytes());
        }
        let recording = Recording::parse(&text).unwrap();
        let datagrams = recording.steps().flat_map(|step| step.uevents());
        let events: Vec<Uevent> = datagrams
            .map(|bytes| Uevent::parse(bytes).unwrap())
            .collect();
        let steps: Vec<u8> = events.iter().flat_map(encode).collect();
        invariants::registry(&steps);
        invariants::tree(&steps);
    }
}
