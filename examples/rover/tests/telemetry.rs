//! The ground station, and what happens to the cable to it.

use std::time::Duration;

use circuits::stub::uart::Fault;

use super::bench::{Bench, is_off, millis};
use super::ground::{Ground, states, stopped};
use crate::codec::{Command, Report};
use crate::stop::Stop;

#[test]
fn it_tells_where_it_is_and_answers() {
    let bench = Bench::new();
    let ground = Ground::of(&bench.stub);
    let asking = ground.clone();
    let bench = bench.at(millis(3000), move |_| asking.say(Command::Ping(0xc0ffee)));
    let outcome = bench.run(5);
    let (reports, damaged) = ground.heard();
    assert_eq!(damaged, 0);
    assert!(reports.contains(&Report::Pong(0xc0ffee)));
    let [driving, standing] = states(&reports);
    assert!(
        (45..=46).contains(&driving) && (5..=6).contains(&standing),
        "{driving} {standing}"
    );
    let places = reports.iter().filter_map(|report| match report {
        Report::State(state) => Some(state),
        _ => None,
    });
    let last = places.max_by_key(|state| state.millis).unwrap();
    let believed = outcome.summary.path.last().unwrap();
    assert!((f64::from(last.x_millimetres) / 1000.0 - believed.x).abs() < 0.01);
    assert!(last.ahead_millimetres.is_some());
    let is_losses = |report: &&Report| matches!(report, Report::Losses(_));
    assert_eq!(reports.iter().filter(is_losses).count(), 5);
    assert_eq!(stopped(&reports), [13]);
}

#[test]
fn it_stops_and_goes_as_it_is_told() {
    let bench = Bench::new();
    let ground = Ground::of(&bench.stub);
    let [stop, go] = [ground.clone(), ground.clone()];
    let bench = bench
        .at(millis(2000), move |_| stop.say(Command::Stop))
        .at(millis(3000), |stub| assert_eq!(is_off(stub), [true; 2]))
        .at(millis(4000), move |_| go.say(Command::Go));
    let outcome = bench.run(6);
    assert_eq!(outcome.stops(), [Stop::Ordered]);
    let off = outcome.first(millis(2000), "GPIO22: low").unwrap();
    assert!(off < millis(2020), "{off:?}");
    assert!(outcome.first(millis(4000), "GPIO22: high").is_some());
    assert_eq!(stopped(&ground.heard().0), [12, 13]);
}

/// Both ways. A report that is damaged is found out by its checksum, and so is a command.
#[test]
fn damaged_bytes_are_counted_and_nothing_more() {
    let bench = Bench::new();
    let ground = Ground::of(&bench.stub);
    let noise = |seed| Fault::flipped_bit().always().chance(0.02, seed);
    bench.stub.serial_fault("ground", noise(1)).unwrap();
    // A byte of its number, which nothing but the checksum would find out.
    let damage = Fault::flipped_bit().after(4);
    bench.stub.serial_fault("ttyAMA0", damage).unwrap();
    let asking = ground.clone();
    let bench = bench.at(millis(3000), move |_| {
        asking.say(Command::Ping(0x5555_5555))
    });
    let outcome = bench.run(5);
    let (reports, damaged) = ground.heard();
    assert!(
        damaged > 5 && reports.len() > 20,
        "{damaged} of {}",
        reports.len()
    );
    let is_pong = |report: &Report| matches!(report, Report::Pong(_));
    assert!(!reports.iter().any(is_pong), "a damaged command is none");
    assert_eq!(outcome.stops(), []);
    assert_eq!(outcome.summary.losses.commands_damaged, 1);
}

/// A ground station that holds it up, and never reads.
#[test]
fn what_nobody_takes_is_dropped_and_the_loop_goes_on() {
    let mut bench = Bench::new();
    bench.config.telemetry.as_mut().unwrap().flow_control = true;
    // Nobody has the port open: its RTS, which is our CTS, is inactive.
    bench.stub.plug_serial_cable("ttyAMA0", "ground").unwrap();
    let outcome = bench.run(60);
    assert_eq!((outcome.stops(), outcome.world.touches()), (vec![], 0));
    assert_eq!(outcome.summary.jitter.missed, 0);
    let dropped = outcome.summary.losses.reports_dropped;
    assert!(dropped > 200, "{dropped}");
}

#[test]
fn a_cable_that_comes_off_is_no_matter() {
    let bench = Bench::new();
    let ground = Ground::of(&bench.stub);
    let bench = bench
        .at(millis(2000), |stub| drop(stub.unplug_serial("ttyAMA0")))
        .at(millis(4000), |stub| {
            stub.plug_serial_cable("ttyAMA0", "ground").unwrap()
        });
    let outcome = bench.run(6);
    assert_eq!(
        (outcome.stops(), outcome.summary.jitter.missed),
        (vec![], 0)
    );
    let (reports, _) = ground.heard();
    let [driving, _] = states(&reports);
    assert!((30..40).contains(&driving), "{driving}");
}

/// A USB adapter is unplugged, and plugged in again.
#[test]
fn a_port_that_goes_and_comes_back_is_opened_anew() {
    let mut bench = Bench::new();
    bench.config.telemetry.as_mut().unwrap().port = "ttyUSB0".into();
    bench.stub.plug_serial_cable("ttyUSB0", "ground").unwrap();
    let ground = Ground::open(&bench.stub);
    let bench = bench
        .at(millis(2000), |stub| {
            stub.remove_serial_port("ttyUSB0").unwrap()
        })
        .at(millis(4500), |stub| {
            stub.plug_serial_cable("ttyUSB0", "ground").unwrap()
        });
    let outcome = bench.run(8);
    assert_eq!(
        (outcome.stops(), outcome.summary.losses.ports_lost),
        (vec![], 1)
    );
    assert!(outcome.summary.losses.reports_dropped > 20);
    assert_eq!(outcome.summary.jitter.missed, 0);
    let (reports, _) = ground.heard();
    let is_late = |report: &Report| matches!(report, Report::State(state) if state.millis > 6000);
    assert!(reports.iter().any(is_late));
    let gone = Duration::from_secs(2);
    assert!(outcome.first(gone, "ttyUSB0").is_some());
}
