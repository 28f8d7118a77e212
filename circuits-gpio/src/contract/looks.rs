use std::sync::Arc;

use super::Bench;
use crate::{Chip, Config, Direction, EdgeDetection, ErrorKind, Input, LineInfo, LineSpec, Output};

pub(super) fn chips_tell_what_they_are(bench: Arc<dyn Bench>) {
    let (name, offset) = bench.inputs()[0].find_on(bench.backend()).unwrap();
    let names = Chip::list_on(bench.backend()).unwrap();
    assert!(names.contains(&name), "{name} in {names:?}");
    let chip = Chip::open_on(bench.backend(), &name).unwrap();
    assert_eq!(chip.info().name(), name);
    let lines = chip.lines().unwrap();
    let offsets: Vec<u32> = lines.iter().map(LineInfo::offset).collect();
    assert_eq!(offsets, (0..chip.info().lines()).collect::<Vec<_>>());
    assert!(offsets.contains(&offset));

    let label = Chip::open_on(bench.backend(), chip.info().label()).unwrap();
    assert_eq!(label.info(), chip.info());
    let place = LineSpec::offset(label.info().label(), offset);
    Input::open_on(bench.backend(), place, &Config::new()).unwrap();

    for nothing in ["gpiochip987", "", "no such label"] {
        let error = Chip::open_on(bench.backend(), nothing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let beyond = LineSpec::offset(name, chip.info().lines());
    let error = LineInfo::of_on(bench.backend(), beyond).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

pub(super) fn who_looks_holds_nothing(bench: Arc<dyn Bench>) {
    let look = |line: &LineSpec| LineInfo::of_on(bench.backend(), line).unwrap();
    let input = &bench.inputs()[0];
    assert!(!look(input).is_used());
    let config = Config::new()
        .active_low(true)
        .edge_detection(EdgeDetection::Falling)
        .consumer("looked at");
    let held = Input::open_on(bench.backend(), input, &config).unwrap();
    let info = look(input);
    assert_eq!(info.consumer(), Some("looked at"));
    let seen = info.config();
    assert_eq!(seen.direction(), Direction::Input);
    assert!(seen.is_active_low());
    assert_eq!(seen.detected_edges(), EdgeDetection::Falling);
    drop(held);
    assert!(!look(input).is_used());

    let output = &bench.output();
    let held = Output::open_on(bench.backend(), output, &Config::new()).unwrap();
    assert_eq!(look(output).config().direction(), Direction::Output);
    drop(held);
    assert!(!look(output).is_used());
}

pub(super) fn a_line_is_meant_by_its_name_on_its_chip(bench: Arc<dyn Bench>) {
    let (chip, offset) = bench.inputs()[0].find_on(bench.backend()).unwrap();
    let info = LineInfo::of_on(bench.backend(), LineSpec::offset(&*chip, offset)).unwrap();
    // Not every chip names its lines.
    if let Some(name) = info.name() {
        let found = LineSpec::on(&*chip, name).find_on(bench.backend()).unwrap();
        assert_eq!(found, (chip.clone(), offset));
    }
    for name in ["no such line", "-", ""] {
        let error = LineSpec::on(&*chip, name)
            .find_on(bench.backend())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
