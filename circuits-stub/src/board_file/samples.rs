//! What was measured in times to come: a CSV file, by the names of its columns.

use std::path::Path;
use std::sync::Arc;

use super::extent::Extent;
use super::workbench;

/// The rows of a file: from one to the next what was measured goes straight on.
#[derive(Debug)]
pub(super) struct Samples {
    /// Seconds since the first.
    times: Arc<[f64]>,
    /// After what time it begins anew.
    period: f64,
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
    name: String,
}

/// One column: numbers alone, which is less than the text that they are from.
#[derive(Clone, Debug)]
pub(super) struct Column {
    times: Arc<[f64]>,
    values: Arc<[f64]>,
    period: f64,
}

const DAY: f64 = 86_400.0;

/// The first column.
const TIME: &str = "time";

impl Samples {
    /// Reads a file. What is wrong is told with the file's name, and the line.
    pub(super) fn read(path: &Path) -> Result<Samples, String> {
        let name = path.display().to_string();
        let bytes = workbench::read(path).map_err(|error| format!("{name}: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{name}: it is no UTF-8"))?;
        Samples::parse(&name, &text)
    }

    fn parse(name: &str, text: &str) -> Result<Samples, String> {
        let error = |line: usize, what: String| format!("{name}:{}: {what}", line + 1);
        let mut lines = text
            .trim_start_matches('\u{feff}')
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let (first, heading) = lines.next().ok_or_else(|| format!("{name}: it is empty"))?;
        let heading = cells(heading);
        if heading.first().map(String::as_str) != Some(TIME) {
            return Err(error(first, "the first column is to be called time".into()));
        }
        let twice = |at: &usize| heading[..*at].contains(&heading[*at]);
        if let Some(at) = (1..heading.len()).find(twice) {
            let what = format!("there are two columns {:?}", heading[at]);
            return Err(error(first, what));
        }
        let (mut times, mut rows) = (Vec::<f64>::new(), Vec::new());
        let (mut begin, mut kind) = (0.0, None);
        for (line, row) in lines {
            let row = cells(row);
            if row.len() != heading.len() {
                let what = format!("{} cells below a heading of {}", row.len(), heading.len());
                return Err(error(line, what));
            }
            let (seconds, is) = moment(&row[0]).ok_or_else(|| {
                let what = "seconds, a time like 06:30, or a date and a time like 2026-01-31T06:30";
                error(line, format!("{:?} is no {TIME}: {what}", row[0]))
            })?;
            if *kind.get_or_insert(is) != is {
                let what = format!(
                    "{:?} is another kind of {TIME} than those before it",
                    row[0]
                );
                return Err(error(line, what));
            }
            if times.is_empty() {
                begin = seconds;
            }
            if times.last().is_some_and(|last| seconds - begin <= *last) {
                return Err(error(
                    line,
                    format!("{:?} does not come after the row before it", row[0]),
                ));
            }
            times.push(seconds - begin);
            rows.push(row);
        }
        let last = *times
            .last()
            .ok_or_else(|| format!("{name}: it has no rows"))?;
        Ok(Samples {
            times: times.into(),
            // Hours of a day come again on the next one.
            period: if kind == Some(Kind::OfDay) { DAY } else { last },
            heading,
            rows,
            name: name.into(),
        })
    }

    /// Which columns there are beside the times.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.heading.iter().skip(1).map(String::as_str)
    }

    /// Finds a column, whose cells are to be numbers of this extent. `None` if there is no such column.
    pub(super) fn column(&self, name: &str, extent: Extent) -> Option<Result<Column, String>> {
        let at = 1 + self.columns().position(|column| column == name)?;
        let value = |row: &Vec<String>| {
            let cell = &row[at];
            let number = cell.parse().ok().filter(|number: &f64| number.is_finite());
            let what = match number {
                Some(number) if extent.contains(number) => return Ok(number),
                Some(_) => format!("is to be {extent}"),
                None => "is no number".into(),
            };
            let (file, time) = (&self.name, &row[0]);
            Err(format!(
                "{file}: {cell:?} in column {name}, at {time}, {what}"
            ))
        };
        let values: Result<Vec<f64>, String> = self.rows.iter().map(value).collect();
        Some(values.map(|values| Column {
            times: self.times.clone(),
            values: values.into(),
            period: self.period,
        }))
    }
}

impl Column {
    /// What it is so many seconds after its beginning.
    pub(super) fn at(&self, seconds: f64) -> f64 {
        let Column {
            times,
            values,
            period,
        } = self;
        let period = *period;
        let seconds = if period > 0.0 { seconds % period } else { 0.0 };
        let after = times.partition_point(|time| *time <= seconds);
        let before = after.saturating_sub(1);
        let (to, value) = match times.get(after) {
            Some(to) => (*to, values[after]),
            None => (period, values[0]),
        };
        let part = (seconds - times[before]) / (to - times[before]);
        match part.is_finite() {
            true => values[before] + part * (value - values[before]),
            false => values[before],
        }
    }
}

/// What the times of a file are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Seconds,
    OfDay,
    Date,
}

fn cells(line: &str) -> Vec<String> {
    let cells = line.split(',').map(str::trim);
    let unquoted = cells.map(|cell| {
        let inner = cell
            .strip_prefix('"')
            .and_then(|cell| cell.strip_suffix('"'));
        inner.unwrap_or(cell).to_owned()
    });
    unquoted.collect()
}

/// Seconds from some beginning on.
fn moment(text: &str) -> Option<(f64, Kind)> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some((seconds, Kind::Seconds));
    }
    let Some((date, time)) = text.split_once(['T', ' ']) else {
        return Some((of_day(text)?, Kind::OfDay));
    };
    let date = days(date)? * DAY;
    let time = time.strip_suffix('Z').unwrap_or(time);
    Some((date + of_day(time)?, Kind::Date))
}

fn of_day(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let mut part = |most: u32| {
        let digits = parts.next()?;
        let is_plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = digits.parse().ok()?;
        (is_plain && number <= most).then_some(f64::from(number))
    };
    let (hours, minutes) = (part(24)?, part(59)?);
    let seconds = match text.len() {
        5 => 0.0,
        _ => part(60)?,
    };
    let seconds = hours * 3600.0 + minutes * 60.0 + seconds;
    (parts.next().is_none() && seconds <= DAY).then_some(seconds)
}

/// Days since some beginning.
fn days(date: &str) -> Option<f64> {
    let is_plain = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |part: &str| Some(part).filter(is_plain)?.parse::<u32>().ok();
    let mut parts = date.split('-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_date = year <= 9999 && (1..=12).contains(&month) && (1..=last).contains(&day);
    if !is_date || parts.next().is_some() {
        return None;
    }
    // Years begin in March, so that leap days are at their ends.
    let (year, month) = match month {
        1 | 2 => (i64::from(year) - 1, month + 9),
        _ => (i64::from(year), month - 3),
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let before = 365 * year + leaps + i64::from((153 * month + 2) / 5 + day);
    Some(before as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, column: &str, seconds: &[f64]) -> Vec<f64> {
        let samples = Samples::parse("a.csv", text).unwrap();
        let column = samples.column(column, Extent::ANY).unwrap().unwrap();
        seconds.iter().map(|seconds| column.at(*seconds)).collect()
    }

    #[test]
    fn between_rows_it_goes_straight_on_and_begins_anew() {
        let text = "# a comment\ntime,a,\"b\"\n10,1,5\n20,3,x\n\n40,-1,7\n";
        let times = [0.0, 5.0, 10.0, 20.0, 25.0, 30.0, 35.0];
        assert_eq!(at(text, "a", &times), [1.0, 2.0, 3.0, 1.0, 0.0, 1.0, 2.0]);
        assert_eq!(at("time,a\n0,4\n", "a", &[0.0, 7.0]), [4.0, 4.0]);
    }

    #[test]
    fn hours_come_again_on_the_next_day() {
        let text = "time,a\n06:00,0\n18:00:00,12\n";
        let hours = [0.0, 6.0, 12.0, 18.0, 24.0, 30.0].map(|hour| hour * 3600.0);
        assert_eq!(at(text, "a", &hours), [0.0, 6.0, 12.0, 6.0, 0.0, 6.0]);
        let whole = "time,a\n00:00,0\n24:00,24\n";
        assert_eq!(at(whole, "a", &[3600.0, 86_400.0 + 7200.0]), [1.0, 2.0]);
    }

    #[test]
    fn dates_are_counted() {
        let text = "time,a\n2024-02-28 23:00,0\n2024-03-01T00:00:00Z,25\n";
        assert_eq!(at(text, "a", &[3600.0 * 24.0]), [24.0]);
        assert_eq!(
            days("2025-01-01").unwrap() - days("2024-01-01").unwrap(),
            366.0
        );
        assert_eq!(
            days("2000-03-01").unwrap() - days("1900-03-01").unwrap(),
            36_525.0
        );
    }

    #[test]
    fn what_is_damaged_is_told_with_its_line() {
        for (text, says) in [
            ("", "a.csv: it is empty"),
            ("time,a\n", "a.csv: it has no rows"),
            (
                "a,b\n1,2\n",
                "a.csv:1: the first column is to be called time",
            ),
            ("time,a\n1\n", "a.csv:2: 1 cells below a heading of 2"),
            ("time,a\n\n1,2\n1,3\n", "a.csv:4: \"1\" does not come after"),
            ("time,a\n6:30,2\n", "a.csv:2: \"6:30\" is no time"),
            ("time,a\n25:00,2\n", "a.csv:2: \"25:00\" is no time"),
            (
                "time,a\n00:00,2\n3,2\n",
                "a.csv:3: \"3\" is another kind of time",
            ),
            (
                "time,a\n2024-13-01 00:00,2\n",
                "a.csv:2: \"2024-13-01 00:00\" is no time",
            ),
            ("time,a\n2025-02-29 00:00,2\n", "a.csv:2: \"2025-02-29"),
            ("time,a\n+2025-2-1 00:00,2\n", "a.csv:2: \"+2025-2-1"),
            ("time,a\n2025-02-01 00:00ZZ,2\n", "a.csv:2: \"2025-02-01"),
            ("# \ntime,a,b,a\n", "a.csv:2: there are two columns \"a\""),
        ] {
            let error = Samples::parse("a.csv", text).unwrap_err();
            assert!(error.starts_with(says), "{error}");
        }
        let samples = Samples::parse("a.csv", "time,a\n0,1\n1,\n").unwrap();
        let error = samples.column("a", Extent::ANY).unwrap().unwrap_err();
        assert_eq!(error, "a.csv: \"\" in column a, at 1, is no number");
        assert!(samples.column("b", Extent::ANY).is_none());
        let samples = Samples::parse("a.csv", "time,a\n06:00,1\n07:00,86\n").unwrap();
        let error = samples
            .column("a", Extent::new(-40.0, 85.0))
            .unwrap()
            .unwrap_err();
        let says = "a.csv: \"86\" in column a, at 07:00, is to be -40 to 85";
        assert_eq!(error, says);
    }
}
