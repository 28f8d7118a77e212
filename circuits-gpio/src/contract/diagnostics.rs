//! What a person at the bench tries with a wire from an output to an input. (The ten scenarios of
//! `Circuits.GPIO.Diagnostics`, whose users know them.)

use std::sync::Arc;
use std::time::Duration;

use super::{Bench, drive, input, next, output};
use crate::{Bias, Config, Drive, Edge, EdgeDetection, Input, Output};

/// The wire: it brings the level of the output to the input.
fn wire(bench: &dyn Bench) {
    drive(bench, 0, bench.level());
}

pub(super) fn writes_can_be_read(bench: Arc<dyn Bench>) {
    let (output, input) = pair(&bench, &Config::new());
    for level in [false, true, false, true, true, false] {
        output.set(level).unwrap();
        wire(&*bench);
        assert_eq!(input.get().unwrap(), level);
    }
}

pub(super) fn initial_low_can_be_read(bench: Arc<dyn Bench>) {
    initial(&bench, false);
}

pub(super) fn initial_high_can_be_read(bench: Arc<dyn Bench>) {
    initial(&bench, true);
}

fn initial(bench: &Arc<dyn Bench>, level: bool) {
    drive(&**bench, 0, !level);
    let (_output, input) = pair(bench, &Config::new().initial(level));
    wire(&**bench);
    assert_eq!(input.get().unwrap(), level);
}

pub(super) fn writes_are_edges(bench: Arc<dyn Bench>) {
    let (output, mut input) = pair(&bench, &Config::new());
    let config = Config::new().edge_detection(EdgeDetection::Both);
    input.configure(&config).unwrap();
    for number in 1..=64 {
        output.set(number % 2 == 1).unwrap();
        wire(&*bench);
        let event = next(&mut input);
        let edge = [Edge::Falling, Edge::Rising][number % 2];
        assert_eq!((event.edge(), event.lost()), (edge, 0));
    }
}

pub(super) fn edges_are_turned_on_and_off(bench: Arc<dyn Bench>) {
    let (output, mut input) = pair(&bench, &Config::new());
    let wanted = |edges| Config::new().edge_detection(edges);
    for edges in [EdgeDetection::Both, EdgeDetection::Rising] {
        input.configure(&wanted(edges)).unwrap();
        output.set(true).unwrap();
        wire(&*bench);
        assert_eq!(next(&mut input).edge(), Edge::Rising);
        input.configure(&wanted(EdgeDetection::Off)).unwrap();
        for level in [false, true, false] {
            output.set(level).unwrap();
            wire(&*bench);
        }
    }
    input.configure(&wanted(EdgeDetection::Both)).unwrap();
    assert_eq!(input.wait_edge(Duration::from_millis(20)).unwrap(), None);
}

pub(super) fn edges_have_sane_times(bench: Arc<dyn Bench>) {
    let (output, mut input) = pair(&bench, &Config::new());
    let config = Config::new().edge_detection(EdgeDetection::Both);
    input.configure(&config).unwrap();
    let mut last = bench.backend().clock().now();
    for number in 1..=10 {
        output.set(number % 2 == 1).unwrap();
        wire(&*bench);
        let event = next(&mut input);
        let between = event.time() - last;
        // `wire` takes 5 ms; a busy machine takes longer.
        let is_sane = number == 1 || between >= Duration::from_millis(1);
        assert!(is_sane && between < Duration::from_secs(5), "{between:?}");
        last = event.time();
    }
}

pub(super) fn pull_ups_can_be_read(bench: Arc<dyn Bench>) {
    pull(&bench, Bias::PullUp, true);
}

pub(super) fn pull_downs_can_be_read(bench: Arc<dyn Bench>) {
    pull(&bench, Bias::PullDown, false);
}

/// A line that nothing drives, which has been at the other level.
fn pull(bench: &Arc<dyn Bench>, bias: Bias, level: bool) {
    drop(output(&**bench, &Config::new().initial(!level)));
    let config = Config::new().bias(bias);
    let line = Input::open_on(bench.backend(), bench.output(), &config).unwrap();
    assert_eq!((line.get().unwrap(), bench.level()), (level, level));
}

pub(super) fn open_drains_can_be_read(bench: Arc<dyn Bench>) {
    open(&bench, Drive::OpenDrain, Bias::PullUp);
}

pub(super) fn open_sources_can_be_read(bench: Arc<dyn Bench>) {
    open(&bench, Drive::OpenSource, Bias::PullDown);
}

fn open(bench: &Arc<dyn Bench>, drive: Drive, bias: Bias) {
    let (output, input) = pair(bench, &Config::new().drive(drive).bias(bias));
    for level in [true, false, true, false] {
        output.set(level).unwrap();
        wire(&**bench);
        assert_eq!(input.get().unwrap(), level);
    }
}

fn pair(bench: &Arc<dyn Bench>, config: &Config) -> (Output, Input) {
    (output(&**bench, config), input(&**bench, 0, &Config::new()))
}
