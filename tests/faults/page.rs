//! The page: an overview, and a table for each bus.

use std::fmt::Write;

use crate::cell::{Cell, Fault};

const HEADER: &str = "\
<!-- Written by a test from what it has seen: CIRCUITS_BLESS=1 cargo test --test faults -->

## Faults, and what a program sees of them

Each fault was provoked on the virtual board, which answers as the kernel does, and this is what came of it. A name like
`Removed` is the `kind()` of an error. What is in *italics* is no error: the call succeeds, and the program sees it some
other way, or not at all. Where a dash is, there is no such thing on that bus; the tables below say why.
";

pub(crate) fn of(names: &[&str], columns: &[Vec<Cell>]) -> String {
    let mut page = HEADER.to_owned();
    overview(&mut page, names, columns);
    for (name, column) in names.iter().zip(columns) {
        table(&mut page, name, column);
    }
    page
}

fn overview(page: &mut String, names: &[&str], columns: &[Vec<Cell>]) {
    let names = names.join(" | ");
    let rules = " --- |".repeat(columns.len() + 1);
    write!(page, "\n| | {names} |\n|{rules}\n").expect("a string");
    for (number, fault) in Fault::ALL.into_iter().enumerate() {
        write!(page, "| {} |", fault.title()).expect("a string");
        for column in columns {
            match &column[number] {
                Cell::Error { kind, .. } => write!(page, " `{kind}` |"),
                Cell::Seen { short, .. } => write!(page, " *{short}* |"),
                Cell::None(_) => write!(page, " – |"),
            }
            .expect("a string");
        }
        page.push('\n');
    }
}

fn table(page: &mut String, name: &str, column: &[Cell]) {
    write!(
        page,
        "\n### {name}\n\n| fault | what the program sees |\n| --- | --- |\n"
    )
    .expect("a string");
    for (fault, cell) in Fault::ALL.into_iter().zip(column) {
        let title = fault.title();
        match cell {
            Cell::Error { kind, text } => writeln!(page, "| {title} | `{kind}`: {} |", plain(text)),
            Cell::Seen { text, .. } => writeln!(page, "| {title} | *{}* |", plain(text)),
            Cell::None(why) => writeln!(page, "| {title} | – {why} |"),
        }
        .expect("a string");
    }
}

/// A text in a cell, where nothing is markup but what is between backquotes.
fn plain(text: &str) -> String {
    let mut is_code = false;
    let mut plain = String::new();
    for letter in text.chars() {
        is_code ^= letter == '`';
        if letter == '|' || !is_code && matches!(letter, '[' | ']' | '*' | '<') {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}
