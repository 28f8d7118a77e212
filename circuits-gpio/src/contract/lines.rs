use std::sync::Arc;

use super::{Bench, drive, input, next, output};
use crate::{
    Bias, Config, Direction, Drive, Edge, EdgeDetection, Error, ErrorKind, Input, Line, LineInfo,
    LineSpec, Output, Release,
};

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
    let input = input(&*bench, 0, &Config::new().active_low(true));
    assert!(input.get().unwrap());
    drive(&*bench, 0, true);
    assert!(!input.get().unwrap());
}

pub(super) fn a_line_changes_its_direction_in_place(bench: Arc<dyn Bench>) {
    let config = Config::new().consumer("the only one");
    let mut line = Line::open_on(bench.backend(), bench.output(), &config).unwrap();
    assert_eq!(line.set(true).unwrap_err().kind(), ErrorKind::Invalid);
    for level in [true, false] {
        line.make_output(level).unwrap();
        assert_eq!(
            (bench.level(), line.direction()),
            (level, Direction::Output)
        );
        line.set(!level).unwrap();
        assert_eq!(bench.level(), !level);
        line.make_output(level).unwrap();
        assert_eq!(bench.level(), level);
        line.make_input().unwrap();
        assert_eq!(line.direction(), Direction::Input);
        let info = LineInfo::of_on(bench.backend(), bench.output()).unwrap();
        assert_eq!(info.consumer(), Some("the only one"));
        assert_eq!(info.config().direction(), Direction::Input);
    }
    // Turned by a configuration it can be turned back.
    for level in [true, false] {
        line.configure(&Config::output().initial(level)).unwrap();
        assert_eq!(
            (bench.level(), line.direction()),
            (level, Direction::Output)
        );
        line.make_input().unwrap();
        line.make_output(!level).unwrap();
        assert_eq!(
            (bench.level(), line.direction()),
            (!level, Direction::Output)
        );
        line.configure(&Config::input()).unwrap();
        line.make_output(level).unwrap();
        assert_eq!(
            (bench.level(), line.direction()),
            (level, Direction::Output)
        );
        line.make_input().unwrap();
    }
}

pub(super) fn a_line_keeps_the_settings_of_each_direction(bench: Arc<dyn Bench>) {
    let drain = Config::output()
        .drive(Drive::OpenDrain)
        .on_release(Release::Level(false));
    let mut line = Line::open_on(bench.backend(), bench.output(), &drain).unwrap();
    for _ in 0..2 {
        assert_eq!(line.wait_edge(None).unwrap_err().kind(), ErrorKind::Invalid);
        line.make_input().unwrap();
        line.make_input().unwrap();
        line.make_output(false).unwrap();
        let info = LineInfo::of_on(bench.backend(), bench.output()).unwrap();
        assert_eq!(info.config().line_drive(), Drive::OpenDrain);
    }
}

pub(super) fn an_output_that_is_set_up_anew_keeps_its_level(bench: Arc<dyn Bench>) {
    let mut output = output(&*bench, &Config::new());
    for level in [true, false, true] {
        output.set(level).unwrap();
        // Whatever the configuration says.
        for initial in [false, true] {
            output.configure(&Config::new().initial(initial)).unwrap();
            assert_eq!((bench.level(), output.is_set()), (level, level));
        }
    }
    output.configure(&Config::new().active_low(true)).unwrap();
    assert_eq!((bench.level(), output.is_set()), (false, true));
    let nonsense = Config::new().edge_detection(EdgeDetection::Both);
    let error = output.configure(&nonsense).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    output.set(false).unwrap();
    assert!(bench.level());
}

pub(super) fn a_pull_pulls(bench: Arc<dyn Bench>) {
    for (bias, level) in [(Bias::PullUp, true), (Bias::PullDown, false)] {
        let config = Config::new().bias(bias);
        let line = Input::open_on(bench.backend(), bench.output(), &config).unwrap();
        assert_eq!(line.get().unwrap(), level);
    }
}

pub(super) fn an_open_drain_only_drives_low(bench: Arc<dyn Bench>) {
    let config = Config::new().drive(Drive::OpenDrain).bias(Bias::PullUp);
    let output = output(&*bench, &config);
    for level in [true, false, true] {
        output.set(level).unwrap();
        assert_eq!((bench.level(), output.get().unwrap()), (level, level));
    }
    drop(output);
    let config = Config::new().drive(Drive::OpenDrain).bias(Bias::PullDown);
    let output = super::output(&*bench, &config.initial(true));
    assert_eq!((bench.level(), output.get().unwrap()), (false, false));
}

pub(super) fn an_open_source_only_drives_high(bench: Arc<dyn Bench>) {
    let config = Config::new().drive(Drive::OpenSource).bias(Bias::PullDown);
    let output = output(&*bench, &config);
    for level in [true, false, true] {
        output.set(level).unwrap();
        assert_eq!((bench.level(), output.get().unwrap()), (level, level));
    }
    drop(output);
    let config = Config::new().drive(Drive::OpenSource).bias(Bias::PullUp);
    let output = super::output(&*bench, &config);
    assert_eq!((bench.level(), output.get().unwrap()), (true, true));
}

pub(super) fn a_line_that_is_kept_stays_as_it_is(bench: Arc<dyn Bench>) {
    let config = Config::new().initial(true).on_release(Release::Keep);
    drop(output(&*bench, &config));
    assert!(bench.level());
    let error = Output::open_on(bench.backend(), bench.output(), &Config::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
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
