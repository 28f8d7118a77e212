use std::{array, mem};

use embedded_hal::i2c::Operation;

use crate::{MAX_MESSAGE_LEN, MAX_MESSAGES};

/// Operations as they go over the wire: neighbours of one direction are one message, as
/// embedded-hal has it.
///
/// The kernel could be told to go on without a start (`I2C_M_NOSTART`), but hardly a controller
/// knows how, and few say so: they send the start. One message is right everywhere, and costs a
/// copy only where there is something to join.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// All data one after another, in the order of the operations.
    data: Vec<u8>,
    /// Whether each message is a read, and its length.
    shapes: Vec<(bool, usize)>,
}

/// What is wrong with a transaction that no bus would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Empty,
    TooManyMessages,
    TooLongMessage,
}

impl Messages {
    /// Tells whether the operations have neighbours to join, if they can go over the wire at all.
    /// The memory of a transaction is taken only after this.
    pub(crate) fn check(operations: &[Operation<'_>]) -> Result<bool, Refusal> {
        let (mut messages, mut joined, mut len, mut last) = (0, false, 0usize, None);
        for operation in operations {
            let (read, more) = shape(operation);
            if last == Some(read) {
                joined = true;
                len = len.saturating_add(more);
            } else {
                messages += 1;
                len = more;
            }
            if messages > MAX_MESSAGES {
                return Err(Refusal::TooManyMessages);
            }
            if len > MAX_MESSAGE_LEN {
                return Err(Refusal::TooLongMessage);
            }
            last = Some(read);
        }
        if messages == 0 {
            Err(Refusal::Empty)
        } else {
            Ok(joined)
        }
    }

    /// Copies the operations, which were checked. Buffers of reads are copied as well: a
    /// transaction that fails leaves what it did not read as it was.
    pub(crate) fn join(&mut self, operations: &[Operation<'_>]) {
        self.data.clear();
        self.shapes.clear();
        for operation in operations {
            let (read, len) = shape(operation);
            match operation {
                Operation::Read(buffer) => self.data.extend_from_slice(buffer),
                Operation::Write(bytes) => self.data.extend_from_slice(bytes),
            }
            match self.shapes.last_mut() {
                Some(last) if last.0 == read => last.1 += len,
                _ => self.shapes.push((read, len)),
            }
        }
    }

    /// Runs `f` with the messages.
    pub(crate) fn run<T>(&mut self, f: impl FnOnce(&mut [Operation<'_>]) -> T) -> T {
        let mut operations: [Operation<'_>; MAX_MESSAGES] =
            array::from_fn(|_| Operation::Write(&[]));
        let mut rest = self.data.as_mut_slice();
        for (operation, &(read, len)) in operations.iter_mut().zip(&self.shapes) {
            let (data, after) = mem::take(&mut rest).split_at_mut(len);
            *operation = if read {
                Operation::Read(data)
            } else {
                Operation::Write(data)
            };
            rest = after;
        }
        f(&mut operations[..self.shapes.len()])
    }

    /// Copies what was read to where it belongs: into the operations that were joined.
    pub(crate) fn split(&self, operations: &mut [Operation<'_>]) {
        let mut data = self.data.as_slice();
        for operation in operations {
            let (_, len) = shape(operation);
            let (own, after) = data.split_at(len.min(data.len()));
            if let Operation::Read(buffer) = operation {
                buffer[..own.len()].copy_from_slice(own);
            }
            data = after;
        }
    }
}

fn shape(operation: &Operation<'_>) -> (bool, usize) {
    match operation {
        Operation::Read(buffer) => (true, buffer.len()),
        Operation::Write(bytes) => (false, bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_message_and_reads_find_home() {
        let (mut a, mut b, mut c) = ([0; 2], [0; 1], [9; 1]);
        let mut operations = [
            Operation::Write(&[1]),
            Operation::Write(&[]),
            Operation::Write(&[2, 3]),
            Operation::Read(&mut a),
            Operation::Read(&mut b),
            Operation::Write(&[4]),
            Operation::Read(&mut c),
        ];
        assert_eq!(Messages::check(&operations), Ok(true));
        let mut messages = Messages::default();
        messages.join(&operations);
        messages.run(|joined| {
            let [
                Operation::Write([1, 2, 3]),
                Operation::Read(first),
                Operation::Write([4]),
                Operation::Read(second),
            ] = joined
            else {
                panic!("{joined:?}");
            };
            first.copy_from_slice(&[5, 6, 7]);
            assert_eq!(**second, [9]);
        });
        messages.split(&mut operations);
        assert_eq!((a, b, c), ([5, 6], [7], [9]));
    }

    #[test]
    fn limits_count_what_goes_over_the_wire() {
        let long = [0; MAX_MESSAGE_LEN];
        let mut byte = [0; 1];
        assert_eq!(Messages::check(&[]), Err(Refusal::Empty));
        assert_eq!(Messages::check(&[Operation::Write(&long)]), Ok(false));
        assert_eq!(
            Messages::check(&[Operation::Write(&long), Operation::Write(&[0])]),
            Err(Refusal::TooLongMessage)
        );
        assert_eq!(
            Messages::check(&array::from_fn::<_, 100, _>(|_| Operation::Write(&[0]))),
            Ok(true)
        );
        let mut many: Vec<Operation<'_>> = Vec::new();
        for _ in 0..MAX_MESSAGES / 2 {
            many.extend([Operation::Write(&[0]), Operation::Read(&mut [])]);
        }
        assert_eq!(Messages::check(&many), Ok(false));
        many.push(Operation::Write(&[0]));
        assert_eq!(Messages::check(&many), Err(Refusal::TooManyMessages));
        many.push(Operation::Read(&mut byte));
        assert_eq!(Messages::check(&many), Err(Refusal::TooManyMessages));
    }
}
