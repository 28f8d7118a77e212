//! Transactions, and what they are made on.

use circuits_spi::{BitOrder, Config, Limits};
use circuits_stub::spi::Controller;
use proptest::collection::vec;
use proptest::prelude::*;

/// An operation, by the lengths of its buffers in bytes: of a transfer, what is read and what is
/// written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Read(usize),
    Write(usize),
    Transfer(usize, usize),
    TransferInPlace(usize),
    DelayNs(u32),
}

/// Which controller it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// It knows all.
    New,
    /// Words of 8 bits, the most significant first.
    Bcm2835,
    /// The most significant bit first.
    Designware,
}

/// A transaction, and what it is made on.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) operations: Vec<Op>,
    kind: Kind,
    pub(crate) bits: u8,
    pub(crate) lsb_first: bool,
    pub(crate) split: bool,
    pub(crate) hz: u32,
    pub(crate) limits: Limits,
}

/// Draws one: with spidev's limits, as the virtual board has, or with others.
pub(crate) fn case(limits_of_spidev: bool) -> impl Strategy<Value = Case> {
    let kind = prop_oneof![Just(Kind::New), Just(Kind::Bcm2835), Just(Kind::Designware)];
    let bits = prop_oneof![4 => Just(8), 1 => Just(16), 1 => Just(32)];
    // A bit takes a whole number of nanoseconds.
    let hz = prop_oneof![Just(125_000), Just(1_000_000), Just(10_000_000)];
    let odd = prop::bool::weighted(0.1);
    let settings = (kind, bits, any::<bool>(), any::<bool>(), hz);
    (vec(op(), 0..=20), settings, odd, limits(limits_of_spidev)).prop_map(
        |(operations, (kind, bits, lsb_first, split, hz), odd, limits)| {
            let bits = if kind == Kind::Bcm2835 { 8 } else { bits };
            let scale = if odd { 1 } else { usize::from(bits / 8) };
            Case {
                operations: operations.into_iter().map(|op| op.scaled(scale)).collect(),
                kind,
                bits,
                lsb_first,
                split,
                hz,
                limits,
            }
        },
    )
}

fn limits(of_spidev: bool) -> impl Strategy<Value = Limits> {
    let bytes = prop_oneof![2 => Just(4096_usize), 1 => 128..1000_usize];
    let alignment = prop_oneof![Just(1), Just(8), Just(128)];
    let others = (alignment, 2..30_usize, 100_000_000..1_000_000_000_u32);
    (bytes, others).prop_map(move |(bytes, (alignment, transfers, delay_ns))| {
        let mut limits = Limits::SPIDEV;
        limits.bytes = bytes;
        if !of_spidev {
            limits.alignment = alignment;
            limits.transfers = transfers;
            limits.delay_ns = delay_ns;
        }
        limits
    })
}

fn op() -> impl Strategy<Value = Op> {
    let delay = prop_oneof![Just(0), 1..3000_u32, any::<u32>()];
    prop_oneof![
        len().prop_map(Op::Read),
        len().prop_map(Op::Write),
        (len(), len()).prop_map(|(read, write)| Op::Transfer(read, write)),
        len().prop_map(Op::TransferInPlace),
        delay.prop_map(Op::DelayNs),
    ]
}

fn len() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => Just(0),
        8 => 1..10_usize,
        4 => 1..300_usize,
        1 => 1..5000_usize,
    ]
}

impl Op {
    fn scaled(self, scale: usize) -> Op {
        match self {
            Op::Read(len) => Op::Read(len * scale),
            Op::Write(len) => Op::Write(len * scale),
            Op::Transfer(read, write) => Op::Transfer(read * scale, write * scale),
            Op::TransferInPlace(len) => Op::TransferInPlace(len * scale),
            Op::DelayNs(ns) => Op::DelayNs(ns),
        }
    }
}

impl Case {
    /// These, at 1 MHz and with nothing special.
    pub(crate) fn plain(operations: Vec<Op>) -> Case {
        Case {
            operations,
            kind: Kind::New,
            bits: 8,
            lsb_first: false,
            split: false,
            hz: 1_000_000,
            limits: Limits::SPIDEV,
        }
    }

    /// What an operation writes: each byte says of which it is, and where in it.
    pub(crate) fn written(&self, number: usize) -> Vec<u8> {
        let len = match self.operations[number] {
            Op::Write(len) | Op::Transfer(_, len) | Op::TransferInPlace(len) => len,
            Op::Read(_) | Op::DelayNs(_) => 0,
        };
        let byte = |at: usize| (number * 89 + at * 7 + at / 256 + 1) as u8;
        (0..len).map(byte).collect()
    }

    pub(crate) fn controller(&self) -> Controller {
        let controller = match self.kind {
            Kind::New => Controller::new(),
            Kind::Bcm2835 => Controller::bcm2835(),
            Kind::Designware => Controller::designware(),
        };
        controller.bufsiz(self.limits.bytes)
    }

    pub(crate) fn config(&self) -> Config {
        let order = match self.lsb_first {
            true => BitOrder::LsbFirst,
            false => BitOrder::MsbFirst,
        };
        Config::new()
            .bits_per_word(self.bits)
            .bit_order(order)
            .split(self.split)
            .speed_hz(self.hz)
    }

    /// Whether the controller can send the least significant bit first.
    pub(crate) fn knows_lsb_first(&self) -> bool {
        self.kind == Kind::New
    }

    /// Whether bits are turned round before they are handed over.
    pub(crate) fn is_reversed_before(&self) -> bool {
        self.lsb_first && !self.knows_lsb_first()
    }
}
