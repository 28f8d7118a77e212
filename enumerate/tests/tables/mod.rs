//! The tables beside the recordings, which say by hand what devices there are and what becomes of
//! them; and what the views and changes say, in the same words.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use circuits_enumerate::{CanLink, CanState, Change, ChangeKind, Devices, Identity, Usb};

/// What is there at the start, on the Pi.
pub(crate) const PI: &str = include_str!("../../../tests/recordings/pi/cold-plug.md");

/// The sections of the tables, each of a view but for the places, which are of all.
const SECTIONS: [&str; 10] = [
    "Machine",
    "GPIO chips",
    "I2C adapters",
    "I2C clients",
    "SPI controllers",
    "SPI devices",
    "Serial ports",
    "USB devices",
    "CAN interfaces",
    "Places",
];

/// Columns for people, and what the nodes answer.
const NO_VIEW: [&str; 2] = ["what it is", "speed"];

/// The cells of a row by their columns.
type Row = BTreeMap<String, String>;

/// Sections, and in each the rows by what they are of.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Views(BTreeMap<&'static str, Vec<(String, Row)>>);

impl Views {
    fn new() -> Views {
        Views(SECTIONS.map(|name| (name, Vec::new())).into())
    }

    /// Reads what a table says of the start.
    pub(crate) fn expected(cold_plug: &str) -> Views {
        let mut views = Views::new();
        for (name, rows) in &mut views.0 {
            for row in rows_of(cold_plug, name) {
                let key = key(name, &row);
                assert!(rows.iter().all(|(other, _)| *other != key), "{key} twice");
                rows.push((key, row.into_iter().collect()));
            }
        }
        views.places_sorted()
    }

    /// Reads what is different after a step: rows of what came or changed, and of what is gone.
    pub(crate) fn step(&mut self, story: &str, step: &str) {
        for (name, rows) in &mut self.0 {
            for mut row in rows_of(story, name) {
                if row.remove(0).1 != step {
                    continue;
                }
                let key = key(name, &row);
                let place = rows.iter().position(|(other, _)| *other == key);
                let is_gone = row.last().is_some_and(|(_, cell)| cell == "gone");
                match (place, is_gone) {
                    (Some(place), true) => drop(rows.remove(place)),
                    (None, true) => panic!("{key} is not there, and so cannot go"),
                    (Some(place), false) => rows[place].1 = row.into_iter().collect(),
                    (None, false) => rows.push((key, row.into_iter().collect())),
                }
            }
        }
    }

    /// They are of all views, in no order.
    fn places_sorted(mut self) -> Views {
        self.0.get_mut("Places").unwrap().sort();
        self
    }

    /// Returns them in the order of their names: a story does not say which it is.
    pub(crate) fn sorted(mut self) -> Views {
        self.0.values_mut().for_each(|rows| rows.sort());
        self
    }

    /// Forgets a column.
    pub(crate) fn without(mut self, section: &str, column: &str) -> Views {
        let rows = self.0.get_mut(section).unwrap();
        rows.iter_mut()
            .for_each(|(_, row)| drop(row.remove(column)));
        self
    }

    /// Tells how many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Returns what the views say.
    pub(crate) fn of(devices: &Devices) -> Views {
        let mut views = Views::new();
        let machine = devices.machine();
        views.put(
            "Machine",
            [
                ("model", text(&machine.model)),
                ("serial number", text(&machine.serial_number)),
                ("revision", text(&machine.revision)),
                ("compatible", machine.compatible.join(" ")),
            ],
        );
        for chip in devices.gpio_chips() {
            views.place("GPIO chip", &chip.name, &chip.path, Some(&chip.identity));
            views.put(
                "GPIO chips",
                [
                    ("chip", chip.name),
                    ("label", text(&chip.label)),
                    ("lines", text(&chip.lines)),
                    ("node", path(Some(&chip.node))),
                    ("driver", text(&chip.driver)),
                ],
            );
        }
        for adapter in devices.i2c_adapters() {
            let identity = Some(&adapter.identity);
            views.place("I2C adapter", &adapter.name, &adapter.path, identity);
            for client in &adapter.clients {
                let name = client.path.file_name().unwrap().to_str().unwrap();
                views.place("I2C client", name, &client.path, None);
                let address = client.address.map(|address| format!("{address:#x}"));
                views.put(
                    "I2C clients",
                    [
                        ("client", name.into()),
                        ("adapter", adapter.name.clone()),
                        ("address", text(&address)),
                        ("name", text(&client.name)),
                        ("driver", text(&client.driver)),
                    ],
                );
            }
            views.put(
                "I2C adapters",
                [
                    ("adapter", adapter.name),
                    ("node", path(adapter.node.as_deref())),
                    ("description", text(&adapter.description)),
                    ("driver", text(&adapter.driver)),
                ],
            );
        }
        for controller in devices.spi_controllers() {
            views.place("SPI controller", &controller.name, &controller.path, None);
            for device in &controller.devices {
                let identity = Some(&device.identity);
                views.place("SPI device", &device.name, &device.path, identity);
                views.put(
                    "SPI devices",
                    [
                        ("device", device.name.clone()),
                        ("controller", controller.name.clone()),
                        ("chip select", text(&device.chip_select)),
                        ("modalias", text(&device.modalias)),
                        ("driver", text(&device.driver)),
                        ("spidev", text(&device.spidev)),
                        ("node", path(device.node.as_deref())),
                    ],
                );
            }
            views.put(
                "SPI controllers",
                [
                    ("controller", controller.name),
                    ("driver", text(&controller.driver)),
                ],
            );
        }
        for port in devices.serial_ports() {
            views.place("serial port", &port.name, &port.path, Some(&port.identity));
            views.usb(&port.name, port.usb);
            views.put(
                "Serial ports",
                [
                    ("port", port.name),
                    ("node", path(Some(&port.node))),
                    ("driver", text(&port.driver)),
                    ("aliases", port.aliases.join(" ")),
                    ("by id", path(port.by_id.as_deref())),
                    ("by path", path(port.by_path.as_deref())),
                ],
            );
        }
        for can in devices.can_interfaces() {
            views.place("CAN interface", &can.name, &can.path, Some(&can.identity));
            views.usb(&can.name, can.usb);
            let link = can.link.unwrap_or_else(|| panic!("no link {}", can.name));
            assert_eq!((&link.name, link.data_bitrate), (&can.name, None));
            let own = [
                ("interface", can.name),
                ("virtual", yes(can.is_virtual)),
                ("driver", text(&can.driver)),
            ];
            views.put("CAN interfaces", own.into_iter().chain(link_cells(&link)));
        }
        views.places_sorted()
    }

    fn put<'a>(&mut self, section: &str, cells: impl IntoIterator<Item = (&'a str, String)>) {
        let cells = cells
            .into_iter()
            .map(|(column, cell)| (column.into(), cell));
        let row: Vec<(String, String)> = cells.collect();
        let rows = self.0.get_mut(section).unwrap();
        rows.push((key(section, &row), row.into_iter().collect()));
    }

    fn place(&mut self, view: &str, name: &str, path: &Path, identity: Option<&Identity>) {
        let cells = [
            ("view", view.into()),
            ("name", name.into()),
            ("path", path.to_str().unwrap().into()),
            ("identity", text(&identity)),
        ];
        self.put("Places", cells);
    }

    fn usb(&mut self, port: &str, usb: Option<Usb>) {
        let Some(usb) = usb else {
            return;
        };
        let cells = [
            ("port", port.into()),
            ("vendor", format!("{:04x}", usb.vendor)),
            ("product", format!("{:04x}", usb.product)),
            ("serial number", text(&usb.serial)),
            ("manufacturer", text(&usb.manufacturer)),
            ("name", text(&usb.product_name)),
            ("interface", text(&usb.interface)),
            ("interface name", text(&usb.interface_name)),
            ("socket", usb.port),
        ];
        self.put("USB devices", cells);
    }
}

/// A row a line, to be compared by eye.
impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (section, rows) in &self.0 {
            for (_, row) in rows {
                writeln!(f, "{section}: {row:?}")?;
            }
        }
        Ok(())
    }
}

fn link_cells(link: &CanLink) -> [(&'static str, String); 10] {
    let state = link.state.map(|state| match state {
        CanState::ErrorActive => "error-active",
        CanState::ErrorWarning => "error-warning",
        CanState::ErrorPassive => "error-passive",
        CanState::BusOff => "bus-off",
        CanState::Stopped => "stopped",
        CanState::Sleeping => "sleeping",
        _ => "another",
    });
    let counters = link.error_counters.map(|(tx, rx)| format!("{tx} {rx}"));
    [
        ("kind", text(&link.kind)),
        ("up", yes(link.up)),
        ("mtu", link.mtu.to_string()),
        ("state", text(&state)),
        ("bit rate", text(&link.bitrate)),
        ("sample point", text(&link.sample_point)),
        ("clock", text(&link.clock)),
        ("restart", text(&link.restart_ms)),
        ("error counters", text(&counters)),
        ("modes", text(&link.modes)),
    ]
}

fn text(value: &Option<impl ToString>) -> String {
    value.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn path(path: Option<&Path>) -> String {
    text(&path.map(Path::display))
}

fn yes(so: bool) -> String {
    if so { "yes".into() } else { "no".into() }
}

/// What a row is of: its first column, of a place the second one, too.
fn key(section: &str, row: &[(String, String)]) -> String {
    let columns = if section == "Places" { 2 } else { 1 };
    let cells: Vec<&str> = row[..columns].iter().map(|(_, cell)| &**cell).collect();
    cells.join(" ")
}

/// The rows of the table in a section of Markdown. Those of what is gone are shorter.
fn rows_of(text: &str, section: &str) -> Vec<Vec<(String, String)>> {
    let head = format!("## {section}");
    let below = text.lines().skip_while(|line| **line != head).skip(1);
    let section = below.take_while(|line| !line.starts_with("## "));
    let mut rows = section
        .filter(|line| line.starts_with('|'))
        .map(|row| row.trim_matches('|').split('|').map(str::trim));
    let Some(columns) = rows.next() else {
        return Vec::new();
    };
    let columns: Vec<&str> = columns.collect();
    // A line under the head.
    rows.skip(1)
        .map(|cells| {
            let cells = columns.iter().zip(cells);
            let cells = cells.filter(|(column, _)| !NO_VIEW.contains(column));
            cells
                .map(|(column, cell)| (column.to_string(), cell.to_string()))
                .collect()
        })
        .collect()
}

/// The kind of a change, and the subsystem and the path of its device.
pub(crate) type Told = [String; 3];

/// Returns which changes a step leads to, in their order.
pub(crate) fn changes(story: &str, step: &str) -> Vec<Told> {
    let rows = rows_of(story, "Changes").into_iter();
    let rows = rows.filter(|row| row[0].1 == step);
    rows.map(|row| [1, 2, 3].map(|column| row[column].1.clone()))
        .collect()
}

/// Returns what a change says.
pub(crate) fn told(change: &Change) -> Told {
    let kind = match change.kind() {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "changed",
        ChangeKind::Moved => "moved",
        ChangeKind::Bound => "bound",
        ChangeKind::Unbound => "unbound",
        ChangeKind::Online => "online",
        ChangeKind::Offline => "offline",
        _ => "another",
    };
    let subsystem = change.device().subsystem().to_str().unwrap();
    [kind, subsystem, change.path().to_str().unwrap()].map(str::to_string)
}
