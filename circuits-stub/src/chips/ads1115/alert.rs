use circuits_wait::Time;

use crate::Pin;

/// The pin ALERT/RDY.
pub(super) struct Alert {
    pin: Pin,
    /// What it did, by the end of the transaction that goes on: from the last level that was there
    /// before the board's time.
    levels: Levels,
    /// What the board was told of it.
    told: Levels,
}

/// What the pin does from a time on: pull low, high, or let go.
pub(super) type Levels = Vec<(Time, Option<bool>)>;

impl Alert {
    pub(super) fn new(pin: Pin) -> Alert {
        Alert {
            pin,
            levels: Levels::new(),
            told: Levels::new(),
        }
    }

    /// The board's time, which may be before that of the wire.
    pub(super) fn now(&self) -> Option<Time> {
        self.pin.now()
    }

    /// From a time on the pin does this. What is over is forgotten, but for the last.
    pub(super) fn note(&mut self, time: Time, level: Option<bool>) {
        let now = self.now();
        self.levels.push((time, level));
        let is_over = |(time, _): &&(Time, _)| Some(*time) <= now;
        let over = self.levels.iter().filter(is_over).count();
        self.levels.drain(..over.saturating_sub(1));
    }

    /// Tells the board what it does not know yet: what was noted, and what comes after that.
    pub(super) fn play(&mut self, ahead: Levels) {
        let Some(now) = self.now() else {
            return;
        };
        let at_now = |levels: &Levels| {
            let past = levels.iter().rev().find(|(time, _)| *time <= now);
            past.and_then(|(_, level)| *level)
        };
        let (told, is) = (at_now(&self.told), at_now(&self.levels));
        let noted = self.levels.iter().copied().filter(|(time, _)| *time > now);
        let mut levels: Levels = [(now, is)].into_iter().chain(noted).chain(ahead).collect();
        levels.dedup_by_key(|(_, level)| *level);
        self.told = levels.clone();
        let known = usize::from(told == is);
        self.pin.play(levels.into_iter().skip(known));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use circuits_gpio::{Bias, Config, Edge, EdgeDetection, Input};
    use circuits_wait::Time;

    use crate::Stub;
    use crate::chips::Ads1115;
    use crate::chips::ads1115::AHEAD;
    use crate::chips::ads1115::converter::{ACTIVE_HIGH, LATCHING, WINDOW};
    use crate::chips::ads1115::tests::{at, read, write};

    /// Levels of a line with a pull-up at the pin, while somebody waits: when, in microseconds, and
    /// which.
    fn edges(stub: &Stub) -> Vec<(u64, bool)> {
        let config = Config::new()
            .bias(Bias::PullUp)
            .edge_detection(EdgeDetection::Both);
        let mut line = Input::open_on(stub, "ALERT", &config).unwrap();
        let wait = Duration::from_millis(100);
        let mut edges = Vec::new();
        while let Some(event) = line.wait_edge(wait).unwrap() {
            edges.push((event.time().as_nanos() / 1000, event.edge() == Edge::Rising));
        }
        edges
    }

    fn with_pin() -> (Stub, Ads1115) {
        let stub = Stub::virtual_time().lines(["ALERT"]);
        let chip = Ads1115::new().alert_pin(stub.pin("ALERT").unwrap());
        (stub, chip)
    }

    #[test]
    fn the_pin_tells_when_one_is_ready() {
        let (stub, mut chip) = with_pin();
        write(&mut chip, at(0), 3, 0x8000);
        write(&mut chip, at(0), 2, 0x0000);
        write(&mut chip, at(0), 1, 0xc5e0);
        let recording = stub.record();
        assert_eq!(edges(&stub), [(1187, false)]);
        let told = recording.to_string();
        assert_eq!(told.matches("driven").count(), 1, "{told}");
        // Continuous, for as long as it looks ahead.
        write(&mut chip, stub.clock().now(), 1, 0x44e0);
        let pulses = edges(&stub);
        assert_eq!(pulses.len(), 2 * AHEAD);
        assert!(!pulses[0].1);
        let period = pulses[2].0 - pulses[0].0;
        assert_eq!((period / 10, pulses[1].0 - pulses[0].0), (116, 8));
    }

    /// Traditional and as a window, whose thresholds some of the conversions are beyond.
    #[test]
    fn the_comparator_is_at_the_pin() {
        // Half a volt more each 10 ms, and down again.
        let hill = |time: Time| {
            let steps = time.as_nanos() / 10_000_000;
            0.5 * steps.min(8_u64.saturating_sub(steps)) as f32
        };
        let run = |config: u16| {
            let (stub, mut chip) = with_pin();
            chip.follow(0, hill).unwrap();
            // 0.75 and 1.25 V.
            write(&mut chip, at(0), 2, 6000);
            write(&mut chip, at(0), 3, 10_000);
            write(&mut chip, at(0), 1, 0x42a0 | config);
            edges(&stub)
        };
        let millis = |edges: &[(u64, bool)]| -> Vec<(u64, bool)> {
            edges
                .iter()
                .map(|(time, level)| (time / 4000 * 4, *level))
                .collect()
        };
        // Beyond from 30 ms to 60 ms, below from 70 ms; a conversion takes 4 ms.
        assert_eq!(millis(&run(0b00)), [(36, false), (76, true)]);
        assert_eq!(
            millis(&run(0b10)),
            [(48, false), (76, true)],
            "four of them"
        );
        assert_eq!(millis(&run(ACTIVE_HIGH)), [(36, true), (76, false)]);
        let window = [(4, false), (24, true), (36, false), (64, true), (76, false)];
        assert_eq!(millis(&run(WINDOW)), window);
        assert_eq!(millis(&run(LATCHING)), [(36, false)], "until it is read");
        assert_eq!(run(0b11), []);
    }

    #[test]
    fn reading_lets_go_of_a_latch() {
        let (stub, mut chip) = with_pin();
        let pin = stub.pin("ALERT").unwrap();
        let config = Config::new().bias(Bias::PullUp);
        let line = Input::open_on(&stub, "ALERT", &config).unwrap();
        chip.set_volts(0, 2.0).unwrap();
        write(&mut chip, at(0), 3, 16_000);
        write(&mut chip, at(0), 1, 0xc5e4);
        assert!(line.get().unwrap());
        stub.delay().sleep(Duration::from_millis(2)).unwrap();
        assert!(!line.get().unwrap());
        let now = stub.clock().now();
        assert_eq!(read(&mut chip, now, 1), 0xc5e4, "not this one");
        assert!(!pin.level());
        read(&mut chip, now, 0);
        assert!(pin.level());
        // What changes is measured by the next.
        chip.set_volts(0, 0.5).unwrap();
        write(&mut chip, now, 1, 0xc5e4);
        stub.delay().sleep(Duration::from_millis(2)).unwrap();
        assert!(pin.level());
    }
}
