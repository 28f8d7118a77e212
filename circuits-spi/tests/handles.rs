//! What a handle is told and asked, on one that does what a test says.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use circuits_spi::*;
use circuits_stub::Stub;
use circuits_wait::Clock;
use embedded_hal::spi::{SpiBus, SpiDevice};

/// A controller as spidev is: it blocks, and cannot send the least significant bit first.
#[derive(Debug, Clone)]
struct Mock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Mutex<Config>,
    sent: Mutex<Vec<Vec<u8>>>,
    gate: Mutex<Option<mpsc::Receiver<()>>>,
    entered: mpsc::Sender<()>,
    max_hz: u32,
    always_high: bool,
}

fn mock(max_hz: u32, always_high: bool) -> (Mock, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let (open, gate) = mpsc::channel();
    let (entered, came) = mpsc::channel();
    (
        Mock(Arc::new(Inner {
            config: Mutex::new(Config::new()),
            sent: Mutex::default(),
            gate: Mutex::new(Some(gate)),
            entered,
            max_hz,
            always_high,
        })),
        open,
        came,
    )
}

impl Backend for Mock {
    fn open(&self, _: &str) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(self.clone()))
    }
    fn clock(&self) -> Arc<dyn Clock> {
        Stub::real_time().clock()
    }
}

impl Handle for Mock {
    fn transaction(&self, operations: &mut [Operation<'_, u8>]) -> Done {
        let mut all = Vec::new();
        for operation in operations {
            match operation {
                Operation::Write(bytes) => all.extend_from_slice(bytes),
                Operation::TransferInPlace(bytes) => all.extend_from_slice(bytes),
                _ => {}
            }
        }
        let slow = all.first() == Some(&0xff);
        if slow {
            let _ = self.0.entered.send(());
            let _ = self.0.gate.lock().unwrap().as_ref().unwrap().recv();
        }
        self.0.sent.lock().unwrap().push(all);
        Done {
            result: Ok(()),
            busy_until: None,
        }
    }
    fn configure(&self, config: &Config) -> io::Result<()> {
        if config.order() == BitOrder::LsbFirst || config.max_speed_hz() > self.0.max_hz {
            return Err(io::Error::from_raw_os_error(22));
        }
        *self.0.config.lock().unwrap() = config.clone().split(false);
        Ok(())
    }
    fn config(&self) -> io::Result<Config> {
        let config = self.0.config.lock().unwrap().clone();
        Ok(match self.0.always_high {
            true => config.chip_select(ChipSelect::ActiveHigh),
            false => config,
        })
    }
    fn limits(&self) -> Limits {
        Limits::SPIDEV
    }
    fn blocks(&self) -> bool {
        true
    }
}

/// What is called after `configure` is called has the new settings.
#[test]
fn bits_are_turned_round_by_the_settings_of_the_turn() {
    let (backend, open, came) = mock(u32::MAX, false);
    let device = Device::open_on(&backend, "x", &Config::new()).unwrap();
    let mut slow = device.clone();
    let first = thread::spawn(move || slow.write(&[0xff]).unwrap());
    came.recv().unwrap();
    let other = device.clone();
    let second = thread::spawn(move || {
        other
            .configure(&Config::new().bit_order(BitOrder::LsbFirst))
            .unwrap();
    });
    thread::sleep(Duration::from_millis(100));
    let mut last = device.clone();
    let third = thread::spawn(move || last.write(&[0x01]).unwrap());
    thread::sleep(Duration::from_millis(100));
    open.send(()).unwrap();
    for t in [first, second, third] {
        t.join().unwrap();
    }
    assert!(device.reverses_bits());
    assert_eq!(*backend.0.sent.lock().unwrap(), [[0xff], [0x80]]);
}

#[test]
fn words_are_whole_by_the_settings_of_the_turn() {
    let (backend, open, came) = mock(u32::MAX, false);
    let device = Device::open_on(&backend, "x", &Config::new()).unwrap();
    let mut slow = device.clone();
    let first = thread::spawn(move || slow.write(&[0xff]).unwrap());
    came.recv().unwrap();
    let other = device.clone();
    let second = thread::spawn(move || other.configure(&Config::new().bits_per_word(16)).unwrap());
    thread::sleep(Duration::from_millis(100));
    let mut last = device.clone();
    let third = thread::spawn(move || last.write(&[1, 2, 3]));
    thread::sleep(Duration::from_millis(100));
    open.send(()).unwrap();
    first.join().unwrap();
    second.join().unwrap();
    let result = third.join().unwrap();
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Invalid);
}

/// The setup of s3c64xx refuses a clock that it cannot make.
#[test]
fn a_speed_that_is_refused_is_named() {
    let (backend, _open, _came) = mock(1_000_000, false);
    let config = Config::new().speed_hz(50_000_000);
    let error = Device::open_on(&backend, "spidev0.0", &config)
        .unwrap_err()
        .to_string();
    assert!(!error.contains("clock mode"), "{error}");
}

/// 33 bytes are told that 4096 are possible.
#[test]
fn a_limit_says_what_each_transfer_takes() {
    let (backend, _open, _came) = mock(u32::MAX, false);
    let mut device = Device::open_on(&backend, "spidev0.0", &Config::new()).unwrap();
    let mut back = [0u8; 33];
    let mut operations = Vec::new();
    for byte in &mut back {
        operations.push(Operation::Write(&[1]));
        operations.push(Operation::Read(std::slice::from_mut(byte)));
    }
    let error = device.transaction(&mut operations).unwrap_err().to_string();
    assert!(error.contains("128"), "{error}");
}

/// To flush is to wait.
#[test]
fn to_flush_is_to_wait() {
    let (backend, open, came) = mock(u32::MAX, false);
    let config = Config::new().chip_select(ChipSelect::None);
    let mut bus = Bus::open_on(&backend, "spidev0.0", &config).unwrap();
    {
        let future = pin!(embedded_hal_async::spi::SpiBus::write(&mut bus, &[0xff]));
        assert!(
            future
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    }
    came.recv().unwrap();
    let sent = backend.clone();
    let helper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        open.send(()).unwrap();
    });
    SpiBus::flush(&mut bus).unwrap();
    let is_sent = !sent.0.sent.lock().unwrap().is_empty();
    helper.join().unwrap();
    assert!(is_sent, "the wires are busy still");
}

/// No message is larger than the limits.
#[test]
fn no_message_is_larger_than_the_limits() {
    use circuits_stub::spi::Controller;
    let stub = Stub::virtual_time()
        .spi_controller("spidev0.0", Controller::new().bufsiz(100))
        .unwrap();
    let config = Config::new().chip_select(ChipSelect::None);
    let mut bus = Bus::open_on(&stub, "spidev0.0", &config).unwrap();
    let error = bus.write(&[1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[test]
fn as_much_as_a_message_holds_is_read_behind_a_byte() {
    let (backend, _open, _came) = mock(u32::MAX, false);
    let mut device = Device::open_on(&backend, "spidev0.0", &Config::new()).unwrap();
    // The two sides in place of each other fit.
    device.transfer_in_place(&mut [0; 4096]).unwrap();
    device.transfer(&mut [0; 4096], &[7]).unwrap();
}

#[test]
fn a_backend_that_cannot_list_says_so() {
    let (backend, _open, _came) = mock(u32::MAX, false);
    let error = list_on(&backend).unwrap_err().to_string();
    assert!(!error.contains("futures"), "{error}");
}

#[test]
fn a_refusal_disturbs_nobody() {
    // Which settings has the device while another handle is refused?
    #[derive(Debug, Clone)]
    struct Log(Arc<Mutex<(Config, Vec<Config>)>>);
    impl Backend for Log {
        fn open(&self, _: &str) -> io::Result<Box<dyn Handle>> {
            Ok(Box::new(self.clone()))
        }
        fn clock(&self) -> Arc<dyn Clock> {
            Stub::real_time().clock()
        }
    }
    impl Handle for Log {
        fn transaction(&self, _: &mut [Operation<'_, u8>]) -> Done {
            Done {
                result: Ok(()),
                busy_until: None,
            }
        }
        fn configure(&self, config: &Config) -> io::Result<()> {
            if config.is_loopback() {
                return Err(io::Error::from_raw_os_error(22));
            }
            let mut state = self.0.lock().unwrap();
            state.0 = config.clone();
            state.1.push(config.clone());
            Ok(())
        }
        fn config(&self) -> io::Result<Config> {
            Ok(self.0.lock().unwrap().0.clone())
        }
        fn limits(&self) -> Limits {
            Limits::SPIDEV
        }
        fn blocks(&self) -> bool {
            true
        }
    }
    let log = Log(Arc::new(Mutex::new((Config::new(), Vec::new()))));
    let three = Config::new().mode(Mode::Mode3);
    let _a = Device::open_on(&log, "x", &three).unwrap();
    log.0.lock().unwrap().1.clear();
    Device::open_on(&log, "x", &three.clone().loopback(true)).unwrap_err();
    let others: Vec<_> = log
        .0
        .lock()
        .unwrap()
        .1
        .iter()
        .map(|c| (c.clock_mode(), c.selects()))
        .collect();
    assert!(
        others
            .iter()
            .all(|c| *c == (Mode::Mode3, ChipSelect::ActiveLow)),
        "{others:?}"
    );
}
