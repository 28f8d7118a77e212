//! What is said of lines: `[[chip]]`, `[lines]`, `[[wire]]` and `[header]`.

use circuits_gpio::{Bias, LineSpec};

use super::parts::every_for;
use super::source::{Result, Table, Value};
use super::workbench::Workbench;

pub(super) fn chip(bench: &Workbench, mut table: Table<'_>) -> Result<()> {
    let label = table.need("label")?.text()?;
    let lines = table.need("lines")?;
    let interrupts = table
        .take("interrupts")
        .map(|value| value.bool())
        .transpose()?;
    table.finish()?;
    let names = lines.list()?;
    // What one is: a chip of the kernel has one line at least.
    if names.is_empty() {
        return Err(lines.error("a chip has one line at least"));
    }
    let names: Vec<&str> = names.iter().map(Value::text).collect::<Result<_>>()?;
    let stub = bench.stub.clone();
    match interrupts {
        Some(false) => stub.expander(label, names),
        _ => stub.chip(label, names),
    };
    Ok(())
}

pub(super) fn lines(bench: &Workbench, table: Table<'_>) -> Result<()> {
    for (key, value) in table.rest() {
        let line = LineSpec::from(key.text);
        if let Err(error) = bench.stub.pin(&line) {
            return Err(key.error(bench.explained(&line, error)));
        }
        let mut settings = value.table()?;
        if let Some(pull) = settings.take("pull") {
            let ways = [("up", Bias::PullUp), ("down", Bias::PullDown)];
            let bias = pull.one_of("pull", &ways)?;
            let pulled = bench.stub.clone().pull(&line, bias);
            pulled.map_err(|error| pull.error(error))?;
        }
        let (holder, held) = (settings.take("held_by"), settings.take("held"));
        match (holder, held) {
            (Some(holder), Some(held)) => lend(bench, line.clone(), holder.text()?, held)?,
            (Some(holder), None) => {
                let held = bench.stub.clone().hog(&line, holder.text()?);
                held.map_err(|error| holder.error(error))?;
            }
            (None, Some(held)) => return Err(held.error("this needs the key held_by beside it")),
            (None, None) => {}
        }
        if let Some(level) = settings.take("driven") {
            let driven = bench.stub.drive(&line, level.level()?);
            driven.map_err(|error| level.error(error))?;
        }
        settings.finish()?;
    }
    Ok(())
}

/// Somebody takes a line now and then, while a program watches lines.
fn lend(bench: &Workbench, line: LineSpec, holder: &str, held: Value<'_>) -> Result<()> {
    let (every, time) = every_for(held)?;
    let (holder, mut is_held) = (holder.to_owned(), false);
    bench.stub.go_on(every, move |stub, _| {
        is_held = !is_held && stub.is_watched();
        // Its chip may be gone.
        let _ = stub.lend(&line, is_held.then_some(&holder));
        match is_held {
            true => time,
            false => every - time,
        }
    });
    Ok(())
}

pub(super) fn wire(bench: &Workbench, mut table: Table<'_>) -> Result<()> {
    let between = table.need("between")?;
    table.finish()?;
    let ends = between.list()?;
    if ends.len() < 2 {
        return Err(between.error("a wire has two ends, or more"));
    }
    for pair in ends.windows(2) {
        let [from, to] = bench.other_lines(pair[0], pair[1])?;
        let wired = bench.stub.clone().wire(from, to);
        wired.map_err(|error| pair[1].error(error))?;
    }
    Ok(())
}

/// What is at the pins of a header that is no line.
const SUPPLIES: [&str; 3] = ["ground", "3.3 V", "5 V"];

/// Programs find lines by pins as circuits-gpio has them: a file that says something else is wrong.
pub(super) fn header(bench: &Workbench, table: Table<'_>) -> Result<()> {
    for (key, value) in table.rest() {
        let pin = LineSpec::Header(key.number(1..=40)?);
        let is_supply = SUPPLIES.contains(&value.text()?);
        let place = |line: &LineSpec| line.find_on(&bench.stub);
        let agrees = match is_supply {
            true => place(&pin)
                .is_err_and(|error| matches!(error, circuits_gpio::Error::Invalid { .. })),
            false => place(&pin).ok() == place(&bench.line(value)?).ok(),
        };
        if !agrees {
            return Err(value.error(format_args!("programs have something else at {pin}")));
        }
    }
    Ok(())
}
