//! What it senses, and the brush.

use std::time::Duration;

use circuits::Board;
use circuits::can::{Config, Frame, Id};
use circuits::stub::Stub;
use circuits::stub::chips::Odrive;
use circuits::stub::parts::{Button, Ranger};
use circuits::stub::trace::Action;
use circuits::stub::{can, i2c};

use super::bench::{Bench, Outcome, brush, is_off, millis};
use super::ground::Ground;
use crate::codec::Command;
use crate::stop::Stop;

const IMU: u8 = 0x68;
/// A read of the IMU is under way then, in some cycle.
const IN_A_READ: Duration = Duration::from_micros(3_005_200);

/// Whether the bus was busy at a time.
fn is_busy(outcome: &Outcome, time: Duration) -> bool {
    outcome
        .recording
        .entries()
        .iter()
        .any(|entry| match &entry.action {
            Action::I2c { start, stop, .. } => {
                let [start, stop] = [start, stop].map(|time| Duration::from_nanos(time.as_nanos()));
                start < time && time < stop
            }
            _ => false,
        })
}

/// The wires come off in the middle of a transaction, which is lost, and so are those that follow.
#[test]
fn an_imu_that_is_unplugged_stops_it_and_one_that_is_back_lets_it_go_on() {
    let bench = Bench::new();
    let ground = Ground::of(&bench.stub);
    let fault = i2c::Fault::no_acknowledge_of_byte(0).at(IMU);
    bench
        .stub
        .i2c_fault("i2c-1", fault.not_before(millis(3000)))
        .unwrap();
    let bench = bench
        .at(IN_A_READ, |stub| {
            let imu = stub.unplug_i2c("i2c-1", IMU).unwrap();
            stub.delay().sleep(millis(2000)).unwrap();
            stub.plug_i2c("i2c-1", IMU, imu).unwrap();
            // As after power-on.
            stub.power_i2c("i2c-1", IMU, false).unwrap();
            stub.power_i2c("i2c-1", IMU, true).unwrap();
        })
        .at(millis(4000), {
            let ground = ground.clone();
            move |_| ground.say(Command::Go)
        })
        .at(millis(6000), move |_| ground.say(Command::Go));
    let outcome = bench.run(8);
    assert!(is_busy(&outcome, IN_A_READ));
    // It is told to go before it can, and says why it does not.
    assert_eq!(outcome.stops(), [Stop::ImuLost; 2]);
    let off = outcome.first(millis(3000), "GPIO22: low").unwrap();
    assert!(off < millis(3070), "{off:?}");
    let on = outcome.first(off, "GPIO22: high").unwrap();
    assert!(on > millis(6000), "{on:?}");
    assert_eq!(outcome.world.touches(), 0);
}

#[test]
fn one_read_that_fails_is_counted() {
    let bench = Bench::new();
    let fault = i2c::Fault::no_acknowledge().at(IMU).times(3);
    bench
        .stub
        .i2c_fault("i2c-1", fault.not_before(millis(3000)))
        .unwrap();
    let outcome = bench.run(5);
    assert_eq!(
        (outcome.stops(), outcome.summary.losses.imu_reads),
        (vec![], 3)
    );
}

fn ranger(stub: &Stub) -> Ranger {
    stub.part("ranger").unwrap()
}

/// It slows down, stands, and goes on.
#[test]
fn a_ranger_that_says_nothing_has_it_stand_until_it_does() {
    let bench = Bench::new()
        .at(millis(2000), |stub| ranger(stub).set_silent(true))
        .at(millis(5000), |stub| ranger(stub).set_silent(false));
    let outcome = bench.run(10);
    assert_eq!((outcome.stops(), outcome.world.touches()), (vec![], 0));
    // Ten times a second.
    let way = |from: usize, to: usize| {
        let path = outcome.world.path();
        (path[to][0] - path[from][0]).hypot(path[to][1] - path[from][1])
    };
    let (before, slow, still, after) = (way(15, 20), way(24, 29), way(35, 48), way(50, 60));
    assert!(
        before > 0.15 && slow < 0.5 * before && slow > 0.0,
        "{before} {slow}"
    );
    assert!(still < 0.001 && after > 0.1, "{still} {after}");
    assert!(
        (40..60).contains(&outcome.summary.losses.echoes),
        "{}",
        outcome.summary.losses
    );
}

#[test]
fn one_echo_that_is_lost_is_gone_over() {
    let bench = Bench::new()
        .at(millis(2000), |stub| ranger(stub).set_silent(true))
        .at(millis(2100), |stub| ranger(stub).set_silent(false));
    let outcome = bench.run(5);
    assert_eq!(outcome.stops(), []);
    assert!((1..=2).contains(&outcome.summary.losses.echoes));
}

#[test]
fn a_can_controller_that_is_bus_off_stops_it() {
    let bench = Bench::new().at(millis(2000), |stub| {
        stub.can_fault("can0", can::Fault::bit_error().times(32))
            .unwrap();
    });
    let stub = bench.stub.clone();
    let outcome = bench.run(4);
    assert_eq!(outcome.stops(), [Stop::BusOff]);
    assert_eq!(is_off(&stub), [true; 2]);
    let off = outcome.first(millis(2000), "GPIO22: low").unwrap();
    assert!(off < millis(2100), "{off:?}");
    // Nobody could tell it to rest, and its watchdog did.
    assert_eq!(brush(&stub).state(), 1);
}

#[test]
fn a_brush_without_a_heartbeat_stops_it_within_its_time() {
    let bench = Bench::new().at(millis(2000), |stub| {
        brush(stub).heartbeat_every(Duration::ZERO);
    });
    let outcome = bench.run(4);
    assert_eq!(outcome.stops(), [Stop::BrushSilent]);
    let off = outcome.first(millis(2000), "GPIO22: low").unwrap();
    assert!((millis(2200)..=millis(2320)).contains(&off), "{off:?}");
}

#[test]
fn a_brush_with_errors_stops_it_and_go_clears_them() {
    let bench = Bench::new();
    let ground = Ground::of(&bench.stub);
    let bench = bench
        .at(millis(2000), |stub| {
            brush(stub).raise(Odrive::ESTOP_REQUESTED)
        })
        .at(millis(3000), move |_| ground.say(Command::Go));
    let stub = bench.stub.clone();
    let bench = bench.at(millis(4500), |stub| assert_eq!(brush(stub).state(), 8));
    let outcome = bench.run(6);
    assert_eq!(outcome.stops(), [Stop::BrushFault(Odrive::ESTOP_REQUESTED)]);
    assert_eq!(brush(&stub).errors(), 0);
}

/// Somebody else has it turn, as if it had not heard that it was to rest; its watchdog would see to it much later.
#[test]
fn a_brush_that_goes_on_is_told_again_to_rest() {
    let bench = Bench::new();
    brush(&bench.stub).watchdog(Duration::from_secs(3600));
    let pressed: Button = bench.stub.part("emergency stop").unwrap();
    let bench = bench
        .at(millis(2000), move |_| pressed.press().unwrap())
        .at(millis(3000), |stub| {
            let board = Board::from(stub);
            let socket = board.can_socket("can0", &Config::new()).unwrap();
            let frame = Frame::new(Id::standard(0x007).unwrap(), &[8, 0, 0, 0]).unwrap();
            socket.write(&frame, millis(100)).unwrap();
            stub.delay().sleep(millis(5)).unwrap();
            assert_eq!(brush(stub).state(), 8);
        })
        .at(millis(3200), |stub| assert_eq!(brush(stub).state(), 1));
    assert_eq!(bench.run(4).stops(), [Stop::Emergency]);
}

/// Its wires are cut, and nobody acknowledges: what it is told piles up, and the loop does not wait for that.
#[test]
fn cut_can_wires_do_not_hold_the_loop_up() {
    let bench = Bench::new();
    let ground = Ground::of(&bench.stub);
    let mut bench = bench.at(millis(2000), |stub| stub.cut_can("can0").unwrap());
    for seconds in 3..8 {
        let ground = ground.clone();
        bench = bench.at(millis(1000 * seconds), move |_| ground.say(Command::Go));
    }
    let stub = bench.stub.clone();
    let outcome = bench.run(9);
    assert_eq!(outcome.stops(), [Stop::BrushSilent; 6]);
    let (losses, missed) = (outcome.summary.losses, outcome.summary.jitter.missed);
    // The IMU is set up anew with each go, which takes 20 cycles.
    assert!(
        losses.brush_frames > 0 && missed <= 5 * 21,
        "{losses}, {missed} missed"
    );
    assert_eq!(brush(&stub).state(), 1, "by its watchdog");
}
