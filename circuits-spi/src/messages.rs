//! Operations as they go over the wire.

use std::array;
use std::fmt;
use std::mem;

use embedded_hal::spi::Operation;

use crate::settings::Settings;
use crate::{Done, Limits};

/// Operations as one message takes them: those of one kind that are neighbours are one, for each costs
/// the driver some time, and up to [`Limits::alignment`] bytes of spidev's buffer; what is empty is
/// left out; of a transfer whose sides are unequal the shorter one is filled up with zeros.
///
/// All is one copy, which is the worker's while a future waits.
#[derive(Default)]
pub(crate) struct Messages {
    /// All data one after another; a transfer is written and read at one place.
    data: Vec<u8>,
    shapes: Vec<Shape>,
    lengths: Lengths,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Read(usize),
    Write(usize),
    Both(usize),
    Delay(u32),
}

/// What is wrong with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    TooManyTransfers,
    TooManyBytes,
    NoWholeWords,
    BothWaysOnOneWire,
}

/// How a transaction can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// As it is.
    AsItIs,
    /// As a copy.
    Joined,
    /// As a copy, in several messages.
    Split,
}

/// All lengths, one over another: if it is whole words, each of them is (a word has 1, 2 or 4 bytes).
#[derive(Clone, Copy, Debug, Default)]
struct Lengths(usize);

/// Counts what a message holds.
#[derive(Clone, Copy, Default)]
struct Load {
    transfers: usize,
    written: usize,
    read: usize,
    goes_both_ways: bool,
}

impl Load {
    fn add(&mut self, shape: Shape, limits: &Limits) {
        let (transfers, written, read) = match shape {
            Shape::Read(len) => (1, 0, limits.bytes_of(len)),
            Shape::Write(len) => (1, limits.bytes_of(len), 0),
            Shape::Both(len) => (1, limits.bytes_of(len), limits.bytes_of(len)),
            Shape::Delay(ns) => (limits.transfers_of(&Operation::DelayNs(ns)), 0, 0),
        };
        self.transfers = self.transfers.saturating_add(transfers);
        self.written = self.written.saturating_add(written);
        self.read = self.read.saturating_add(read);
        self.goes_both_ways |= matches!(shape, Shape::Both(_));
    }

    fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        if self.written > limits.bytes || self.read > limits.bytes {
            return Err(Refusal::TooManyBytes);
        }
        match self.transfers > limits.transfers {
            true => Err(Refusal::TooManyTransfers),
            false => Ok(()),
        }
    }

    /// Whether all goes in one message; or an error, unless it may go in several.
    fn fits(&self, lengths: Lengths, limits: &Limits, settings: Settings) -> Result<bool, Refusal> {
        if lengths.0 % settings.word_bytes != 0 {
            return Err(Refusal::NoWholeWords);
        }
        if settings.three_wire && self.goes_both_ways {
            return Err(Refusal::BothWaysOnOneWire);
        }
        match self.check(limits) {
            Err(_) if settings.splits && longest(limits, settings) > 0 => Ok(false),
            result => result.map(|()| true),
        }
    }
}

/// How much data of one kind goes into a message.
fn longest(limits: &Limits, settings: Settings) -> usize {
    let alignment = limits.alignment.max(1);
    let room = limits.bytes / alignment * alignment;
    room / settings.word_bytes * settings.word_bytes
}

/// Has `f` see what goes over the wire for these operations, in order.
fn shapes(operations: &[Operation<'_, u8>], mut f: impl FnMut(Shape)) -> Lengths {
    let (mut last, mut lengths) = (None, Lengths::default());
    for operation in operations {
        let shape = match operation {
            Operation::Read(buffer) => Shape::Read(buffer.len()),
            Operation::Write(bytes) => Shape::Write(bytes.len()),
            Operation::TransferInPlace(buffer) => Shape::Both(buffer.len()),
            Operation::Transfer(read, write) => {
                lengths.0 |= read.len() | write.len();
                match (read.len(), write.len()) {
                    (read, 0) => Shape::Read(read),
                    (0, write) => Shape::Write(write),
                    (read, write) => Shape::Both(read.max(write)),
                }
            }
            Operation::DelayNs(ns) => Shape::Delay(*ns),
        };
        lengths.0 |= len(shape);
        // One byte slice may be written many times: more than there is memory.
        match (last, shape) {
            (_, Shape::Read(0) | Shape::Write(0) | Shape::Both(0)) => {}
            (Some(Shape::Read(a)), Shape::Read(b)) => last = Some(Shape::Read(a.saturating_add(b))),
            (Some(Shape::Write(a)), Shape::Write(b)) => {
                last = Some(Shape::Write(a.saturating_add(b)));
            }
            (Some(Shape::Both(a)), Shape::Both(b)) => last = Some(Shape::Both(a.saturating_add(b))),
            _ => {
                if let Some(done) = last.replace(shape) {
                    f(done);
                }
            }
        }
    }
    // Nothing at all is a message without data: the chip select becomes active, and inactive.
    f(last.unwrap_or(Shape::Delay(0)));
    lengths
}

impl Messages {
    /// Tells how operations can be sent, if they can. The memory of a transaction is taken only after
    /// this.
    pub(crate) fn plan(
        operations: &[Operation<'_, u8>],
        limits: &Limits,
        settings: Settings,
    ) -> Result<Plan, Refusal> {
        let (mut load, mut count) = (Load::default(), 0);
        let lengths = shapes(operations, |shape| {
            load.add(shape, limits);
            count += 1;
        });
        if !load.fits(lengths, limits, settings)? {
            return Ok(Plan::Split);
        }
        // An empty one that is alone counts as the message without data that it is.
        let plain = operations.iter().all(|operation| match operation {
            Operation::Read(buffer) => !buffer.is_empty(),
            Operation::Write(bytes) => !bytes.is_empty(),
            Operation::TransferInPlace(buffer) => !buffer.is_empty(),
            Operation::Transfer(read, write) => read.len() == write.len() && !read.is_empty(),
            Operation::DelayNs(_) => true,
        });
        match plain && count == operations.len() && !settings.reverses {
            true => Ok(Plan::AsItIs),
            false => Ok(Plan::Joined),
        }
    }

    /// Copies operations, which were planned.
    pub(crate) fn join(&mut self, operations: &[Operation<'_, u8>]) {
        self.data.clear();
        self.shapes.clear();
        self.lengths = shapes(operations, |shape| self.shapes.push(shape));
        for operation in operations {
            let (written, len) = match operation {
                Operation::Read(buffer) => (&[][..], buffer.len()),
                Operation::Write(bytes) => (*bytes, bytes.len()),
                Operation::TransferInPlace(buffer) => (&**buffer, buffer.len()),
                Operation::Transfer(read, write) => (*write, read.len().max(write.len())),
                Operation::DelayNs(_) => (&[][..], 0),
            };
            let end = self.data.len() + len;
            self.data.extend_from_slice(written);
            self.data.resize(end, 0);
        }
    }

    /// Runs `f` with the copy, in one message or, if they may be split, in several, each as long as can
    /// be, until one fails. The settings may be others than when it was planned.
    pub(crate) fn run(
        &mut self,
        limits: &Limits,
        settings: Settings,
        f: impl FnMut(&mut [Operation<'_, u8>]) -> Done,
    ) -> Result<Done, Refusal> {
        let mut load = Load::default();
        self.shapes
            .iter()
            .for_each(|shape| load.add(*shape, limits));
        let in_one = load.fits(self.lengths, limits, settings)?;
        if settings.reverses {
            reverse(&mut self.data, settings);
        }
        let done = match in_one {
            true => run(&self.shapes, &mut self.data, f),
            false => self.run_split(limits, settings, f),
        };
        if settings.reverses {
            reverse(&mut self.data, settings);
        }
        Ok(done)
    }

    fn run_split(
        &mut self,
        limits: &Limits,
        settings: Settings,
        mut f: impl FnMut(&mut [Operation<'_, u8>]) -> Done,
    ) -> Done {
        let longest = longest(limits, settings);
        let mut rest = self.data.as_mut_slice();
        let (mut message, mut load) = (Vec::new(), Load::default());
        let mut done = Done {
            result: Ok(()),
            busy_until: None,
        };
        let mut pieces = self
            .shapes
            .iter()
            .flat_map(|shape| pieces(*shape, longest, limits))
            .peekable();
        while let Some(piece) = pieces.next() {
            load.add(piece, limits);
            message.push(piece);
            let is_full = pieces.peek().is_none_or(|next| {
                let mut more = load;
                more.add(*next, limits);
                more.check(limits).is_err()
            });
            if is_full {
                let len = message.iter().map(|shape| len(*shape)).sum();
                let (data, after) = mem::take(&mut rest).split_at_mut(len);
                done = run(&message, data, &mut f);
                if done.result.is_err() {
                    return done;
                }
                rest = after;
                message.clear();
                load = Load::default();
            }
        }
        done
    }

    /// Copies what was read to where it belongs: into the operations that were joined.
    pub(crate) fn split(&self, operations: &mut [Operation<'_, u8>]) {
        let mut data = self.data.as_slice();
        for operation in operations {
            let taken = match operation {
                Operation::Read(buffer) => copy(buffer, data),
                Operation::TransferInPlace(buffer) => copy(buffer, data),
                Operation::Transfer(read, write) => copy(read, data).max(write.len()),
                Operation::Write(bytes) => bytes.len(),
                Operation::DelayNs(_) => 0,
            };
            data = data.get(taken..).unwrap_or_default();
        }
    }
}

/// Without the data, which is long, and not the last word.
impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages")
            .field("bytes", &self.data.len())
            .field("transfers", &self.shapes.len())
            .finish_non_exhaustive()
    }
}

fn len(shape: Shape) -> usize {
    match shape {
        Shape::Read(len) | Shape::Write(len) | Shape::Both(len) => len,
        Shape::Delay(_) => 0,
    }
}

/// Parts of at most `longest` bytes, or of as long a delay as fits into a message.
fn pieces(shape: Shape, longest: usize, limits: &Limits) -> impl Iterator<Item = Shape> {
    let (whole, most) = match shape {
        Shape::Delay(ns) => {
            let transfers = u32::try_from(limits.transfers).unwrap_or(u32::MAX);
            (
                ns as usize,
                limits.delay_ns.saturating_mul(transfers) as usize,
            )
        }
        _ => (len(shape), longest),
    };
    let most = most.max(1);
    let count = whole.div_ceil(most).max(1);
    (0..count).map(move |number| {
        let part = (whole - number * most).min(most);
        match shape {
            Shape::Read(_) => Shape::Read(part),
            Shape::Write(_) => Shape::Write(part),
            Shape::Both(_) => Shape::Both(part),
            Shape::Delay(_) => Shape::Delay(part as u32),
        }
    })
}

fn run<T>(shapes: &[Shape], data: &mut [u8], f: impl FnOnce(&mut [Operation<'_, u8>]) -> T) -> T {
    /// So many need no memory of their own.
    const FEW: usize = 16;
    let mut rest = data;
    let operations = shapes.iter().map(|shape| {
        let (data, after) = mem::take(&mut rest).split_at_mut(len(*shape));
        rest = after;
        match shape {
            Shape::Read(_) => Operation::Read(data),
            Shape::Write(_) => Operation::Write(data),
            Shape::Both(_) => Operation::TransferInPlace(data),
            Shape::Delay(ns) => Operation::DelayNs(*ns),
        }
    });
    if shapes.len() > FEW {
        return f(&mut operations.collect::<Vec<_>>());
    }
    let mut few: [Operation<'_, u8>; FEW] = array::from_fn(|_| Operation::DelayNs(0));
    few.iter_mut()
        .zip(operations)
        .for_each(|(place, operation)| *place = operation);
    f(&mut few[..shapes.len()])
}

/// Copies as much as there is room for, and returns how much that was.
fn copy(buffer: &mut [u8], data: &[u8]) -> usize {
    let len = buffer.len().min(data.len());
    buffer[..len].copy_from_slice(&data[..len]);
    len
}

/// Turns round the bits of each word, which are its lowest ones.
fn reverse(data: &mut [u8], settings: Settings) {
    let shift = settings.word_bytes as u32 * 8 - u32::from(settings.word_bits);
    for word in data.chunks_exact_mut(settings.word_bytes) {
        match word {
            [byte] => *byte = byte.reverse_bits() >> shift,
            [a, b] => {
                let turned = u16::from_ne_bytes([*a, *b]).reverse_bits() >> shift;
                word.copy_from_slice(&turned.to_ne_bytes());
            }
            _ => {
                let mut bytes = [0; 4];
                bytes.copy_from_slice(word);
                let turned = u32::from_ne_bytes(bytes).reverse_bits() >> shift;
                word.copy_from_slice(&turned.to_ne_bytes());
            }
        }
    }
}
