//! Bits on a wire: the levels that a character makes, and what a receiver takes them for.
//!
//! Here only ends meet that are not set up alike, and breaks: where both sides agree, a character
//! comes as it was sent, and nobody looks at its bits.

use std::collections::VecDeque;

use circuits_uart::{Config, Parity};
use circuits_wait::Time;

/// Two ends that are no further apart than this understand each other: a 200th part.
const NEAR: u64 = 200;

/// How long a bit is, in halves of one: whole nanoseconds would add up.
const HALF: u64 = 500_000_000;

/// What a receiver made of the levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Byte(u8),
    /// There was no stop bit.
    BadFrame(u8),
    BadParity(u8),
    Break,
}

/// Whether each of two ends takes what the other one sends as it was sent.
pub(super) fn agree(one: &Config, other: &Config) -> bool {
    let (fast, slow) = (one.baud_rate(), other.baud_rate());
    let apart = u64::from(fast.abs_diff(slow));
    apart * NEAR <= u64::from(fast)
        && one.character_bits() == other.character_bits()
        && one.parity_bit() == other.parity_bit()
        && one.stop() == other.stop()
}

/// What is left of a byte in a character that has fewer bits.
pub(super) fn data(config: &Config, byte: u8) -> u8 {
    byte & (0xff >> (8 - config.character_bits().clamp(5, 8)))
}

/// The parity bit of some data, if there is one.
fn parity(config: &Config, data: u8) -> Option<bool> {
    let is_odd = data.count_ones() % 2 == 1;
    match config.parity_bit() {
        Parity::None => None,
        Parity::Even => Some(is_odd),
        Parity::Odd => Some(!is_odd),
        Parity::Mark => Some(true),
        Parity::Space => Some(false),
    }
}

/// How many bits there are before the stop bit.
fn length(config: &Config) -> u64 {
    1 + u64::from(config.character_bits()) + u64::from(config.parity_bit() != Parity::None)
}

/// The time that is so many halves of a bit after another one.
fn after(config: &Config, start: Time, halves: u64) -> Time {
    let nanos = halves * HALF / u64::from(config.baud_rate().max(1));
    Time::from_nanos(start.as_nanos().saturating_add(nanos))
}

/// The levels of a character, each from a time on, up to the stop bit.
fn levels(config: &Config, byte: u8, start: Time) -> impl Iterator<Item = (Time, bool)> {
    let data = data(config, byte);
    let bits = u64::from(config.character_bits());
    let parity = parity(config, data);
    let level = move |bit: u64| match bit {
        0 => false,
        bit if bit <= bits => data >> (bit - 1) & 1 == 1,
        bit if bit == bits + 1 => parity.unwrap_or(true),
        _ => true,
    };
    (0..=length(config)).map(move |bit| (after(config, start, 2 * bit), level(bit)))
}

/// A receiver, and what is on its wire: it waits for the line to fall, and then looks at the middle of
/// each bit, as long as it holds its own to be.
#[derive(Debug)]
pub(super) struct Ear {
    /// The level before `levels`.
    level: bool,
    /// Those that it has not passed yet, each from a time on.
    levels: VecDeque<(Time, bool)>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits for the line to fall, since then.
    Idle(Time),
    /// The line fell: it is a start bit if it still is low in its middle.
    Fallen(Time),
    /// It takes the bits of a character that began then.
    Started(Time),
}

/// A line rests high.
impl Default for Ear {
    fn default() -> Ear {
        Ear {
            level: true,
            levels: VecDeque::new(),
            state: State::Idle(Time::ZERO),
        }
    }
}

impl Ear {
    /// A character goes over the wire from a time on.
    pub(super) fn character(&mut self, config: &Config, byte: u8, start: Time) {
        for (time, level) in levels(config, byte, start) {
            self.set(level, time);
        }
    }

    /// The line has a level from a time on. What was said of later times does not count any more.
    pub(super) fn set(&mut self, level: bool, time: Time) {
        while self.levels.back().is_some_and(|last| last.0 >= time) {
            self.levels.pop_back();
        }
        let last = self.levels.back().map_or(self.level, |last| last.1);
        if last != level {
            self.levels.push_back((time, level));
        }
    }

    /// Whether all that was on the wire has been heard, and the line rests.
    pub(super) fn is_quiet(&self) -> bool {
        self.level && self.levels.is_empty() && matches!(self.state, State::Idle(_))
    }

    /// When it looks at the line next.
    pub(super) fn next(&self, config: &Config) -> Option<Time> {
        match self.state {
            State::Idle(since) => match self.fall(since) {
                Some(fall) => Some(fall),
                // To forget what is over.
                None => self.levels.back().map(|last| last.0),
            },
            State::Fallen(start) => Some(after(config, start, 1)),
            State::Started(start) => Some(after(config, start, 2 * length(config) + 1)),
        }
    }

    /// Looks at the line, at the time that `next` has said.
    pub(super) fn look(&mut self, config: &Config, now: Time) -> Option<Heard> {
        match self.state {
            State::Idle(since) => {
                if let Some(fall) = self.fall(since) {
                    self.state = State::Fallen(fall);
                } else {
                    self.forget(now);
                }
                None
            }
            State::Fallen(start) if self.level_at(now) => {
                self.rest(start, now);
                None
            }
            State::Fallen(start) => {
                self.state = State::Started(start);
                None
            }
            State::Started(start) => {
                let heard = self.heard(config, start);
                self.rest(start, now);
                Some(heard)
            }
        }
    }

    /// Reads a character that is over.
    fn heard(&self, config: &Config, start: Time) -> Heard {
        let bit = |bit: u64| self.level_at(after(config, start, 2 * bit + 1));
        let bits = u64::from(config.character_bits());
        let byte = (0..bits).fold(0, |byte, number| byte | u8::from(bit(1 + number)) << number);
        let stop = bit(length(config));
        let wanted = parity(config, byte);
        let is = wanted.map(|_| bit(1 + bits));
        match (stop, is == wanted) {
            (false, _) if byte == 0 && is != Some(true) => Heard::Break,
            (false, _) => Heard::BadFrame(byte),
            (true, false) => Heard::BadParity(byte),
            (true, true) => Heard::Byte(byte),
        }
    }

    /// When the line falls next.
    fn fall(&self, since: Time) -> Option<Time> {
        let mut before = self.level;
        for (time, level) in &self.levels {
            if before && !level && *time >= since {
                return Some(*time);
            }
            before = *level;
        }
        None
    }

    fn level_at(&self, time: Time) -> bool {
        let passed = self.levels.iter().take_while(|level| level.0 <= time);
        passed.last().map_or(self.level, |last| last.1)
    }

    /// Waits for the line to fall again. What fell before is not what it waits for.
    fn rest(&mut self, start: Time, now: Time) {
        self.state = State::Idle(now.max(start));
        self.forget(now);
    }

    /// Forgets what is over.
    fn forget(&mut self, now: Time) {
        while self.levels.front().is_some_and(|first| first.0 <= now) {
            if let Some((_, level)) = self.levels.pop_front() {
                self.level = level;
            }
        }
    }
}

/// How long the line rests after a break before something else is sent: a bit, so that it can fall again.
pub(super) fn after_break(config: &Config, time: Time) -> Time {
    after(config, time, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuits_uart::StopBits;
    use std::time::Duration;

    const START: Time = Time::from_nanos(1_000_000);

    /// What a receiver hears of bytes that are sent back to back.
    fn heard(sender: &Config, receiver: &Config, bytes: &[u8]) -> Vec<Heard> {
        let (mut ear, mut start) = (Ear::default(), START);
        for byte in bytes {
            ear.character(sender, *byte, start);
            start = start + sender.character_time();
        }
        listen(&mut ear, receiver)
    }

    fn listen(ear: &mut Ear, receiver: &Config) -> Vec<Heard> {
        let mut heard = Vec::new();
        while let Some(next) = ear.next(receiver) {
            heard.extend(ear.look(receiver, next));
        }
        assert!(ear.is_quiet(), "{ear:?}");
        heard
    }

    fn configs() -> Vec<Config> {
        let parities = [
            Parity::None,
            Parity::Even,
            Parity::Odd,
            Parity::Mark,
            Parity::Space,
        ];
        let mut configs = Vec::new();
        for bits in 5..=8 {
            for parity in parities {
                for stop in [StopBits::One, StopBits::Two] {
                    let config = Config::new().data_bits(bits).parity(parity);
                    configs.push(config.stop_bits(stop));
                }
            }
        }
        configs
    }

    fn all() -> Vec<u8> {
        (0..=255).collect()
    }

    #[test]
    fn who_agrees_understands_every_byte() {
        for config in configs() {
            let sent = all().into_iter();
            let wanted: Vec<_> = sent.map(|byte| Heard::Byte(data(&config, byte))).collect();
            assert_eq!(heard(&config, &config, &all()), wanted, "{config}");
        }
    }

    #[test]
    fn a_receiver_bears_a_little() {
        let sender = Config::new().baud(100_000);
        let wanted: Vec<_> = all().into_iter().map(Heard::Byte).collect();
        for baud in [97_000, 99_000, 101_000, 103_000] {
            let receiver = Config::new().baud(baud);
            assert_eq!(heard(&sender, &receiver, &all()), wanted, "{baud}");
        }
        for baud in [92_000, 108_000] {
            let receiver = Config::new().baud(baud);
            let heard = heard(&sender, &receiver, &all());
            let is_right = |byte: &u8| heard.contains(&Heard::Byte(*byte));
            assert!(!all().iter().all(is_right), "{baud}");
        }
    }

    /// At half the rate two bits are taken for one, in whose middle is an edge; at twice the rate each
    /// bit is taken twice, and a byte for two.
    #[test]
    fn another_rate_makes_the_well_known_garbage() {
        let at = |baud| Config::new().baud(baud);
        // 0 1 0 1 0 1 0 1 0 1: start, 'U', stop. Doubled, it is 0011 0011, as a byte with its start
        // bit low: bits 0, 1, 1, 0, 0, 1, 1, 0, and a stop bit that is low.
        let doubled = heard(&at(9600), &at(19_200), b"U");
        assert_eq!(doubled[0], Heard::BadFrame(0b0110_0110));
        // What is sent fast is over soon: a start bit and seven low bits are four, for who is slow.
        let halved = heard(&at(19_200), &at(9600), &[0x80]);
        assert_eq!(halved, [Heard::Byte(0b1111_1000)]);
        let much = heard(&at(19_200), &at(9600), b"Hello, world");
        assert!(much.len() < 12 && !much.contains(&Heard::Byte(b'H')));
    }

    #[test]
    fn the_last_bit_is_taken_for_parity() {
        let sender = Config::new();
        let receiver = Config::new().data_bits(7).parity(Parity::Even);
        let heard = heard(&sender, &receiver, &all());
        for (sent, heard) in all().into_iter().zip(heard) {
            let seven = sent & 0x7f;
            let is_even = sent.count_ones() % 2 == 0;
            let wanted = match is_even {
                true => Heard::Byte(seven),
                false => Heard::BadParity(seven),
            };
            assert_eq!(heard, wanted, "{sent:#04x}");
        }
    }

    #[test]
    fn a_wrong_parity_is_heard() {
        let even = Config::new().parity(Parity::Even);
        let odd = Config::new().parity(Parity::Odd);
        assert_eq!(heard(&even, &odd, b"A"), [Heard::BadParity(b'A')]);
        // What has no parity bit has a stop bit there, which is high.
        let none = Config::new();
        assert_eq!(heard(&none, &even, b"C"), [Heard::Byte(b'C')]);
        assert_eq!(heard(&none, &even, b"A"), [Heard::BadParity(b'A')]);
    }

    fn low_for(duration: Duration, receiver: &Config) -> Vec<Heard> {
        let mut ear = Ear::default();
        ear.set(false, START);
        ear.set(true, START + duration);
        listen(&mut ear, receiver)
    }

    #[test]
    fn a_line_that_is_low_for_long_is_a_break() {
        let config = Config::new().baud(9600);
        let bits = |bits: u32| Duration::from_secs(1) * bits / 9600;
        assert_eq!(low_for(bits(10), &config), [Heard::Break]);
        assert_eq!(low_for(bits(1000), &config), [Heard::Break]);
        // The start bit and five bits of data.
        assert_eq!(low_for(bits(6), &config), [Heard::Byte(0b1110_0000)]);
        // No stop bit, where there was a parity bit.
        let even = Config::new().baud(9600).parity(Parity::Even);
        assert_eq!(low_for(bits(9), &even), [Heard::BadParity(0)]);
        assert_eq!(low_for(bits(11), &even), [Heard::Break]);
        // Noise.
        assert_eq!(low_for(bits(1) / 3, &config), []);
    }

    /// The parity bit alone was high: it was no break.
    #[test]
    fn no_break_is_broken() {
        let odd = Config::new().baud(9600).parity(Parity::Odd);
        let mut ear = Ear::default();
        ear.character(&odd, 0, START);
        // Where the stop bit should be.
        ear.set(false, after(&odd, START, 2 * 10));
        ear.set(true, after(&odd, START, 2 * 12));
        assert_eq!(listen(&mut ear, &odd), [Heard::BadFrame(0)]);
    }

    /// A break in the middle of a character.
    #[test]
    fn what_was_to_come_does_not() {
        let config = Config::new().baud(9600);
        let mut ear = Ear::default();
        ear.character(&config, 0xff, START);
        let middle = START + config.character_time() / 2;
        ear.set(false, middle);
        ear.set(true, middle + Duration::from_millis(5));
        let heard = listen(&mut ear, &config);
        assert!(matches!(heard[0], Heard::BadFrame(_)), "{heard:?}");
        assert_eq!(heard.len(), 1, "the line did not fall again: {heard:?}");
    }
}
