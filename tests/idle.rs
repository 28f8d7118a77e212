//! Who waits for lines that do not move costs nothing.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use circuits::Board;
use circuits::gpio::{Config, EdgeDetection, LineSpec, Lines, Watch};
use circuits_bench::block_on;
use futures_lite::{StreamExt, stream};
use gpiosim::{Bank, Level};

/// 200 lines, on four chips.
const CHIPS: usize = 4;
const LINES: u32 = 50;

/// How often each thread of the process has stopped running, by its number and name.
fn switches() -> BTreeMap<(u32, String), u64> {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let of_thread = |entry: fs::DirEntry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let value = |name: &str| {
            let mut lines = status.lines();
            let line = lines.find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().to_owned())
        };
        let count = |name| value(name)?.parse::<u64>().ok();
        let all = count("voluntary_ctxt_switches:")? + count("nonvoluntary_ctxt_switches:")?;
        Some(((count("Pid:")? as u32, value("Name:")?), all))
    };
    threads
        .filter_map(|entry| of_thread(entry.unwrap()))
        .collect()
}

#[test]
#[ignore = "needs root and gpio-sim; takes a minute"]
fn a_minute_with_200_lines_costs_no_wake_up() {
    let before = switches();
    let mut builder = gpiosim::builder();
    for chip in 0..CHIPS {
        builder.with_bank(&Bank::new(LINES, format!("idle{chip}")));
    }
    let sim = builder.live().unwrap();
    let board = Board::linux().unwrap();
    let names = sim.chips().iter().map(|chip| chip.chip_name.clone());
    let names: Vec<String> = names.collect();
    let lines = |chip: &String| -> Vec<LineSpec> {
        let line = |offset| LineSpec::offset(chip.as_str(), offset);
        (0..LINES).map(line).collect()
    };
    let edges = Config::input().edge_detection(EdgeDetection::Both);
    let mut held: Vec<Lines> = names
        .iter()
        .map(|chip| {
            let lines = lines(chip).into_iter().map(|line| (line, edges.clone()));
            board.lines(lines).unwrap()
        })
        .collect();
    let watches = names.iter().map(|chip| board.watch_lines(lines(chip)));
    let mut watches: Vec<Watch> = watches.map(Result::unwrap).collect();
    let (tell, told) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let mut all = stream::pending().boxed_local();
        for (lines, watch) in held.iter_mut().zip(&mut watches) {
            let edges = lines
                .edges()
                .map(|edge| format!("{:?}", edge.unwrap().edge()));
            let changes = watch.changes();
            let changes = changes.map(|change| format!("{:?}", change.unwrap().kind()));
            all = stream::or(all, stream::or(edges, changes)).boxed_local();
        }
        // Two that come, after the minute.
        for _ in 0..2 {
            let what = block_on(all.next());
            tell.send(what.expect("a stream that does not end"))
                .unwrap();
        }
    });
    // Until they all wait.
    thread::sleep(Duration::from_secs(2));
    let ours = |all: BTreeMap<_, _>| -> Vec<_> {
        let ours = all
            .into_iter()
            .filter(|(thread, _)| !before.contains_key(thread));
        ours.collect()
    };
    let start = ours(switches());
    let names: Vec<&str> = start.iter().map(|((_, name), _)| name.as_str()).collect();
    assert_eq!(
        names.len(),
        2,
        "one who waits, and the one for all futures: {names:?}"
    );
    // A minute, if nobody is in a hurry.
    let seconds = option_env!("CIRCUITS_TEST_IDLE").map_or(60, |seconds| seconds.parse().unwrap());
    thread::sleep(Duration::from_secs(seconds));
    assert_eq!(ours(switches()), start);
    told.try_recv().unwrap_err();

    // They have waited, and did not sleep.
    let last = sim.chips().last().unwrap();
    last.set_pull(LINES - 1, Level::High).unwrap();
    assert_eq!(told.recv().unwrap(), "Rising");
    last.set_pull(0, Level::High).unwrap();
    assert_eq!(told.recv().unwrap(), "Rising");
    waiter.join().unwrap();
}
