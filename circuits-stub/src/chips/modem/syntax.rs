//! What is in a command line (ITU-T V.250, sections 5.2 to 5.4).

/// Collects what comes to command lines.
#[derive(Debug, Default)]
pub(super) struct Input {
    line: Vec<u8>,
    /// For `A/`, which repeats it.
    last: String,
}

/// What is longer is an error.
const LONGEST: usize = 1024;

const BACKSPACE: u8 = 8;
pub(super) const CR: u8 = 13;

impl Input {
    /// Whether nothing of a line came yet.
    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Takes a byte. At the end of a line it returns what follows `AT`.
    pub(super) fn take(&mut self, byte: u8) -> Option<String> {
        match byte {
            CR => {
                let line = std::mem::take(&mut self.line);
                if line.len() > LONGEST {
                    // Which is no command.
                    return Some("?".into());
                }
                if line.len() >= 2 {
                    self.last = String::from_utf8_lossy(&line[2..]).into_owned();
                    return Some(self.last.clone());
                }
            }
            BACKSPACE => {
                self.line.pop();
            }
            0..0x20 => {}
            b'/' if self.line.eq_ignore_ascii_case(b"A") => {
                self.line.clear();
                return Some(self.last.clone());
            }
            _ if self.line.len() > LONGEST => {}
            _ => {
                self.line.push(byte);
                // What comes before `AT` is nothing.
                while self.line.len() <= 2
                    && !b"AT"[..].starts_with(&self.line.to_ascii_uppercase())
                {
                    self.line.remove(0);
                }
            }
        }
        None
    }
}

/// One command of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// A letter, perhaps after `&`, and its number.
    Basic(String, u32),
    /// A number of a register, and what it is set to; none: what is it?
    Register(u32, Option<u32>),
    /// All to the end of the line, or to the semicolon, which is there or not.
    Dial {
        number: String,
        is_voice: bool,
    },
    Extended {
        name: String,
        kind: Kind,
    },
}

/// What is done with the parameter of an extended command, or with the command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Execute,
    Read,
    Test,
    Set(Vec<String>),
}

/// Takes the next command off a line; none: it is no command.
pub(super) fn next(line: &mut &str) -> Option<Command> {
    let first = line.chars().next()?;
    match first.to_ascii_uppercase() {
        '+' => extended(line),
        'D' => {
            let end = line.find(';').unwrap_or(line.len());
            let number = line[1..end].chars().filter(|c| *c != ' ').collect();
            let is_voice = end < line.len();
            *line = &line[end..];
            Some(Command::Dial { number, is_voice })
        }
        'S' => {
            *line = &line[1..];
            let register = number(line)?;
            let value = match line.chars().next()? {
                '?' => {
                    *line = &line[1..];
                    None
                }
                '=' => {
                    *line = &line[1..];
                    Some(number(line)?)
                }
                _ => return None,
            };
            Some(Command::Register(register, value))
        }
        '&' => {
            let letter = line.get(..2)?.to_ascii_uppercase();
            *line = &line[2..];
            Some(Command::Basic(letter, number(line).unwrap_or(0)))
        }
        letter @ 'A'..='Z' => {
            *line = &line[1..];
            Some(Command::Basic(letter.into(), number(line).unwrap_or(0)))
        }
        _ => None,
    }
}

/// Skips what is between commands.
pub(super) fn skip_separators(line: &mut &str) {
    *line = line.trim_start_matches([' ', ';']);
}

fn extended(line: &mut &str) -> Option<Command> {
    let end = outside_quotes(line, ';').next().unwrap_or(line.len());
    let command = line[..end].trim_end();
    *line = &line[end..];
    let name_end = command.find(['=', '?']).unwrap_or(command.len());
    let (name, rest) = command.split_at(name_end);
    let kind = match rest {
        "" => Kind::Execute,
        "?" => Kind::Read,
        "=?" => Kind::Test,
        _ => Kind::Set(parameters(rest.strip_prefix('=')?)),
    };
    let name = name.trim_end().to_ascii_uppercase();
    Some(Command::Extended { name, kind })
}

/// Those that are strings lose their quotes.
fn parameters(list: &str) -> Vec<String> {
    let mut start = 0;
    let commas: Vec<_> = outside_quotes(list, ',').chain([list.len()]).collect();
    let parameters = commas.into_iter().map(|end| {
        let parameter = list[start..end].trim();
        start = end + 1;
        let inner = parameter.strip_prefix('"');
        let inner = inner.and_then(|inner| inner.strip_suffix('"'));
        inner.unwrap_or(parameter).to_owned()
    });
    parameters.collect()
}

/// The same, to be matched.
pub(super) fn strings(parameters: &[String]) -> Vec<&str> {
    parameters.iter().map(String::as_str).collect()
}

fn outside_quotes(text: &str, separator: char) -> impl Iterator<Item = usize> + '_ {
    let mut is_quoted = false;
    let found = text.char_indices().filter(move |(_, c)| {
        is_quoted ^= *c == '"';
        *c == separator && !is_quoted
    });
    found.map(|(at, _)| at)
}

fn number(line: &mut &str) -> Option<u32> {
    let end = line.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = line.split_at(end.unwrap_or(line.len()));
    *line = rest;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<String> {
        let mut input = Input::default();
        text.iter().filter_map(|byte| input.take(*byte)).collect()
    }

    fn commands(mut line: &str) -> Vec<Command> {
        let mut commands = Vec::new();
        skip_separators(&mut line);
        while let Some(command) = next(&mut line) {
            commands.push(command);
            skip_separators(&mut line);
        }
        assert_eq!(line, "");
        commands
    }

    fn extended(name: &str, kind: Kind) -> Command {
        let name = name.into();
        Command::Extended { name, kind }
    }

    #[test]
    fn lines_begin_with_at() {
        assert_eq!(lines(b"AT\r"), [""]);
        assert_eq!(lines(b"at+csq\r\nAt i\r"), ["+csq", " i"]);
        assert_eq!(lines(b"\x1b~noise: AAAT+X\r"), ["+X"]);
        assert_eq!(lines(b"hello\rA\rT\r"), Vec::<String>::new());
        assert_eq!(lines(b"ATX\x08I\x00\x11\r"), ["I"]);
        assert_eq!(lines(b"A\x08AT\x08\x08\x08\x08ATE0\ra/"), ["E0", "E0"]);
        let long = [b"AT".to_vec(), vec![b'1'; 5000], b"\r".to_vec()].concat();
        assert_eq!(lines(&long), ["?"]);
    }

    #[test]
    fn commands_follow_each_other() {
        assert_eq!(
            commands("E0 V1q&F+CMEE=1;+CSQ;S3?S4=10"),
            [
                Command::Basic("E".into(), 0),
                Command::Basic("V".into(), 1),
                Command::Basic("Q".into(), 0),
                Command::Basic("&F".into(), 0),
                extended("+CMEE", Kind::Set(vec!["1".into()])),
                extended("+CSQ", Kind::Execute),
                Command::Register(3, None),
                Command::Register(4, Some(10)),
            ]
        );
        let kinds = [Kind::Read, Kind::Test].map(|kind| extended("+CREG", kind));
        assert_eq!(commands("+creg?;+creg=?"), kinds);
    }

    #[test]
    fn parameters_may_be_strings() {
        let set = |list: &[&str]| Kind::Set(list.iter().map(|&p| p.into()).collect());
        assert_eq!(
            commands(r#"+A="1;2,x", 3,,"";+B=,"a"#),
            [
                extended("+A", set(&["1;2,x", "3", "", ""])),
                extended("+B", set(&["", "\"a"])),
            ]
        );
    }

    #[test]
    fn numbers_are_dialled() {
        let dial = |number: &str, is_voice| {
            let number = number.into();
            Command::Dial { number, is_voice }
        };
        assert_eq!(commands("D+49 123;"), [dial("+49123", true)]);
        assert_eq!(commands("dT123"), [dial("T123", false)]);
    }

    #[test]
    fn nonsense_is_no_command() {
        for nonsense in ["S", "S3", "S3x", "S=1", "&", "%X", "+A?x", "1", "é", "&é"] {
            let mut line = nonsense;
            assert_eq!(next(&mut line), None, "{nonsense}");
        }
    }
}
