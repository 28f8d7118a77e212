//! It drives.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use circuits::stub::Stub;

use super::bench::{Bench, Outcome, brush, is_off, millis};
use crate::config::{Config, Drive};
use crate::odometry::wrapped;
use crate::report::Losses;
use crate::stop::Stop;

#[test]
fn it_drives_for_half_a_minute_and_touches_nothing() {
    let bench = Bench::new();
    let stub = bench.stub.clone();
    let Outcome { summary, world, .. } = bench.run(30);
    assert_eq!(world.touches(), 0);
    assert!(summary.distance > 4.0 && summary.obstacles > 2, "{summary}");
    assert!(summary.seen.len() > 100, "{}", summary.seen.len());
    assert_eq!(summary.losses, Losses::default());
    assert_eq!((summary.jitter.cycles, summary.jitter.missed), (3001, 0));
    let [(_, stop)] = summary.stops[..] else {
        panic!("{summary}");
    };
    assert_eq!((stop, is_off(&stub)), (Stop::Ended, [true; 2]));
    assert_eq!(brush(&stub).state(), 1, "idle");
    // Where it believes that it is, it is.
    let (believed, pose) = (summary.path.last().unwrap(), world.pose());
    let off = (believed.x - pose.x).hypot(believed.y - pose.y);
    assert!(off < 0.1, "{off} m off the mark");
}

/// What it did and said, as the board has it.
fn trace(seed: u64) -> String {
    let bench = Bench::new();
    let map = format!("seed = {seed}\nstart = [0.5, 1.4, 0.0]\nwalls = [[[2.0, 0.0], [2.0, 2.6]]]");
    bench.in_world(&map).run(3).recording.to_string()
}

/// In twenty runs, one after another and eight at a time.
#[test]
fn for_the_same_seed_all_is_the_same() {
    let first = trace(7);
    assert!(first.lines().count() > 1000);
    assert_ne!(first, trace(8));
    for at_a_time in [1, 8] {
        let runs = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..at_a_time {
                scope.spawn(|| {
                    while runs.fetch_add(1, Ordering::Relaxed) < 20 {
                        assert!(trace(7) == first);
                    }
                });
            }
        });
    }
}

/// It is told, and is no reason to fail: what else the machine does is not known.
#[test]
fn it_is_much_faster_than_it_would_be() {
    let bench = Bench::new();
    let begun = Instant::now();
    let summary = bench.run_unseen(30);
    let ratio = summary.time.as_secs_f64() / begun.elapsed().as_secs_f64();
    println!("{ratio:.0} times as fast as real time");
    assert_eq!(summary.time.as_secs(), 30);
}

/// It does not get far by lines that are on or off, but it does.
#[test]
fn it_drives_by_lines_as_well() {
    let mut bench = Bench::new();
    let lines = ["GPIO12", "GPIO16", "GPIO20", "GPIO21"];
    bench.config.drive = Some(Drive {
        enable: Some("GPIO22".into()),
        pca9685: None,
        lines: Some(lines.map(String::from)),
    });
    let stub = bench.stub.clone();
    let Outcome { summary, world, .. } = bench.run(20);
    assert!(summary.distance > 2.0 && summary.obstacles > 0, "{summary}");
    assert_eq!(world.touches(), 0);
    let levels = lines.map(|line| stub.level(line).unwrap());
    assert_eq!(levels, [false; 4]);
}

/// On a bench there is but what there is.
#[test]
fn it_runs_with_nothing_but_a_lamp() {
    let mut bench = Bench::new();
    bench.config = Config::parse("[led]\nline = \"GPIO17\"", "".as_ref()).unwrap();
    let stub = bench.stub.clone();
    let outcome = bench.run(2);
    assert_eq!(outcome.stops(), []);
    assert!(outcome.recording.to_string().contains("GPIO17: high"));
    assert_eq!(stub.consumer("GPIO22").unwrap(), None);
}

/// By each sensor that it has not, it drives otherwise, and not badly.
#[test]
fn it_drives_without_an_imu_and_without_encoders() {
    let mut bench = Bench::new();
    bench.config.imu = None;
    let outcome = bench.run(15);
    assert_eq!((outcome.stops(), outcome.world.touches()), (vec![], 0));
    // By its wheels it knows nearly as well how it has turned.
    let (believed, pose) = (outcome.summary.path.last().unwrap(), outcome.world.pose());
    let off = wrapped(believed.heading - pose.heading).abs();
    assert!(
        outcome.summary.turns > 0.15 && off < 0.5,
        "{off}, {}",
        outcome.summary
    );
    let mut bench = Bench::new();
    (bench.config.encoders, bench.config.brush) = (None, None);
    let outcome = bench.run(15);
    assert_eq!((outcome.stops(), outcome.world.touches()), (vec![], 0));
    let pose = outcome.world.pose();
    assert!(pose.x.hypot(pose.y) > 0.3, "{pose:?}");
}

/// It would turn for ever.
#[test]
fn wedged_it_stops() {
    let map =
        "seed = 1\nis_held = true\nstart = [0.0, 0.0, 0.0]\nwalls = [[[0.3, -1.0], [0.3, 1.0]]]";
    let bench = Bench::new().in_world(map);
    let stub = bench.stub.clone();
    let outcome = bench.run(20);
    assert_eq!(outcome.stops(), [Stop::Wedged]);
    assert_eq!(is_off(&stub), [true; 2]);
}

/// What `Ctrl-C` does.
#[test]
fn interrupted_it_stops_and_ends() {
    let bench = Bench::new().at(millis(3004), |stub: &Stub| {
        stub.interrupt().unwrap().raise();
    });
    let stub = bench.stub.clone();
    let outcome = bench.run(3600);
    assert_eq!(outcome.stops(), [Stop::Interrupted]);
    assert_eq!(is_off(&stub), [true; 2]);
    let off = outcome.first(millis(3004), "GPIO22: low").unwrap();
    assert_eq!(off, millis(3004), "at once");
    // All is said that there is to say.
    let idle = outcome.first(millis(3004), "007#01000000").unwrap();
    assert!(idle < millis(3020), "{idle:?}");
    assert_eq!(brush(&stub).state(), 1);
    assert!(outcome.first(millis(3004), "ttyAMA0: ").is_some());
}
