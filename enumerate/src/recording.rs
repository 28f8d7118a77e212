use std::collections::BTreeMap;
use std::path::Path;

use crate::{CanLink, CanState, MemoryTree};

/// What devices there were on a machine, and how they came and went: step by step the uevents, what
/// `/sys` showed afterwards, and what the nodes answered.
///
/// It is read from text; the format is told in `tests/recordings/README.md` of the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    steps: Vec<Step>,
}

/// One step of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    name: String,
    uevents: Vec<Vec<u8>>,
    appeared: Vec<Group>,
    disappeared: Vec<Group>,
}

/// A folder, a node, or a network interface, and what is in it or what it says.
type Group = (String, BTreeMap<String, String>);

/// Why text is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct RecordingError {
    /// Which line, from 1 on.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Recording {
    /// Reads one.
    ///
    /// # Errors
    /// [`RecordingError`], with the line.
    pub fn parse(text: &str) -> Result<Recording, RecordingError> {
        let mut steps: Vec<Step> = Vec::new();
        let mut section = None;
        for (index, line) in text.lines().enumerate() {
            let at = |what| RecordingError {
                line: index + 1,
                what,
            };
            let head = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'));
            if let Some(head) = head {
                end(section.take(), steps.last_mut());
                let (name, what) = head
                    .split_once(": ")
                    .ok_or(at("a section begins with [STEP: WHAT]"))?;
                if steps.last().is_none_or(|step| step.name != name) {
                    steps.push(Step {
                        name: name.into(),
                        ..Step::default()
                    });
                }
                section = match what {
                    "uevents" => Some(Section::Uevents(Vec::new())),
                    "appeared" => Some(Section::Appeared),
                    "disappeared" => Some(Section::Disappeared),
                    _ => return Err(at("a section is of uevents, appeared or disappeared")),
                };
                continue;
            }
            // What comes before the first section is for people.
            let (Some(section), Some(step)) = (&mut section, steps.last_mut()) else {
                continue;
            };
            match section {
                Section::Uevents(datagram) if line.is_empty() => {
                    step.uevents
                        .extend((!datagram.is_empty()).then(|| std::mem::take(datagram)));
                }
                Section::Uevents(datagram) => {
                    datagram.extend(unescape(line).ok_or(at("an escape is not as in Rust"))?);
                    datagram.push(0);
                }
                Section::Appeared | Section::Disappeared => {
                    let groups = match section {
                        Section::Appeared => &mut step.appeared,
                        _ => &mut step.disappeared,
                    };
                    match (line.strip_prefix("    "), groups.last_mut()) {
                        (Some(entry), Some((_, entries))) => {
                            let (name, value) = parts(entry);
                            entries.insert(name.into(), value.into());
                        }
                        (Some(_), None) => return Err(at("an entry belongs to no folder")),
                        (None, _) if line.is_empty() => {}
                        (None, _) => groups.push((line.into(), BTreeMap::new())),
                    }
                }
            }
        }
        end(section, steps.last_mut());
        Ok(Recording { steps })
    }

    /// Returns the steps, in their order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter()
    }
}

enum Section {
    /// The datagram that is being read.
    Uevents(Vec<u8>),
    Appeared,
    Disappeared,
}

/// The last datagram of a section need not have a line after it.
fn end(section: Option<Section>, step: Option<&mut Step>) {
    if let (Some(Section::Uevents(datagram)), Some(step)) = (section, step) {
        step.uevents
            .extend((!datagram.is_empty()).then_some(datagram));
    }
}

impl Step {
    /// Returns what it is called: `plug`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the uevents, as the kernel sent them.
    pub fn uevents(&self) -> impl Iterator<Item = &[u8]> {
        self.uevents.iter().map(Vec::as_slice)
    }

    /// Makes a tree what it was after this step, if it is what it was before.
    pub fn apply(&self, tree: &MemoryTree) {
        for (path, entries) in &self.disappeared {
            match path.strip_prefix("link ") {
                // Without answers the interface itself is gone.
                Some(name) if entries.is_empty() => tree.remove_can_link(name),
                Some(_) => {}
                None if entries.is_empty() => tree.remove(path),
                None => entries
                    .keys()
                    .for_each(|name| tree.remove(Path::new(path).join(name))),
            }
        }
        for (path, entries) in &self.appeared {
            if let Some(name) = path.strip_prefix("link ") {
                let before = tree.can_link_of(name);
                let before = before.unwrap_or_else(|| CanLink::new(name));
                let mut link = answered(before, entries);
                link.mtu = self.mtu(name).unwrap_or(link.mtu);
                tree.can_link(link);
            } else if path.starts_with("/sys/") {
                put(tree, path, entries);
            }
        }
    }

    /// What `/sys` says of the largest frame: the recorder's crate knows but two sizes.
    fn mtu(&self, interface: &str) -> Option<u32> {
        let mut groups = self.appeared.iter();
        let (_, files) = groups.find(|(path, files)| {
            path.ends_with(&format!("/net/{interface}")) && files.contains_key("mtu")
        })?;
        let text = String::from_utf8(quoted(files.get("mtu")?)?).ok()?;
        text.trim_end().parse().ok()
    }

    /// Returns what the nodes answered that appeared in this step: their paths, and by name what was
    /// asked of them.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, String>)> {
        let groups = self.appeared.iter();
        let nodes = groups.filter(|(path, _)| path.starts_with("/dev/"));
        nodes.map(|(path, entries)| (path.as_str(), entries))
    }
}

fn put(tree: &MemoryTree, path: &str, entries: &BTreeMap<String, String>) {
    tree.folder(path);
    for (name, value) in entries {
        let path = Path::new(path).join(name);
        if let Some(target) = value.strip_prefix("-> ") {
            tree.link(path, target);
        } else if let Some(errno) = value.strip_prefix("! ") {
            tree.failing(path, errno.parse().unwrap_or(0));
        } else if let Some(bytes) = quoted(value) {
            tree.file(path, bytes);
        }
    }
}

/// `NAME = VALUE` without the equals sign, but for what is not quoted; `NAME -> TARGET`.
fn parts(entry: &str) -> (&str, &str) {
    let arrows = [" = ", " -> ", " ! "];
    let first = arrows.iter().filter_map(|arrow| entry.find(arrow)).min();
    match first {
        Some(at) => (&entry[..at], entry[at + 1..].trim_start_matches("= ")),
        None => (entry, ""),
    }
}

/// The bytes in quotes.
fn quoted(value: &str) -> Option<Vec<u8>> {
    unescape(value.strip_prefix('"')?.strip_suffix('"')?)
}

/// `\n`, `\"`, `\\`, `\x00`: the opposite of `escape_ascii`.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&kind, after) = rest.split_first()?;
        rest = after;
        bytes.push(match kind {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' | b'"' | b'\'' => kind,
            b'x' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

/// What route netlink said, in the words that the recorder writes; those that are missing are as
/// they were.
fn answered(mut link: CanLink, answers: &BTreeMap<String, String>) -> CanLink {
    for (what, value) in answers {
        let number = || value.split(' ').next()?.parse().ok();
        match what.as_str() {
            "up" => link.up = value == "true",
            "mtu" => link.mtu = if value == "Fd" { 72 } else { 16 },
            "state" => link.state = state(value),
            "bit rate" => link.bitrate = number(),
            "sample point" => link.sample_point = number(),
            "clock" => link.clock = number(),
            "restart" => link.restart_ms = number(),
            "error counters" => link.error_counters = counters(value),
            "modes" => link.modes = modes(value),
            _ => {}
        }
    }
    link
}

fn state(word: &str) -> Option<CanState> {
    match word {
        "ErrorActive" => Some(CanState::ErrorActive),
        "ErrorWarning" => Some(CanState::ErrorWarning),
        "ErrorPassive" => Some(CanState::ErrorPassive),
        "BusOff" => Some(CanState::BusOff),
        "Stopped" => Some(CanState::Stopped),
        "Sleeping" => Some(CanState::Sleeping),
        _ => None,
    }
}

/// `CanCtrlModes(can_ctrlmode { mask: 0, flags: 0 })`
fn modes(words: &str) -> Option<u32> {
    let (_, flags) = words.split_once("flags: ")?;
    flags.trim_end_matches([' ', '}', ')']).parse().ok()
}

fn counters(words: &str) -> Option<(u16, u16)> {
    let words: Vec<&str> = words.split(' ').collect();
    match words[..] {
        ["tx", tx, "rx", rx] => Some((tx.parse().ok()?, rx.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_recording_is_told_by_its_line() {
        let told = |text| Recording::parse(text).unwrap_err().to_string();
        assert_eq!(
            told("# story\n[plug]\n"),
            "line 2: a section begins with [STEP: WHAT]"
        );
        assert_eq!(
            told("[plug: uevents]\nadd@/\\q\n"),
            "line 2: an escape is not as in Rust"
        );
        assert_eq!(
            told("[plug: appeared]\n    name = 1\n"),
            "line 2: an entry belongs to no folder"
        );
    }

    #[test]
    fn escapes_are_as_in_rust() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(&bytes.escape_ascii().to_string()), Some(bytes));
        assert_eq!(unescape("\\x4"), None);
        assert_eq!(unescape("\\"), None);
    }
}
