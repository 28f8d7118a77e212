//! Two controllers of the emulated machine that has them (SJA1000), `can0` and `can1`, on one bus. (It is the
//! name of this test that has it run there.)
//!
//! QEMU's model of them sends at once: it knows no bit rates, no arbitration and no acknowledgement, counts no
//! errors and is never bus-off. Its buffers do overflow, though, and with its interrupts masked a controller does
//! not get rid of what it has to send.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use circuits_bench::{Unbound, block_on};
use circuits_can::{
    Config, Error, ErrorCounters, ErrorKind, ErrorMask, Frame, Id, Interface, InterfaceConfig,
    Linux, Mode, Socket, State,
};
use circuits_wait::Time;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

/// There are two of them, and the tests run at the same time.
static CONTROLLERS: Mutex<()> = Mutex::new(());

/// Both controllers, up, at 500 kbit/s.
struct Bus {
    zero: Interface,
    one: Interface,
    _lock: MutexGuard<'static, ()>,
}

fn bus() -> Bus {
    let _lock = CONTROLLERS.lock().unwrap_or_else(|e| e.into_inner());
    let [zero, one] = ["can0", "can1"].map(|name| Interface::open(name).unwrap());
    for interface in [&zero, &one] {
        interface.down().unwrap();
        let mut config = InterfaceConfig::new().bitrate(500_000).sample_point(875);
        config = config.restart_after(Duration::ZERO);
        for mode in [Mode::Loopback, Mode::ListenOnly, Mode::OneShot] {
            config = config.mode(mode, false);
        }
        interface.configure(&config).unwrap();
        interface.up().unwrap();
    }
    Bus { zero, one, _lock }
}

impl Bus {
    fn open(&self, config: &Config) -> [Socket; 2] {
        ["can0", "can1"].map(|name| Socket::open_on(&Linux::new(), name, config).unwrap())
    }
}

/// A controller whose interrupts do not reach the kernel, until this is dropped: it has always something to send.
struct Deaf(File);

impl Deaf {
    fn new(interface: &str) -> Deaf {
        let path = format!("/sys/class/net/{interface}/device/config");
        let config = File::options().read(true).write(true).open(path).unwrap();
        let deaf = Deaf(config);
        deaf.mask(true);
        deaf
    }

    /// `PCI_COMMAND_INTX_DISABLE` in the command register (include/uapi/linux/pci_regs.h).
    fn mask(&self, mask: bool) {
        let mut command = [0; 2];
        self.0.read_exact_at(&mut command, 4).unwrap();
        command[1] = command[1] & !0x04 | u8::from(mask) << 2;
        self.0.write_all_at(&command, 4).unwrap();
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        self.mask(false);
    }
}

fn frame(number: u16, data: &[u8]) -> Frame {
    Frame::new(Id::standard(number).unwrap(), data).unwrap()
}

fn numbered(count: u16) -> Vec<Frame> {
    (0..count).map(|n| frame(n, &n.to_be_bytes())).collect()
}

#[track_caller]
fn assert_silent(socket: &Socket) {
    let error = socket.read(SHORT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
}

#[test]
#[ignore = "needs two CAN controllers"]
fn frames_go_both_ways() {
    let bus = bus();
    let [zero, one] = bus.open(&Config::new());
    for (from, to) in [(&zero, &one), (&one, &zero)] {
        let before = Time::monotonic();
        let sent = [
            frame(0x321, &[9, 8, 7]),
            Frame::new(Id::extended(0x1234_5678).unwrap(), &[0; 8]).unwrap(),
            // The model's buffer is never right again after a remote frame with a length.
            Frame::remote(Id::standard(0x7ff).unwrap(), 0).unwrap(),
        ];
        for sent in sent {
            from.write(&sent, LONG).unwrap();
            let received = to.read(LONG).unwrap();
            assert_eq!(received.frame(), Some(&sent));
            assert!(!received.is_local() && !received.is_own());
            let slack = Duration::from_millis(1);
            assert!(received.time() + slack >= before);
            assert!(received.time() <= Time::monotonic());
            assert!(received.system_time().is_some());
        }
        assert_silent(from);
    }
    let fd = Frame::fd(Id::standard(1).unwrap(), &[0; 12]).unwrap();
    let error = zero.write(&fd, LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

/// Its own frame comes back when the controller has sent it, and not before.
#[test]
#[ignore = "needs two CAN controllers"]
fn what_was_sent_comes_back() {
    let bus = bus();
    let [zero, one] = bus.open(&Config::new().own_messages(true));
    zero.write(&frame(1, b"own"), LONG).unwrap();
    let back = zero.read(LONG).unwrap();
    assert!(back.is_own() && back.is_local());
    assert_eq!(one.read_frame(LONG).unwrap(), frame(1, b"own"));

    let deaf = Deaf::new("can0");
    zero.write(&frame(2, b"when?"), LONG).unwrap();
    assert_silent(&zero);
    let then = Time::monotonic();
    drop(deaf);
    let back = zero.read(LONG).unwrap();
    assert!(back.is_own() && back.time() + Duration::from_millis(1) >= then);
}

/// The controller sends nothing, and the interface's queue is full after ten frames, long before the socket's
/// buffer: the kernel says so to who tries, and tells nobody when there is room.
#[test]
#[ignore = "needs two CAN controllers"]
fn a_write_waits_for_room_in_the_queue() {
    let bus = bus();
    let [zero, one] = bus.open(&Config::new());
    let sent = numbered(40);
    let deaf = Deaf::new("can0");
    let start = Time::monotonic();
    let written = match zero.write_many(&sent, SHORT).unwrap_err() {
        Error::TimedOut { written, .. } => written,
        error => panic!("{error}"),
    };
    assert!((10..=12).contains(&written), "{written}");
    assert!(Time::monotonic() - start >= SHORT);
    let again = Time::monotonic();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(4 * SHORT);
            drop(deaf);
        });
        zero.write_many(&sent[written..], LONG).unwrap();
    });
    assert!(Time::monotonic() - again >= 4 * SHORT);
    for sent in &sent {
        assert_eq!(one.read_frame(LONG).unwrap(), *sent);
    }
    assert_silent(&one);
    drop(bus);
}

#[test]
#[ignore = "needs two CAN controllers"]
fn a_future_waits_for_room_in_the_queue() {
    let bus = bus();
    let [zero, one] = bus.open(&Config::new());
    let (_, mut zero) = zero.split();
    let sent = numbered(40);
    let deaf = Deaf::new("can0");
    let start = Time::monotonic();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(4 * SHORT);
            drop(deaf);
        });
        block_on(zero.send_many(&sent)).unwrap();
    });
    assert!(Time::monotonic() - start >= 4 * SHORT);
    for sent in &sent {
        assert_eq!(one.read_frame(LONG).unwrap(), *sent);
    }
    drop(bus);
}

/// What waits for room is told when there will be none.
#[test]
#[ignore = "needs two CAN controllers"]
fn a_write_ends_when_the_interface_goes_down() {
    let bus = bus();
    let [zero, _one] = bus.open(&Config::new());
    let deaf = Deaf::new("can0");
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SHORT);
            bus.zero.down().unwrap();
        });
        let error = loop {
            // While it goes down the kernel takes frames and drops them (`noop_enqueue`).
            if let Err(error) = zero.write_many(&numbered(40), LONG) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::Down, "{error}");
    });
    // Whoever of the two was told first, who reads is told once.
    let error = zero.read(LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Down, "{error}");
    assert_silent(&zero);
    // What its interrupt was for is forgotten then: nobody would take it.
    bus.zero.up().unwrap();
    drop(deaf);
}

#[test]
#[ignore = "needs two CAN controllers"]
fn a_controller_reports_its_overflow() {
    let bus = bus();
    let [zero, _] = bus.open(&Config::new());
    let [_, one] = bus.open(&Config::new().errors(ErrorMask::ALL));
    let [_, unasked] = bus.open(&Config::new());
    // Its buffer has 64 bytes, and a frame takes 11 of them.
    let deaf = Deaf::new("can1");
    for number in 0..10 {
        zero.write(&frame(number, &[0; 8]), LONG).unwrap();
    }
    drop(deaf);
    let error = loop {
        let received = one.read(LONG).unwrap();
        if let Some(error) = received.error() {
            break *error;
        }
    };
    assert!(error.class().includes(ErrorMask::CONTROLLER), "{error}");
    // CAN_ERR_CRTL_RX_OVERFLOW.
    assert_eq!(error.data()[1] & 0x01, 0x01);
    while let Ok(received) = unasked.read(SHORT) {
        assert_eq!(received.error(), None);
    }
}

#[test]
#[ignore = "needs two CAN controllers"]
fn an_interface_tells_how_it_is() {
    let bus = bus();
    let info = bus.zero.info().unwrap();
    assert!(info.up && !info.fd, "{info:?}");
    assert_eq!(info.kind.as_deref(), Some("can"));
    assert_eq!(info.state, Some(State::ErrorActive));
    assert_eq!(
        (info.bitrate, info.sample_point),
        (Some(500_000), Some(875))
    );
    assert_eq!((info.data_bitrate, info.data_sample_point), (None, None));
    assert_eq!(info.clock, Some(8_000_000));
    assert_eq!(info.error_counters, Some(ErrorCounters::default()));
    assert_eq!((info.restart_after, info.modes), (None, Vec::new()));
    bus.zero.down().unwrap();
    let info = bus.zero.info().unwrap();
    assert_eq!((info.up, info.state), (false, Some(State::Stopped)));
}

#[test]
#[ignore = "needs two CAN controllers"]
fn an_interface_is_set_up_as_a_whole() {
    let bus = bus();
    let set = |config: InterfaceConfig| bus.zero.configure(&config);
    let rate = InterfaceConfig::new().bitrate(250_000);
    let error = set(rate.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    bus.zero.down().unwrap();
    let all = rate
        .sample_point(750)
        .restart_after(Duration::from_millis(100))
        .mode(Mode::OneShot, true)
        .mode(Mode::TripleSampling, true);
    set(all).unwrap();
    let info = bus.zero.info().unwrap();
    assert_eq!(
        (info.bitrate, info.sample_point),
        (Some(250_000), Some(750))
    );
    assert_eq!(info.restart_after, Some(Duration::from_millis(100)));
    assert_eq!(info.modes, [Mode::TripleSampling, Mode::OneShot]);
    // What is not said stays.
    set(InterfaceConfig::new().mode(Mode::TripleSampling, false)).unwrap();
    let info = bus.zero.info().unwrap();
    assert_eq!(info.modes, [Mode::OneShot]);
    assert_eq!(
        (info.bitrate, info.sample_point),
        (Some(250_000), Some(750))
    );
    set(InterfaceConfig::new()).unwrap();

    // All or none.
    let half = InterfaceConfig::new().bitrate(1_000_000);
    for refused in [
        // Modes are the kernel's first step, and that one was taken.
        InterfaceConfig::new()
            .bitrate(7)
            .mode(Mode::ListenOnly, true)
            .mode(Mode::OneShot, false),
        half.data_bitrate(2_000_000),
    ] {
        let error = set(refused).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert_eq!(bus.zero.info().unwrap(), info);
    }
    set(InterfaceConfig::new().restart_after(Duration::ZERO)).unwrap();
    let error = set(InterfaceConfig::new().bitrate(7)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let error = set(InterfaceConfig::new().bitrate(777_777)).unwrap_err();
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

#[test]
#[ignore = "needs two CAN controllers"]
fn what_is_not_off_the_bus_is_not_restarted() {
    let bus = bus();
    let error = bus.one.restart().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    bus.one.down().unwrap();
    let error = bus.one.restart().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let soon = InterfaceConfig::new().restart_after(Duration::from_millis(100));
    bus.one.configure(&soon).unwrap();
    bus.one.up().unwrap();
    let error = bus.one.restart().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}

/// A socket stays open while its interface is down.
#[test]
#[ignore = "needs two CAN controllers"]
fn a_socket_outlives_a_new_bit_rate() {
    let bus = bus();
    let [zero, one] = bus.open(&Config::new());
    for interface in [&bus.zero, &bus.one] {
        interface.down().unwrap();
        interface
            .configure(&InterfaceConfig::new().bitrate(125_000))
            .unwrap();
        interface.up().unwrap();
    }
    for socket in [&zero, &one] {
        let error = socket.read(LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Down, "{error}");
    }
    zero.write(&frame(1, b"slow"), LONG).unwrap();
    assert_eq!(one.read_frame(LONG).unwrap(), frame(1, b"slow"));
}

/// A controller that its driver gives up and gets back is another interface, without a bit rate.
#[test]
#[ignore = "needs two CAN controllers"]
fn a_controller_goes_and_comes_back() {
    let bus = bus();
    let [zero, _] = bus.open(&Config::new());
    let device = fs::canonicalize("/sys/class/net/can0/device").unwrap();
    let device = device.file_name().unwrap().to_str().unwrap().to_owned();
    let unbound = Unbound::new("pci/drivers/kvaser_pci", &device);
    let error = zero
        .iter()
        .find_map(|received| match received.unwrap_err() {
            error if error.kind() == ErrorKind::Down => None,
            error => Some(error),
        });
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Removed));
    let error = bus.zero.info().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Removed, "{error}");
    drop(unbound);
    let error = bus.zero.info().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Removed, "{error}");
    let new = Interface::open("can0").unwrap();
    let info = new.info().unwrap();
    assert_eq!((info.bitrate, info.state), (None, Some(State::Stopped)));
    let error = new.up().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let error = Socket::open("can0").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Down, "{error}");
}
