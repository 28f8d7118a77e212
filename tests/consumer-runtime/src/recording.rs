//! Reads the uevents of a recording; what `/sys` showed is not needed here.

/// A step that had uevents, and its datagrams as the kernel sent them.
#[derive(Debug, PartialEq)]
pub struct Step {
    pub name: String,
    pub datagrams: Vec<Vec<u8>>,
}

pub fn read(text: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    // Inside a section of uevents, and inside a datagram of it.
    let (mut uevents, mut open) = (false, false);
    for (index, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("line {}: {what}", index + 1);
        if let Some(section) = line.strip_prefix('[') {
            let (name, what) = section
                .strip_suffix(']')
                .and_then(|section| section.rsplit_once(": "))
                .ok_or_else(|| wrong("not [STEP: WHAT]"))?;
            (uevents, open) = (what == "uevents", false);
            if uevents {
                let (name, datagrams) = (name.to_string(), Vec::new());
                steps.push(Step { name, datagrams });
            }
        } else if line.is_empty() {
            open = false;
        } else if let Some(step) = steps.last_mut().filter(|_| uevents) {
            if !open {
                step.datagrams.push(Vec::new());
                open = true;
            }
            if let Some(datagram) = step.datagrams.last_mut() {
                datagram.extend(unescape(line).ok_or_else(|| wrong("an unknown escape"))?);
                datagram.push(0);
            }
        }
    }
    Ok(steps)
}

/// The escapes of a byte string of Rust.
fn unescape(line: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte != b'\\' {
            byte
        } else {
            match rest.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'0' => 0,
                b'x' => {
                    let mut digit = || char::from(rest.next()?).to_digit(16);
                    (digit()? * 16 + digit()?) as u8
                }
                byte @ (b'\\' | b'"' | b'\'') => byte,
                _ => return None,
            }
        };
        bytes.push(byte);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uevents_are_read_each_field_with_a_zero() {
        let text = "# A story\nkernel K\nmachine M\n\n[up: appeared]\n/sys/a\n    b = \"c\\n\"\n\n\
                    [plug it: uevents]\nadd@/a\nACTION=add\n\nadd@/b\nACTION=add\n\n\
                    [plug it: appeared]\n/sys/b\n\n[nothing: uevents]\n";
        let datagrams = vec![
            b"add@/a\0ACTION=add\0".to_vec(),
            b"add@/b\0ACTION=add\0".to_vec(),
        ];
        let plug = Step {
            name: "plug it".into(),
            datagrams,
        };
        let nothing = Step {
            name: "nothing".into(),
            datagrams: Vec::new(),
        };
        assert_eq!(read(text), Ok(vec![plug, nothing]));
    }

    #[test]
    fn the_last_datagram_needs_no_empty_line() {
        let steps = read("[a: uevents]\nadd@/a").unwrap();
        assert_eq!(steps[0].datagrams, [b"add@/a\0"]);
    }

    #[test]
    fn escapes_become_bytes() {
        assert_eq!(
            unescape(r#"a\n\"\\\x00\xff="#),
            Some(b"a\n\"\\\0\xff=".to_vec())
        );
        for wrong in [r"\", r"\q", r"\x", r"\x0", r"\xg0"] {
            assert_eq!(unescape(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert_eq!(read("\n[plug]\n"), Err("line 2: not [STEP: WHAT]".into()));
        assert_eq!(
            read("[a: uevents]\nA=\\q\n"),
            Err("line 2: an unknown escape".into())
        );
    }
}
