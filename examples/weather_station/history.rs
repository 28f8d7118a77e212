//! What was measured before: the last day as a curve, and what was least and most today.

use std::collections::VecDeque;
use std::time::Duration;

use circuits::wait::Time;
use ds323x::NaiveDate;

use crate::reading::Reading;

/// The longest time that the curves show, and of how many places they are made.
const SPAN: Duration = Duration::from_secs(24 * 3600);
pub(crate) const PLACES: usize = 96;

/// The mean of a while, each in its place. A station that has just begun has a while of a second or so, so that
/// there is something to see; it is doubled each time that all places are taken, until they are a day.
#[derive(Debug)]
pub(crate) struct History {
    began: Time,
    /// How long a place is.
    while_: Duration,
    /// The number of the first place, counted from the beginning.
    first: u64,
    places: VecDeque<Mean>,
}

/// Sums, and of how many readings; none, where nothing was measured.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    celsius: (f64, u32),
    pressure: (f64, u32),
}

impl Mean {
    fn add(&mut self, other: Mean) {
        for (sum, more) in [
            (&mut self.celsius, other.celsius),
            (&mut self.pressure, other.pressure),
        ] {
            *sum = (sum.0 + more.0, sum.1 + more.1);
        }
    }
}

fn mean((sum, count): (f64, u32)) -> Option<f32> {
    (count > 0).then(|| (sum / f64::from(count)) as f32)
}

impl History {
    pub(crate) fn new(now: Time) -> History {
        History {
            began: now,
            // A day, halved ten times.
            while_: SPAN / PLACES as u32 / 1024,
            first: 0,
            places: VecDeque::with_capacity(PLACES),
        }
    }

    pub(crate) fn add(&mut self, now: Time, reading: &Reading) {
        while self.number(now) >= self.first + PLACES as u64 {
            self.make_room(now);
        }
        let place = (self.number(now) - self.first) as usize;
        if self.places.len() <= place {
            self.places.resize(place + 1, Mean::default());
        }
        self.places[place].add(Mean {
            celsius: (reading.celsius.into(), 1),
            pressure: reading
                .pressure
                .map_or((0.0, 0), |pressure| (pressure.into(), 1)),
        });
    }

    fn number(&self, now: Time) -> u64 {
        (now.since(self.began).as_nanos() / self.while_.as_nanos()) as u64
    }

    fn make_room(&mut self, now: Time) {
        if self.while_ * (PLACES as u32) < SPAN {
            self.while_ *= 2;
            for place in 0..self.places.len().div_ceil(2) {
                let mut both = self.places[2 * place];
                both.add(self.places.get(2 * place + 1).copied().unwrap_or_default());
                self.places[place] = both;
            }
            self.places.truncate(self.places.len().div_ceil(2));
            return;
        }
        // Perhaps nothing was measured for days.
        let first = self.number(now) - (PLACES as u64 - 1);
        let gone = (first - self.first).min(self.places.len() as u64);
        self.places.drain(..gone as usize);
        self.first = first;
    }

    /// Returns how long a time the curves show.
    pub(crate) fn span(&self) -> Duration {
        self.while_ * PLACES as u32
    }

    /// Returns the temperatures, the oldest first; `None` where there was none.
    pub(crate) fn celsius(&self) -> impl DoubleEndedIterator<Item = Option<f32>> {
        self.places.iter().map(|place| mean(place.celsius))
    }

    /// Returns the pressures, likewise.
    pub(crate) fn pressure(&self) -> impl DoubleEndedIterator<Item = Option<f32>> {
        self.places.iter().map(|place| mean(place.pressure))
    }
}

/// The least and the most of a day.
#[derive(Debug, Default)]
pub(crate) struct Today {
    pub(crate) date: Option<NaiveDate>,
    pub(crate) celsius: Range,
    pub(crate) humidity: Range,
    pub(crate) pressure: Range,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Range(pub(crate) Option<(f32, f32)>);

impl Range {
    pub(crate) fn add(&mut self, value: f32) {
        let (least, most) = self.0.unwrap_or((value, value));
        self.0 = Some((least.min(value), most.max(value)));
    }
}

impl Today {
    /// Takes a reading of a date, by which a day may begin.
    pub(crate) fn add(&mut self, date: NaiveDate, reading: &Reading) {
        if self.date != Some(date) {
            *self = Today {
                date: Some(date),
                ..Today::default()
            };
        }
        self.celsius.add(reading.celsius);
        if let Some(humidity) = reading.humidity {
            self.humidity.add(humidity);
        }
        if let Some(pressure) = reading.pressure {
            self.pressure.add(pressure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(celsius: f32) -> Reading {
        Reading {
            celsius,
            humidity: None,
            pressure: Some(1000.0 + celsius),
        }
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_curve_grows_to_a_day_and_no_further() {
        let mut history = History::new(Time::ZERO);
        assert!(history.span() < Duration::from_secs(90));
        let mut spans = Vec::new();
        // Two days and a half of minutes, and the temperature is the hour.
        for minute in 0..60 * 60 {
            history.add(at(60 * minute), &reading((minute / 60) as f32));
            if spans.last() != Some(&history.span()) {
                spans.push(history.span());
            }
        }
        assert!(
            spans.windows(2).all(|two| two[1] == two[0] * 2),
            "{spans:?}"
        );
        assert_eq!(history.span(), SPAN);
        let celsius: Vec<_> = history.celsius().collect();
        assert_eq!(celsius.len(), PLACES);
        // A place is a quarter of an hour.
        assert_eq!(celsius[95], Some(59.0));
        assert_eq!(celsius[0], Some(36.0));
        assert!(celsius.chunks(4).all(|hour| hour[0] == hour[3]));
        let pressure: Vec<_> = history.pressure().map(Option::unwrap).collect();
        assert_eq!((pressure[0], pressure[95]), (1036.0, 1059.0));
    }

    #[test]
    fn where_nothing_was_measured_there_is_a_gap() {
        let mut history = History::new(Time::ZERO);
        history.add(at(0), &reading(1.0));
        history.add(at(3 * 3600), &reading(2.0));
        let celsius: Vec<_> = history.celsius().collect();
        assert_eq!(celsius[0], Some(1.0));
        assert_eq!(*celsius.last().unwrap(), Some(2.0));
        assert!(celsius[1..celsius.len() - 1].iter().all(Option::is_none));
        // A year later there is nothing else.
        history.add(at(365 * 86_400), &reading(3.0));
        let celsius: Vec<_> = history.celsius().collect();
        assert_eq!(celsius.iter().flatten().collect::<Vec<_>>(), [&3.0]);
        assert_eq!(celsius.len(), PLACES);
    }

    #[test]
    fn a_day_begins_with_its_first_reading() {
        let date = |day| NaiveDate::from_ymd_opt(2013, 4, day).unwrap();
        let mut today = Today::default();
        for celsius in [5.0, 17.8, 11.0] {
            today.add(date(5), &reading(celsius));
        }
        assert_eq!(today.celsius, Range(Some((5.0, 17.8))));
        assert_eq!(today.humidity, Range(None));
        today.add(date(6), &reading(6.0));
        assert_eq!(today.celsius, Range(Some((6.0, 6.0))));
    }
}
