use std::sync::Arc;
use std::time::Duration;

use super::{Bench, drive};
use crate::{Config, Edge, EdgeDetection, Error, ErrorKind, Input, LineSpec, Lines};

/// The output, and both inputs.
fn all(bench: &dyn Bench, input: &Config) -> Lines {
    let [one, other] = bench.inputs();
    let lines = [
        (bench.output(), Config::output()),
        (one, input.clone()),
        (other, input.clone()),
    ];
    Lines::open_on(bench.backend(), lines).unwrap()
}

pub(super) fn lines_are_set_and_read_together(bench: Arc<dyn Bench>) {
    let lines = all(&*bench, &Config::input());
    drive(&*bench, 1, true);
    for (levels, read) in [(0b001, 0b101), (0b110, 0b100), (0b111, 0b101)] {
        lines.set(levels).unwrap();
        assert_eq!(bench.level(), levels & 1 == 1);
        assert_eq!(lines.get().unwrap(), read);
        assert_eq!(
            (lines.get_some(0b110).unwrap(), lines.levels()),
            (0b100, levels & 1)
        );
    }
    lines.set_some(0b001, 0).unwrap();
    assert!(!bench.level());
    // Of no line there is nothing to be done.
    lines.set_some(0, u64::MAX).unwrap();
    assert_eq!(lines.get_some(0).unwrap(), 0);
    for mask in [0b010, 0b011, 0b1000] {
        let error = lines.set_some(mask, mask).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert!(!bench.level());
    lines.get_some(0b1000).unwrap_err();
    drop(lines);

    // Those that are not chosen stay as they are.
    let outputs = [bench.output(), bench.inputs()[0].clone()].map(|line| (line, Config::output()));
    let outputs = Lines::open_on(bench.backend(), outputs).unwrap();
    for (lines, levels, are) in [
        (0b01, 0b01, 0b01),
        (0b10, 0b10, 0b11),
        (0b10, 0b00, 0b01),
        (0b01, 0b00, 0b00),
        (0b10, 0b10, 0b10),
    ] {
        outputs.set_some(lines, levels).unwrap();
        assert_eq!((outputs.levels(), bench.level()), (are, are & 1 == 1));
    }
    let inputs = bench.inputs().map(|line| (line, Config::input()));
    drop(outputs);
    let inputs = Lines::open_on(bench.backend(), inputs).unwrap();
    inputs.set(u64::MAX).unwrap();
}

pub(super) fn lines_are_opened_together_or_not_at_all(bench: Arc<dyn Bench>) {
    let [one, other] = bench.inputs();
    let config = Config::new().consumer("the other");
    let holder = Input::open_on(bench.backend(), &other, &config).unwrap();
    let high = Config::output().initial(true);
    let error = Lines::open_on(
        bench.backend(),
        [(bench.output(), high.clone()), (other.clone(), high)],
    );
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InUse);
    drop(Input::open_on(bench.backend(), bench.output(), &Config::new()).unwrap());
    let both = [&one, &other].map(|line| (line, Config::input()));
    let error = Lines::open_on(bench.backend(), both.clone()).unwrap_err();
    let Error::InUse {
        line, holder: by, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (&**line, by.as_deref()),
        (&*other.to_string(), Some("the other"))
    );
    drop(Input::open_on(bench.backend(), &one, &Config::new()).unwrap());
    drop(holder);
    Lines::open_on(bench.backend(), both).unwrap();
}

pub(super) fn what_cannot_be_held_together_is_refused(bench: Arc<dyn Bench>) {
    let line = &bench.inputs()[0];
    let kind = |configs: Vec<Config>| {
        let lines = configs.into_iter().map(|config| (line, config));
        Lines::open_on(bench.backend(), lines).unwrap_err().kind()
    };
    let micros = |number| Config::input().debounce(Duration::from_micros(number));
    assert_eq!(kind(Vec::new()), ErrorKind::Invalid);
    assert_eq!(kind(vec![Config::input(); 2]), ErrorKind::Invalid);
    assert_eq!(kind(vec![Config::input(); 65]), ErrorKind::Limit);
    assert_eq!(kind((1..=11).map(micros).collect()), ErrorKind::Limit);
    // Nine periods, the flags of an output, and its level, which may be high some time.
    let with_output = (1..=9).map(micros).chain([Config::output()]);
    assert_eq!(kind(with_output.collect()), ErrorKind::Limit);
    let names = ["one", "other"].map(|name| Config::input().consumer(name));
    assert_eq!(kind(names.into()), ErrorKind::Invalid);
    Input::open_on(bench.backend(), line, &Config::new()).unwrap();
}

pub(super) fn edges_of_a_group_tell_their_lines(bench: Arc<dyn Bench>) {
    let config = Config::input().edge_detection(EdgeDetection::Both);
    let mut lines = all(&*bench, &config);
    for (input, level) in [(0, true), (1, true), (0, false), (0, true), (1, false)] {
        drive(&*bench, input, level);
    }
    let expected = [
        (1, Edge::Rising, 1, 1),
        (2, Edge::Rising, 2, 1),
        (1, Edge::Falling, 3, 2),
        (1, Edge::Rising, 4, 3),
        (2, Edge::Falling, 5, 2),
    ];
    for expected in expected {
        let event = lines.wait_edge(Duration::from_secs(10)).unwrap().unwrap();
        let is = (
            event.line(),
            event.edge(),
            event.sequence(),
            event.line_sequence(),
        );
        assert_eq!(is, expected);
        assert_eq!(event.lost(), 0);
    }
    assert_eq!(lines.wait_edge(Duration::from_millis(5)).unwrap(), None);
}

pub(super) fn each_line_of_a_group_has_its_own_settings(bench: Arc<dyn Bench>) {
    let [one, other] = bench.inputs();
    let low = Config::input().active_low(true);
    let lines = [
        (one, low.edge_detection(EdgeDetection::Rising)),
        (bench.output(), Config::output().initial(true)),
        (other, Config::input()),
    ];
    let mut lines = Lines::open_on(bench.backend(), lines).unwrap();
    assert!(bench.level());
    assert_eq!(lines.get().unwrap(), 0b011);
    for level in [true, false] {
        drive(&*bench, 0, level);
        drive(&*bench, 1, level);
    }
    let event = lines.wait_edge(Duration::from_secs(10)).unwrap().unwrap();
    assert_eq!(
        (event.line(), event.edge(), event.sequence()),
        (0, Edge::Rising, 1)
    );
    assert_eq!(lines.wait_edge(Duration::from_millis(5)).unwrap(), None);

    // One of them anew; the output keeps its level.
    lines
        .configure(2, &Config::input().active_low(true))
        .unwrap();
    assert_eq!(lines.get().unwrap(), 0b111);
    assert!(bench.level());
    let error = lines.configure(3, &Config::input()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

pub(super) fn lines_of_two_chips_are_not_held_together(bench: Arc<dyn Bench>) {
    let line = bench.inputs()[0].clone();
    let there = line.find_on(bench.backend()).unwrap().0;
    let chips = bench.backend().chips().unwrap();
    let chip = chips.into_iter().find(|chip| *chip != there);
    let chip = chip.expect("the bench has two chips");
    let lines = [line, LineSpec::offset(chip, 0)].map(|line| (line, Config::input()));
    let error = Lines::open_on(bench.backend(), lines).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
