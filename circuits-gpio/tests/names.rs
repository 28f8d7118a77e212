//! Which line a name, a place or a pin means, on boards of several kinds.

use circuits_gpio::{Chip, Config, Error, ErrorKind, Input, LineInfo, LineSpec};
use circuits_stub::Stub;

/// Where a text leads to.
fn place(board: &Stub, text: &str) -> String {
    let (chip, offset) = LineSpec::from(text).find_on(board).unwrap();
    format!("{chip}:{offset}")
}

fn error(board: &Stub, text: &str) -> Error {
    LineSpec::from(text).find_on(board).unwrap_err()
}

/// A Pi whose kernel calls its lines so, and an expander.
fn pi(label: &str, name: impl Fn(u32) -> String) -> Stub {
    Stub::virtual_time()
        .chip("pca9555", ["RELAY0", "RELAY1", "-"])
        .chip(label, (0..54).map(name))
}

#[test]
fn a_pi_answers_to_its_numbers_whatever_its_kernel_calls_them() {
    for label in ["pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"] {
        for name in [
            |number: u32| format!("GPIO{number}"),
            |number: u32| format!("PIN{number}"),
            |_: u32| String::new(),
            |_: u32| "-".to_owned(),
        ] {
            let board = pi(label, name);
            let on_chip = format!("{label}:GPIO17");
            for text in ["GPIO17", "gpiochip1:GPIO17", &on_chip, "header:11"] {
                assert_eq!(place(&board, text), "gpiochip1:17", "{text} of {label}");
            }
        }
    }
}

#[test]
fn a_name_is_stronger_than_a_number() {
    // The name of another line, as badly chosen as it may be.
    let board = Stub::virtual_time().chip("pca9555", ["GPIO17"]).chip(
        "pinctrl-bcm2711",
        (0..28).map(|number| format!("PIN{number}")),
    );
    assert_eq!(place(&board, "GPIO17"), "gpiochip0:0");
    assert_eq!(place(&board, "gpiochip1:GPIO17"), "gpiochip1:17");
    assert_eq!(place(&board, "GPIO18"), "gpiochip1:18");
}

#[test]
fn numbers_are_only_a_pis() {
    let board = Stub::virtual_time().chip("gpio-mxc", [""; 32]);
    assert_eq!(error(&board, "GPIO17").kind(), ErrorKind::NotFound);
    assert!(matches!(error(&board, "header:11"), Error::NoChip { .. }));
    // There are 28 at the header.
    let board = pi("pinctrl-bcm2835", |_| String::new());
    assert_eq!(error(&board, "GPIO40").kind(), ErrorKind::NotFound);
}

#[test]
fn pins_that_are_no_lines_say_what_they_are() {
    let board = pi("pinctrl-bcm2835", |_| String::new());
    let text = error(&board, "header:1").to_string();
    assert!(text.contains("3.3 V"), "{text}");
    let error = error(&board, "header:41");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("1 to 40"), "{error}");
}

#[test]
fn a_name_that_two_lines_have_lists_both() {
    let board = Stub::virtual_time()
        .chip("one", ["A", "SAME"])
        .chip("other", ["SAME"]);
    let Error::Ambiguous { places, count, .. } = error(&board, "SAME") else {
        panic!()
    };
    assert_eq!((&*places, count), ("gpiochip0:1, gpiochip1:0", 2));
    assert_eq!(place(&board, "one:SAME"), "gpiochip0:1");
    let error = Input::open_on(&board, "SAME", &Config::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
}

#[test]
fn a_label_that_two_chips_have_lists_both() {
    let board = Stub::virtual_time().chip("same", ["A"]).chip("same", ["B"]);
    let Error::Ambiguous { places, .. } = error(&board, "same:0") else {
        panic!()
    };
    assert_eq!(&*places, "gpiochip0, gpiochip1");
    assert_eq!(place(&board, "gpiochip1:0"), "gpiochip1:0");
}

#[test]
fn what_has_no_name_is_not_found_by_it() {
    let board = Stub::virtual_time().chip("pca9555", ["-", "", "A"]);
    for text in ["-", "", "gpiochip0:-"] {
        assert_eq!(error(&board, text).kind(), ErrorKind::NotFound, "{text:?}");
    }
    let lines = Chip::open_on(&board, "pca9555").unwrap().lines().unwrap();
    let names: Vec<_> = lines.iter().map(LineInfo::name).collect();
    assert_eq!(names, [None, None, Some("A")]);
}

#[test]
fn a_chip_may_be_meant_by_its_path() {
    let board = Stub::virtual_time().lines(["A"]);
    assert_eq!(place(&board, "/dev/gpiochip0:0"), "gpiochip0:0");
}

#[test]
fn a_name_with_a_colon_is_meant_by_its_type() {
    let board = Stub::virtual_time().lines(["usb:power"]);
    assert!(matches!(error(&board, "usb:power"), Error::NoChip { .. }));
    assert_eq!(LineSpec::name("usb:power").find_on(&board).unwrap().1, 0);
}

#[test]
fn where_there_is_no_chip_it_is_said() {
    let text = error(&Stub::virtual_time(), "GPIO17").to_string();
    assert!(text.contains("/dev/gpiochip*"), "{text}");
}
