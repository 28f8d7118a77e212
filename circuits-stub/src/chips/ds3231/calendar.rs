//! The calendar of a DS3231: what is in its registers, and what comes after that.

/// Anything may be written; what is no date or time becomes one when a second or a day is over.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    second: u8,
    minute: u8,
    hour: u8,
    /// Hours are shown in twelve.
    is_twelve: bool,
    /// Of the week, 1 to 7.
    day: u8,
    date: u8,
    month: u8,
    /// Since 2000: a hundred and more is the century bit.
    year: u8,
}

const TWELVE: u8 = 1 << 6;
const PM: u8 = 1 << 5;
const CENTURY: u8 = 1 << 7;
/// Of alarms: not compared; the day of the week, not the date.
const MASK: u8 = 1 << 7;
const DAY: u8 = 1 << 6;

const DAY_SECONDS: u64 = 86_400;

impl Calendar {
    pub(super) fn after_reset() -> Calendar {
        Calendar {
            second: 0,
            minute: 0,
            hour: 0,
            is_twelve: false,
            day: 1,
            date: 1,
            month: 1,
            year: 0,
        }
    }

    /// Year, month, date, hour, minute, second; none, if there is no such time.
    pub(super) fn at([year, month, date, hour, minute, second]: [u16; 6]) -> Option<Calendar> {
        let small = |number: u16, limit: u16| u8::try_from(number).ok().filter(|_| number < limit);
        let mut calendar = Calendar {
            second: small(second, 60)?,
            minute: small(minute, 60)?,
            hour: small(hour, 24)?,
            month: small(month, 13).filter(|month| *month > 0)?,
            year: small(year.checked_sub(2000)?, 200)?,
            ..Calendar::after_reset()
        };
        let days = u16::from(calendar.days_in_month());
        calendar.date = small(date, days + 1).filter(|date| *date > 0)?;
        // The first of January 2000 was a Saturday.
        let mut first = Calendar {
            day: 7,
            ..Calendar::after_reset()
        };
        while (first.year, first.month, first.date)
            != (calendar.year, calendar.month, calendar.date)
        {
            first.next_day();
        }
        calendar.day = first.day;
        Some(calendar)
    }

    pub(super) fn datetime(&self) -> [u16; 6] {
        let [month, date, hour, minute, second] =
            [self.month, self.date, self.hour, self.minute, self.second].map(u16::from);
        [
            2000 + u16::from(self.year),
            month,
            date,
            hour,
            minute,
            second,
        ]
    }

    pub(super) fn registers(&self) -> [u8; 7] {
        let hour = match (self.is_twelve, self.hour) {
            (false, hour) => bcd(hour),
            (true, hour) => {
                let pm = if hour >= 12 { PM } else { 0 };
                TWELVE | pm | bcd((hour + 11) % 12 + 1)
            }
        };
        let century = if self.year >= 100 { CENTURY } else { 0 };
        [
            bcd(self.second),
            bcd(self.minute),
            hour,
            self.day,
            bcd(self.date),
            century | bcd(self.month),
            bcd(self.year % 100),
        ]
    }

    pub(super) fn write(&mut self, register: u8, value: u8) {
        match register {
            0 => self.second = number(value & 0x7f),
            1 => self.minute = number(value & 0x7f),
            2 => (self.is_twelve, self.hour) = (value & TWELVE != 0, hour(value)),
            3 => self.day = value & 0b111,
            4 => self.date = number(value & 0x3f),
            5 => {
                self.month = number(value & 0x1f);
                self.year = self.year % 100 + if value & CENTURY != 0 { 100 } else { 0 };
            }
            _ => self.year = self.year / 100 * 100 + number(value) % 100,
        }
    }

    /// Seconds pass.
    pub(super) fn advance(&mut self, seconds: u64) {
        if seconds == 0 {
            return;
        }
        let of_day = self.of_day() + seconds;
        for _ in 0..of_day / DAY_SECONDS {
            self.next_day();
        }
        let of_day = of_day % DAY_SECONDS;
        self.hour = (of_day / 3600) as u8;
        self.minute = (of_day / 60 % 60) as u8;
        self.second = (of_day % 60) as u8;
    }

    fn of_day(&self) -> u64 {
        u64::from(self.hour) * 3600 + u64::from(self.minute) * 60 + u64::from(self.second)
    }

    fn next_day(&mut self) {
        self.day = self.day % 7 + 1;
        self.date += 1;
        if self.date > self.days_in_month() {
            self.date = 1;
            self.month += 1;
        }
        if self.month > 12 {
            self.month = 1;
            self.year = (self.year + 1) % 200;
        }
    }

    /// Every fourth year is a leap year: the chip does not know that 2100 is none.
    fn days_in_month(&self) -> u8 {
        match self.month {
            2 if self.year % 4 == 0 => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// In how many seconds an alarm comes next, which is not now: by its registers for second, minute,
    /// hour, and day or date (table 2).
    pub(super) fn until(&self, [second, minute, hour, day]: [u8; 4]) -> Option<u64> {
        let is = |register: u8, value: u8| register & MASK != 0 || number(register) == value;
        let is_hour = |value| hour & MASK != 0 || self::hour(hour) == value;
        let is_day = |calendar: &Calendar| match (day & MASK, day & DAY) {
            (MASK, _) => true,
            (_, DAY) => day & 0b1111 == calendar.day,
            _ => number(day & 0x3f) == calendar.date,
        };
        let now = self.of_day();
        let mut calendar = self.clone();
        // Every date comes within two months.
        for days in 0..=62 {
            let earliest = if days == 0 { now + 1 } else { 0 };
            let hours = (0..24).filter(|hour| is_hour(*hour));
            let found = hours
                .filter(|_| is_day(&calendar))
                .flat_map(|hour| (0..60).map(move |minute| (hour, minute)))
                .filter(|(_, value)| is(minute, *value))
                .map(|(hour, minute)| u64::from(hour) * 3600 + u64::from(minute) * 60)
                .filter(|begins| begins + 60 > earliest)
                .flat_map(|begins| (0..60).map(move |second| (begins, second)))
                .filter(|(_, value)| is(second, *value))
                .map(|(begins, second)| begins + u64::from(second))
                .find(|of_day| *of_day >= earliest);
            if let Some(of_day) = found {
                return Some(days * DAY_SECONDS + of_day - now);
            }
            calendar.next_day();
        }
        None
    }
}

fn bcd(number: u8) -> u8 {
    ((number / 10 % 10) << 4) | (number % 10)
}

fn number(bcd: u8) -> u8 {
    (bcd >> 4) * 10 + (bcd & 0x0f)
}

/// Of a register for hours, whichever way it shows them.
fn hour(register: u8) -> u8 {
    match register & TWELVE {
        0 => number(register & 0x3f),
        _ => number(register & 0x1f) % 12 + if register & PM != 0 { 12 } else { 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_shown_both_ways() {
        for (register, hour) in [
            (0x52, 0),
            (0x41, 1),
            (0x51, 11),
            (0x72, 12),
            (0x61, 13),
            (0x71, 23),
        ] {
            let mut calendar = Calendar::after_reset();
            calendar.write(2, register);
            assert_eq!(calendar.datetime()[3], hour, "{register:#x}");
            assert_eq!(calendar.registers()[2], register);
        }
        let mut calendar = Calendar::after_reset();
        calendar.write(2, 0x71);
        calendar.advance(3600);
        assert_eq!(calendar.registers()[2..5], [0x52, 2, 0x02], "midnight");
        calendar.write(2, 0x23);
        assert_eq!(calendar.datetime()[3], 23);
    }

    #[test]
    fn months_have_their_days() {
        for (from, to) in [
            ([2023, 2, 28], [2023, 3, 1]),
            ([2024, 2, 28], [2024, 2, 29]),
            ([2024, 2, 29], [2024, 3, 1]),
            ([2026, 4, 30], [2026, 5, 1]),
            ([2026, 12, 31], [2027, 1, 1]),
            ([2199, 12, 31], [2000, 1, 1]),
        ] {
            let [year, month, date] = from;
            let mut calendar = Calendar::at([year, month, date, 23, 59, 59]).unwrap();
            calendar.advance(1);
            assert_eq!(calendar.datetime()[..3], to);
        }
        assert_eq!(
            Calendar::at([2026, 11, 22, 0, 0, 0]).unwrap().day,
            1,
            "a Sunday"
        );
        for nothing in [
            [1999, 1, 1, 0, 0, 0],
            [2200, 1, 1, 0, 0, 0],
            [2026, 2, 29, 0, 0, 0],
            [2026, 0, 1, 0, 0, 0],
            [2026, 1, 0, 0, 0, 0],
            [2026, 1, 1, 24, 0, 0],
            [2026, 1, 1, 0, 60, 0],
            [2026, 1, 1, 0, 0, 300],
        ] {
            assert!(Calendar::at(nothing).is_none(), "{nothing:?}");
        }
    }

    #[test]
    fn what_is_written_waits_for_the_rest() {
        let mut calendar = Calendar::at([2026, 2, 10, 0, 0, 0]).unwrap();
        calendar.write(4, 0x31);
        calendar.advance(5);
        calendar.write(5, 0x01);
        assert_eq!(calendar.datetime(), [2026, 1, 31, 0, 0, 5]);
        // What is nothing is no reason to fail.
        for register in 0..7 {
            calendar.write(register, 0xff);
        }
        calendar.advance(1_000_000);
        let [_, month, date, hour, minute, second] = calendar.datetime();
        assert!(month <= 12 && date <= 31 && hour < 24 && minute < 60 && second < 60);
    }

    /// Table 2, at 10:20:30 on Sunday, the 22nd.
    #[test]
    fn alarms_are_those_of_the_table() {
        let calendar = Calendar::at([2026, 11, 22, 10, 20, 30]).unwrap();
        let hours = |hours: u64| hours * 3600;
        for (alarm, seconds) in [
            ([0x80, 0x80, 0x80, 0x80], Some(1)),
            ([0x31, 0x80, 0x80, 0x80], Some(1)),
            ([0x30, 0x80, 0x80, 0x80], Some(60)),
            ([0x30, 0x19, 0x80, 0x80], Some(59 * 60)),
            ([0x30, 0x20, 0x11, 0x80], Some(hours(1))),
            ([0x30, 0x20, 0x09, 0x80], Some(hours(23))),
            ([0x30, 0x20, 0x70, 0x80], Some(hours(12))),
            ([0x30, 0x20, 0x10, 0x23], Some(hours(24))),
            ([0x30, 0x20, 0x10, 0x22], Some(hours(24 * 30))),
            ([0x31, 0x20, 0x10, 0x22], Some(1)),
            ([0x30, 0x20, 0x10, 0x42], Some(hours(24))),
            ([0x30, 0x20, 0x10, 0x41], Some(hours(24 * 7))),
            ([0x30, 0x20, 0x10, 0x31], Some(hours(24 * 39))),
            ([0x30, 0x20, 0x10, 0x00], None),
        ] {
            assert_eq!(calendar.until(alarm), seconds, "{alarm:x?}");
        }
    }
}
