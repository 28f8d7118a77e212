//! What goes wrong: `[[fault]]`, by the names of the constructors of each bus's `Fault`.

use circuits_can::{FrameError, Id};
use circuits_i2c::Address;

use super::source::{Result, Table, Value};
use super::workbench::Workbench;
use crate::{Stub, can, gpio, i2c, spi, uart};

/// Faults of a bus, and how they are made of what else a table says.
type Faults<F> = [(&'static str, fn(&mut Table<'_>) -> Result<F>)];

const I2C: &Faults<i2c::Fault> = &[
    ("no_acknowledge", |_| Ok(i2c::Fault::no_acknowledge())),
    ("no_acknowledge_of_byte", |table| {
        let byte = table.need("byte")?.integer(0..=8191)?;
        Ok(i2c::Fault::no_acknowledge_of_byte(byte))
    }),
    ("arbitration_lost", |_| Ok(i2c::Fault::arbitration_lost())),
    ("stuck", |_| Ok(i2c::Fault::stuck())),
    ("busy", |_| Ok(i2c::Fault::busy())),
    ("failed", |_| Ok(i2c::Fault::failed())),
    ("flipped_bit", |_| Ok(i2c::Fault::flipped_bit())),
    ("brown_out", |table| {
        let length = table.need("length")?.interval()?;
        Ok(i2c::Fault::brown_out(length))
    }),
];

const SPI: &Faults<spi::Fault> = &[
    ("timed_out", |_| Ok(spi::Fault::timed_out())),
    ("failed", |_| Ok(spi::Fault::failed())),
    ("flipped_bit", |_| Ok(spi::Fault::flipped_bit())),
    ("stuck_high", |_| Ok(spi::Fault::stuck_high())),
    ("stuck_low", |_| Ok(spi::Fault::stuck_low())),
];

const UART: &Faults<uart::Fault> = &[
    ("framing", |_| Ok(uart::Fault::framing())),
    ("parity", |_| Ok(uart::Fault::parity())),
    ("brk", |_| Ok(uart::Fault::brk())),
    ("overrun", |table| {
        let bytes = table.need("bytes")?.integer(1..=1_000_000)?;
        Ok(uart::Fault::overrun(bytes))
    }),
    ("flipped_bit", |_| Ok(uart::Fault::flipped_bit())),
    ("lost_byte", |_| Ok(uart::Fault::lost_byte())),
];

const CAN: &Faults<can::Fault> = &[
    ("bit_error", |_| Ok(can::Fault::bit_error())),
    ("stuff_error", |_| Ok(can::Fault::stuff_error())),
    ("form_error", |_| Ok(can::Fault::form_error())),
    ("crc_error", |_| Ok(can::Fault::crc_error())),
    ("no_acknowledge", |_| Ok(can::Fault::no_acknowledge())),
    ("overrun", |_| Ok(can::Fault::overrun())),
];

const LINE: &Faults<gpio::Fault> = &[
    ("no_acknowledge", |_| Ok(gpio::Fault::no_acknowledge())),
    ("timed_out", |_| Ok(gpio::Fault::timed_out())),
    ("failed", |_| Ok(gpio::Fault::failed())),
    ("lost_set", |_| Ok(gpio::Fault::lost_set())),
    ("missed_edge", |_| Ok(gpio::Fault::missed_edge())),
    ("stuck_low", |_| Ok(gpio::Fault::stuck_low())),
    ("stuck_high", |_| Ok(gpio::Fault::stuck_high())),
    ("glitch", |table| {
        Ok(gpio::Fault::glitch(table.need("length")?.interval()?))
    }),
];

/// When it happens: all faults have the same setters.
macro_rules! when {
    ($fault:expr, $table:expr) => {{
        let (mut fault, table) = ($fault, $table);
        if let Some(count) = table.take("after") {
            fault = fault.after(count.integer(0..=u32::MAX)?);
        }
        let always = table.take("always").map(|value| value.bool()).transpose()?;
        if always == Some(true) {
            fault = fault.always();
        }
        if let Some(count) = table.take("times") {
            if always == Some(true) {
                return Err(count.error("it happens always: this is one too many"));
            }
            fault = fault.times(count.integer(1..=u32::MAX)?);
        }
        let begin = table.take("not_before");
        let begin = begin.map(|time| time.duration()).transpose()?;
        if let Some(begin) = begin {
            fault = fault.not_before(begin);
        }
        if let Some(time) = table.take("until") {
            let end = time.interval()?;
            if begin.is_some_and(|begin| end <= begin) {
                return Err(time.error("it is over then before it begins"));
            }
            fault = fault.until(end);
        }
        if let Some(chance) = table.take("chance") {
            let probability = chance.number()?;
            if !(0.0..=1.0).contains(&probability) {
                return Err(chance.error("this is to be 0 to 1"));
            }
            let seed = table.need("seed")?.integer(0..=i64::MAX as u64)?;
            fault = fault.chance(probability, seed);
        } else if let Some(seed) = table.take("seed") {
            return Err(seed.error("this needs the key chance beside it"));
        }
        table.finish()?;
        fault
    }};
}

/// Which keys say where it happens.
const PLACES: [&str; 5] = ["bus", "node", "port", "interface", "line"];

pub(super) fn put(bench: &Workbench, mut table: Table<'_>) -> Result<()> {
    let kind = table.need("fault")?;
    let table = &mut table;
    let stub = &bench.stub;
    let mut said = PLACES.iter().filter(|place| table.has(place));
    if let (Some(one), Some(other)) = (said.next(), said.next()) {
        let what = format_args!("a fault is in one place: there is {one} already");
        return Err(table.key_error(other, what));
    }
    if let Some(bus) = table.take("bus") {
        let mut fault = made(I2C, kind, table)?;
        if let Some(address) = table.take("address") {
            fault = fault.at(device(stub, bus.text()?, address)?);
        }
        let fault = when!(fault, table);
        return placed(bus, stub.i2c_fault(bus.text()?, fault));
    }
    if let Some(node) = table.take("node") {
        let fault = when!(made(SPI, kind, table)?, table);
        return placed(node, stub.spi_fault(node.text()?, fault));
    }
    if let Some(port) = table.take("port") {
        let fault = when!(made(UART, kind, table)?, table);
        return placed(port, stub.serial_fault(port.text()?, fault));
    }
    if let Some(interface) = table.take("interface") {
        let mut fault = made(CAN, kind, table)?;
        if let Some(id) = table.take("id") {
            fault = fault.of(identifier(id)?);
        }
        let fault = when!(fault, table);
        return placed(interface, stub.can_fault(interface.text()?, fault));
    }
    if let Some(line) = table.take("line") {
        let fault = when!(made(LINE, kind, table)?, table);
        return placed(line, stub.line_fault(bench.line(line)?, fault));
    }
    Err(table.error("this needs one of the keys bus, node, port, interface and line"))
}

/// An address where something is: a fault at another one would never happen.
fn device(stub: &Stub, bus: &str, place: Value<'_>) -> Result<Address> {
    let address = Address::from(place.integer(0..=0x7f_u8)?);
    let there = match stub.board().buses.addresses(bus) {
        Some(there) if !there.contains(&address) => there,
        _ => return Ok(address),
    };
    let there: Vec<String> = there.iter().map(Address::to_string).collect();
    let hint = match &there[..] {
        [] => "it has no chips".into(),
        [one] => format!("there is {one}"),
        several => format!("there are {}", several.join(", ")),
    };
    Err(place.error(format_args!("nothing is at {address} on {bus}; {hint}")))
}

fn made<F>(faults: &Faults<F>, kind: Value<'_>, table: &mut Table<'_>) -> Result<F> {
    kind.one_of("fault", faults)?(table)
}

fn placed(place: Value<'_>, done: crate::Result<()>) -> Result<()> {
    done.map_err(|error| place.error(error))
}

/// A number, which is a standard one, or a text as candump has it: `123`, `00000123`.
fn identifier(value: Value<'_>) -> Result<Id> {
    let id = match value.is_text() {
        true => value.text()?.parse(),
        false => Id::standard(value.integer(0..=0x7ff)?),
    };
    id.map_err(|error: FrameError| value.error(error))
}
