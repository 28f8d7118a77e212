use std::path::PathBuf;

use circuits_enumerate::Uevent;

/// How many bytes make a step.
pub(crate) const STEP: usize = 5;

/// A step of a sequence: a uevent of one of few devices, which may be lost, or a look. Any bytes are
/// one.
///
/// The bytes are: what happens; the path; the path before; the subsystem, with oddities in the upper
/// bits; the properties.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn([u8; STEP]);

const ACTIONS: [&str; 16] = [
    "add", "add", "add", "add", "remove", "remove", "change", "move", "move", "move", "bind",
    "unbind", "online", "offline", "add", "dream",
];
/// Two of them are before the slash in the order of bytes.
const NAMES: [&str; 4] = ["a", "a-b", "a.b", "b"];
const SUBSYSTEMS: [&str; 4] = ["net", "usb", "gpio", "i2c"];

impl Drawn {
    /// All that are in bytes.
    pub(crate) fn all(bytes: &[u8]) -> impl Iterator<Item = Drawn> {
        bytes.chunks_exact(STEP).map(|bytes| {
            let mut step = [0; STEP];
            step.copy_from_slice(bytes);
            Drawn(step)
        })
    }

    /// Whether somebody looks.
    pub(crate) fn is_resync(self) -> bool {
        self.0[0] >> 4 == 15
    }

    /// Whether the registry is not told.
    pub(crate) fn is_lost(self) -> bool {
        self.0[0] >> 4 == 14
    }

    /// Whether the tree shows it.
    pub(crate) fn is_in_tree(self) -> bool {
        self.0[0] >> 4 != 13
    }

    /// A file that the device has.
    pub(crate) fn attribute(self) -> Option<(&'static str, &'static str)> {
        let files = [
            None,
            Some(("serial", "GPS\n")),
            Some(("type", "280\n")),
            Some(("label", "x")),
        ];
        files[usize::from(self.0[4] >> 6)]
    }

    pub(crate) fn event(self) -> Uevent {
        let [what, to, from, kind, properties] = self.0;
        let odd = kind >> 4;
        let word = ACTIONS[usize::from(what & 15)];
        let to = match odd {
            15 => PathBuf::from("/devices"),
            14 => PathBuf::from("/module/a"),
            13 => path(to).join(""),
            _ => path(to),
        };
        let old = match odd {
            12 => PathBuf::from("/devices"),
            11 => PathBuf::from("/"),
            10 => PathBuf::new(),
            9 => to.join("a"),
            8 => to.clone(),
            7 => path(from).join("../b"),
            _ => path(from),
        };
        // Not every event has every field: so it is read as a datagram is.
        let mut bytes = format!("{word}@{}\0ACTION={word}\0", to.display());
        let mut push = |key: &str, value: &str| bytes.push_str(&format!("{key}={value}\0"));
        push("DEVPATH", &to.display().to_string());
        if odd != 6 {
            push("SUBSYSTEM", SUBSYSTEMS[usize::from(kind & 3)]);
        }
        if word == "move" && odd != 5 || odd == 4 {
            push("DEVPATH_OLD", &old.display().to_string());
        }
        if odd == 3 {
            push("SYNTH_UUID", "0");
        }
        if kind & 4 != 0 {
            push("DEVTYPE", "kind");
        }
        if properties & 3 != 0 {
            push("MAJOR", &(properties & 3).to_string());
        }
        if properties & 4 != 0 {
            push("DRIVER", "driver");
        }
        if properties & 8 != 0 {
            push("NAME", &(properties >> 4 & 3).to_string());
        }
        Uevent::parse(bytes.as_bytes()).expect("a uevent")
    }
}

impl From<[u8; STEP]> for Drawn {
    fn from(bytes: [u8; STEP]) -> Drawn {
        Drawn(bytes)
    }
}

/// One to four names deep.
fn path(byte: u8) -> PathBuf {
    let mut path = PathBuf::from("/devices");
    for level in 0..=(byte >> 6) {
        let name = match level {
            3 => 0,
            _ => byte >> (2 * level) & 3,
        };
        path.push(NAMES[usize::from(name)]);
    }
    path
}

/// Bytes of a step that is about as this uevent: there are far fewer paths.
pub(crate) fn encode(event: &Uevent) -> [u8; STEP] {
    let word = event.action().as_os_str();
    let what = ACTIONS.iter().position(|known| word == *known);
    let squeeze = |path: &std::path::Path| {
        let names: Vec<u8> = path
            .iter()
            .skip(2)
            .map(|name| {
                name.as_encoded_bytes()
                    .iter()
                    .fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
            })
            .collect();
        // What is outermost is the same of nearly all.
        let names = &names[names.len().saturating_sub(4)..];
        let depth = names.len().saturating_sub(1) as u8;
        let sum = names
            .iter()
            .rev()
            .fold(0, |sum: u8, name| sum << 2 | name & 3);
        depth << 6 | sum & 63
    };
    let kind = SUBSYSTEMS.iter().position(|name| {
        event
            .subsystem()
            .is_some_and(|subsystem| subsystem == *name)
    });
    let has = |key: &str, bits: u8| event.field(key).map_or(0, |_| bits);
    [
        what.unwrap_or(15) as u8,
        squeeze(event.devpath()),
        event
            .field("DEVPATH_OLD")
            .map_or(0, |old| squeeze(old.as_ref())),
        kind.unwrap_or(0) as u8 | has("DEVTYPE", 4),
        has("MAJOR", 1) | has("DRIVER", 4) | has("MODALIAS", 8),
    ]
}
