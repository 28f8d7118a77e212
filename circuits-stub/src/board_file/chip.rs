//! A chip of a file, while it is made: its settings, and where it goes.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use circuits_gpio::LineSpec;
use circuits_i2c::Address;
use circuits_wait::Time;

use super::chips;
use super::extent::Extent;
use super::quantity::{Field, Quantity};
use super::source::{Result, Table, Value, hint};
use super::workbench::{self, Workbench};
use crate::{Pin, can, i2c, spi, uart};

/// What chips are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bus {
    I2c,
    Spi,
    Uart,
    Can,
}

impl Bus {
    /// The word that its tables begin with.
    pub(super) fn word(self) -> &'static str {
        match self {
            Bus::I2c => "i2c",
            Bus::Spi => "spi",
            Bus::Uart => "uart",
            Bus::Can => "can",
        }
    }
}

/// Where on a bus a chip goes, and what of the file says so.
#[derive(Clone)]
pub(super) enum Site<'a> {
    I2c {
        bus: &'a str,
        address: u8,
        place: Value<'a>,
    },
    /// On the chip select of a node, or on a line.
    Spi {
        node: &'a str,
        select: Option<LineSpec>,
        place: Value<'a>,
    },
    Uart {
        port: &'a str,
        place: Value<'a>,
    },
    Can {
        interface: &'a str,
        place: Value<'a>,
    },
}

impl Site<'_> {
    fn bus(&self) -> Bus {
        match self {
            Site::I2c { .. } => Bus::I2c,
            Site::Spi { .. } => Bus::Spi,
            Site::Uart { .. } => Bus::Uart,
            Site::Can { .. } => Bus::Can,
        }
    }
}

/// As the trace has it.
impl fmt::Display for Site<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::I2c { bus, address, .. } => write!(f, "{bus} {address:#04x}"),
            Site::Spi {
                select: Some(line), ..
            } => write!(f, "{line}"),
            Site::Spi { node, .. } => f.write_str(node),
            Site::Uart { port, .. } => f.write_str(port),
            Site::Can { interface, .. } => f.write_str(interface),
        }
    }
}

/// A chip that is being made.
pub(super) struct Chip<'b, 'a> {
    pub(super) bench: &'b Workbench,
    pub(super) settings: Table<'a>,
    pub(super) site: Site<'a>,
    /// The value of the key `chip`.
    pub(super) kind: Value<'a>,
    name: Option<Value<'a>>,
}

/// Makes the chip that a table has at the key `chip`, and puts it there.
pub(super) fn put<'a>(
    bench: &Workbench,
    mut settings: Table<'a>,
    kind: Value<'a>,
    site: Site<'a>,
) -> Result<()> {
    let (word, bus) = (kind.text()?, site.bus());
    let Some(known) = chips::all().find(|known| known.word == word) else {
        let hint = hint(word, chips::all().map(|known| known.word));
        return Err(kind.error(format_args!("no chip {word:?}{hint}")));
    };
    if !known.on.contains(&bus) {
        let on: Vec<String> = known
            .on
            .iter()
            .map(|bus| format!("[[{}]]", bus.word()))
            .collect();
        let (bus, on) = (bus.word(), on.join(" or "));
        return Err(kind.error(format_args!("a {word} is not on [[{bus}]], but on {on}")));
    }
    if let Site::I2c { address, place, .. } = &site {
        if !known.addresses().any(|known| known == *address) {
            let has = those(&known.addresses().collect::<Vec<u8>>());
            let what = format!("no {word} has the address {address:#04x}: it can have {has}");
            return Err(place.error(what));
        }
    }
    let name = settings.take("name");
    let mut chip = Chip {
        bench,
        settings,
        site,
        kind,
        name,
    };
    (known.make)(&mut chip)
}

/// Some addresses, to be read.
fn those(addresses: &[u8]) -> String {
    match addresses {
        [one] => format!("{one:#04x}"),
        [one, other] => format!("{one:#04x} or {other:#04x}"),
        [first, .., last] if addresses.len() > 4 => format!("one of {first:#04x} to {last:#04x}"),
        several => {
            let several: Vec<String> = several.iter().map(|one| format!("{one:#04x}")).collect();
            format!("one of {}", several.join(", "))
        }
    }
}

/// What its settings say.
impl<'a> Chip<'_, 'a> {
    /// A setting, if it is there.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.settings
            .take(key)
            .map(|value| read(&value))
            .transpose()
    }

    pub(super) fn need<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Result<T>,
    ) -> Result<T> {
        read(&self.settings.need(key)?)
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<Option<f32>> {
        Ok(self.get(key, Value::number)?.map(|number| number as f32))
    }

    /// A temperature that stays, of this extent.
    pub(super) fn celsius(&mut self, least: f64, most: f64) -> Result<Option<f32>> {
        let extent = Extent::new(least, most);
        let celsius = self.get("celsius", |value| value.number_within(extent))?;
        Ok(celsius.map(|celsius| celsius as f32))
    }

    pub(super) fn interval(&mut self, key: &'static str) -> Result<Option<Duration>> {
        self.get(key, Value::duration)
    }

    pub(super) fn pin(&mut self, key: &'static str) -> Result<Option<Pin>> {
        let bench = self.bench;
        self.get(key, |value| bench.pin(*value))
    }

    /// What it measures, as the board's time goes by.
    pub(super) fn quantity(&mut self, field: Field) -> Result<impl Fn(Time) -> f32 + Send + use<>> {
        let quantity = field.take(&mut self.settings, &self.bench.base)?;
        let follow = quantity.follow(self.bench.made);
        Ok(move |time| follow(time) as f32)
    }

    /// Quantities that belong together, if the key is there.
    pub(super) fn quantities<const N: usize>(
        &mut self,
        key: &'static str,
        fields: [Field; N],
    ) -> Result<Option<[Quantity; N]>> {
        let base = &self.bench.base;
        let read = self.get(key, |value| Quantity::read_all(*value, fields, base))?;
        let mut names = fields.iter().flat_map(Field::names);
        match names.find(|name| read.is_some() && self.settings.has(name)) {
            Some(name) => {
                let what = format_args!("{key} says what {name} is already");
                Err(self.settings.key_error(name, what))
            }
            None => Ok(read),
        }
    }

    /// A list of quantities, which has so many at most, by their numbers.
    pub(super) fn list(&mut self, field: Field, most: usize) -> Result<Vec<Quantity>> {
        let base = &self.bench.base;
        let list = self.get(field.name, |value| {
            let values = value.list()?;
            if values.len() > most {
                return Err(value.error(format_args!("this is to have {most} numbers at most")));
            }
            values
                .into_iter()
                .map(|value| Quantity::read(value, field, base))
                .collect()
        })?;
        Ok(list.unwrap_or_default())
    }

    /// Bytes: a text, a list of them, or a file.
    pub(super) fn contents(&mut self) -> Result<Option<(Value<'a>, Vec<u8>)>> {
        let base = &self.bench.base;
        self.get("contents", |value| {
            let bytes = if value.is_text() {
                value.text()?.as_bytes().to_vec()
            } else if value.is_list() {
                let bytes = value.list()?;
                bytes
                    .iter()
                    .map(|byte| byte.integer(0..=255))
                    .collect::<Result<_>>()?
            } else {
                let mut table = value.table()?;
                let file = table.need("file")?;
                table.finish()?;
                let path = base.join(file.text()?);
                workbench::read(&path)
                    .map_err(|error| file.error(format_args!("{}: {error}", path.display())))?
            };
            Ok((*value, bytes))
        })
    }
}

/// Where it goes, once all of its settings are known.
impl Chip<'_, '_> {
    pub(super) fn on_i2c(&self, chip: impl i2c::Device + Clone + Any) -> Result<()> {
        self.on_i2c_blocks(&[chip])
    }

    /// On one address after another; the first has the name.
    pub(super) fn on_i2c_blocks<C: i2c::Device + Clone + Any>(&self, blocks: &[C]) -> Result<()> {
        let Site::I2c {
            bus,
            address,
            place,
        } = &self.site
        else {
            return self.elsewhere();
        };
        self.settings.finish()?;
        for (block, number) in blocks.iter().zip(*address..) {
            let plugged = self
                .bench
                .stub
                .plug_i2c(bus, Address::from(number), block.clone());
            plugged.map_err(|error| place.error(error))?;
        }
        self.named(blocks.first())
    }

    pub(super) fn on_spi<C: spi::Device + Clone + Any>(&self, chip: C) -> Result<()> {
        let Site::Spi {
            node,
            select,
            place,
        } = &self.site
        else {
            return self.elsewhere();
        };
        self.settings.finish()?;
        let stub = self.bench.stub.clone();
        let plugged = match select {
            Some(line) => stub.spi_device_on(node, line, chip.clone()).map(drop),
            None => stub.plug_spi(node, chip.clone()),
        };
        plugged.map_err(|error| place.error(error))?;
        self.named(Some(&chip))
    }

    pub(super) fn on_i2c_or_spi<C>(&self, chip: C) -> Result<()>
    where
        C: i2c::Device + spi::Device + Clone + Any,
    {
        match self.site {
            Site::Spi { .. } => self.on_spi(chip),
            _ => self.on_i2c(chip),
        }
    }

    pub(super) fn on_uart<C: uart::Device + Clone + Any>(&self, chip: C) -> Result<()> {
        let Site::Uart { port, place } = &self.site else {
            return self.elsewhere();
        };
        self.settings.finish()?;
        let plugged = self.bench.stub.plug_serial(port, chip.clone());
        plugged.map_err(|error| place.error(error))?;
        self.named(Some(&chip))
    }

    pub(super) fn on_can<C: can::Node + Clone + Any>(&self, chip: C) -> Result<()> {
        let Site::Can { interface, place } = &self.site else {
            return self.elsewhere();
        };
        self.settings.finish()?;
        let plugged = self.bench.stub.plug_can(interface, chip.clone());
        plugged.map_err(|error| place.error(error))?;
        self.named(Some(&chip))
    }

    fn named<C: Any + Clone + Send>(&self, chip: Option<&C>) -> Result<()> {
        match chip {
            Some(chip) => self.bench.name(self.name, chip.clone()),
            None => Ok(()),
        }
    }

    /// What the table of chips says is checked before, so this is for who changes it.
    fn elsewhere(&self) -> Result<()> {
        Err(self.kind.error("this is not made for that bus"))
    }
}
