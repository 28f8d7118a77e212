//! What a backend is handed: parts, turns, bits that are turned round, and what comes back.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use circuits_spi::{Backend, BitOrder, Config, Device, Done, ErrorKind, Handle, Limits, Operation};
use circuits_stub::Stub;
use circuits_wait::Clock;
use embedded_hal::spi::SpiDevice;

/// A controller that blocks, and reads what it writes; the most significant bit goes first.
#[derive(Clone, Debug)]
struct Recorder(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    config: Config,
    limits: Limits,
    messages: Vec<Vec<Sent>>,
    /// Which message fails, with what it read in the buffers.
    fails: Option<usize>,
    /// Each message waits for one word from here, if there is one; it says first that it is there.
    gate: Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Sent {
    Write(Vec<u8>),
    Read(usize),
    Both(Vec<u8>),
    Delay(u32),
}

impl Recorder {
    fn new() -> Recorder {
        Recorder(Arc::new(Mutex::new(State {
            config: Config::new(),
            limits: Limits::SPIDEV,
            messages: Vec::new(),
            fails: None,
            gate: None,
        })))
    }

    fn limited(bytes: usize, alignment: usize) -> Recorder {
        let recorder = Recorder::new();
        let limits = &mut recorder.0.lock().unwrap().limits;
        (limits.bytes, limits.alignment) = (bytes, alignment);
        recorder.clone()
    }

    fn open(&self, config: &Config) -> Device {
        Device::open_on(self, "spidev0.0", config).unwrap()
    }

    fn messages(&self) -> Vec<Vec<Sent>> {
        self.0.lock().unwrap().messages.clone()
    }

    /// Has messages wait; returns who says that one is there, and what lets it go.
    fn gated(&self) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
        let ((tell, told), (open, gate)) = (mpsc::channel(), mpsc::channel());
        self.0.lock().unwrap().gate = Some((tell, gate));
        (told, open)
    }
}

impl Backend for Recorder {
    fn open(&self, _: &str) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(self.clone()))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Stub::real_time().clock()
    }
}

impl Handle for Recorder {
    fn transaction(&self, operations: &mut [Operation<'_, u8>]) -> Done {
        let gate = self.0.lock().unwrap().gate.take();
        if let Some((tell, gate)) = gate {
            tell.send(()).unwrap();
            gate.recv().unwrap();
        }
        let mut state = self.0.lock().unwrap();
        let sent = operations.iter_mut().map(|operation| match operation {
            Operation::Write(bytes) => Sent::Write(bytes.to_vec()),
            Operation::Read(buffer) => {
                buffer.fill(0x77);
                Sent::Read(buffer.len())
            }
            Operation::TransferInPlace(buffer) => Sent::Both(buffer.to_vec()),
            Operation::Transfer(read, write) => {
                read.copy_from_slice(write);
                Sent::Both(write.to_vec())
            }
            Operation::DelayNs(ns) => Sent::Delay(*ns),
        });
        let sent = sent.collect();
        state.messages.push(sent);
        let result = match state.fails == Some(state.messages.len()) {
            // ETIMEDOUT
            true => Err(io::Error::from_raw_os_error(110)),
            false => Ok(()),
        };
        Done {
            result,
            busy_until: None,
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        if config.order() == BitOrder::LsbFirst {
            // EINVAL
            return Err(io::Error::from_raw_os_error(22));
        }
        self.0.lock().unwrap().config = config.clone().split(false);
        Ok(())
    }

    fn config(&self) -> io::Result<Config> {
        Ok(self.0.lock().unwrap().config.clone())
    }

    fn limits(&self) -> Limits {
        self.0.lock().unwrap().limits
    }

    fn blocks(&self) -> bool {
        true
    }
}

/// Awaits on this thread.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn words_are_turned_round_by_their_bits() {
    let lsb_first = |bits| {
        Config::new()
            .bits_per_word(bits)
            .bit_order(BitOrder::LsbFirst)
    };
    let five = [0b1_0110].to_vec();
    let twelve = 0x123u16.to_ne_bytes().to_vec();
    let twenty_four = 0x12_3456u32.to_ne_bytes().to_vec();
    let all = u32::to_ne_bytes(0x8000_0001 | 0x0f00).to_vec();
    for (bits, word, turned) in [
        (5, five, [0b0_1101].to_vec()),
        (12, twelve, 0xc48u16.to_ne_bytes().to_vec()),
        (24, twenty_four, 0x6a_2c48u32.to_ne_bytes().to_vec()),
        (32, all, 0x80f0_0001u32.to_ne_bytes().to_vec()),
    ] {
        let recorder = Recorder::new();
        let mut device = recorder.open(&lsb_first(bits));
        assert!(device.reverses_bits());
        let mut buffer = [&word[..], &word[..]].concat();
        device.transfer_in_place(&mut buffer).unwrap();
        let twice = [&turned[..], &turned[..]].concat();
        assert_eq!(recorder.messages(), [[Sent::Both(twice)]], "{bits} bits");
        assert_eq!(buffer, [&word[..], &word[..]].concat(), "{bits} bits");
    }
}

#[test]
fn neighbours_of_each_kind_are_joined() {
    let recorder = Recorder::new();
    let mut device = recorder.open(&Config::new());
    let (mut one, mut other) = ([1, 2], [3]);
    let (mut two, mut last) = ([0; 2], [0; 1]);
    let mut operations = [
        Operation::TransferInPlace(&mut one),
        Operation::TransferInPlace(&mut other),
        Operation::Write(&[4]),
        Operation::Write(&[5, 6]),
        Operation::Read(&mut two),
        Operation::Read(&mut last),
    ];
    device.transaction(&mut operations).unwrap();
    let sent = vec![
        Sent::Both(vec![1, 2, 3]),
        Sent::Write(vec![4, 5, 6]),
        Sent::Read(3),
    ];
    assert_eq!(recorder.messages(), [sent]);
}

#[test]
fn parts_are_whole_words_and_messages_are_full() {
    let split = Config::new().split(true);
    let recorder = Recorder::limited(130, 1);
    recorder
        .open(&split.clone().bits_per_word(32))
        .write(&[1; 300])
        .unwrap();
    let lengths = |recorder: &Recorder| -> Vec<Vec<(char, usize)>> {
        let len = |sent: &Sent| match sent {
            Sent::Write(bytes) => ('w', bytes.len()),
            Sent::Read(len) => ('r', *len),
            Sent::Both(bytes) => ('b', bytes.len()),
            Sent::Delay(_) => ('d', 0),
        };
        let messages = recorder.messages();
        messages
            .iter()
            .map(|message| message.iter().map(len).collect())
            .collect()
    };
    assert_eq!(
        lengths(&recorder),
        [[('w', 128)], [('w', 128)], [('w', 44)]]
    );
    let recorder = Recorder::limited(256, 128);
    let mut device = recorder.open(&split);
    let mut buffers = [[0; 256]; 3];
    let [a, b, c] = &mut buffers;
    let mut operations = [
        Operation::Write(&[1; 256]),
        Operation::Read(a),
        Operation::Write(&[2; 256]),
        Operation::Read(b),
        Operation::Write(&[3; 256]),
        Operation::Read(c),
    ];
    device.transaction(&mut operations).unwrap();
    assert_eq!(lengths(&recorder), vec![vec![('w', 256), ('r', 256)]; 3]);
    assert_eq!(buffers, [[0x77; 256]; 3]);
}

#[test]
fn nothing_is_sent_after_a_part_that_failed() {
    let recorder = Recorder::limited(128, 128);
    recorder.0.lock().unwrap().fails = Some(2);
    let mut device = recorder.open(&Config::new().split(true));
    let error = device.write(&[1; 600]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(recorder.messages().len(), 2);
}

/// Where the operations are a copy, blocking and async.
#[test]
fn what_fails_reads_nothing() {
    let recorder = Recorder::new();
    let mut device = recorder.open(&Config::new());
    for blocking in [true, false] {
        let count = recorder.messages().len();
        recorder.0.lock().unwrap().fails = Some(count + 1);
        let (mut buffer, mut rest) = ([0xaa; 3], [0xaa; 2]);
        let mut operations = [
            Operation::Transfer(&mut buffer, &[1]),
            Operation::Read(&mut rest),
        ];
        let error = match blocking {
            true => device.transaction(&mut operations),
            false => wait(embedded_hal_async::spi::SpiDevice::transaction(
                &mut device,
                &mut operations,
            )),
        };
        assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!((buffer, rest), ([0xaa; 3], [0xaa; 2]));
    }
}

#[test]
fn each_side_is_whole_words() {
    let recorder = Recorder::new();
    let mut device = recorder.open(&Config::new().bits_per_word(16));
    let mut buffer = [0; 3];
    for (read, written) in [(2, 3), (3, 2)] {
        let error = device.transfer(&mut buffer[..read], &[0; 3][..written]);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Invalid);
    }
    assert!(recorder.messages().is_empty());
}

/// Each transfer takes a multiple of the alignment, of writes and of reads by themselves.
#[test]
fn small_transfers_fill_the_buffer() {
    let recorder = Recorder::limited(256, 128);
    let mut device = recorder.open(&Config::new());
    for (count, fits) in [(2, true), (3, false)] {
        for kind in 0..3 {
            let mut buffers = [[0; 1]; 3];
            let mut operations = Vec::new();
            for buffer in &mut buffers[..count] {
                operations.push(match kind {
                    0 => Operation::Write(&[1]),
                    1 => Operation::Read(buffer),
                    _ => Operation::TransferInPlace(buffer),
                });
                // So that they are no neighbours.
                operations.push(Operation::DelayNs(1));
            }
            let result = device.transaction(&mut operations);
            let result = result.map_err(|error| error.kind());
            let limit = Err(ErrorKind::Limit);
            assert_eq!(result, if fits { Ok(()) } else { limit }, "{kind}");
        }
    }
    assert_eq!(recorder.messages().len(), 3);
}

/// Whether they need memory of their own or not.
#[test]
fn any_number_of_transfers_goes() {
    for count in [1, 15, 16, 17, 18, 31] {
        let recorder = Recorder::new();
        let mut device = recorder.open(&Config::new());
        let mut operations: Vec<_> = (0..count)
            .map(|number| match number % 2 {
                0 => Operation::Write(&[7]),
                _ => Operation::DelayNs(number),
            })
            .collect();
        // So that it is a copy.
        operations.push(Operation::Write(&[]));
        device.transaction(&mut operations).unwrap();
        let sent = (0..count).map(|number| match number % 2 {
            0 => Sent::Write(vec![7]),
            _ => Sent::Delay(number),
        });
        assert_eq!(recorder.messages(), [sent.collect::<Vec<_>>()]);
    }
}

/// While a message is on its way, the next one and new settings wait, whoever asks for them.
#[test]
fn calls_take_turns() {
    let recorder = Recorder::new();
    let device = recorder.open(&Config::new());
    let (told, open) = recorder.gated();
    let write = |byte| {
        let mut device = device.clone();
        move || device.write(&[byte]).unwrap()
    };
    let first = thread::spawn(write(1));
    told.recv().unwrap();
    let second = thread::spawn(write(2));
    let third = device.clone();
    let faster = Config::new().speed_hz(2_000_000);
    let config = faster.clone();
    let third = thread::spawn(move || third.configure(&config).unwrap());
    thread::sleep(Duration::from_millis(50));
    assert!(recorder.messages().is_empty());
    assert_eq!(recorder.0.lock().unwrap().config, Config::new());
    open.send(()).unwrap();
    for thread in [first, second, third] {
        thread.join().unwrap();
    }
    let sent = |byte| vec![Sent::Write(vec![byte])];
    assert_eq!(recorder.messages(), [sent(1), sent(2)]);
    assert_eq!(recorder.0.lock().unwrap().config, faster);
}

#[test]
fn the_worker_ends_with_the_device() {
    let recorder = Recorder::new();
    let mut device = recorder.open(&Config::new());
    wait(embedded_hal_async::spi::SpiDevice::write(&mut device, &[1])).unwrap();
    drop(device);
    for _ in 0..200 {
        if Arc::strong_count(&recorder.0) == 1 {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the worker has the handle still");
}

/// Those that wait in the queue, too.
#[test]
fn what_was_begun_is_sent_though_nobody_has_the_device() {
    let recorder = Recorder::new();
    let device = recorder.open(&Config::new());
    let (told, open) = recorder.gated();
    for byte in [1, 2, 3] {
        let (mut device, bytes) = (device.clone(), [byte]);
        let future = pin!(embedded_hal_async::spi::SpiDevice::write(
            &mut device,
            &bytes
        ));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(future.poll(&mut cx).is_pending());
    }
    told.recv().unwrap();
    drop(device);
    open.send(()).unwrap();
    for _ in 0..200 {
        if Arc::strong_count(&recorder.0) == 1 {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let sent = |byte| vec![Sent::Write(vec![byte])];
    assert_eq!(recorder.messages(), [sent(1), sent(2), sent(3)]);
}
