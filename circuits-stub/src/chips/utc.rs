//! What date and time it is, for chips that are told so by satellites or by a network.

use circuits_wait::Time;

/// A clock that goes with the board's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Utc {
    /// What it shows at a time of the board, in nanoseconds since the year 2000.
    shown: u64,
    at: Time,
}

/// A date, and a time of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) year: u16,
    pub(super) month: u8,
    pub(super) day: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    pub(super) millis: u16,
}

const SECOND: u64 = 1_000_000_000;
const DAY_SECONDS: u64 = 86_400;

impl Utc {
    /// A clock that shows year (2000 to 2099), month, day, hour, minute and second at a time of the board;
    /// none, if there is no such date.
    pub(super) fn new(at: Time, [year, month, day, hour, minute, second]: [u16; 6]) -> Option<Utc> {
        let is_time = hour < 24 && minute < 60 && second < 60;
        let is_month = (2000..2100).contains(&year) && (1..=12).contains(&month);
        if !is_time || !is_month || !(1..=days_of_month(year, month)).contains(&day) {
            return None;
        }
        let years = (2000..year).map(days_of_year).sum::<u64>();
        let months = (1..month).map(|month| u64::from(days_of_month(year, month)));
        let days = years + months.sum::<u64>() + u64::from(day) - 1;
        let [hour, minute, second] = [hour, minute, second].map(u64::from);
        let seconds = days * DAY_SECONDS + (hour * 60 + minute) * 60 + second;
        let shown = seconds * SECOND;
        Some(Utc { shown, at })
    }

    /// A clock that shows the beginning of the year 2026.
    pub(super) fn started(at: Time) -> Utc {
        const DAYS: u64 = 26 * 365 + 7;
        let shown = DAYS * DAY_SECONDS * SECOND;
        Utc { shown, at }
    }

    /// In nanoseconds since the year 2000.
    fn nanos(&self, now: Time) -> u64 {
        let (now, at) = (now.as_nanos(), self.at.as_nanos());
        self.shown.saturating_add(now).saturating_sub(at)
    }

    /// The last time, not after `now`, at which it showed a whole number of periods. A period is not zero.
    pub(super) fn last(&self, now: Time, period: u64) -> Time {
        Time::from_nanos(now.as_nanos().saturating_sub(self.nanos(now) % period))
    }

    pub(super) fn moment(&self, now: Time) -> Moment {
        let nanos = self.nanos(now);
        let (seconds, millis) = (nanos / SECOND, nanos % SECOND / 1_000_000);
        let (mut days, of_day) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
        let (mut year, mut month) = (2000, 1);
        while days >= days_of_year(year) {
            days -= days_of_year(year);
            year += 1;
        }
        while days >= u64::from(days_of_month(year, month)) {
            days -= u64::from(days_of_month(year, month));
            month += 1;
        }
        Moment {
            year,
            month: month as u8,
            day: days as u8 + 1,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
            millis: millis as u16,
        }
    }
}

fn is_leap_year(year: u16) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_year(year: u16) -> u64 {
    if is_leap_year(year) { 366 } else { 365 }
}

fn days_of_month(year: u16, month: u16) -> u16 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datetime(utc: &Utc, seconds: u64) -> [u16; 6] {
        let now = Time::from_nanos(seconds * SECOND);
        let moment = utc.moment(now);
        let [month, day] = [moment.month, moment.day].map(u16::from);
        let [hour, minute, second] = [moment.hour, moment.minute, moment.second].map(u16::from);
        [moment.year, month, day, hour, minute, second]
    }

    #[test]
    fn a_second_later_it_is_another_day() {
        for (from, to) in [
            ([2000, 2, 28, 23, 59, 59], [2000, 2, 29, 0, 0, 0]),
            ([2023, 2, 28, 23, 59, 59], [2023, 3, 1, 0, 0, 0]),
            ([2024, 12, 31, 23, 59, 59], [2025, 1, 1, 0, 0, 0]),
            ([2026, 4, 30, 23, 59, 59], [2026, 5, 1, 0, 0, 0]),
            ([2099, 12, 31, 23, 59, 59], [2100, 1, 1, 0, 0, 0]),
            ([2026, 11, 22, 6, 7, 8], [2026, 11, 22, 6, 7, 9]),
        ] {
            let utc = Utc::new(Time::from_nanos(5 * SECOND), from).unwrap();
            assert_eq!(datetime(&utc, 5), from);
            assert_eq!(datetime(&utc, 6), to);
        }
        let utc = Utc::started(Time::from_nanos(3 * SECOND));
        assert_eq!(datetime(&utc, 3), [2026, 1, 1, 0, 0, 0]);
        let utc = Utc::new(Time::ZERO, [2099, 12, 31, 0, 0, 0]).unwrap();
        assert_eq!(datetime(&utc, 2 * DAY_SECONDS)[..3], [2100, 1, 2]);
        assert_eq!(
            datetime(&utc, 60 * DAY_SECONDS)[..3],
            [2100, 3, 1],
            "no leap year"
        );
    }

    #[test]
    fn there_are_no_other_dates() {
        for nothing in [
            [1999, 1, 1, 0, 0, 0],
            [2100, 1, 1, 0, 0, 0],
            [2026, 0, 1, 0, 0, 0],
            [2026, 13, 1, 0, 0, 0],
            [2026, 2, 29, 0, 0, 0],
            [2026, 1, 0, 0, 0, 0],
            [2026, 1, 1, 24, 0, 0],
            [2026, 1, 1, 0, 60, 0],
            [2026, 1, 1, 0, 0, 60],
        ] {
            assert!(Utc::new(Time::ZERO, nothing).is_none(), "{nothing:?}");
        }
    }

    #[test]
    fn periods_are_those_of_the_clock() {
        let utc = Utc::new(Time::from_nanos(300), [2026, 1, 1, 0, 0, 0]).unwrap();
        for (now, last) in [(300, 300), (399, 300), (400, 400), (1299, 1200)] {
            assert_eq!(utc.last(Time::from_nanos(now), 100).as_nanos(), last);
        }
        // Before it was set it went, too.
        assert_eq!(utc.last(Time::from_nanos(250), 100).as_nanos(), 200);
    }
}
