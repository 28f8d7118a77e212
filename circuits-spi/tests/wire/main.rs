//! What goes over the wire for a transaction, whatever it is made of: what embedded-hal prescribes,
//! worked out here once more, from the operations alone; on the virtual board, and with a backend that
//! writes down what it is handed. `PROPTEST_CASES` says how many are drawn (default: 256 each).

mod drawn;
mod prescribed;

use std::io;
use std::sync::{Arc, Mutex};

use circuits_bench::block_on;
use circuits_spi::{
    Backend, BitOrder, Config, Device, Done, Error, ErrorKind, Handle, Limits, Operation,
};
use circuits_stub::trace::{Action, Exchange};
use circuits_stub::{Stub, spi};
use circuits_wait::{Clock, Time};
use proptest::prelude::*;

use drawn::{Case, Op, case};
use prescribed::{Beat, Prescribed, Verdict, answer, beats, check_shapes, prescribed, verdict};

proptest! {
    #![proptest_config(ProptestConfig {
        // What fails is printed, made small.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_virtual_board_sees_what_is_prescribed(case in case(true), is_async in any::<bool>()) {
        on_the_virtual_board(&case, is_async);
    }

    #[test]
    fn a_backend_that_blocks_is_handed_what_is_prescribed(case in case(false), is_async in any::<bool>()) {
        on_a_recorder(&case, is_async);
    }
}

/// The buffers of the operations: what is read, and what is written.
struct Buffers(Vec<(Vec<u8>, Vec<u8>)>);

/// What is in a buffer that nothing was read into.
const UNREAD: u8 = 0xa5;

impl Buffers {
    fn new(case: &Case) -> Buffers {
        let buffers = case.operations.iter().enumerate().map(|(number, op)| {
            // A transfer in place reads over what it writes.
            let read = match op {
                Op::Read(len) | Op::Transfer(len, _) => vec![UNREAD; *len],
                Op::TransferInPlace(_) => case.written(number),
                Op::Write(_) | Op::DelayNs(_) => Vec::new(),
            };
            (read, case.written(number))
        });
        Buffers(buffers.collect())
    }

    fn operations<'a>(&'a mut self, case: &Case) -> Vec<Operation<'a, u8>> {
        let all = self.0.iter_mut().zip(&case.operations);
        let operation = |((read, write), op): (&'a mut (Vec<u8>, Vec<u8>), &Op)| match op {
            Op::Read(_) => Operation::Read(read),
            Op::Write(_) => Operation::Write(write),
            Op::Transfer(..) => Operation::Transfer(read, write),
            Op::TransferInPlace(_) => Operation::TransferInPlace(read),
            Op::DelayNs(ns) => Operation::DelayNs(*ns),
        };
        all.map(operation).collect()
    }

    fn read(&self) -> Vec<Vec<u8>> {
        self.0.iter().map(|(read, _)| read.clone()).collect()
    }
}

/// What a transaction came to, and what was read.
type Outcome = (Result<(), Error>, Buffers);

fn blocking(device: &mut Device, case: &Case) -> Outcome {
    use embedded_hal::spi::SpiDevice;

    let mut buffers = Buffers::new(case);
    let result = device.transaction(&mut buffers.operations(case));
    (result, buffers)
}

async fn awaited(device: &mut Device, case: &Case) -> Outcome {
    use embedded_hal_async::spi::SpiDevice;

    let mut buffers = Buffers::new(case);
    let result = device.transaction(&mut buffers.operations(case)).await;
    (result, buffers)
}

/// Whether a transaction came to what it had to; `messages` are what a backend was handed.
fn check(
    case: &Case,
    limits: &Limits,
    (result, buffers): Outcome,
    messages: &[Vec<Exchange>],
) -> Option<Prescribed> {
    let kind = result.map_err(|error| error.kind());
    let refused = match verdict(case, limits) {
        Verdict::Fits => None,
        Verdict::TooMuch if case.split => None,
        Verdict::TooMuch => Some(ErrorKind::Limit),
        Verdict::NoWholeWords => Some(ErrorKind::Invalid),
    };
    if let Some(refused) = refused {
        assert_eq!(kind, Err(refused));
        assert!(messages.is_empty(), "what is refused moves nothing");
        assert_eq!(buffers.read(), Buffers::new(case).read());
        return None;
    }
    assert_eq!(kind, Ok(()));
    let prescribed = prescribed(case);
    assert_eq!(beats(messages, case), prescribed.beats);
    assert_eq!(buffers.read(), prescribed.read);
    check_shapes(messages, limits);
    let is_one = messages.len() == 1;
    assert_eq!(
        is_one,
        verdict(case, limits) == Verdict::Fits,
        "one message, if it fits"
    );
    Some(prescribed)
}

/// What a device on the wires sees.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Select(Time),
    Byte(u8),
    Deselect(Time),
}

/// A device on the virtual board, which writes down what it sees.
#[derive(Clone, Default)]
struct Witness {
    position: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl spi::Device for Witness {
    fn select(&mut self, time: Time) {
        self.seen.lock().unwrap().push(Seen::Select(time));
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        self.seen.lock().unwrap().push(Seen::Byte(byte));
        self.position += 1;
        answer(self.position - 1, byte)
    }

    fn deselect(&mut self, time: Time) {
        self.seen.lock().unwrap().push(Seen::Deselect(time));
    }
}

fn on_the_virtual_board(case: &Case, is_async: bool) {
    let (stub, witness) = (Stub::virtual_time(), Witness::default());
    let stub = stub
        .spi_controller("spidev0.0", case.controller())
        .and_then(|stub| stub.spi_device("spidev0.0", witness.clone()))
        .unwrap();
    let mut device = Device::open_on(&stub, "spidev0.0", &case.config()).unwrap();
    assert_eq!(device.reverses_bits(), case.is_reversed_before());
    let recording = stub.record();
    let start = stub.clock().now();
    let outcome = match is_async {
        true => stub.block_on(awaited(&mut device, case)),
        false => blocking(&mut device, case),
    };
    let (times, messages): (Vec<Time>, Vec<_>) = recording
        .take()
        .into_iter()
        .map(|entry| match entry.action {
            Action::Spi {
                start, exchanges, ..
            } => (start, exchanges),
            action => panic!("{action}"),
        })
        .unzip();
    let prescribed = check(case, &device.limits(), outcome, &messages);
    let seen = witness.seen.lock().unwrap();
    let Some(prescribed) = prescribed else {
        assert!(seen.is_empty(), "what is refused moves nothing");
        assert_eq!(stub.clock().now(), start);
        return;
    };
    let bytes = seen.iter().filter_map(|seen| match seen {
        Seen::Byte(byte) => Some(*byte),
        _ => None,
    });
    assert_eq!(bytes.collect::<Vec<_>>(), prescribed.bytes);
    let end = start + prescribed.duration;
    assert_eq!(stub.clock().now(), end);
    check_selects(&seen, &times, (start, end));
}

/// The chip select is active from the beginning to the end of each message, and these come one right
/// after the other.
fn check_selects(seen: &[Seen], times: &[Time], (start, end): (Time, Time)) {
    let moves = seen.iter().filter(|seen| !matches!(seen, Seen::Byte(_)));
    let moves: Vec<Seen> = moves.copied().collect();
    let ends = times.iter().skip(1).copied().chain([end]);
    let expected = times.iter().zip(ends);
    let expected = expected.flat_map(|(start, end)| [Seen::Select(*start), Seen::Deselect(end)]);
    assert_eq!(moves, expected.collect::<Vec<_>>());
    assert_eq!(times.first(), Some(&start));
    assert_eq!(seen.first(), Some(&Seen::Select(start)));
    assert_eq!(seen.last(), Some(&Seen::Deselect(end)));
}

/// A backend that blocks, and writes down what it is handed.
#[derive(Clone, Debug)]
struct Recorder {
    limits: Limits,
    lsb_first: bool,
    config: Arc<Mutex<Config>>,
    position: Arc<Mutex<usize>>,
    messages: Arc<Mutex<Vec<Vec<Exchange>>>>,
}

impl Backend for Recorder {
    fn open(&self, _: &str) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(self.clone()))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Stub::real_time().clock()
    }
}

impl Recorder {
    /// Sends bytes, and puts into their place what came.
    fn exchange(&self, data: &mut [u8]) {
        let config = self.config.lock().unwrap();
        let is_lsb_first = config.order() == BitOrder::LsbFirst;
        let mut position = self.position.lock().unwrap();
        prescribed::exchange(
            data,
            config.word_bits(),
            is_lsb_first,
            &mut position,
            &mut Vec::new(),
        );
    }
}

impl Handle for Recorder {
    fn transaction(&self, operations: &mut [Operation<'_, u8>]) -> Done {
        let exchange = |operation: &mut Operation<'_, u8>| match operation {
            Operation::Read(buffer) => {
                buffer.fill(0);
                self.exchange(buffer);
                Exchange::Read(buffer.to_vec())
            }
            Operation::Write(bytes) => {
                self.exchange(&mut bytes.to_vec());
                Exchange::Write(bytes.to_vec())
            }
            Operation::Transfer(read, write) => {
                assert_eq!(read.len(), write.len());
                read.copy_from_slice(write);
                self.exchange(read);
                let (written, read) = (write.to_vec(), read.to_vec());
                Exchange::Transfer { written, read }
            }
            Operation::TransferInPlace(buffer) => {
                let written = buffer.to_vec();
                self.exchange(buffer);
                let read = buffer.to_vec();
                Exchange::Transfer { written, read }
            }
            Operation::DelayNs(ns) => {
                Exchange::Delay(std::time::Duration::from_nanos((*ns).into()))
            }
        };
        let message = operations.iter_mut().map(exchange).collect();
        self.messages.lock().unwrap().push(message);
        Done {
            result: Ok(()),
            busy_until: None,
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        const EINVAL: i32 = 22;
        if config.order() == BitOrder::LsbFirst && !self.lsb_first {
            return Err(io::Error::from_raw_os_error(EINVAL));
        }
        *self.config.lock().unwrap() = config.clone().split(false);
        Ok(())
    }

    fn config(&self) -> io::Result<Config> {
        Ok(self.config.lock().unwrap().clone())
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn blocks(&self) -> bool {
        true
    }
}

fn on_a_recorder(case: &Case, is_async: bool) {
    let recorder = Recorder {
        limits: case.limits,
        lsb_first: case.knows_lsb_first(),
        config: Arc::default(),
        position: Arc::default(),
        messages: Arc::default(),
    };
    let mut device = Device::open_on(&recorder, "recorder", &case.config()).unwrap();
    assert_eq!(device.reverses_bits(), case.is_reversed_before());
    let outcome = match is_async {
        true => block_on(awaited(&mut device, case)),
        false => blocking(&mut device, case),
    };
    let messages = recorder.messages.lock().unwrap();
    check(case, &case.limits, outcome, &messages);
}

/// What the functions here say of a transaction that can be worked out in one's head.
#[test]
fn what_is_prescribed_is_what_one_would_think() {
    let case = Case::plain(vec![Op::Write(1), Op::Read(0), Op::Read(2), Op::DelayNs(7)]);
    let [sent] = case.written(0)[..] else {
        panic!("a byte");
    };
    let came = [answer(1, 0), answer(2, 0)];
    let expected = prescribed(&case);
    assert_eq!(expected.bytes, [sent, 0, 0]);
    assert_eq!(expected.read[2], came);
    assert_eq!(expected.duration.as_nanos(), 3 * 8_000 + 7);
    let word = |sent: Option<u8>, came: Option<u8>| Beat::Word {
        sent: sent.map(u32::from),
        came: came.map(u32::from),
    };
    let read = came.map(|byte| word(None, Some(byte)));
    let delay = Beat::Delay(std::time::Duration::from_nanos(7));
    assert_eq!(
        expected.beats,
        [word(Some(sent), None), read[0], read[1], delay]
    );
}
