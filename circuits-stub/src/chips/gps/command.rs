//! What a receiver can be told: MediaTek's packets (GlobalTop's "PMTK command packet", Rev. A08).

use super::sentence::{Kind, check};

/// A packet that came whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Test,
    SetPeriod {
        millis: u64,
    },
    SetOutput(Output),
    QueryPeriod,
    QueryOutput,
    QueryFirmware,
    /// One with fields that make no sense.
    Invalid {
        packet: u16,
    },
    /// One that this receiver does not know.
    Unsupported {
        packet: u16,
    },
}

/// Of how many fixes each kind of sentence tells one, 0 is never, by PMTK314's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output([u8; FIELDS]);

const FIELDS: usize = 19;

pub(super) const PERIODS_MILLIS: std::ops::RangeInclusive<u64> = 100..=10_000;

/// Collects what comes to lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
}

/// The longest packet.
const LONGEST: usize = 255;

impl Lines {
    /// Takes a byte. At the end of a packet whose check is right it returns what it says.
    pub(super) fn take(&mut self, byte: u8) -> Option<Command> {
        match byte {
            b'$' => self.line = vec![byte],
            b'\n' => return parse(&std::mem::take(&mut self.line)),
            _ if self.line.is_empty() => {}
            _ if self.line.len() == LONGEST => self.line.clear(),
            _ => self.line.push(byte),
        }
        None
    }
}

impl Output {
    /// What is told of a fix, counted from 0 on.
    pub(super) fn has(&self, kind: Kind, fix: u64) -> bool {
        match u64::from(self.0[kind as usize]) {
            0 => false,
            every => fix % every == 0,
        }
    }

    pub(super) fn fields(&self) -> String {
        self.0.map(|every| every.to_string()).join(",")
    }
}

/// All but GLL, with each fix.
impl Default for Output {
    fn default() -> Output {
        let mut output = [0; FIELDS];
        output[1..6].fill(1);
        Output(output)
    }
}

fn parse(line: &[u8]) -> Option<Command> {
    let line = std::str::from_utf8(line).ok()?;
    let (body, sum) = line.strip_prefix('$')?.trim_end().split_once('*')?;
    if u8::from_str_radix(sum, 16) != Ok(check(body.as_bytes())) {
        return None;
    }
    let mut fields = body.strip_prefix("PMTK")?.split(',');
    let packet = fields.next()?.parse().ok()?;
    let fields: Vec<_> = fields.collect();
    Some(match (packet, &fields[..]) {
        (0, []) => Command::Test,
        (220, [millis]) => match millis.parse() {
            Ok(millis) => Command::SetPeriod { millis },
            Err(_) => Command::Invalid { packet },
        },
        (314, ["-1", ..]) => Command::SetOutput(Output::default()),
        (314, fields) => output(fields).map_or(Command::Invalid { packet }, Command::SetOutput),
        (400, []) => Command::QueryPeriod,
        (414, []) => Command::QueryOutput,
        (605, []) => Command::QueryFirmware,
        (0 | 220 | 400 | 414 | 605, _) => Command::Invalid { packet },
        _ => Command::Unsupported { packet },
    })
}

/// Each field is 0 to 5. Those that are missing are 0.
fn output(fields: &[&str]) -> Option<Output> {
    let mut output = [0; FIELDS];
    if fields.is_empty() || fields.len() > FIELDS {
        return None;
    }
    for (every, field) in output.iter_mut().zip(fields) {
        *every = field.parse().ok().filter(|every| *every <= 5)?;
    }
    Some(Output(output))
}

#[cfg(test)]
mod tests {
    use super::super::sentence::sentence;
    use super::*;

    fn take(text: &str) -> Option<Command> {
        let mut lines = Lines::default();
        let mut taken = text.bytes().map(|byte| lines.take(byte));
        taken.by_ref().find_map(|command| command)
    }

    #[test]
    fn packets_are_those_of_the_document() {
        assert_eq!(take("$PMTK000*32\r\n"), Some(Command::Test));
        let period = Command::SetPeriod { millis: 100 };
        assert_eq!(take("$PMTK220,100*2F\r\n"), Some(period));
        let rmc_gga = "$PMTK314,0,1,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0*28\r\n";
        let Some(Command::SetOutput(output)) = take(rmc_gga) else {
            panic!("no output")
        };
        assert!(output.has(Kind::Rmc, 7) && output.has(Kind::Gga, 7));
        assert!(!output.has(Kind::Gsv, 0) && !output.has(Kind::Gll, 0));
        assert_eq!(
            take("$PMTK314,-1*04\r\n"),
            Some(Command::SetOutput(Output::default()))
        );
        assert_eq!(take("$PMTK605*31\r\n"), Some(Command::QueryFirmware));
    }

    #[test]
    fn what_is_damaged_is_nothing() {
        for line in [
            "$PMTK000*33\r\n",
            "$PMTK000\r\n",
            "PMTK000*32\r\n",
            "$PMTK000*3\r\n",
            "$GPGLL*50\r\n",
            "$PMTK*1B\r\n",
            "\n",
        ] {
            assert_eq!(take(line), None, "{line}");
        }
        let long = sentence(&format!("PMTK{}", "0".repeat(300)));
        assert_eq!(take(&long), None);
        // A packet in the middle of another one.
        assert_eq!(take("$PMTK2$PMTK000*32\r\n"), Some(Command::Test));
        let mut lines = Lines::default();
        assert!((0..=255).all(|byte| lines.take(byte).is_none()));
    }

    #[test]
    fn what_makes_no_sense_is_told_so() {
        for (body, command) in [
            ("PMTK220", Command::Invalid { packet: 220 }),
            ("PMTK220,x", Command::Invalid { packet: 220 }),
            ("PMTK314", Command::Invalid { packet: 314 }),
            ("PMTK314,6", Command::Invalid { packet: 314 }),
            ("PMTK251,9600", Command::Unsupported { packet: 251 }),
        ] {
            assert_eq!(take(&sentence(body)), Some(command), "{body}");
        }
    }

    #[test]
    fn some_sentences_come_seldom() {
        let Some(Command::SetOutput(output)) = take(&sentence("PMTK314,0,1,0,0,0,5")) else {
            panic!("no output")
        };
        let gsv: Vec<_> = (0..11).filter(|fix| output.has(Kind::Gsv, *fix)).collect();
        assert_eq!(gsv, [0, 5, 10]);
        assert_eq!(output.fields(), "0,1,0,0,0,5,0,0,0,0,0,0,0,0,0,0,0,0,0");
    }
}
