//! The devices that there are, from uevents alone: what a feeder has for a new cold-plug if it does
//! not look at `/sys`.

use std::collections::BTreeMap;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// By `DEVPATH`: sorted so, a folder comes before what is in it.
#[derive(Default)]
pub struct Table(BTreeMap<Vec<u8>, Fields>);

impl Table {
    pub fn apply(&mut self, datagram: &[u8]) {
        let (Some(action), Some(path)) = (field(datagram, "ACTION"), field(datagram, "DEVPATH"))
        else {
            return;
        };
        // Modules, drivers and software nodes have uevents too, but are no part of a cold-plug.
        if !path.starts_with(b"/devices/") {
            return;
        }
        if let (b"move", Some(old)) = (action, field(datagram, "DEVPATH_OLD")) {
            self.rename(old, path);
        }
        match (action, self.0.get_mut(path)) {
            (b"remove", _) => {
                self.0.remove(path);
            }
            // The kernel leaves out MODALIAS as well here, which the device still has.
            (b"unbind", Some(known)) => known.retain(|(name, _)| name != b"DRIVER"),
            // What else these carry may be true of that moment only.
            (b"change" | b"online" | b"offline", Some(_)) => {}
            _ => {
                self.0.insert(path.to_vec(), lasting_fields(datagram));
            }
        }
    }

    /// An interface gets another name, and there is no uevent for what is below it.
    fn rename(&mut self, old: &[u8], new: &[u8]) {
        for (path, fields) in std::mem::take(&mut self.0) {
            let path = match path.strip_prefix(old) {
                Some(rest) if rest.is_empty() || rest.starts_with(b"/") => [new, rest].concat(),
                _ => path,
            };
            self.0.insert(path, fields);
        }
    }

    /// An `add` for each device, what it hangs on first. There is no number for them to have.
    pub fn cold_plug(&self) -> impl Iterator<Item = Vec<u8>> {
        self.0.iter().map(|(path, fields)| {
            let head: [&[u8]; 5] = [b"add@", path, b"\0ACTION=add\0DEVPATH=", path, b"\0"];
            let mut datagram = head.concat();
            for (name, value) in fields {
                datagram.extend([name, b"=".as_slice(), value, b"\0"].concat());
            }
            datagram
        })
    }
}

/// The fields of a uevent; its first line, `ACTION@DEVPATH`, is none.
fn fields(datagram: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    datagram
        .split(|byte| *byte == 0)
        .skip(1)
        .filter_map(|field| {
            let equals = field.iter().position(|byte| *byte == b'=')?;
            Some((&field[..equals], &field[equals + 1..]))
        })
}

pub fn field<'a>(datagram: &'a [u8], name: &str) -> Option<&'a [u8]> {
    fields(datagram)
        .find(|(found, _)| *found == name.as_bytes())
        .map(|(_, value)| value)
}

/// What is of the device and not of the one uevent.
fn lasting_fields(datagram: &[u8]) -> Fields {
    const PASSING: [&[u8]; 5] = [
        b"ACTION",
        b"DEVPATH",
        b"DEVPATH_OLD",
        b"SEQNUM",
        b"SYNTH_UUID",
    ];
    fields(datagram)
        .filter(|(name, _)| !PASSING.contains(name))
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cold_plug_after(uevents: &[&str]) -> Vec<String> {
        let mut table = Table::default();
        for uevent in uevents {
            let (action, path) = uevent.split('\0').next().unwrap().split_once('@').unwrap();
            let rest = uevent.split_once('\0').unwrap_or(("", "")).1;
            let whole =
                format!("{action}@{path}\0ACTION={action}\0DEVPATH={path}\0{rest}SEQNUM=9\0");
            table.apply(whole.as_bytes());
        }
        let text = |datagram| String::from_utf8(datagram).unwrap().replace('\0', " ");
        table.cold_plug().map(text).collect()
    }

    #[test]
    fn a_folder_is_told_of_before_what_is_in_it() {
        let told = cold_plug_after(&[
            "add@/devices/i2c-1/dev",
            "add@/devices/i2c-1",
            "add@/kernel/n",
        ]);
        let first = "add@/devices/i2c-1 ACTION=add DEVPATH=/devices/i2c-1 ";
        let second = "add@/devices/i2c-1/dev ACTION=add DEVPATH=/devices/i2c-1/dev ";
        assert_eq!(told, [first, second]);
    }

    #[test]
    fn a_driver_goes_and_the_rest_stays() {
        let add = "add@/devices/a\0MODALIAS=m\0DRIVER=d\0";
        let told = cold_plug_after(&[add, "unbind@/devices/a", "change@/devices/a\0NOW=1\0"]);
        assert_eq!(
            told,
            ["add@/devices/a ACTION=add DEVPATH=/devices/a MODALIAS=m "]
        );
    }

    #[test]
    fn what_is_below_moves_too_and_what_was_removed_is_not_told_of() {
        let told = cold_plug_after(&[
            "add@/devices/net/a",
            "add@/devices/net/a/rx",
            "add@/devices/net/ab",
            "move@/devices/net/b\0DEVPATH_OLD=/devices/net/a\0",
            "remove@/devices/net/ab",
        ]);
        let first = "add@/devices/net/b ACTION=add DEVPATH=/devices/net/b ";
        let second = "add@/devices/net/b/rx ACTION=add DEVPATH=/devices/net/b/rx ";
        assert_eq!(told, [first, second]);
    }
}
