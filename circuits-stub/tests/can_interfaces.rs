//! CAN interfaces as the kernel has them: how they are set up, what sockets hold, how they come and go.

use std::time::Duration;

use circuits_can::{
    Backend, Config, Cycle, CycleConfig, ErrorKind, Frame, Interface, InterfaceConfig, Link, Mode,
    Received, Socket, State,
};
use circuits_enumerate::{CanState, Devices, Filter, Watch};
use circuits_stub::can::{Controller, Node};
use circuits_stub::{Error, Profile, Stub};

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const LONG: Duration = Duration::from_secs(10);
const EPERM: i32 = 1;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const EOPNOTSUPP: i32 = 95;

fn frame(text: &str) -> Frame {
    text.parse().unwrap()
}

fn open(board: &Stub, name: &str) -> Result<Socket> {
    Ok(Socket::open_on(board, name, &Config::new())?)
}

fn link(board: &Stub, name: &str) -> Result<Box<dyn Link>> {
    Ok(board.link(name)?)
}

#[track_caller]
fn refused<T>(done: std::io::Result<T>, errno: i32) {
    assert_eq!(
        done.err().and_then(|error| error.raw_os_error()),
        Some(errno)
    );
}

#[test]
fn an_interface_is_ready_to_use() -> Result {
    let board = Stub::virtual_time().can_interface("can0").vcan("vcan0");
    assert_eq!(circuits_can::list_on(&board)?, ["can0", "vcan0"]);
    let info = Interface::open_on(&board, "can0")?.info()?;
    assert!(info.up && !info.fd);
    assert_eq!(info.kind.as_deref(), Some("can"));
    assert_eq!(info.state, Some(State::ErrorActive));
    assert_eq!(
        (info.bitrate, info.sample_point),
        (Some(500_000), Some(875))
    );
    assert_eq!((info.clock, info.modes.len()), (Some(40_000_000), 0));
    let info = Interface::open_on(&board, "vcan0")?.info()?;
    assert!(info.up && info.fd);
    assert_eq!(info.kind.as_deref(), Some("vcan"));
    assert_eq!((info.state, info.bitrate, info.clock), (None, None, None));
    Ok(())
}

#[test]
fn it_is_set_up_by_the_kernels_rules() -> Result {
    let board = Stub::virtual_time().can_interface("can0").vcan("vcan0");
    let can0 = link(&board, "can0")?;
    let config = InterfaceConfig::new;
    refused(can0.configure(&config().bitrate(250_000)), EBUSY);
    refused(can0.configure(&config().restart_after(LONG)), EBUSY);
    refused(can0.configure(&config().mode(Mode::Fd, true)), EOPNOTSUPP);
    can0.set_up(false)?;
    assert_eq!(can0.info()?.state, Some(State::Stopped));
    refused(can0.restart(), EINVAL);
    // All or nothing.
    let all = config().mode(Mode::OneShot, true);
    refused(can0.configure(&all.clone().bitrate(13)), EINVAL);
    refused(
        can0.configure(&all.clone().data_bitrate(2_000_000)),
        EOPNOTSUPP,
    );
    assert!(can0.info()?.modes.is_empty());
    can0.configure(&all.bitrate(250_000).sample_point(800))?;
    let info = can0.info()?;
    assert_eq!(info.modes, [Mode::OneShot]);
    assert_eq!(
        (info.bitrate, info.sample_point),
        (Some(250_000), Some(800))
    );
    // The data must not be slower.
    can0.configure(&config().bitrate(500_000).data_bitrate(250_000))?;
    refused(can0.set_up(true), EINVAL);
    can0.configure(&config().mode(Mode::Fd, false))?;
    let info = can0.info()?;
    assert_eq!((info.fd, info.data_bitrate), (false, None));
    can0.set_up(true)?;
    refused(can0.restart(), EBUSY);

    let vcan0 = link(&board, "vcan0")?;
    refused(vcan0.configure(&config().bitrate(250_000)), EOPNOTSUPP);
    refused(vcan0.restart(), EOPNOTSUPP);
    vcan0.set_up(false)?;
    let error = open(&board, "vcan0").unwrap_err();
    assert!(error.to_string().contains("is down"), "{error}");
    vcan0.set_up(true)?;
    Ok(())
}

#[test]
fn a_stranger_may_use_and_not_set_up() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let stranger = board.without_permission();
    let can1 = open(&board, "can1")?;
    open(&stranger, "can0")?.write(&frame("123#"), LONG)?;
    assert_eq!(can1.read_frame(LONG)?, frame("123#"));
    let can0 = link(&stranger, "can0")?;
    assert!(can0.info()?.up);
    refused(can0.set_up(false), EPERM);
    refused(can0.restart(), EPERM);
    refused(can0.configure(&InterfaceConfig::new()), EPERM);
    let error = Interface::open_on(&stranger, "can0")?.down().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    Ok(())
}

#[test]
fn a_vcan_takes_no_time() -> Result {
    let board = Stub::virtual_time().vcan("vcan0");
    let (one, other) = (open(&board, "vcan0")?, open(&board, "vcan0")?);
    let own = Socket::open_on(&board, "vcan0", &Config::new().own_messages(true))?;
    let quiet = Socket::open_on(&board, "vcan0", &Config::new().loopback(false))?;
    one.write_many(&[frame("123##155"); 200], Duration::ZERO)?;
    quiet.write(&frame("7FF#"), Duration::ZERO)?;
    own.write(&frame("124#"), Duration::ZERO)?;
    let mut frames = [Received::empty(); 300];
    assert_eq!(other.read_many(&mut frames, Duration::ZERO)?, 201);
    assert!(frames[..201].iter().all(|it| it.is_local() && !it.is_own()));
    assert_eq!(own.read_many(&mut frames, Duration::ZERO)?, 201);
    assert!(frames[200].is_own());
    assert_eq!(one.read_many(&mut frames, Duration::ZERO)?, 1);
    assert_eq!(board.clock().now().as_nanos(), 0);
    let error = board.plug_can("vcan0", Nobody).unwrap_err();
    assert!(matches!(error, Error::NoWires { .. }), "{error}");
    Ok(())
}

struct Nobody;

impl Node for Nobody {
    fn receive(&mut self, _: &Frame, _: &mut Controller) {}
}

#[test]
fn a_buffer_has_its_size() -> Result {
    let board = Stub::virtual_time().vcan("vcan0");
    let writer = open(&board, "vcan0")?;
    let count = |config: &Config| -> Result<u64> {
        let socket = Socket::open_on(&board, "vcan0", config)?;
        writer.write_many(&[frame("123#"); 1000], Duration::ZERO)?;
        Ok(1000 - socket.lost()?)
    };
    // 212992 / 960, and one that begins before the end.
    assert_eq!(count(&Config::new())?, 222);
    assert_eq!(count(&Config::new().receive_buffer(8960))?, 19);
    assert_eq!(count(&Config::new().receive_buffer(1))?, 3);
    assert_eq!(count(&Config::new().receive_buffer(212_992))?, 444);
    Ok(())
}

#[test]
fn a_queue_has_its_length() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let can0 = open(&board, "can0")?;
    can0.write_many(&[frame("123#"); 11], Duration::ZERO)?;
    let other = open(&board, "can0")?;
    let error = other.write(&frame("124#"), Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    // There is room when one has left.
    other.write(&frame("124#"), None)?;
    let now = board.clock().now();
    let can1 = open(&board, "can1")?;
    assert_eq!(can1.read_frame(LONG)?, frame("123#"));
    assert!(now.as_nanos() > 0 && now.as_nanos() < 200_000, "{now}");
    // What is to be sent is dropped when it goes down.
    let interface = Interface::open_on(&board, "can0")?;
    interface.down()?;
    interface.up()?;
    assert!(can1.read(LONG).is_err());
    Ok(())
}

#[test]
fn can_fd_needs_an_interface_for_it() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let can0 = open(&board, "can0")?;
    let mixed = [frame("123#"), frame("124##000")];
    let error = can0.write_many(&mixed, LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    // The first one went.
    assert_eq!(open(&board, "can1")?.read_frame(LONG)?, mixed[0]);
    let every = CycleConfig::every(Duration::from_millis(1));
    let error = Cycle::start_on(&board, "can0", &mixed[1..], &every).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    Ok(())
}

#[test]
fn lengths_beyond_eight_need_a_mode() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    let long = frame("123#1122334455667788").len8_dlc(12)?;
    let sent = || -> Result<u8> {
        can0.write(&long, LONG)?;
        Ok(can1.read_frame(LONG)?.dlc())
    };
    assert_eq!(sent()?, 8);
    let mode = InterfaceConfig::new().mode(Mode::ClassicDlc, true);
    let board = board.can_configure("can1", &mode)?;
    assert!(can1.read(LONG).is_err(), "it was down");
    assert_eq!(sent()?, 8, "the sender does not");
    let board = board.can_configure("can0", &mode)?;
    assert!(can0.read(LONG).is_err(), "it was down");
    assert_eq!(sent()?, 12);
    drop(board);
    Ok(())
}

#[test]
fn a_removed_interface_stays_so() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    let old = link(&board, "can0")?;
    let every = CycleConfig::every(Duration::from_millis(1));
    let cycle = Cycle::start_on(&board, "can0", &[frame("001#")], &every)?;
    assert_eq!(can1.read_frame(LONG)?, frame("001#"));
    board.remove_can_interface("can0")?;
    let error = board.remove_can_interface("can0").unwrap_err();
    assert!(matches!(error, Error::NoInterface { .. }), "{error}");
    board.plug_can_bus(["can0", "can1"])?;
    assert_eq!(can0.read_frame(LONG)?, frame("001#"), "it came before");
    for _ in 0..2 {
        assert_eq!(can0.read(LONG).unwrap_err().kind(), ErrorKind::Removed);
        let error = can0.write(&frame("123#"), LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Removed);
    }
    refused(old.info(), ENODEV);
    refused(old.set_up(true), ENODEV);
    let error = cycle.set_frames(&[frame("002#")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Removed);
    // The new one has its name and nothing else of it.
    let new = open(&board, "can0")?;
    new.write(&frame("123#"), LONG)?;
    assert_eq!(can1.read_frame(LONG)?, frame("123#"));
    assert!(can1.read(Duration::from_millis(100)).is_err());
    Ok(())
}

#[test]
fn going_down_does_not_end_a_cycle() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let can1 = open(&board, "can1")?;
    let every = CycleConfig::every(Duration::from_millis(10));
    let _cycle = Cycle::start_on(&board, "can0", &[frame("001#")], &every)?;
    let first = can1.read(LONG)?.time();
    let interface = Interface::open_on(&board, "can0")?;
    interface.down()?;
    assert!(can1.read(Duration::from_millis(45)).is_err());
    interface.up()?;
    assert_eq!(can1.read(LONG)?.time() - first, Duration::from_millis(50));
    Ok(())
}

#[test]
fn interfaces_are_listed_as_they_are() -> Result {
    let board = Stub::virtual_time();
    let board = board.can_bus(["can1", "can0"])?.vcan("vcan0");
    let devices = Devices::list_on(&board)?;
    let interfaces = devices.can_interfaces();
    let names: Vec<_> = interfaces.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["can0", "can1", "vcan0"]);
    let [can0, _, vcan0] = &interfaces[..] else {
        panic!("{interfaces:?}");
    };
    assert_eq!(can0.driver.as_deref(), Some("can-stub"));
    assert!(vcan0.is_virtual && !can0.is_virtual);
    let link = can0.link.as_ref().unwrap();
    assert_eq!(
        (link.bitrate, link.mtu, link.modes),
        (Some(500_000), 16, Some(0))
    );
    assert_eq!(link.state, Some(CanState::ErrorActive));
    assert_eq!(vcan0.link.as_ref().unwrap().mtu, 72);

    let listen = InterfaceConfig::new().mode(Mode::ListenOnly, true);
    let board = board.can_configure("can0", &listen.bitrate(125_000))?;
    Interface::open_on(&board, "can1")?.down()?;
    let links = Devices::list_on(&board)?.can_interfaces();
    let links: Vec<_> = links.into_iter().filter_map(|one| one.link).collect();
    assert_eq!((links[0].bitrate, links[0].modes), (Some(125_000), Some(2)));
    assert!(!links[1].up);
    assert_eq!(links[1].state, Some(CanState::Stopped));
    Ok(())
}

#[test]
fn who_watches_is_told() -> Result {
    let board = Stub::virtual_time().can_interface("can0");
    let mut watch = Watch::open_on(&board, Filter::new().subsystem("net"))?;
    board.plug_vcan("vcan0");
    board.remove_can_interface("can0")?;
    let mut told = Vec::new();
    while let Some(change) = watch.wait_change(Duration::from_millis(1))? {
        told.push(format!("{change:?}"));
    }
    let told = told.join("\n");
    assert!(told.contains("/devices/virtual/net/vcan0"), "{told}");
    assert!(
        told.contains("/devices/platform/can-stub.0/net/can0"),
        "{told}"
    );
    let left = Devices::list_on(&board)?.can_interfaces();
    assert_eq!(left.len(), 1, "{left:?}");
    Ok(())
}

/// Answers what it hears.
struct Echo;

impl Node for Echo {
    fn receive(&mut self, frame: &Frame, controller: &mut Controller) {
        controller.send(frame);
    }
}

#[test]
fn interfaces_grow_by_uevents() -> Result {
    let filter = Filter::new().property("PRODUCT", "1d50/606f/0");
    let profile = Profile::new(filter).can_node(|| Echo);
    let board = Stub::virtual_time().profile(profile);
    board.feed(b"add@/devices/usb1/1-1\0SUBSYSTEM=usb\0PRODUCT=1d50/606f/0\0")?;
    board.feed(b"add@/devices/usb1/1-1/net/can0\0SUBSYSTEM=net\0INTERFACE=can0\0IFINDEX=7\0")?;
    board.feed(b"add@/devices/virtual/net/eth0\0SUBSYSTEM=net\0INTERFACE=eth0\0IFINDEX=8\0")?;
    assert_eq!(circuits_can::list_on(&board)?, ["can0"]);
    assert_eq!(Devices::list_on(&board)?.can_interfaces().len(), 1);
    let can0 = open(&board, "can0")?;
    can0.write(&frame("123#"), LONG)?;
    assert_eq!(can0.read_frame(LONG)?, frame("123#"));
    // It has another name, and goes with the adapter.
    board.feed(
        b"move@/devices/usb1/1-1/net/can9\0SUBSYSTEM=net\0INTERFACE=can9\0IFINDEX=7\0DEVPATH_OLD=/devices/usb1/1-1/net/can0\0",
    )?;
    assert_eq!(circuits_can::list_on(&board)?, ["can9"]);
    board.feed(b"remove@/devices/usb1/1-1\0SUBSYSTEM=usb\0PRODUCT=1d50/606f/0\0")?;
    assert_eq!(can0.read(LONG).unwrap_err().kind(), ErrorKind::Removed);
    assert!(circuits_can::list_on(&board)?.is_empty());
    assert!(Devices::list_on(&board)?.can_interfaces().is_empty());
    Ok(())
}
