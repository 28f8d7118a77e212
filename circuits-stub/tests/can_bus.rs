//! What goes over CAN buses: how long frames take, who goes first, who hears them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use circuits_can::{
    Config, Cycle, CycleConfig, Frame, Interface, InterfaceConfig, Mode, Socket, State,
};
use circuits_stub::can::{Attention, Controller, Failure, Node};
use circuits_stub::trace::Action;
use circuits_stub::{Error, Stub};
use circuits_wait::Time;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const LONG: Duration = Duration::from_secs(10);

fn frame(text: &str) -> Frame {
    text.parse().unwrap()
}

fn open(board: &Stub, name: &str) -> Result<Socket> {
    Ok(Socket::open_on(board, name, &Config::new().timeout(LONG))?)
}

fn text(socket: &Socket) -> Result<String> {
    Ok(socket.read_frame(LONG)?.to_string())
}

fn micros(micros: u64) -> Time {
    Time::ZERO + Duration::from_micros(micros)
}

#[test]
fn a_frame_takes_as_long_as_its_bits() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    // 109 bits of 2 us, and as many again after three bits in between.
    can0.write_many(&[frame("123#1122334455667788"); 2], LONG)?;
    assert_eq!(can1.read(LONG)?.time(), micros(218));
    assert_eq!(can1.read(LONG)?.time(), micros(218 + 6 + 218));
    // The bus has been free for long: at once.
    board.delay().sleep(Duration::from_millis(1))?;
    let now = board.clock().now();
    can1.write(&frame("123#R"), LONG)?;
    assert_eq!(can0.read(LONG)?.time() - now, Duration::from_micros(2 * 45));
    Ok(())
}

#[test]
fn data_of_can_fd_goes_faster() -> Result {
    let fd = InterfaceConfig::new()
        .bitrate(500_000)
        .data_bitrate(2_000_000);
    let board = Stub::virtual_time()
        .can_bus(["can0", "can1"])?
        .can_configure("can0", &fd)?
        .can_configure("can1", &fd)?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    let took = |text: &str| -> Result<Duration> {
        board.delay().sleep(Duration::from_millis(1))?;
        let now = board.clock().now();
        can0.write(&frame(text), LONG)?;
        Ok(can1.read(LONG)?.time() - now)
    };
    let data = "55".repeat(16);
    let slow = took(&format!("555##0{data}"))?;
    // 22 bits, the data, the count and the CRC with 6 fixed bits, the end.
    assert_eq!(
        slow,
        Duration::from_micros(2 * (22 + 128 + 4 + 17 + 6 + 10))
    );
    let fast = took(&format!("555##1{data}"))?;
    // From ESI to the CRC delimiter.
    let phase = 1 + 4 + 128 + 4 + 17 + 6 + 1;
    assert_eq!(slow - fast, Duration::from_nanos(1500 * phase));
    Ok(())
}

#[test]
fn the_smallest_identifier_goes_first() -> Result {
    let names = ["can0", "can1", "can2", "can3"];
    let board = Stub::virtual_time().can_bus(names)?.can_interface("can4");
    board.plug_can_bus(["can0", "can4"])?;
    let sent = ["048C0000#00", "123#R", "123#00", "122#R"];
    for (name, text) in names.iter().zip(sent) {
        open(&board, name)?.write(&frame(text), LONG)?;
    }
    // Those sockets are closed; what they wrote is sent nevertheless.
    let can4 = open(&board, "can4")?;
    let order = (0..4).map(|_| text(&can4)).collect::<Result<Vec<_>>>()?;
    assert_eq!(order, ["122#R", "123#00", "123#R", "048C0000#00"]);
    Ok(())
}

#[test]
fn a_classic_frame_goes_before_one_of_can_fd() -> Result {
    let fd = InterfaceConfig::new()
        .bitrate(500_000)
        .data_bitrate(500_000);
    let mut board = Stub::virtual_time().can_bus(["can0", "can1", "can2"])?;
    for name in ["can0", "can1", "can2"] {
        board = board.can_configure(name, &fd)?;
    }
    // All have been there for long enough.
    board.delay().sleep(Duration::from_millis(1))?;
    open(&board, "can0")?.write(&frame("123##000"), LONG)?;
    open(&board, "can1")?.write(&frame("123#11"), LONG)?;
    let can2 = open(&board, "can2")?;
    assert_eq!([text(&can2)?, text(&can2)?], ["123#11", "123##400"]);
    Ok(())
}

#[test]
fn who_comes_too_late_waits() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    can0.write_many(&[frame("700#"), frame("701#")], LONG)?;
    // The first bit is over.
    board.delay().sleep(Duration::from_micros(3))?;
    can1.write(&frame("001#"), LONG)?;
    assert_eq!(text(&can1)?, "700#");
    assert_eq!(text(&can0)?, "001#");
    assert_eq!(text(&can1)?, "701#");
    Ok(())
}

/// They send the same bits, and neither sees that it is not alone.
#[test]
fn the_same_frame_of_two_is_one() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1", "can2"])?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    let can2 = open(&board, "can2")?;
    can0.write(&frame("123#55"), LONG)?;
    can1.write(&frame("123#55"), LONG)?;
    assert_eq!(text(&can2)?, "123#55");
    assert!(can2.read(Duration::from_millis(10)).is_err());
    for name in ["can0", "can1"] {
        let info = Interface::open_on(&board, name)?.info()?;
        assert_eq!(info.error_counters, Some(Default::default()));
    }
    Ok(())
}

/// They destroy each other until one may destroy no more, which is who had the recessive bit.
#[test]
fn one_identifier_of_two_is_an_error() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1", "can2"])?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    let can2 = open(&board, "can2")?;
    let recording = board.record();
    can0.write(&frame("123#80"), LONG)?;
    can1.write(&frame("123#00"), LONG)?;
    assert_eq!([text(&can2)?, text(&can2)?], ["123#00", "123#80"]);
    let errors = recording.entries();
    let errors = errors.iter().filter(
        |entry| matches!(&entry.action, Action::CanError { station, .. } if &**station == "can0"),
    );
    assert_eq!(errors.count(), 16);
    let info = |name| Interface::open_on(&board, name)?.info();
    assert_eq!(info("can0")?.state, Some(State::ErrorPassive));
    // Less one for what was sent.
    assert_eq!(info("can0")?.error_counters.unwrap().transmit, 17 * 8 - 1);
    assert_eq!(info("can1")?.error_counters.unwrap().transmit, 16 * 8 - 1);
    Ok(())
}

#[test]
fn interfaces_on_other_buses_hear_nothing() -> Result {
    let board = Stub::virtual_time()
        .can_bus(["can0", "can1"])?
        .can_bus(["can2", "can3"])?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    let can2 = open(&board, "can2")?;
    can0.write(&frame("123#"), LONG)?;
    assert_eq!(text(&can1)?, "123#");
    assert!(can2.read(Duration::from_millis(10)).is_err());
    // And then they do.
    board.plug_can_bus(["can1", "can3"])?;
    board.delay().sleep(Duration::from_millis(1))?;
    can0.write(&frame("124#"), LONG)?;
    assert_eq!(text(&can2)?, "124#");
    let error = board.plug_can_bus(["vcan0"]).err();
    assert_eq!(error, None, "it is a name like any other");
    let board = board.vcan("vcan1");
    let error = board.plug_can_bus(["can0", "vcan1"]).unwrap_err();
    let expected = Error::NoWires {
        interface: "vcan1".into(),
    };
    assert_eq!(error, expected);
    Ok(())
}

/// However the frames of two buses lie, each is told of in its own time.
#[test]
fn two_buses_do_not_wait_for_each_other() -> Result {
    let slow = InterfaceConfig::new().bitrate(125_000);
    for shift in 0..100 {
        let board = Stub::virtual_time()
            .can_bus(["can0", "can1"])?
            .can_bus(["can2", "can3"])?
            .can_configure("can2", &slow)?
            .can_configure("can3", &slow)?;
        let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
        let (can2, can3) = (open(&board, "can2")?, open(&board, "can3")?);
        can2.write(&frame("123#11"), LONG)?;
        board.delay().sleep(Duration::from_micros(4 * shift))?;
        can0.write_many(&[frame("123#1122334455667788"); 2], LONG)?;
        let clock = board.clock();
        let read = |socket: Socket, count: usize| {
            let clock = clock.clone();
            move || -> Result {
                for _ in 0..count {
                    assert_eq!(socket.read(LONG)?.time(), clock.now());
                }
                Ok(())
            }
        };
        board.run(|| -> Result {
            let one = board.spawn("one", read(can1, 2))?;
            let other = board.spawn("other", read(can3, 1))?;
            one.join()??;
            other.join()?
        })?;
    }
    Ok(())
}

#[test]
fn a_cut_wire_is_mended() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    can0.write(&frame("123#1122334455667788"), LONG)?;
    // In the middle of it.
    board.delay().sleep(Duration::from_micros(100))?;
    board.cut_can("can0")?;
    assert!(can1.read(Duration::from_millis(100)).is_err());
    let info = |name| Interface::open_on(&board, name)?.info();
    assert_eq!(info("can1")?.error_counters.unwrap().receive, 1);
    assert_eq!(info("can0")?.state, Some(State::ErrorPassive));
    board.mend_can("can0")?;
    assert_eq!(text(&can1)?, "123#1122334455667788");
    Ok(())
}

#[test]
fn the_load_is_what_is_on_the_bus() -> Result {
    let board = Stub::virtual_time()
        .can_bus(["can0", "can1"])?
        .vcan("vcan0");
    let can0 = open(&board, "can0")?;
    let wait = |micros| board.delay().sleep(Duration::from_micros(micros));
    assert_eq!(board.can_load("can0")?, 0.0);
    // 112 bits of 2 us, with those in between.
    can0.write_many(&[frame("123#1122334455667788"); 5], LONG)?;
    wait(224 * 5)?;
    assert_eq!(board.can_load("can1")?, 1.0);
    wait(1000)?;
    assert_eq!(board.can_load("can0")?, 0.0);
    can0.write(&frame("123#1122334455667788"), LONG)?;
    // In the middle of a frame, and in those bits after it.
    wait(100)?;
    assert_eq!(board.can_load("can0")?, 1.0);
    wait(120)?;
    assert_eq!(board.can_load("can0")?, 1.0);
    wait(12)?;
    assert!((board.can_load("can0")? - 4.0 / 12.0).abs() < 1e-9);
    // An unanswered sender is at it all the time, but for its pauses.
    board.cut_can("can0")?;
    wait(1_000_000)?;
    board.can_load("can0")?;
    can0.write(&frame("123#1122334455667788"), LONG)?;
    wait(3_600_000_000)?;
    // Up to the acknowledge slot, the flag, the delimiter, the bits in between; of these and eight.
    let bits = (101 + 6 + 8 + 3) as f64;
    let load = board.can_load("can0")?;
    assert!((load - bits / (bits + 8.0)).abs() < 1e-4, "{load}");
    board.delay().sleep(Duration::from_nanos(1))?;
    assert_eq!(board.can_load("vcan0")?, 0.0);
    assert!(board.can_load("can9").is_err());
    Ok(())
}

/// What a node was told, and how it is set up.
#[derive(Clone, Default)]
struct Spy(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    received: Vec<(String, Time)>,
    sent: Vec<(String, Time)>,
    failed: Vec<Failure>,
    states: Vec<State>,
    is_asleep: bool,
    is_one_shot: bool,
    no_fd: bool,
    bitrate: Option<u32>,
    to_send: Vec<(Time, Frame)>,
    aborts: bool,
    stays_off: bool,
    attention: Option<Attention>,
}

impl Spy {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.0.lock().unwrap()
    }

    fn send(&self, frame: Frame) {
        self.told().to_send.push((Time::ZERO, frame));
        let attention = self.told().attention.clone();
        if let Some(attention) = attention {
            attention.draw();
        }
    }
}

impl Node for Spy {
    fn bitrate(&self) -> Option<u32> {
        self.told().bitrate
    }

    fn has_fd(&self) -> bool {
        !self.told().no_fd
    }

    fn takes_part(&self) -> bool {
        !self.told().is_asleep
    }

    fn one_shot(&self) -> bool {
        self.told().is_one_shot
    }

    fn receive(&mut self, frame: &Frame, controller: &mut Controller) {
        let mut told = self.told();
        told.received.push((frame.to_string(), controller.time()));
        if frame.is_remote() {
            controller.send(&Frame::new(frame.id(), b"!").unwrap());
        }
    }

    fn sent(&mut self, frame: &Frame, controller: &mut Controller) {
        self.told()
            .sent
            .push((frame.to_string(), controller.time()));
    }

    fn failed(&mut self, _: &Frame, why: Failure, controller: &mut Controller) {
        let mut told = self.told();
        told.failed.push(why);
        if told.aborts {
            controller.abort();
        }
    }

    fn state_changed(&mut self, controller: &mut Controller) {
        let mut told = self.told();
        if told.states.last() != Some(&controller.state()) {
            told.states.push(controller.state());
        }
        if controller.state() == State::BusOff && !told.stays_off {
            controller.restart();
        }
    }

    fn next(&self) -> Option<Time> {
        let told = self.told();
        let first = told.to_send.first().map(|(time, _)| *time);
        first.or(told.attention.is_none().then_some(Time::ZERO))
    }

    fn act(&mut self, controller: &mut Controller) {
        let mut told = self.told();
        told.attention.get_or_insert_with(|| controller.attention());
        let now = controller.time();
        let due = told
            .to_send
            .iter()
            .take_while(|(time, _)| *time <= now)
            .count();
        told.to_send
            .drain(..due)
            .for_each(|(_, frame)| controller.send(&frame));
    }
}

#[test]
fn a_node_takes_part() -> Result {
    let spy = Spy::default();
    let board = Stub::virtual_time().can_node("can0", spy.clone())?;
    let can0 = open(&board, "can0")?;
    can0.write(&frame("123#R"), LONG)?;
    assert_eq!(text(&can0)?, "123#21");
    assert_eq!(spy.told().received, [("123#R".into(), micros(90))]);
    // By itself, at a time, and when it is told to.
    let at = board.clock().now() + Duration::from_secs(1);
    spy.told().to_send.push((at, frame("7FF#01")));
    let received = can0.read(LONG)?;
    assert_eq!(received.frame(), Some(&frame("7FF#01")));
    assert!(received.time() - at < Duration::from_micros(200) && !received.is_local());
    spy.send(frame("7FE#02"));
    assert_eq!(text(&can0)?, "7FE#02");
    let sent: Vec<_> = spy.told().sent.iter().map(|sent| sent.0.clone()).collect();
    assert_eq!(sent, ["123#21", "7FF#01", "7FE#02"]);
    Ok(())
}

#[test]
fn a_node_loses_arbitrations() -> Result {
    let spy = Spy::default();
    let board = Stub::virtual_time().can_node("can0", spy.clone())?;
    let can0 = open(&board, "can0")?;
    board.delay().sleep(Duration::from_micros(1))?;
    spy.send(frame("124#"));
    can0.write(&frame("123#"), LONG)?;
    assert_eq!(text(&can0)?, "124#");
    assert_eq!(spy.told().failed, [Failure::LostArbitration]);
    assert_eq!(spy.told().received[0].0, "123#");
    // Once, and no more.
    spy.told().is_one_shot = true;
    spy.send(frame("124#"));
    can0.write(&frame("123#"), LONG)?;
    assert!(can0.read(Duration::from_millis(10)).is_err());
    assert_eq!(spy.told().sent.len(), 1);
    // Or by its own decision.
    (spy.told().is_one_shot, spy.told().aborts) = (false, true);
    spy.send(frame("124#"));
    can0.write(&frame("123#"), LONG)?;
    assert!(can0.read(Duration::from_millis(10)).is_err());
    Ok(())
}

#[test]
fn who_sleeps_acknowledges_nothing() -> Result {
    let spy = Spy::default();
    spy.told().is_asleep = true;
    let board = Stub::virtual_time().can_node("can0", spy.clone())?;
    let own = Config::new().own_messages(true);
    let can0 = Socket::open_on(&board, "can0", &own)?;
    can0.write(&frame("123#"), LONG)?;
    assert!(can0.read(Duration::from_secs(3600)).is_err());
    let info = Interface::open_on(&board, "can0")?.info()?;
    assert_eq!(info.error_counters.unwrap().transmit, 128);
    assert!(spy.told().received.is_empty());
    // It wakes up, and hears of the next attempt.
    spy.told().is_asleep = false;
    let woken = board.clock().now();
    let attention = spy.told().attention.clone();
    attention.unwrap().draw();
    let sent = can0.read(LONG)?.time();
    assert!(
        sent - woken < Duration::from_micros(200),
        "{:?}",
        sent - woken
    );
    assert_eq!(spy.told().received.len(), 1);
    Ok(())
}

#[test]
fn a_node_alone_is_no_reason_for_time_to_move() -> Result {
    let spy = Spy::default();
    let board = Stub::virtual_time().can_interface("can0");
    let can0 = open(&board, "can0")?;
    let place = board.plug_can("can0", spy.clone())?;
    Interface::open_on(&board, "can0")?.down()?;
    assert!(can0.read(LONG).is_err(), "it is down");
    board.delay().sleep(Duration::from_millis(1))?;
    spy.send(frame("123#"));
    // Nobody acknowledges, and nothing else can happen.
    let error = board.run(|| can0.read(None)).unwrap_err();
    assert_eq!(error.kind(), circuits_can::ErrorKind::Deadlock, "{error:?}");
    assert!(board.clock().now() < micros(20_000), "{:?}", board.clock());
    let states = spy.told().states.clone();
    assert_eq!(states[1..], [State::ErrorWarning, State::ErrorPassive]);
    // It was told of each attempt that counted.
    assert_eq!(spy.told().failed, [Failure::NoAcknowledge; 16]);
    // It is taken off, and comes back with nothing to send.
    let node = board.unplug_can(place).unwrap();
    assert!(board.unplug_can(place).is_none());
    Interface::open_on(&board, "can0")?.up()?;
    let can0 = open(&board, "can0")?;
    let own = board.plug_can("can0", node)?;
    assert!(can0.read(Duration::from_millis(100)).is_err());
    assert_ne!(own, place);
    can0.write(&frame("124#R"), LONG)?;
    assert_eq!(text(&can0)?, "124#21");
    Ok(())
}

/// A classic node sees an error in each CAN FD frame, until it may not destroy them any more.
#[test]
fn a_classic_node_destroys_what_it_does_not_know() -> Result {
    let fd = InterfaceConfig::new()
        .bitrate(500_000)
        .data_bitrate(2_000_000);
    let mut board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    for name in ["can0", "can1"] {
        board = board.can_configure(name, &fd)?;
    }
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    let spy = Spy::default();
    spy.told().no_fd = true;
    board.plug_can("can0", spy.clone())?;
    board.delay().sleep(Duration::from_millis(1))?;
    can0.write(&frame("123##100"), LONG)?;
    assert_eq!(can1.read_frame(LONG)?, frame("123##100"));
    // Nine each time, and the sender eight: it is the one who is wrong that has to go.
    assert_eq!(spy.told().states.last(), Some(&State::ErrorPassive));
    let info = Interface::open_on(&board, "can0")?.info()?;
    assert_eq!(info.error_counters.unwrap().transmit, 15 * 8 - 1);
    assert!(spy.told().received.is_empty());
    // What it knows it hears, and recovers by it.
    can0.write(&frame("123#00"), LONG)?;
    assert_eq!(text(&can1)?, "123#00");
    assert_eq!(spy.told().received.len(), 1);
    assert_eq!(spy.told().states.last(), Some(&State::ErrorWarning));
    Ok(())
}

#[test]
fn a_cycle_shares_the_bus() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let can1 = open(&board, "can1")?;
    let every = CycleConfig::every(Duration::from_millis(1)).times(3);
    let _high = Cycle::start_on(&board, "can0", &[frame("100#")], &every)?;
    can1.write(&frame("0FF#"), LONG)?;
    let times = (0..3).map(|_| Ok(can1.read(LONG)?.time()));
    let times = times.collect::<Result<Vec<_>>>()?;
    // The first one had to wait.
    let first = times[1] - times[0];
    assert!(first < Duration::from_millis(1), "{times:?}");
    assert_eq!(times[2] - times[1], Duration::from_millis(1));
    Ok(())
}

#[test]
fn a_controller_in_loopback_is_alone() -> Result {
    let board = Stub::virtual_time()
        .can_bus(["can0", "can1"])?
        .can_configure("can0", &InterfaceConfig::new().mode(Mode::Loopback, true))?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    can0.write(&frame("123#"), LONG)?;
    let received = can0.read(LONG)?;
    assert!(!received.is_local(), "it is as if it came from elsewhere");
    assert!(can1.read(Duration::from_millis(10)).is_err());
    let off = InterfaceConfig::new().mode(Mode::Loopback, false);
    let board = board.can_configure("can0", &off)?;
    let can0 = open(&board, "can0")?;
    can0.write(&frame("124#"), LONG)?;
    assert_eq!(text(&can1)?, "124#");
    Ok(())
}

#[test]
fn it_is_the_same_each_time() -> Result {
    let run = || -> Result<String> {
        let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
        let recording = board.record();
        let spy = Spy::default();
        board.plug_can("can0", spy.clone())?;
        board.run(|| -> Result {
            let threads = ["can0", "can1"].map(|name| {
                let socket = open(&board, name)?;
                let talk = move || -> Result {
                    for number in 0..50u16 {
                        let id = circuits_can::Id::standard(number * 7 % 0x100)?;
                        socket.write(&Frame::remote(id, 1)?, LONG)?;
                        socket.read_frame(LONG)?;
                    }
                    Ok(())
                };
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(board.spawn(name, talk)?)
            });
            for thread in threads {
                thread?.join()??;
            }
            Ok(())
        })?;
        Ok(recording.to_string())
    };
    let first = run()?;
    assert!(first.lines().count() > 100, "{first}");
    for _ in 0..5 {
        assert_eq!(run()?, first);
    }
    Ok(())
}
