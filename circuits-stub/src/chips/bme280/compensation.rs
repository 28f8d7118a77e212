//! What the converters make of the air, by the formulas that drivers compensate with.

use super::Air;

// The calibration of a part that Bosch prints as an example (BST-BMP280-DS001, section 3.12), and
// of humidity what parts commonly have.
const T: [f64; 3] = [27504.0, 26435.0, -1000.0];
const P: [f64; 9] = [
    36477.0, -10685.0, 3024.0, 2855.0, 140.0, -7.0, 15500.0, -14600.0, 6000.0,
];
pub(super) const H: [f64; 6] = [75.0, 362.0, 0.0, 313.0, 50.0, 30.0];

/// From 0x88: `dig_T1` to `dig_P9`, and `dig_H1` at 0xa1 (table 16).
pub(super) const CALIBRATION_1: [u8; 26] = {
    let words = [
        T[0], T[1], T[2], P[0], P[1], P[2], P[3], P[4], P[5], P[6], P[7], P[8],
    ];
    let mut bytes = [0; 26];
    let mut word = 0;
    while word < words.len() {
        [bytes[2 * word], bytes[2 * word + 1]] = (words[word] as i32 as u16).to_le_bytes();
        word += 1;
    }
    bytes[25] = H[0] as u8;
    bytes
};

/// From 0xe1: `dig_H2` to `dig_H6`, of which H4 and H5 have twelve bits.
pub(super) const CALIBRATION_2: [u8; 7] = {
    let [h2_low, h2_high] = (H[1] as i16).to_le_bytes();
    let (h4, h5) = (H[3] as i16, H[4] as i16);
    let middle = (h5 & 0xf) << 4 | h4 & 0xf;
    [
        h2_low,
        h2_high,
        H[2] as u8,
        (h4 >> 4) as u8,
        middle as u8,
        (h5 >> 4) as u8,
        H[5] as u8,
    ]
};

/// What the converters make of the air.
pub(super) struct Raw {
    pub(super) temperature: u32,
    pub(super) pressure: u32,
    pub(super) humidity: u32,
}

impl Raw {
    pub(super) fn of(air: Air) -> Raw {
        let celsius = f64::from(air.celsius).clamp(-40.0, 85.0);
        let pascals = f64::from(air.pascals).clamp(30_000.0, 110_000.0);
        let humidity = f64::from(air.humidity).clamp(0.0, 100.0);
        // The part has the temperature that it has, whatever of it is measured.
        let t_fine = celsius * 5120.0;
        Raw {
            temperature: nearest(1 << 20, |raw| fine_temperature(raw) - t_fine),
            pressure: nearest(1 << 20, |raw| pascals - pressure(raw, t_fine)),
            humidity: nearest(1 << 16, |raw| relative_humidity(raw, t_fine) - humidity),
        }
    }
}

/// The value below a limit for which something that rises is nearest to zero.
fn nearest(limit: u32, rising: impl Fn(f64) -> f64) -> u32 {
    let (mut low, mut high) = (0, limit - 1);
    while high - low > 1 {
        let middle = (low + high) / 2;
        match rising(f64::from(middle)) < 0.0 {
            true => low = middle,
            false => high = middle,
        }
    }
    let distance = |raw| rising(f64::from(raw)).abs();
    if distance(low) < distance(high) {
        low
    } else {
        high
    }
}

/// Appendix A, 8.1: the formulas in floating point.
pub(super) fn fine_temperature(raw: f64) -> f64 {
    let coarse = (raw / 16384.0 - T[0] / 1024.0) * T[1];
    let fine = raw / 131_072.0 - T[0] / 8192.0;
    coarse + fine * fine * T[2]
}

pub(super) fn pressure(raw: f64, t_fine: f64) -> f64 {
    let t = t_fine / 2.0 - 64000.0;
    let offset = (t * t * P[5] / 32768.0 + t * P[4] * 2.0) / 4.0 + P[3] * 65536.0;
    let slope = (P[2] * t * t / 524_288.0 + P[1] * t) / 524_288.0;
    let slope = (1.0 + slope / 32768.0) * P[0];
    let p = (1_048_576.0 - raw - offset / 4096.0) * 6250.0 / slope;
    p + (P[8] * p * p / 2_147_483_648.0 + p * P[7] / 32768.0 + P[6]) / 16.0
}

fn relative_humidity(raw: f64, t_fine: f64) -> f64 {
    let t = t_fine - 76800.0;
    let slope = 1.0 + H[5] / 67_108_864.0 * t * (1.0 + H[2] / 67_108_864.0 * t);
    let h = (raw - (H[3] * 64.0 + H[4] / 16384.0 * t)) * (H[1] / 65536.0 * slope);
    h * (1.0 - H[0] * h / 524_288.0)
}
