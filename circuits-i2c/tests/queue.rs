//! The order of calls on a bus that blocks, as the kernel's do, on a handle that takes its time.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use circuits_bench::block_on;
use circuits_i2c::{Address, Backend, Bus, Config, Done, ErrorKind, Handle, Operation};
use circuits_stub::Stub;
use circuits_wait::Clock;
use embedded_hal::i2c::I2c as Blocking;
use embedded_hal_async::i2c::I2c;

/// A device at every address, which remembers what it was sent. 0xff makes the handle panic.
#[derive(Clone, Debug, Default)]
struct Slow {
    busy: Arc<AtomicBool>,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Backend for Slow {
    fn open(&self, _: &str, _: &Config) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(self.clone()))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Stub::real_time().clock()
    }
}

impl Handle for Slow {
    fn transaction(&self, _: Address, operations: &mut [Operation<'_>]) -> Done {
        assert!(
            !self.busy.swap(true, Ordering::SeqCst),
            "two transactions at once"
        );
        thread::sleep(Duration::from_micros(300));
        self.busy.store(false, Ordering::SeqCst);
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    assert!(!bytes.contains(&0xff), "as it should");
                    self.sent.lock().unwrap().extend_from_slice(bytes);
                }
                Operation::Read(buffer) => buffer.fill(7),
            }
        }
        Done {
            result: Ok(()),
            busy_until: None,
        }
    }

    fn blocks(&self) -> bool {
        true
    }
}

fn bus(slow: &Slow) -> Bus {
    Bus::open_on(slow, "slow", &Config::new()).unwrap()
}

/// Polls a future that is to be dropped; the worker may have been quick.
fn poll_once<F: Future>(future: Pin<&mut F>) {
    let _ = future.poll(&mut Context::from_waker(Waker::noop()));
}

#[test]
fn one_comes_after_the_other() {
    let slow = Slow::default();
    let bus = bus(&slow);
    thread::scope(|scope| {
        for _ in 0..3 {
            let mut bus = bus.clone();
            scope.spawn(move || (0..30).for_each(|_| Blocking::write(&mut bus, 1, &[1]).unwrap()));
        }
        let mut bus = bus.clone();
        scope.spawn(move || (0..30).for_each(|_| block_on(I2c::write(&mut bus, 1, &[2])).unwrap()));
    });
    assert_eq!(slow.sent.lock().unwrap().len(), 120);
}

#[test]
fn the_order_is_that_of_the_calls_even_of_those_that_were_dropped() {
    let slow = Slow::default();
    let mut bus = bus(&slow);
    let mut clone = bus.clone();
    for number in 0..50 {
        poll_once(pin!(I2c::write(&mut bus, 1, &[number, 0])));
        Blocking::write(&mut clone, 1, &[number, 1]).unwrap();
        poll_once(pin!(I2c::write(&mut bus, 1, &[number, 2])));
        block_on(I2c::write(&mut clone, 1, &[number, 3])).unwrap();
    }
    let wanted: Vec<u8> = (0..50)
        .flat_map(|n| [[n, 0], [n, 1], [n, 2], [n, 3]])
        .flatten()
        .collect();
    assert_eq!(*slow.sent.lock().unwrap(), wanted);
}

#[test]
fn what_was_begun_is_done_when_the_bus_is_gone() {
    let slow = Slow::default();
    let mut gone = bus(&slow);
    for number in 0..5 {
        poll_once(pin!(I2c::write(&mut gone, 1, &[number])));
    }
    drop(gone);
    for _ in 0..1000 {
        if slow.sent.lock().unwrap().len() == 5 {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(*slow.sent.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_handle_that_panics_stops_nobody_else() {
    let slow = Slow::default();
    let (mut bus, mut clone) = (bus(&slow), bus(&slow).clone());
    let panics = std::panic::AssertUnwindSafe(|| Blocking::write(&mut bus, 1, &[0xff]));
    assert!(std::panic::catch_unwind(panics).is_err());
    Blocking::write(&mut bus, 1, &[1]).unwrap();
    let error = block_on(I2c::write(&mut clone, 1, &[0xff])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the backend panicked"
    );
    let mut buffer = [0; 3];
    block_on(I2c::read(&mut clone, 1, &mut buffer)).unwrap();
    Blocking::write(&mut clone, 1, &[2]).unwrap();
    assert_eq!(
        (buffer, slow.sent.lock().unwrap().as_slice()),
        ([7; 3], &[1, 2][..])
    );
}

#[test]
fn a_waker_that_panics_stops_nobody_else() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("as it should");
        }
    }
    let slow = Slow::default();
    let mut bus = bus(&slow);
    let waker = Arc::new(Panics).into();
    {
        let mut write = pin!(I2c::write(&mut bus, 1, &[1]));
        let _ = write.as_mut().poll(&mut Context::from_waker(&waker));
    }
    block_on(I2c::write(&mut bus, 1, &[2])).unwrap();
    assert_eq!(*slow.sent.lock().unwrap(), [1, 2]);
}
