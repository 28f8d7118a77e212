//! Values as they are written to files, and read from them.

use std::time::Duration;

use circuits_gpio::{Bias, Config, EdgeDetection, Input, LineInfo, LineSpec, Release};
use circuits_stub::Stub;
use serde_json::{from_str, json, to_value};

#[test]
fn a_line_is_its_text_where_that_means_it() {
    for (line, written) in [
        ("GPIO17".into(), json!("GPIO17")),
        (LineSpec::header(11), json!("header:11")),
        (LineSpec::offset("gpiochip0", 17), json!("gpiochip0:17")),
        (LineSpec::name("usb:power"), json!({ "name": "usb:power" })),
        (
            LineSpec::on("soc", "17"),
            json!({ "chip": "soc", "name": "17" }),
        ),
        (
            LineSpec::on("a", "b:3"),
            json!({ "chip": "a", "name": "b:3" }),
        ),
    ] {
        assert_eq!(to_value(&line).unwrap(), written);
        assert_eq!(from_str::<LineSpec>(&written.to_string()).unwrap(), line);
    }
    from_str::<LineSpec>(r#"{ "chip": "soc" }"#).unwrap_err();
}

#[test]
fn a_configuration_says_what_is_not_usual() {
    let written = r#"{
        "bias": "pull_up", "active_low": true, "edge_detection": "both", "debounce_us": 5000
    }"#;
    let config = Config::new()
        .bias(Bias::PullUp)
        .active_low(true)
        .edge_detection(EdgeDetection::Both)
        .debounce(Duration::from_millis(5));
    assert_eq!(from_str::<Config>(written).unwrap(), config);
    let all = config
        .on_release(Release::Keep)
        .event_buffer(64)
        .consumer("stop");
    let again = from_str::<Config>(&to_value(&all).unwrap().to_string());
    assert_eq!(again.unwrap(), all);
    let error = from_str::<Config>(r#"{ "debounce": 5 }"#).unwrap_err();
    assert!(error.to_string().contains("debounce_us"), "{error}");
}

#[test]
fn what_was_seen_can_be_kept() {
    let board = Stub::virtual_time().lines(["A"]);
    let config = Config::new()
        .edge_detection(EdgeDetection::Both)
        .consumer("a");
    let mut input = Input::open_on(&board, "A", &config).unwrap();
    board.drive("A", true).unwrap();
    let event = input.wait_edge(None).unwrap().unwrap();
    let written = to_value(event).unwrap();
    assert_eq!(
        (&written["edge"], &written["time"]),
        (&json!("rising"), &json!(0))
    );
    assert_eq!(
        from_str::<circuits_gpio::Event>(&written.to_string()).unwrap(),
        event
    );
    let info = LineInfo::of_on(&board, "A").unwrap();
    let written = to_value(&info).unwrap();
    assert_eq!(written["consumer"], json!("a"));
    assert_eq!(from_str::<LineInfo>(&written.to_string()).unwrap(), info);
}
