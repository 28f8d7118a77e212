//! The recordings have in them what the tables beside them say, and are well-formed.
// Static programs go to devices, and to the emulated Pi, without the recordings.
#![cfg(not(target_env = "musl"))]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Step, where, came or went: names.
type Table = BTreeMap<(String, String, &'static str), BTreeSet<String>>;

/// Step, what: lines.
type Sections<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a str>>;

fn recordings() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let folders = ["pi", "can"].map(|machine| fs::read_dir(root.join(machine)).unwrap());
    let mut paths: Vec<_> = folders
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    paths
}

fn sections(text: &str) -> Sections<'_> {
    let mut sections = Sections::new();
    let mut current = None;
    for line in text.lines() {
        let head = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'));
        if let Some(head) = head {
            let head = head.split_once(": ").unwrap();
            assert!(
                sections.insert(head, Vec::new()).is_none(),
                "{head:?} twice"
            );
            current = Some(head);
        } else if let Some(head) = current {
            sections.get_mut(&head).unwrap().push(line);
        }
    }
    sections
}

/// What a recording says came to or went from the folders of buses and classes.
fn changes(text: &str) -> Table {
    let mut table = Table::new();
    for ((step, what), lines) in sections(text) {
        let way = match what {
            "appeared" => "came",
            "disappeared" => "went",
            _ => continue,
        };
        let mut folder = "";
        for line in lines {
            if let Some(entry) = line.strip_prefix("    ") {
                let name = entry.split(" -> ").next().unwrap();
                let bus = folder
                    .strip_prefix("/sys/")
                    .filter(|path| path.starts_with("class/") || path.starts_with("bus/"));
                if let Some(bus) = bus {
                    let bus = bus.trim_end_matches("/devices").to_owned();
                    let names = table.entry((step.to_owned(), bus, way)).or_default();
                    names.insert(name.to_owned());
                }
            } else {
                folder = line;
            }
        }
    }
    table
}

/// The rows of a table in Markdown, below a line that begins so.
fn rows<'a>(text: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let below = text.lines().skip_while(|line| !line.starts_with(head));
    let rows = below.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(str::trim).collect()
    })
    .collect()
}

fn expected(text: &str) -> Table {
    let mut table = Table::new();
    for row in rows(text, "| step | where |") {
        for (way, names) in [("came", row[2]), ("went", row[3])] {
            if !names.is_empty() {
                let names = names.split(' ').map(str::to_owned).collect();
                table.insert((row[0].into(), row[1].into(), way), names);
            }
        }
    }
    table
}

#[test]
fn what_comes_and_goes_is_in_the_tables() {
    let mut devices = 0;
    for path in recordings() {
        let table = fs::read_to_string(path.with_extension("md")).unwrap();
        let expected = expected(&table);
        devices += expected.values().map(BTreeSet::len).sum::<usize>();
        let recorded = changes(&fs::read_to_string(&path).unwrap());
        assert_eq!(recorded, expected, "{}", path.display());
    }
    // By hand, over all tables.
    assert_eq!((recordings().len(), devices), (9, 93));
}

#[test]
fn chips_answer_as_the_tables_say() {
    for path in recordings() {
        let table = fs::read_to_string(path.with_extension("md")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let at_start = rows(&table, "| chip | label |");
        let in_steps = rows(&table, "| step | chip | label |").into_iter();
        let in_steps = in_steps.map(|mut row| row.split_off(1));
        let in_steps = in_steps.filter(|row| row[1] != "gone");
        for row in at_start.into_iter().chain(in_steps) {
            let node = format!("/dev/{}\n", row[0]);
            let (_, answers) = text.split_once(&node).unwrap();
            let answers: Vec<_> = answers
                .lines()
                .take_while(|line| line.starts_with("    "))
                .map(str::trim)
                .collect();
            assert!(
                answers.contains(&&*format!("label = \"{}\"", row[1])),
                "{row:?}"
            );
            assert!(
                answers.contains(&&*format!("lines = {}", row[2])),
                "{row:?}"
            );
            let lines = answers.iter().filter(|line| line.starts_with("line "));
            assert_eq!(lines.count().to_string(), row[2]);
        }
    }
}

#[test]
fn adapters_are_who_the_tables_say() {
    for path in recordings() {
        let table = fs::read_to_string(path.with_extension("md")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let rows = rows(&table, "| step | port | vendor |").into_iter();
        for row in rows.filter(|row| row[2] != "gone") {
            let appeared = &sections(&text)[&(row[0], "appeared")];
            for (file, value) in [
                ("idVendor", row[2]),
                ("idProduct", row[3]),
                ("serial", row[4]),
                ("manufacturer", row[5]),
                ("product", row[6]),
                ("devpath", row[9].trim_start_matches("1-")),
            ] {
                let line = format!("    {file} = \"{value}\\n\"");
                assert!(appeared.contains(&&*line), "{row:?}: no {line}");
            }
        }
    }
}

#[test]
fn uevents_are_whole_and_in_order() {
    let mut events = 0;
    for path in recordings() {
        let text = fs::read_to_string(&path).unwrap();
        let mut last = 0;
        // In the order of the file, which a map does not keep.
        for block in text
            .split("\n\n")
            .filter(|block| block.contains("\nSEQNUM="))
        {
            let lines = block.lines().skip_while(|line| line.starts_with('['));
            let lines: Vec<_> = lines.collect();
            let (action, device) = lines[0].split_once('@').unwrap();
            let field = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key));
            assert_eq!(field("ACTION="), Some(action), "{block}");
            assert_eq!(field("DEVPATH="), Some(device), "{block}");
            assert!(field("SUBSYSTEM=").is_some(), "{block}");
            let number: u64 = field("SEQNUM=").unwrap().parse().unwrap();
            assert!(number > last, "{}: {number} after {last}", path.display());
            last = number;
            events += 1;
        }
    }
    assert!(events > 150, "{events}");
}
