//! What goes over the wire is what embedded-hal prescribes, whatever the operations, and what a backend
//! is handed is the same.

use std::io;
use std::sync::{Arc, Mutex};

use circuits_i2c::{
    Address, Backend, Bus, Config, Done, ErrorKind, Handle, MAX_MESSAGES, Operation,
};
use circuits_stub::Stub;
use circuits_stub::i2c::{Acknowledge, Device, Transfer};
use circuits_stub::trace::{Action, End, Message};
use circuits_wait::{Clock, Time};
use embedded_hal::i2c::I2c;
use proptest::collection::vec;
use proptest::prelude::*;

/// An operation, as it is drawn.
#[derive(Clone, Debug)]
enum Op {
    Write(Vec<u8>),
    Read(usize),
}

const ADDRESSES: [u8; 2] = [0x48, 0x68];

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        vec(any::<u8>(), 0..4).prop_map(Op::Write),
        (0usize..4).prop_map(Op::Read),
    ]
}

/// Mostly short, now and then more than a bus takes.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![5 => vec(op(), 0..8), 1 => vec(op(), 60..120)]
}

/// What is on the wire: embedded-hal, `I2c::transaction`, *Data contents of the transaction*. Between
/// operations of one type there is nothing, between others a repeated start. A read is what the
/// device had to say, which counts.
fn prescribed(ops: &[Op], count: &mut u8) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for (number, op) in ops.iter().enumerate() {
        let before = number.checked_sub(1).map(|before| &ops[before]);
        match op {
            Op::Write(bytes) => {
                if !matches!(before, Some(Op::Write(_))) {
                    messages.push(Message::Write(Vec::new()));
                }
                let Some(Message::Write(all)) = messages.last_mut() else {
                    unreachable!();
                };
                all.extend_from_slice(bytes);
            }
            Op::Read(len) => {
                if !matches!(before, Some(Op::Read(_))) {
                    messages.push(Message::Read(Vec::new()));
                }
                let Some(Message::Read(all)) = messages.last_mut() else {
                    unreachable!();
                };
                for _ in 0..*len {
                    *count = count.wrapping_add(1);
                    all.push(*count);
                }
            }
        }
    }
    messages
}

/// Takes what it is sent, and counts.
#[derive(Clone, Debug, Default)]
struct Counter(Arc<Mutex<u8>>);

impl Device for Counter {
    fn start(&mut self, _: Transfer, _: Time) -> Acknowledge {
        Acknowledge::Yes
    }

    fn write(&mut self, _: u8) -> Acknowledge {
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        let mut count = self.0.lock().unwrap();
        *count = count.wrapping_add(1);
        *count
    }
}

type Handed = Vec<(Address, Vec<Message>)>;

/// A backend that notes what it is handed, and answers as the devices would.
#[derive(Clone, Debug, Default)]
struct Recorder {
    handed: Arc<Mutex<Handed>>,
    device: Counter,
}

impl Backend for Recorder {
    fn open(&self, _: &str, _: &Config) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(self.clone()))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Stub::virtual_time().clock()
    }
}

impl Handle for Recorder {
    fn transaction(&self, address: Address, operations: &mut [Operation<'_>]) -> Done {
        let mut device = self.device.clone();
        let messages = operations.iter_mut().map(|operation| match operation {
            Operation::Write(bytes) => Message::Write(bytes.to_vec()),
            Operation::Read(buffer) => {
                buffer.fill_with(|| device.read());
                Message::Read(buffer.to_vec())
            }
        });
        let messages = messages.collect();
        self.handed.lock().unwrap().push((address, messages));
        Done::at_once(Ok(()))
    }

    fn blocks(&self) -> bool {
        true
    }
}

/// Runs a transaction and returns what each of its reads got.
fn run(
    bus: &mut Bus,
    address: u8,
    ops: &[Op],
    wait: bool,
    stub: &Stub,
) -> Result<Vec<u8>, ErrorKind> {
    let mut buffers: Vec<Vec<u8>> = ops
        .iter()
        .map(|op| match op {
            Op::Read(len) => vec![0; *len],
            Op::Write(_) => Vec::new(),
        })
        .collect();
    let mut operations: Vec<Operation<'_>> = ops
        .iter()
        .zip(&mut buffers)
        .map(|(op, buffer)| match op {
            Op::Write(bytes) => Operation::Write(bytes),
            Op::Read(_) => Operation::Read(buffer),
        })
        .collect();
    let result = match wait {
        false => bus.transaction(address, &mut operations),
        true => stub.block_on(embedded_hal_async::i2c::I2c::transaction(
            bus,
            address,
            &mut operations,
        )),
    };
    drop(operations);
    result
        .map(|()| buffers.concat())
        .map_err(|error| error.kind())
}

proptest! {
    // No files: where it fails it shows the transactions.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_wire_is_as_prescribed(
        transactions in vec((0usize..2, ops(), any::<bool>()), 1..6),
    ) {
        let (device, recorder) = (Counter::default(), Recorder::default());
        let stub = Stub::virtual_time()
            .i2c_device("i2c-1", ADDRESSES[0], device.clone()).unwrap()
            .i2c_device("i2c-1", ADDRESSES[1], device).unwrap();
        let mut on_wire = Bus::open_on(&stub, "i2c-1", &Config::new()).unwrap();
        let mut on_recorder = Bus::open_on(&recorder, "any", &Config::new()).unwrap();
        let recording = stub.record();
        let (mut count, mut prescribed_all) = (0, Handed::new());
        for (address, ops, wait) in &transactions {
            let address = ADDRESSES[*address];
            let before = count;
            let messages = prescribed(ops, &mut count);
            let wanted = match messages.len() {
                0 => Err(ErrorKind::Invalid),
                1..=MAX_MESSAGES => Ok(messages.iter().flat_map(|message| match message {
                    Message::Read(bytes) => bytes.clone(),
                    Message::Write(_) => Vec::new(),
                }).collect::<Vec<u8>>()),
                _ => Err(ErrorKind::Limit),
            };
            match wanted {
                Ok(_) => prescribed_all.push((Address::SevenBit(address), messages)),
                // Nothing moves.
                Err(_) => count = before,
            }
            let got = run(&mut on_wire, address, ops, *wait, &stub);
            prop_assert_eq!(&got, &wanted);
            let got = run(&mut on_recorder, address, ops, *wait, &stub);
            prop_assert_eq!(&got, &wanted);
        }
        let wire: Handed = recording.take().into_iter().map(|entry| match entry.action {
            Action::I2c { address, messages, end: End::Stop, .. } => (address, messages),
            other => panic!("{other}"),
        }).collect();
        prop_assert_eq!(&wire, &prescribed_all);
        prop_assert_eq!(&*recorder.handed.lock().unwrap(), &prescribed_all);
    }
}
