//! A board file as it is read: tables and values that know where they are.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::BoardFileError;
use super::extent::Extent;

pub(super) type Result<T, E = BoardFileError> = std::result::Result<T, E>;

/// A text, and the file that it is from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) file: Option<PathBuf>,
    pub(super) text: String,
}

impl Source {
    pub(super) fn error(&self, span: &Range<usize>, message: impl Display) -> BoardFileError {
        let span = (span.start, span.end);
        BoardFileError::at(self.file.as_deref(), &self.text, span, message.to_string())
    }

    pub(super) fn parse(&self) -> Result<Spanned<DeTable<'_>>> {
        DeTable::parse(&self.text).map_err(|error| {
            let end = self.text.len()..self.text.len();
            let message = error.message().trim_end().replace('\n', ", ");
            self.error(&error.span().unwrap_or(end), message)
        })
    }
}

/// A table: keys are taken from it, and what nobody has taken in the end is an error.
#[derive(Clone)]
pub(super) struct Table<'a> {
    source: &'a Source,
    span: Range<usize>,
    left: Vec<(Key<'a>, Value<'a>)>,
    /// Which keys were asked for.
    known: Vec<&'static str>,
}

/// A key of a table that may have any.
#[derive(Clone)]
pub(super) struct Key<'a> {
    source: &'a Source,
    span: Range<usize>,
    pub(super) text: &'a str,
}

impl Key<'_> {
    pub(super) fn error(&self, message: impl Display) -> BoardFileError {
        self.source.error(&self.span, message)
    }

    pub(super) fn number<T>(&self, range: RangeInclusive<T>) -> Result<T>
    where
        T: Copy + Display + PartialOrd + FromStr,
    {
        let number = self.text.parse().ok();
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (least, most) = (range.start(), range.end());
                self.error(format_args!("this is to be a number, {least} to {most}"))
            })
    }
}

impl<'a> Table<'a> {
    pub(super) fn new(source: &'a Source, span: Range<usize>, table: &'a DeTable<'a>) -> Table<'a> {
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let text: &std::borrow::Cow<'a, str> = key.get_ref();
            let key = Key {
                source,
                span: key.span(),
                text,
            };
            (key, Value { source, value })
        };
        let mut left: Vec<_> = table.iter().map(entry).collect();
        left.sort_by_key(|(key, _)| key.span.start);
        Table {
            source,
            span,
            left,
            known: Vec::new(),
        }
    }

    pub(super) fn error(&self, message: impl Display) -> BoardFileError {
        self.source.error(&self.span, message)
    }

    /// Takes the value of a key, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        let at = self.left.iter().position(|(left, _)| left.text == key)?;
        Some(self.left.remove(at).1)
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.left.iter().any(|(left, _)| left.text == key)
    }

    /// An error at a key, which is to be there, or else at the table.
    pub(super) fn key_error(&self, key: &str, message: impl Display) -> BoardFileError {
        match self.left.iter().find(|(left, _)| left.text == key) {
            Some((key, _)) => key.error(message),
            None => self.error(message),
        }
    }

    /// Takes the value of a key that must be there.
    pub(super) fn need(&mut self, key: &'static str) -> Result<Value<'a>> {
        if let Some(value) = self.take(key) {
            return Ok(value);
        }
        // More likely than that it was forgotten.
        let is_misspelt = |left: &&(Key<'a>, _)| nearest(left.0.text, [key]).is_some();
        match self.left.iter().find(is_misspelt) {
            Some((misspelt, _)) => Err(unknown(misspelt, &[key])),
            None => Err(self.error(format_args!("this needs the key {key}"))),
        }
    }

    /// All that was not taken, of a table with any keys.
    pub(super) fn rest(self) -> impl Iterator<Item = (Key<'a>, Value<'a>)> {
        self.left.into_iter()
    }

    /// What nobody has taken is an error.
    pub(super) fn finish(&self) -> Result<()> {
        match self.left.first() {
            Some((key, _)) => Err(unknown(key, &self.known)),
            None => Ok(()),
        }
    }
}

fn unknown(key: &Key<'_>, known: &[&'static str]) -> BoardFileError {
    let mut known = known.to_vec();
    known.sort_unstable();
    known.dedup();
    let hint = hint(key.text, known);
    key.error(format_args!("no key {}{hint}", key.text))
}

/// A value.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    source: &'a Source,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    pub(super) fn error(&self, message: impl Display) -> BoardFileError {
        self.source.error(&self.value.span(), message)
    }

    pub(super) fn is_no(&self, wanted: &str) -> BoardFileError {
        let found = match self.get() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(format_args!("this is to be {wanted}, and is {found}"))
    }

    fn get(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    pub(super) fn text(&self) -> Result<&'a str> {
        match self.get() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.is_no("a text")),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        self.get().is_str()
    }

    pub(super) fn is_table(&self) -> bool {
        self.get().is_table()
    }

    pub(super) fn is_list(&self) -> bool {
        self.get().is_array()
    }

    pub(super) fn bool(&self) -> Result<bool> {
        self.get()
            .as_bool()
            .ok_or_else(|| self.is_no("true or false"))
    }

    pub(super) fn number(&self) -> Result<f64> {
        let number = match self.get() {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .map(|number| number as f64),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => return Err(self.is_no("a number")),
        };
        // Neither inf nor nan is one to measure.
        let finite = number.filter(|number| number.is_finite());
        finite.ok_or_else(|| self.error("this is no number that there is"))
    }

    pub(super) fn number_within(&self, range: Extent) -> Result<f64> {
        let number = self.number()?;
        match range.contains(number) {
            true => Ok(number),
            false => Err(self.error(format_args!("this is to be {range}"))),
        }
    }

    pub(super) fn positive(&self) -> Result<f64> {
        let number = self.number()?;
        match number > 0.0 {
            true => Ok(number),
            false => Err(self.error("this is to be more than 0")),
        }
    }

    pub(super) fn integer<T>(&self, range: RangeInclusive<T>) -> Result<T>
    where
        T: Copy + Display + PartialOrd + TryFrom<i64>,
    {
        let DeValue::Integer(integer) = self.get() else {
            return Err(self.is_no("a whole number"));
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.and_then(|number| T::try_from(number).ok());
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (least, most) = (range.start(), range.end());
                self.error(format_args!("this is to be {least} to {most}"))
            })
    }

    /// A time as text: `200 ms`, `5 s`, `1 min 30 s`.
    pub(super) fn duration(&self) -> Result<Duration> {
        let DeValue::String(text) = self.get() else {
            return Err(self.is_no("a time, like \"200 ms\""));
        };
        humantime::parse_duration(text)
            .map_err(|error| self.error(format_args!("this is no time, like \"200 ms\": {error}")))
    }

    /// The same, and not zero.
    pub(super) fn interval(&self) -> Result<Duration> {
        let interval = self.duration()?;
        match interval.is_zero() {
            true => Err(self.error("this is to be longer than no time")),
            false => Ok(interval),
        }
    }

    /// The same, of what people do again and again.
    pub(super) fn pace(&self) -> Result<Duration> {
        let interval = self.duration()?;
        match interval < Duration::from_millis(1) {
            true => Err(self.error("this is to be 1 ms or longer")),
            false => Ok(interval),
        }
    }

    /// Year, month, day, hour, minute and second, for a clock that begins with the year 2000.
    pub(super) fn datetime(&self, last_year: u16) -> Result<[u16; 6]> {
        let wanted = "a date with a time, like 2026-01-31T12:00:00";
        let DeValue::Datetime(datetime) = self.get() else {
            return Err(self.is_no(wanted));
        };
        let (Some(date), Some(time)) = (datetime.date, datetime.time) else {
            return Err(self.error(format_args!("this is to be {wanted}")));
        };
        let is_utc = datetime
            .offset
            .is_none_or(|offset| offset.to_string() == "Z");
        if !is_utc || time.nanosecond.is_some_and(|nanosecond| nanosecond > 0) {
            return Err(self.error("this is to be in UTC, and in whole seconds"));
        }
        if !(2000..=last_year).contains(&date.year) {
            let what = format!(
                "this clock has the years 2000 to {last_year}, and not {}",
                date.year
            );
            return Err(self.error(what));
        }
        Ok([
            date.year,
            date.month.into(),
            date.day.into(),
            time.hour.into(),
            time.minute.into(),
            time.second.unwrap_or_default().into(),
        ])
    }

    pub(super) fn table(&self) -> Result<Table<'a>> {
        match self.get() {
            DeValue::Table(table) => Ok(Table::new(self.source, self.value.span(), table)),
            _ => Err(self.is_no("a table")),
        }
    }

    pub(super) fn list(&self) -> Result<Vec<Value<'a>>> {
        match self.get() {
            DeValue::Array(list) => Ok(list.iter().map(|value| Value { value, ..*self }).collect()),
            _ => Err(self.is_no("a list")),
        }
    }

    /// Each of `[[this]]`.
    pub(super) fn tables(&self) -> Result<Vec<Table<'a>>> {
        match self.get() {
            DeValue::Array(list) => {
                let tables = list.iter().map(|value| Value { value, ..*self }.table());
                tables.collect()
            }
            _ => Err(self.is_no("a list of tables, which begin with two brackets")),
        }
    }

    /// A level of a line.
    pub(super) fn level(&self) -> Result<bool> {
        self.one_of("level", &[("high", true), ("low", false)])
    }

    /// Registers by their numbers.
    pub(super) fn registers(&self, mut set: impl FnMut(u16, u16)) -> Result<()> {
        for (register, value) in self.table()?.rest() {
            set(register.number(0..=u16::MAX)?, value.integer(0..=u16::MAX)?);
        }
        Ok(())
    }

    /// A name that a node or an interface of Linux may have.
    pub(super) fn node(&self, what: &str, example: &str) -> Result<&'a str> {
        let name = self.text()?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        // IFNAMSIZ, include/uapi/linux/if.h
        match (1..16).contains(&name.len()) && name.chars().all(is_plain) {
            true => Ok(name),
            false => Err(self.error(format_args!(
                "{name:?} is no name of {what}, like {example}"
            ))),
        }
    }

    /// One of several words.
    pub(super) fn one_of<T: Copy>(&self, what: &str, words: &[(&str, T)]) -> Result<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meant)| *meant).ok_or_else(|| {
            let hint = hint(text, words.iter().map(|(word, _)| *word));
            self.error(format_args!("no {what} {text:?}{hint}"))
        })
    }
}

/// What may have been meant, or else what there is: to be read after what there is not.
pub(super) fn hint<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(nearest) = nearest(wanted, known.iter().copied()) {
        return format!(": did you mean {nearest:?}?");
    }
    match known.len() {
        0 => ": there are none".into(),
        // Nobody reads more.
        1..=40 => format!(": there are {}", known.join(", ")),
        _ => String::new(),
    }
}

/// To compare two texts takes the product of their lengths, and nobody misspells a word that is longer.
const LONGEST: usize = 64;

/// What is written almost so.
fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wanted.chars().count();
    if length > LONGEST {
        return None;
    }
    let most = (length / 3).clamp(1, 3).min(length.saturating_sub(1));
    let distances = known.into_iter().map(|known| {
        let [from, to] = [wanted, known].map(str::to_lowercase);
        (strsim::osa_distance(&from, &to), known)
    });
    let near = distances.filter(|(distance, _)| *distance <= most);
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
