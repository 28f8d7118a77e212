//! What the rover and its ground station tell each other: a byte for what it is, one that counts, what there is to say, and a
//! checksum of that. Where a message begins and ends is the framing's affair.

use crc::{CRC_16_IBM_3740, Crc};

const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);

/// What the rover says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Report {
    /// Where it is, ten times a second.
    State(State),
    /// It stands from now on: the code of the reason, and what more there is to say.
    Stopped { code: u8, detail: u32 },
    /// The answer to a ping, with the same number.
    Pong(u32),
    /// What was lost so far, once a second.
    Losses(Losses),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Since it began.
    pub millis: u32,
    pub is_driving: bool,
    /// From where it began.
    pub x_millimetres: i16,
    pub y_millimetres: i16,
    pub heading_milliradians: i16,
    /// To what is ahead; `None`: nothing is in sight.
    pub ahead_millimetres: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    pub missed_cycles: u32,
    pub edges: u32,
    pub transactions: u32,
    pub echoes: u32,
    pub messages: u32,
}

/// What the ground station says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Go,
    Stop,
    Ping(u32),
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("a message of {0} bytes is none")]
    Length(usize),
    #[error("a message has another checksum: it was damaged")]
    Checksum,
    #[error("there is no message {0}")]
    Kind(u8),
}

/// No distance.
const NOTHING: u16 = u16::MAX;

impl Report {
    pub fn encode(&self, sequence: u8, message: &mut Vec<u8>) {
        let begun = message.len();
        match self {
            Report::State(state) => {
                message.extend([1, sequence]);
                message.extend(state.millis.to_le_bytes());
                message.push(state.is_driving.into());
                let pose = [
                    state.x_millimetres,
                    state.y_millimetres,
                    state.heading_milliradians,
                ];
                message.extend(pose.iter().flat_map(|number| number.to_le_bytes()));
                message.extend(state.ahead_millimetres.unwrap_or(NOTHING).to_le_bytes());
            }
            Report::Stopped { code, detail } => {
                message.extend([2, sequence, *code]);
                message.extend(detail.to_le_bytes());
            }
            Report::Pong(number) => {
                message.extend([3, sequence]);
                message.extend(number.to_le_bytes());
            }
            Report::Losses(losses) => {
                message.extend([4, sequence]);
                let Losses {
                    missed_cycles,
                    edges,
                    transactions,
                    echoes,
                    messages,
                } = *losses;
                let counts = [missed_cycles, edges, transactions, echoes, messages];
                message.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
            }
        }
        seal(message, begun);
    }

    /// Returns what a message says, and its number. It is the ground station's part, and here for tests.
    #[cfg(test)]
    pub fn decode(message: &[u8]) -> Result<(Report, u8), CodecError> {
        let (kind, sequence, content) = open(message)?;
        let mut content = Content(content);
        let report = match kind {
            1 => Report::State(State {
                millis: u32::from_le_bytes(content.take()?),
                is_driving: content.take::<1>()? != [0],
                x_millimetres: i16::from_le_bytes(content.take()?),
                y_millimetres: i16::from_le_bytes(content.take()?),
                heading_milliradians: i16::from_le_bytes(content.take()?),
                ahead_millimetres: match u16::from_le_bytes(content.take()?) {
                    NOTHING => None,
                    metres => Some(metres),
                },
            }),
            2 => Report::Stopped {
                code: content.take::<1>()?[0],
                detail: u32::from_le_bytes(content.take()?),
            },
            3 => Report::Pong(u32::from_le_bytes(content.take()?)),
            4 => Report::Losses(Losses {
                missed_cycles: u32::from_le_bytes(content.take()?),
                edges: u32::from_le_bytes(content.take()?),
                transactions: u32::from_le_bytes(content.take()?),
                echoes: u32::from_le_bytes(content.take()?),
                messages: u32::from_le_bytes(content.take()?),
            }),
            kind => return Err(CodecError::Kind(kind)),
        };
        content.end(message.len())?;
        Ok((report, sequence))
    }
}

impl Command {
    /// It is the ground station's part, and here for tests.
    #[cfg(test)]
    pub fn encode(&self, sequence: u8, message: &mut Vec<u8>) {
        let begun = message.len();
        match self {
            Command::Go => message.extend([1, sequence]),
            Command::Stop => message.extend([2, sequence]),
            Command::Ping(number) => {
                message.extend([3, sequence]);
                message.extend(number.to_le_bytes());
            }
        }
        seal(message, begun);
    }

    pub fn decode(message: &[u8]) -> Result<Command, CodecError> {
        let (kind, _, content) = open(message)?;
        let mut content = Content(content);
        let command = match kind {
            1 => Command::Go,
            2 => Command::Stop,
            3 => Command::Ping(u32::from_le_bytes(content.take()?)),
            kind => return Err(CodecError::Kind(kind)),
        };
        content.end(message.len())?;
        Ok(command)
    }
}

/// Appends the checksum of what begins there.
fn seal(message: &mut Vec<u8>, begun: usize) {
    let checksum = CRC.checksum(&message[begun..]);
    message.extend(checksum.to_le_bytes());
}

/// Returns the kind, the number, and the content of a message whose checksum is right.
fn open(message: &[u8]) -> Result<(u8, u8, &[u8]), CodecError> {
    let [kind, sequence, content @ .., low, high] = message else {
        return Err(CodecError::Length(message.len()));
    };
    let sealed = &message[..message.len() - 2];
    match CRC.checksum(sealed) == u16::from_le_bytes([*low, *high]) {
        true => Ok((*kind, *sequence, content)),
        false => Err(CodecError::Checksum),
    }
}

/// What is left of a content.
struct Content<'a>(&'a [u8]);

impl Content<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or(CodecError::Length(self.0.len()))?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A message that is longer than it should be is another one.
    fn end(&self, length: usize) -> Result<(), CodecError> {
        match self.0 {
            [] => Ok(()),
            _ => Err(CodecError::Length(length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORTS: [Report; 5] = [
        Report::State(State {
            millis: 123_456,
            is_driving: true,
            x_millimetres: -1234,
            y_millimetres: 567,
            heading_milliradians: -3141,
            ahead_millimetres: Some(400),
        }),
        Report::State(State {
            millis: 0,
            is_driving: false,
            x_millimetres: 0,
            y_millimetres: 0,
            heading_milliradians: 0,
            ahead_millimetres: None,
        }),
        Report::Stopped {
            code: 9,
            detail: 0x0100_0000,
        },
        Report::Pong(0xdead_beef),
        Report::Losses(Losses {
            missed_cycles: 1,
            edges: 2,
            transactions: 3,
            echoes: 4,
            messages: 5,
        }),
    ];

    #[test]
    fn what_is_said_is_what_is_heard() {
        for (sequence, report) in (0..).zip(REPORTS) {
            let mut message = Vec::new();
            report.encode(sequence, &mut message);
            assert_eq!(Report::decode(&message), Ok((report, sequence)));
        }
        for command in [Command::Go, Command::Stop, Command::Ping(7)] {
            let mut message = Vec::new();
            command.encode(250, &mut message);
            assert_eq!(Command::decode(&message), Ok(command));
        }
    }

    /// So that a ground station in another language can be written by it.
    #[test]
    fn it_is_this_on_the_wire() {
        let mut message = Vec::new();
        Command::Ping(0x0403_0201).encode(5, &mut message);
        assert_eq!(message[..6], [3, 5, 1, 2, 3, 4]);
        assert_eq!(
            u16::from_le_bytes([message[6], message[7]]),
            CRC.checksum(&message[..6])
        );
        // The check value of the catalogue.
        assert_eq!(CRC.checksum(b"123456789"), 0x29b1);
    }

    #[test]
    fn each_bit_that_is_turned_over_is_found() {
        let mut message = Vec::new();
        Command::Ping(99).encode(1, &mut message);
        for bit in 0..8 * message.len() {
            let mut damaged = message.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                Command::decode(&damaged),
                Err(CodecError::Checksum),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert_eq!(Command::decode(&[1, 2, 3]), Err(CodecError::Length(3)));
        let sealed = |bytes: &[u8]| {
            let mut message = bytes.to_vec();
            seal(&mut message, 0);
            message
        };
        assert_eq!(
            Command::decode(&sealed(&[77, 0])),
            Err(CodecError::Kind(77))
        );
        assert_eq!(
            Command::decode(&sealed(&[1, 0, 9])),
            Err(CodecError::Length(5))
        );
        assert_eq!(
            Command::decode(&sealed(&[3, 0, 9])),
            Err(CodecError::Length(1))
        );
    }
}
