//! What goes wrong on CAN buses, how it is counted, and what comes of it.

use std::time::Duration;

use circuits_can::{
    Config, ErrorCounters, ErrorFrame, ErrorMask, Frame, Interface, InterfaceConfig, InterfaceInfo,
    Mode, Socket, State,
};
use circuits_stub::Stub;
use circuits_stub::can::Fault;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const LONG: Duration = Duration::from_secs(10);
const MILLISECOND: Duration = Duration::from_millis(1);

fn frame(text: &str) -> Frame {
    text.parse().unwrap()
}

fn pair() -> Result<Stub> {
    Ok(Stub::virtual_time().can_bus(["can0", "can1"])?)
}

fn open(board: &Stub, name: &str) -> Result<Socket> {
    let config = Config::new().errors(ErrorMask::ALL).own_messages(true);
    Ok(Socket::open_on(board, name, &config)?)
}

fn info(board: &Stub, name: &str) -> Result<InterfaceInfo> {
    Ok(Interface::open_on(board, name)?.info()?)
}

fn counters(board: &Stub, name: &str) -> Result<(u16, u16)> {
    let ErrorCounters { transmit, receive } = info(board, name)?.error_counters.unwrap();
    Ok((transmit, receive))
}

/// What came, frames and error frames, as text: until nothing comes for a while.
fn all(socket: &Socket) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(received) = socket.read(20 * MILLISECOND) {
        all.push(match (received.frame(), received.error()) {
            (Some(frame), _) => frame.to_string(),
            (_, Some(error)) => error.to_string(),
            _ => String::new(),
        });
    }
    all
}

fn set_up(board: &Stub, name: &str, config: InterfaceConfig) -> Result {
    let interface = Interface::open_on(board, name)?;
    interface.down()?;
    interface.configure(&config)?;
    Ok(interface.up()?)
}

fn reports() -> InterfaceConfig {
    InterfaceConfig::new().mode(Mode::BusErrorReporting, true)
}

#[test]
fn a_destroyed_frame_is_sent_again() -> Result {
    let board = pair()?;
    set_up(&board, "can0", reports())?;
    set_up(&board, "can1", reports())?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    board.can_fault("can0", Fault::bit_error())?;
    can0.write(&frame("123#55"), LONG)?;
    let sender = all(&can0);
    assert_eq!(
        sender,
        [
            "bit error in the data, while sending; bus error; error counters: transmit 8, receive 0",
            "123#55"
        ]
    );
    let receiver = all(&can1);
    assert_eq!(
        receiver,
        [
            "stuff error; bus error; error counters: transmit 0, receive 1",
            "123#55"
        ]
    );
    assert_eq!(counters(&board, "can0")?, (7, 0));
    assert_eq!(counters(&board, "can1")?, (0, 0));
    Ok(())
}

/// Up to the second bit of the data, two error flags, what is after them, and once more.
#[test]
fn an_error_takes_its_time() -> Result {
    let board = pair()?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    board.can_fault("can0", Fault::bit_error())?;
    can0.write(&frame("123#55"), LONG)?;
    let took = can1.read(LONG)?.time().as_nanos();
    // 1 + 11 + 3 + 4, one that is stuffed, and the first one of the data; flags, and what is after them.
    let bits = 1 + 11 + 3 + 4 + 1 + 1 + 12 + 8 + 3;
    let quiet = pair()?;
    let other = open(&quiet, "can1")?;
    open(&quiet, "can0")?.write(&frame("123#55"), LONG)?;
    let frame = other.read(LONG)?.time().as_nanos();
    assert_eq!(took, 2000 * bits + frame);
    Ok(())
}

#[test]
fn receivers_find_errors_too() -> Result {
    for (fault, text) in [
        (Fault::stuff_error(), "stuff error in the data"),
        (Fault::form_error(), "form error in the CRC delimiter"),
    ] {
        let board = pair()?;
        set_up(&board, "can0", reports())?;
        set_up(&board, "can1", reports())?;
        let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
        board.can_fault("can1", fault.after(1))?;
        can0.write_many(&[frame("100#"), frame("101#55")], LONG)?;
        // Its flag was the first.
        let counted = "error counters: transmit 0, receive 9";
        let error = format!("{text}; bus error; {counted}");
        assert_eq!(all(&can1), ["100#", &error, "101#55"]);
        assert_eq!(counters(&board, "can1")?, (0, 8));
        assert_eq!(counters(&board, "can0")?, (7, 0));
        let sender = all(&can0);
        assert_eq!(sender.len(), 3, "{sender:?}");
        assert!(sender[1].contains("while sending"), "{sender:?}");
    }
    Ok(())
}

/// It acknowledges nothing, and destroys what others have acknowledged.
#[test]
fn a_wrong_checksum_is_found_out_late() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1", "can2"])?;
    for name in ["can0", "can1", "can2"] {
        set_up(&board, name, reports())?;
    }
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    board.can_fault("can1", Fault::crc_error())?;
    can0.write(&frame("101#55"), LONG)?;
    let error = "protocol violation in the CRC; bus error; error counters: transmit 0, receive 9";
    assert_eq!(all(&can1), [error, "101#55"]);
    assert!(
        all(&can0)[0].starts_with("recessive bit not seen"),
        "somebody has acknowledged it"
    );
    assert_eq!(counters(&board, "can2")?, (0, 0));
    board.cut_can("can2")?;
    board.can_fault("can1", Fault::crc_error())?;
    can0.write(&frame("102#55"), LONG)?;
    let sent = all(&can0);
    assert!(sent[0].contains("nobody acknowledged"), "{sent:?}");
    // The sender's flag was the first: one more than the eight that were left.
    let error = "protocol violation in the CRC; bus error; error counters: transmit 0, receive 9";
    assert_eq!(all(&can1)[0], error);
    Ok(())
}

#[test]
fn a_full_controller_loses_a_frame() -> Result {
    let board = pair()?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    board.can_fault("can1", Fault::overrun())?;
    can0.write_many(&[frame("100#"), frame("101#")], LONG)?;
    let came = all(&can1);
    assert_eq!(came.len(), 2);
    assert!(
        came[0].contains("error counters: transmit 0, receive 0"),
        "{came:?}"
    );
    assert_eq!(came[1], "101#");
    assert_eq!(all(&can0), ["100#", "101#"], "it was acknowledged");
    Ok(())
}

#[test]
fn states_are_told() -> Result {
    let board = pair()?;
    let can0 = open(&board, "can0")?;
    let recording = board.record();
    board.can_fault("can0", Fault::bit_error().times(17))?;
    can0.write(&frame("123#"), LONG)?;
    let came = all(&can0);
    assert_eq!(came.len(), 3, "{came:?}");
    let states = ["transmit 96, receive 0", "transmit 128, receive 0"];
    for (told, counters) in came.iter().zip(states) {
        assert!(told.ends_with(counters), "{came:?}");
    }
    assert_eq!(came[2], "123#");
    // By each frame that is sent it comes one nearer to where it was.
    for _ in 0..50 {
        can0.write(&frame("124#"), LONG)?;
    }
    let came: Vec<_> = all(&can0)
        .into_iter()
        .filter(|text| text != "124#")
        .collect();
    assert_eq!(came.len(), 2, "{came:?}");
    assert!(came[0].ends_with("transmit 127, receive 0"), "{came:?}");
    assert!(came[1].ends_with("transmit 95, receive 0"), "{came:?}");
    let told = recording.to_string();
    let states: Vec<_> = told
        .lines()
        .filter(|line| line.contains("(errors:"))
        .collect();
    assert_eq!(states.len(), 4, "{told}");
    assert!(
        states[0].ends_with("can0: error-warning (errors: 96 sent, 0 received)"),
        "{told}"
    );
    assert!(told.contains("can0: bit error: 123#"), "{told}");
    Ok(())
}

#[test]
fn bus_off_drops_what_is_written() -> Result {
    let board = pair()?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    board.can_fault("can0", Fault::bit_error().times(32))?;
    can0.write_many(&[frame("123#"), frame("124#")], LONG)?;
    let came = all(&can0);
    assert_eq!(came.last().map(String::as_str), Some("bus-off"), "{came:?}");
    assert_eq!(info(&board, "can0")?.state, Some(State::BusOff));
    // Neither what was to be sent, nor what is written now, without an error.
    can0.write_many(&vec![frame("125#"); 100], Duration::ZERO)?;
    let error = Interface::open_on(&board, "can1")?.restart().unwrap_err();
    assert_eq!(error.kind(), circuits_can::ErrorKind::InUse);
    // It hears nothing.
    can1.write(&frame("126#"), LONG)?;
    assert!(all(&can0).is_empty());
    let interface = Interface::open_on(&board, "can0")?;
    let restarted = board.clock().now();
    interface.restart()?;
    can0.write(&frame("127#"), LONG)?;
    assert_eq!(all(&can0)[0], "restarted");
    assert_eq!(counters(&board, "can0")?, (0, 0));
    // It takes part when it has seen 128 times 11 bits; can1, which has tried all the time and is error-passive, lets it
    // go first.
    let mut came = Vec::new();
    while let Ok(received) = can1.read(20 * MILLISECOND) {
        came.extend(
            received
                .frame()
                .map(|frame| (received.time(), frame.to_string())),
        );
    }
    let [(first, one), (_, other)] = &came[..] else {
        panic!("{came:?}");
    };
    assert!(*first - restarted > Duration::from_micros(128 * 11 * 2));
    assert_eq!([one.as_str(), other.as_str()], ["127#", "126#"]);
    Ok(())
}

#[test]
fn a_controller_restarts_by_itself() -> Result {
    let board = pair()?;
    let after = Duration::from_millis(100);
    set_up(&board, "can0", InterfaceConfig::new().restart_after(after))?;
    let can0 = open(&board, "can0")?;
    let can1 = open(&board, "can1")?;
    board.can_fault("can0", Fault::bit_error().times(32))?;
    can0.write(&frame("123#"), LONG)?;
    let time_of = |class: ErrorMask| -> Result<_> {
        loop {
            let received = can0.read(LONG)?;
            if received.error().is_some_and(|error| error.class() == class) {
                return Ok(received.time());
            }
        }
    };
    let off = time_of(ErrorMask::BUS_OFF)?;
    assert_eq!(time_of(ErrorMask::RESTARTED)?, off + after);
    let error = Interface::open_on(&board, "can0")?.restart().unwrap_err();
    assert_eq!(error.kind(), circuits_can::ErrorKind::Unsupported);
    // It sends when it takes part again.
    let mut own = Vec::new();
    can0.write(&frame("124#"), LONG)?;
    while let Ok(received) = can1.read(20 * MILLISECOND) {
        own.extend(received.frame().copied());
    }
    assert_eq!(own, [frame("124#")]);
    // What is down is bus-off no more, and does not restart.
    board.can_fault("can0", Fault::bit_error().times(32))?;
    can0.write(&frame("125#"), LONG)?;
    time_of(ErrorMask::BUS_OFF)?;
    set_up(&board, "can0", InterfaceConfig::new())?;
    assert_eq!(info(&board, "can0")?.state, Some(State::ErrorActive));
    assert!(can0.read(LONG).is_err(), "it was down");
    assert!(all(&can0).is_empty());
    Ok(())
}

#[test]
fn nobody_there_is_no_reason_to_be_bus_off() -> Result {
    let board = Stub::virtual_time().can_interface("can0");
    let can0 = open(&board, "can0")?;
    can0.write(&frame("123#"), LONG)?;
    let errors = all(&can0);
    assert_eq!(errors.len(), 2, "{errors:?}");
    board.delay().sleep(Duration::from_secs(3600))?;
    assert_eq!(counters(&board, "can0")?, (128, 0));
    // Ten wait beside the one that is on the bus.
    can0.write_many(&[frame("124#"); 10], Duration::ZERO)?;
    let error = can0.write(&frame("125#"), MILLISECOND).unwrap_err();
    assert_eq!(error.kind(), circuits_can::ErrorKind::TimedOut);
    // Who comes hears all of it.
    let board = board.can_interface("can1");
    let can1 = open(&board, "can1")?;
    board.plug_can_bus(["can0", "can1"])?;
    assert_eq!(all(&can1).len(), 11);
    assert_eq!(counters(&board, "can0")?, (117, 0));
    Ok(())
}

#[test]
fn each_attempt_is_reported_to_who_asks() -> Result {
    let board = Stub::virtual_time().can_interface("can0");
    set_up(&board, "can0", reports())?;
    let can0 = open(&board, "can0")?;
    can0.write(&frame("123#"), LONG)?;
    // There is no end of it: whoever reads has more. Two of them tell of states.
    let mut count = 0;
    for _ in 0..1000 {
        let received = can0.read(LONG)?;
        let error = received.error().unwrap();
        count += usize::from(error.class().includes(ErrorMask::NO_ACKNOWLEDGE));
        assert_eq!(received.lost(), 0);
    }
    assert_eq!(count, 998);
    // Nobody reads for an hour, and what is lost is counted.
    board.delay().sleep(Duration::from_secs(3600))?;
    let lost = can0.lost()?;
    assert!(lost > 10_000_000, "{lost}");
    let mut came = 0;
    while can0.read(Duration::ZERO).is_ok() {
        came += 1;
    }
    assert_eq!(came, 222);
    assert!(u64::from(can0.read(LONG)?.lost()) >= lost);
    Ok(())
}

#[test]
fn a_missed_acknowledge_is_an_error() -> Result {
    let board = pair()?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    board.can_fault("can0", Fault::no_acknowledge())?;
    can0.write(&frame("123#"), LONG)?;
    assert_eq!(all(&can0), ["123#"]);
    assert_eq!(all(&can1), ["123#"]);
    assert_eq!(counters(&board, "can0")?, (7, 0));
    Ok(())
}

#[test]
fn one_shot_and_presumed_acknowledge() -> Result {
    let board = Stub::virtual_time().can_interface("can0");
    let one_shot = InterfaceConfig::new().mode(Mode::OneShot, true);
    set_up(&board, "can0", one_shot)?;
    let can0 = open(&board, "can0")?;
    can0.write_many(&[frame("123#"), frame("124#")], LONG)?;
    assert!(all(&can0).is_empty());
    assert_eq!(counters(&board, "can0")?, (16, 0));
    // When it is error-passive, too.
    for _ in 0..20 {
        can0.write(&frame("123#"), LONG)?;
    }
    let errors = all(&can0);
    assert_eq!(errors.len(), 2, "{errors:?}");
    can0.write_many(&[frame("124#"); 11], Duration::ZERO)?;
    let presume = InterfaceConfig::new()
        .mode(Mode::OneShot, false)
        .mode(Mode::PresumeAcknowledge, true);
    set_up(&board, "can0", presume)?;
    assert!(can0.read(LONG).is_err());
    can0.write(&frame("125#"), LONG)?;
    assert_eq!(all(&can0), ["125#"]);
    Ok(())
}

#[test]
fn who_only_listens_acknowledges_nothing() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1", "can2"])?;
    let listen = InterfaceConfig::new().mode(Mode::ListenOnly, true);
    set_up(&board, "can2", listen)?;
    let [can0, can1, can2] = ["can0", "can1", "can2"].map(|name| open(&board, name));
    let (can0, can1, can2) = (can0?, can1?, can2?);
    can2.write(&frame("001#"), LONG)?;
    can0.write(&frame("123#"), LONG)?;
    assert_eq!(all(&can2), ["123#"]);
    assert_eq!(all(&can1), ["123#"]);
    assert_eq!(all(&can0), ["123#"]);
    board.cut_can("can1")?;
    can0.write(&frame("124#"), LONG)?;
    assert!(all(&can2).is_empty());
    assert_eq!(info(&board, "can0")?.state, Some(State::ErrorPassive));
    assert_eq!(counters(&board, "can2")?, (0, 0));
    Ok(())
}

/// The one at another rate destroys what it does not understand until it may not any more, and then nobody
/// acknowledges.
#[test]
fn another_bit_rate_is_no_company() -> Result {
    let board = pair()?;
    set_up(&board, "can1", InterfaceConfig::new().bitrate(250_000))?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    can0.write(&frame("123#"), LONG)?;
    all(&can0);
    assert_eq!(counters(&board, "can0")?, (128, 0));
    assert_eq!(counters(&board, "can1")?.1, 135);
    assert!(all(&can1).iter().all(|text| text != "123#"));
    // Set right, it hears the next attempt.
    set_up(&board, "can1", InterfaceConfig::new().bitrate(500_000))?;
    assert!(
        can1.read(LONG)
            .is_ok_and(|received| received.frame().is_some())
            || { all(&can1) == ["123#"] }
    );
    Ok(())
}

/// With others on the bus it is the one that is wrong who has to go.
#[test]
fn a_stranger_is_confined() -> Result {
    let board = Stub::virtual_time().can_bus(["can0", "can1", "can2"])?;
    set_up(&board, "can2", InterfaceConfig::new().bitrate(125_000))?;
    let (can0, can1) = (open(&board, "can0")?, open(&board, "can1")?);
    can0.write_many(&[frame("123#"), frame("124#")], LONG)?;
    let frames = |socket: &Socket| {
        let all = all(socket).into_iter();
        all.filter(|text| text.contains('#')).collect::<Vec<_>>()
    };
    assert_eq!(frames(&can1), ["123#", "124#"]);
    assert_eq!(info(&board, "can2")?.state, Some(State::ErrorPassive));
    assert_eq!(info(&board, "can0")?.state, Some(State::ErrorWarning));
    Ok(())
}

#[test]
fn error_frames_are_for_who_asks() -> Result {
    let board = pair()?;
    let can0 = open(&board, "can0")?;
    let only = Config::new().errors(ErrorMask::LOST_ARBITRATION);
    let only = Socket::open_on(&board, "can0", &only)?;
    let plain = Socket::open_on(&board, "can0", &Config::new())?;
    let can1 = open(&board, "can1")?;
    can1.write(&frame("122#"), LONG)?;
    can0.write(&frame("123#"), LONG)?;
    let received = only.read(LONG)?;
    // Bits 10 to 1 of the identifiers are the same.
    let expected = ErrorFrame::new(ErrorMask::LOST_ARBITRATION, [10, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(received.error(), Some(&expected));
    assert_eq!(plain.read_frame(LONG)?, frame("122#"));
    assert_eq!(plain.read_frame(LONG)?, frame("123#"));
    Ok(())
}
