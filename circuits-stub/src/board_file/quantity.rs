//! What chips measure: a number, or what changes as the board's time goes by.

use std::f64::consts::TAU;
use std::path::Path;
use std::time::Duration;

use circuits_wait::Time;

use super::extent::Extent;
use super::samples::{Column, Samples};
use super::source::{Result, Table, Value, hint};

/// A measured quantity.
#[derive(Clone, Debug)]
pub(super) enum Quantity {
    Fixed(f64),
    Wave {
        mean: f64,
        amplitude: f64,
        period: Duration,
    },
    Ramp {
        start: f64,
        per_second: f64,
    },
    Column {
        column: Column,
        factor: f64,
        speed: f64,
    },
}

/// One of several quantities that belong together.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// In another unit, of which so many are one.
    other: Option<(&'static str, f64)>,
    /// `None`: it must be there.
    default: Option<f64>,
    extent: Extent,
}

impl Field {
    pub(super) const fn new(name: &'static str, default: f64) -> Field {
        Field {
            name,
            other: None,
            default: Some(default),
            extent: Extent::ANY,
        }
    }

    pub(super) const fn needed(name: &'static str) -> Field {
        Field {
            name,
            other: None,
            default: None,
            extent: Extent::ANY,
        }
    }

    /// What can be: the chip would measure something else, or the quantity has no more.
    pub(super) const fn within(self, least: f64, most: f64) -> Field {
        Field {
            extent: Extent::new(least, most),
            ..self
        }
    }

    /// It may be said in another unit.
    pub(super) const fn or(self, name: &'static str, factor: f64) -> Field {
        Field {
            other: Some((name, factor)),
            ..self
        }
    }

    /// The same in the other unit, of which so many are one.
    fn in_other_unit(self) -> Option<(Field, f64)> {
        let (name, factor) = self.other?;
        let other = Field {
            name,
            other: None,
            extent: self.extent.before(factor),
            ..self
        };
        Some((other, factor))
    }

    /// What it is called, in all units.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let other = self.other.map(|(name, _)| name);
        [self.name].into_iter().chain(other)
    }

    /// Takes it from a table.
    pub(super) fn take(&self, table: &mut Table<'_>, base: &Path) -> Result<Quantity> {
        if let Some((other, factor)) = self.in_other_unit() {
            if let Some(value) = table.take(other.name) {
                if table.has(self.name) {
                    let name = self.name;
                    return Err(value.error(format_args!("this is said by {name} already")));
                }
                return Ok(Quantity::read(value, other, base)?.times(factor));
            }
        }
        let value = match self.default {
            Some(_) => table.take(self.name),
            None => Some(table.need(self.name)?),
        };
        match value {
            Some(value) => Quantity::read(value, *self, base),
            None => Ok(Quantity::Fixed(self.default.unwrap_or_default())),
        }
    }

    fn column(&self, table: &CsvTable<'_>) -> Result<Quantity> {
        let is_there = |name| table.samples.columns().any(|column| column == name);
        let (field, factor) = match self.in_other_unit() {
            Some((other, factor)) if is_there(other.name) => (other, factor),
            _ => (*self, 1.0),
        };
        let names: Vec<&str> = field.names().collect();
        Ok(Quantity::Column {
            column: table.find(&names, field.extent, table.place)?,
            factor,
            speed: table.speed,
        })
    }
}

impl Quantity {
    /// A number; a table with `mean`, with `start`, or with `csv`, whose column has the quantity's name if the table
    /// does not say otherwise.
    pub(super) fn read(value: Value<'_>, field: Field, base: &Path) -> Result<Quantity> {
        let extent = field.extent;
        if !value.is_table() {
            return Ok(Quantity::Fixed(value.number_within(extent)?));
        }
        let mut table = value.table()?;
        let quantity = if table.has("csv") {
            let csv = CsvTable::take(&mut table, base)?;
            let factor = table
                .take("factor")
                .map(|factor| factor.number())
                .transpose()?;
            let factor = factor.unwrap_or(1.0);
            let extent = extent.before(factor);
            let column = match table.take("column") {
                Some(column) => csv.find(&[column.text()?], extent, column)?,
                None => csv.find(&[field.name], extent, csv.place)?,
            };
            Quantity::Column {
                column,
                factor,
                speed: csv.speed,
            }
        } else if table.has("start") || table.has("per_second") {
            Quantity::Ramp {
                start: table.need("start")?.number_within(extent)?,
                per_second: table.need("per_second")?.number()?,
            }
        } else {
            let (mean, amplitude) = (table.need("mean")?.number()?, table.need("amplitude")?);
            let most = amplitude.number()?;
            let ends = [mean - most.abs(), mean + most.abs()];
            if ends.iter().any(|end| !extent.contains(*end)) {
                let [from, to] = ends;
                let what = format!("this goes from {from} to {to}, and is to be {extent}");
                return Err(value.error(what));
            }
            Quantity::Wave {
                mean,
                amplitude: most,
                period: table.need("period")?.interval()?,
            }
        };
        table.finish()?;
        Ok(quantity)
    }

    /// Several that belong together: a list of them, a table with each by its name, or one with `csv`, which has a
    /// column for each.
    pub(super) fn read_all<const N: usize>(
        value: Value<'_>,
        fields: [Field; N],
        base: &Path,
    ) -> Result<[Quantity; N]> {
        let mut quantities = [const { Quantity::Fixed(0.0) }; N];
        if value.is_list() {
            let values = value.list()?;
            if values.len() != N {
                let names = fields.map(|field| field.name).join(", ");
                return Err(value.error(format_args!("this is to have {N} numbers: {names}")));
            }
            for ((quantity, field), value) in quantities.iter_mut().zip(fields).zip(values) {
                *quantity = Quantity::read(value, field, base)?;
            }
            return Ok(quantities);
        }
        let mut table = value.table()?;
        let csv = match table.has("csv") {
            true => Some(CsvTable::take(&mut table, base)?),
            false => None,
        };
        for (quantity, field) in quantities.iter_mut().zip(fields) {
            *quantity = match &csv {
                Some(csv) => field.column(csv)?,
                None => field.take(&mut table, base)?,
            };
        }
        table.finish()?;
        Ok(quantities)
    }

    /// The same so many times as large.
    fn times(self, by: f64) -> Quantity {
        match self {
            Quantity::Fixed(value) => Quantity::Fixed(value * by),
            Quantity::Wave {
                mean,
                amplitude,
                period,
            } => Quantity::Wave {
                mean: mean * by,
                amplitude: amplitude * by,
                period,
            },
            Quantity::Ramp { start, per_second } => Quantity::Ramp {
                start: start * by,
                per_second: per_second * by,
            },
            Quantity::Column {
                column,
                factor,
                speed,
            } => Quantity::Column {
                column,
                factor: factor * by,
                speed,
            },
        }
    }

    /// What it is so long after the board was made.
    pub(super) fn at(&self, time: Duration) -> f64 {
        let seconds = time.as_secs_f64();
        match self {
            Quantity::Fixed(value) => *value,
            Quantity::Wave {
                mean,
                amplitude,
                period,
            } => {
                // The remainder first: of a long time little would be left in the sine.
                let part = time.as_nanos() % period.as_nanos().max(1);
                mean + amplitude * (part as f64 / period.as_nanos() as f64 * TAU).sin()
            }
            Quantity::Ramp { start, per_second } => start + per_second * seconds,
            Quantity::Column {
                column,
                factor,
                speed,
            } => factor * column.at(seconds * speed),
        }
    }

    /// What a chip follows.
    pub(super) fn follow(self, made: Time) -> impl Fn(Time) -> f64 + Send + 'static {
        move |time| self.at(time.since(made))
    }
}

/// What a table with `csv` says.
struct CsvTable<'a> {
    samples: Samples,
    /// The file's name.
    place: Value<'a>,
    /// How many times as fast it goes by.
    speed: f64,
}

impl<'a> CsvTable<'a> {
    fn take(table: &mut Table<'a>, base: &Path) -> Result<CsvTable<'a>> {
        let place = table.need("csv")?;
        let samples = Samples::read(&base.join(place.text()?));
        let speed = table.take("speed").map(|speed| speed.positive());
        Ok(CsvTable {
            samples: samples.map_err(|error| place.error(error))?,
            place,
            speed: speed.transpose()?.unwrap_or(1.0),
        })
    }

    /// A column that has one of these names.
    fn find(&self, names: &[&str], extent: Extent, place: Value<'_>) -> Result<Column> {
        let mut columns = names.iter().map(|name| self.samples.column(name, extent));
        if let Some(column) = columns.find_map(|column| column) {
            return column.map_err(|error| place.error(error));
        }
        let wanted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        let (wanted, file) = (wanted.join(" or "), self.place.text()?);
        let hint = hint(
            names.first().copied().unwrap_or_default(),
            self.samples.columns(),
        );
        Err(place.error(format_args!("no column {wanted} in {file}{hint}")))
    }
}
