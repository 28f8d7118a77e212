use std::sync::Arc;

use super::{Bench, drive, input, next, output};
use crate::{Config, Edge, EdgeDetection, Error, ErrorKind, Input, LineSpec, Output};

pub(super) fn an_output_is_driven(bench: Arc<dyn Bench>) {
    let output = output(&*bench, &Config::new());
    for level in [true, false, true, true] {
        output.set(level).unwrap();
        assert_eq!((bench.level(), output.is_set()), (level, level));
    }
}

pub(super) fn an_output_starts_at_its_level(bench: Arc<dyn Bench>) {
    for level in [true, false] {
        let output = output(&*bench, &Config::new().initial(level));
        assert_eq!((bench.level(), output.is_set()), (level, level));
    }
}

pub(super) fn active_low_turns_an_output_over(bench: Arc<dyn Bench>) {
    let output = output(&*bench, &Config::new().active_low(true).initial(true));
    assert!(!bench.level());
    output.set(false).unwrap();
    assert!(bench.level());
}

pub(super) fn an_input_follows(bench: Arc<dyn Bench>) {
    let input = input(&*bench, 0, &Config::new());
    assert!(!input.get().unwrap());
    for level in [true, false] {
        drive(&*bench, 0, level);
        assert_eq!(input.get().unwrap(), level);
    }
}

pub(super) fn active_low_turns_an_input_over(bench: Arc<dyn Bench>) {
    let config = Config::new()
        .active_low(true)
        .edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    assert!(input.get().unwrap());
    drive(&*bench, 0, true);
    assert!(!input.get().unwrap());
    assert_eq!(next(&mut input).edge(), Edge::Falling);
}

pub(super) fn a_line_has_one_holder(bench: Arc<dyn Bench>) {
    let first = input(&*bench, 0, &Config::new().consumer("the first"));
    let line = &bench.inputs()[0];
    let error = Input::open_on(bench.backend(), line, &Config::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains("the first"), "{error}");
    assert!(error.to_string().contains(&line.to_string()), "{error}");
    drop(first);
    Output::open_on(bench.backend(), line, &Config::new()).unwrap();
    Input::open_on(bench.backend(), line, &Config::new()).unwrap();
}

pub(super) fn what_is_not_there_is_not_found(bench: Arc<dyn Bench>) {
    let chip = LineSpec::offset("gpiochip987", 0);
    for line in [LineSpec::name("no such line"), LineSpec::name(""), chip] {
        let error = Input::open_on(bench.backend(), &line, &Config::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(&line.to_string()), "{error}");
        let is_place = matches!(line, LineSpec::Offset { .. });
        assert_eq!(matches!(error, Error::NoChip { .. }), is_place, "{error:?}");
    }
}

pub(super) fn a_refused_configuration_leaves_the_line(bench: Arc<dyn Bench>) {
    let config = Config::new()
        .edge_detection(EdgeDetection::Both)
        .initial(true);
    let error = Output::open_on(bench.backend(), bench.output(), &config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(!bench.level());
    output(&*bench, &Config::new());
}

pub(super) fn a_refused_opening_leaves_the_holder(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut input = input(&*bench, 0, &config);
    let output = output(&*bench, &Config::new().initial(true));
    drive(&*bench, 0, true);
    for line in [bench.inputs()[0].clone(), bench.output()] {
        Input::open_on(bench.backend(), &line, &Config::new()).unwrap_err();
        Output::open_on(bench.backend(), &line, &Config::new()).unwrap_err();
    }
    assert!(bench.level() && output.is_set());
    assert_eq!(next(&mut input).edge(), Edge::Rising);
    drive(&*bench, 0, false);
    assert_eq!(next(&mut input).edge(), Edge::Falling);
}
