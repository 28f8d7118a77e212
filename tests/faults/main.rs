//! What a program sees of each fault that the virtual board has, on each bus, and the page that says so:
//! docs/faults.md, written by
//!
//! ```sh
//! CIRCUITS_BLESS=1 cargo test --test faults
//! ```
//!
//! What is in the page was seen. Only where there is nothing to be seen on a bus, why is written here.

mod can;
mod cell;
mod devices;
mod gpio;
mod i2c;
mod page;
mod spi;
mod uart;

use std::fs;
use std::path::Path;

use cell::{Cell, Fault, Outcome};

/// A bus, by its name, and what comes of a fault there.
type Bus = (&'static str, fn(Fault) -> Outcome);

const BUSES: [Bus; 6] = [
    ("GPIO", gpio::meet),
    ("I2C", i2c::meet),
    ("SPI", spi::meet),
    ("UART", uart::meet),
    ("CAN", can::meet),
    ("Devices", devices::meet),
];

/// All of a bus.
fn column((name, meet): Bus) -> Vec<Cell> {
    let cells = Fault::ALL.into_iter().map(|fault| match meet(fault) {
        Ok(cell) => cell,
        Err(error) => panic!("{name}, {}: {error}", fault.title()),
    });
    cells.collect()
}

#[test]
fn the_page_is_as_it_was_seen() {
    let columns = BUSES.map(column);
    let page = page::of(&BUSES.map(|(name, _)| name), &columns);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    if std::env::var_os("CIRCUITS_BLESS").is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("the folder docs");
        fs::write(&file, &page).expect("docs/faults.md");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    let differs = written
        .lines()
        .zip(page.lines())
        .find(|(was, is)| was != is);
    assert!(
        written == page,
        "docs/faults.md is not what was seen (CIRCUITS_BLESS=1 cargo test --test faults writes it): {differs:#?}"
    );
}

/// What was seen is what is seen again.
#[test]
fn it_is_the_same_each_time() {
    for bus in BUSES {
        assert_eq!(column(bus), column(bus));
    }
}

/// Where nothing is to be seen it says why, in more than a word.
#[test]
fn no_cell_is_empty() {
    for bus in BUSES {
        for (fault, cell) in Fault::ALL.into_iter().zip(column(bus)) {
            let text = match &cell {
                Cell::Error { text, .. } | Cell::Seen { text, .. } => text.as_str(),
                Cell::None(why) => why,
            };
            assert!(text.len() > 10, "{}, {}: {text:?}", bus.0, fault.title());
            assert!(!text.contains(['|', '\n']), "a table would break: {text:?}");
        }
    }
}
