//! What is connected to lines: `[[part]]`, by the words that a file has for it. To add one is an entry in [`PARTS`], and
//! how it is made of its settings; and a row in BOARDS.md.

use std::time::Duration;

use circuits_gpio::LineSpec;

use super::extent::Extent;
use super::quantity::{Field, Quantity};
use super::source::{Result, Table, Value, hint};
use super::workbench::Workbench;
use crate::parts::{Button, Encoder, Led, Ranger, WheelEncoder};

type Make = fn(&Workbench, &mut Table<'_>, Option<Value<'_>>) -> Result<()>;

/// Each takes the key `name` as well.
pub(super) const PARTS: &[(&str, Make)] = &[
    ("button", button),
    ("encoder", encoder),
    ("led", led),
    ("ranger", ranger),
    ("wheel_encoder", wheel_encoder),
];

pub(super) fn put(bench: &Workbench, mut table: Table<'_>) -> Result<()> {
    let kind = table.need("part")?;
    let word = kind.text()?;
    let Some((_, make)) = PARTS.iter().find(|(known, _)| *known == word) else {
        let hint = hint(word, PARTS.iter().map(|(known, _)| *known));
        return Err(kind.error(format_args!("no part {word:?}{hint}")));
    };
    let name = table.take("name");
    make(bench, &mut table, name)
}

fn button(bench: &Workbench, table: &mut Table<'_>, name: Option<Value<'_>>) -> Result<()> {
    let place = table.need("line")?;
    let line = bench.line(place)?;
    let ways = [("ground", false), ("supply", true)];
    let is_to_supply = table.need("to")?.one_of("end", &ways)?;
    let made = match is_to_supply {
        true => Button::to_supply(&bench.stub, &line),
        false => Button::to_ground(&bench.stub, &line),
    };
    let mut button = made.map_err(|error| place.error(error))?;
    if let Some(bounce) = table.take("bouncing") {
        button = button.bouncing(bounce.duration()?);
    }
    if let Some(value) = table.take("normally_closed") {
        if value.bool()? {
            let closed = button.normally_closed();
            button = closed.map_err(|error| value.error(error))?;
        }
    }
    let pressed = table.take("pressed");
    table.finish()?;
    bench.name(name, button.clone())?;
    let Some(value) = pressed else {
        return Ok(());
    };
    let (every, time) = every_for(value)?;
    bench.stub.every(every, move |stub, _| {
        // Nobody handles what no program looks at.
        if matches!(stub.consumer(&line), Ok(Some(_))) {
            // Its chip may be gone.
            let _ = button.press_for(time);
        }
    });
    Ok(())
}

/// How often something happens, and for how long, which is less.
pub(super) fn every_for(value: Value<'_>) -> Result<(Duration, Duration)> {
    let mut table = value.table()?;
    let every = table.need("every")?.pace()?;
    let place = table.need("for")?;
    table.finish()?;
    let time = place.interval()?;
    match time < every {
        true => Ok((every, time)),
        false => Err(place.error("this is to be less than it is from one time to the next")),
    }
}

fn encoder(bench: &Workbench, table: &mut Table<'_>, name: Option<Value<'_>>) -> Result<()> {
    let place = table.need("lines")?;
    let lines = two_lines(bench, place)?;
    let made = Encoder::new(&bench.stub, &lines[0], &lines[1]);
    let mut encoder = made.map_err(|error| place.error(error))?;
    if let Some(time) = table.take("click_time") {
        encoder = encoder.click_time(time.interval()?);
    }
    let turned = table.take("turned");
    table.finish()?;
    bench.name(name, encoder.clone())?;
    let Some(value) = turned else {
        return Ok(());
    };
    let mut turned = value.table()?;
    let every = turned.need("every")?.pace()?;
    let clicks = turned.need("clicks")?;
    turned.finish()?;
    let turns: Vec<i16> = match clicks.is_list() {
        true => clicks.list()?.iter().map(turn).collect::<Result<_>>()?,
        false => vec![turn(&clicks)?],
    };
    let mut next = 0;
    bench.stub.every(every, move |stub, _| {
        let clicks = turns.get(next).copied().unwrap_or_default();
        next = (next + 1) % turns.len().max(1);
        if matches!(stub.consumer(&lines[0]), Ok(Some(_))) {
            let _ = encoder.turn(clicks);
        }
    });
    Ok(())
}

fn two_lines(bench: &Workbench, place: Value<'_>) -> Result<[LineSpec; 2]> {
    match <[Value<'_>; 2]>::try_from(place.list()?) {
        Ok([first, second]) => bench.other_lines(first, second),
        Err(_) => Err(place.error("an encoder has two lines")),
    }
}

fn turn(clicks: &Value<'_>) -> Result<i16> {
    clicks.integer(-1000..=1000)
}

fn led(bench: &Workbench, table: &mut Table<'_>, name: Option<Value<'_>>) -> Result<()> {
    let place = table.need("line")?;
    let made = Led::new(&bench.stub, bench.line(place)?);
    let led = made.map_err(|error| place.error(error))?;
    table.finish()?;
    bench.name(name, led)
}

/// In metres.
const DISTANCE: Field = Field::needed("distance").within(0.0, f64::INFINITY);

fn ranger(bench: &Workbench, table: &mut Table<'_>, name: Option<Value<'_>>) -> Result<()> {
    let place = table.need("trigger")?;
    let [trigger, echo] = bench.other_lines(place, table.need("echo")?)?;
    let made = Ranger::new(&bench.stub, trigger, echo);
    let ranger = made.map_err(|error| place.error(error))?;
    if let Some(value) = table.take("distance") {
        let metres = Quantity::read(value, DISTANCE, &bench.base)?.follow(bench.made);
        ranger.follow(move |time| Some(metres(time)));
    }
    if let Some(silent) = table.take("silent") {
        ranger.set_silent(silent.bool()?);
    }
    table.finish()?;
    bench.name(name, ranger)
}

fn wheel_encoder(bench: &Workbench, table: &mut Table<'_>, name: Option<Value<'_>>) -> Result<()> {
    let place = table.need("lines")?;
    let [first, second] = two_lines(bench, place)?;
    let made = WheelEncoder::new(&bench.stub, first, second);
    let wheel = made.map_err(|error| place.error(error))?;
    if let Some(speed) = table.take("speed") {
        let fastest = WheelEncoder::FASTEST;
        wheel.set_speed(speed.number_within(Extent::new(-fastest, fastest))?);
    }
    if let Some(stick) = table.take("stick") {
        wheel.stick(stick.bool()?);
    }
    table.finish()?;
    bench.name(name, wheel)
}
