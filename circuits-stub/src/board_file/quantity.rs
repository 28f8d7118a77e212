//! What chips measure: a number, or what changes as the board's time goes by.

use std::f64::consts::TAU;
use std::path::Path;
use std::time::Duration;

use circuits_wait::Time;

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
}

impl Field {
    pub(super) const fn new(name: &'static str, default: f64) -> Field {
        Field {
            name,
            other: None,
            default: Some(default),
        }
    }

    pub(super) const fn needed(name: &'static str) -> Field {
        Field {
            name,
            other: None,
            default: None,
        }
    }

    /// It may be said in another unit.
    pub(super) const fn or(self, name: &'static str, factor: f64) -> Field {
        Field {
            other: Some((name, factor)),
            ..self
        }
    }

    /// Takes it from a table.
    pub(super) fn take(&self, table: &mut Table<'_>, base: &Path) -> Result<Quantity> {
        if let Some((name, factor)) = self.other {
            if let Some(value) = table.take(name) {
                if table.has(self.name) {
                    let name = self.name;
                    return Err(value.error(format_args!("this is said by {name} already")));
                }
                return Ok(Quantity::read(value, name, base)?.times(factor));
            }
        }
        let value = match self.default {
            Some(_) => table.take(self.name),
            None => Some(table.need(self.name)?),
        };
        match value {
            Some(value) => Quantity::read(value, self.name, base),
            None => Ok(Quantity::Fixed(self.default.unwrap_or_default())),
        }
    }

    fn column(&self, samples: &Samples, csv: Value<'_>, speed: f64) -> Result<Quantity> {
        let (name, factor) = match self.other {
            Some((name, factor)) if samples.columns().any(|column| column == name) => {
                (name, factor)
            }
            _ => (self.name, 1.0),
        };
        Ok(Quantity::Column {
            column: find(samples, name, csv)?,
            factor,
            speed,
        })
    }
}

impl Quantity {
    /// A number; a table with `mean`, with `start`, or with `csv`, whose column has the quantity's name if the table
    /// does not say otherwise.
    pub(super) fn read(value: Value<'_>, name: &str, base: &Path) -> Result<Quantity> {
        if !value.is_table() {
            return Ok(Quantity::Fixed(value.number()?));
        }
        let mut table = value.table()?;
        let quantity = if table.has("csv") {
            let (samples, csv, speed) = samples(&mut table, base)?;
            let column = match table.take("column") {
                Some(column) => find(&samples, column.text()?, column)?,
                None => find(&samples, name, csv)?,
            };
            let factor = table
                .take("factor")
                .map(|factor| factor.number())
                .transpose()?;
            Quantity::Column {
                column,
                factor: factor.unwrap_or(1.0),
                speed,
            }
        } else if table.has("start") || table.has("per_second") {
            Quantity::Ramp {
                start: table.need("start")?.number()?,
                per_second: table.need("per_second")?.number()?,
            }
        } else {
            Quantity::Wave {
                mean: table.need("mean")?.number()?,
                amplitude: table.need("amplitude")?.number()?,
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
                *quantity = Quantity::read(value, field.name, base)?;
            }
            return Ok(quantities);
        }
        let mut table = value.table()?;
        let csv = match table.has("csv") {
            true => Some(samples(&mut table, base)?),
            false => None,
        };
        for (quantity, field) in quantities.iter_mut().zip(fields) {
            *quantity = match &csv {
                Some((samples, csv, speed)) => field.column(samples, *csv, *speed)?,
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

/// The file that a table names by `csv`, the place of that, and how fast it goes by.
fn samples<'a>(table: &mut Table<'a>, base: &Path) -> Result<(Samples, Value<'a>, f64)> {
    let csv = table.need("csv")?;
    let samples = Samples::read(&base.join(csv.text()?)).map_err(|error| csv.error(error))?;
    let speed = match table.take("speed") {
        Some(value) => {
            let speed = value.number()?;
            match speed > 0.0 {
                true => speed,
                false => return Err(value.error("this is to be more than 0")),
            }
        }
        None => 1.0,
    };
    Ok((samples, csv, speed))
}

fn find(samples: &Samples, name: &str, place: Value<'_>) -> Result<Column> {
    match samples.column(name) {
        Some(column) => column.map_err(|error| place.error(error)),
        None => {
            let hint = hint(name, samples.columns());
            Err(place.error(format_args!("no column {name:?}{hint}")))
        }
    }
}
