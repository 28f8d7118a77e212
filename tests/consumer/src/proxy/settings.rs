//! How things are to be set up, as a person reads it.

use circuits::can::{self, ErrorMask, Filter, InterfaceConfig};
use circuits::gpio::{Config, Direction, Drive, EdgeDetection};
use circuits::spi;
use circuits::uart::{self, FlowControl};

use super::show::list;

/// How a line is to be; what is as always goes without saying.
pub(super) fn settings(config: &Config) -> String {
    let mut words = Vec::new();
    match config.direction() {
        Direction::Input => words.push("input".into()),
        Direction::Output if config.initial_level() => words.push("output, high".into()),
        Direction::Output => words.push("output, low".into()),
    }
    if config.is_active_low() {
        words.push("active-low".into());
    }
    if let Some(bias) = config.line_bias() {
        words.push(format!("bias {bias:?}"));
    }
    if config.line_drive() != Drive::default() {
        words.push(format!("drive {:?}", config.line_drive()));
    }
    if config.detected_edges() != EdgeDetection::default() {
        words.push(format!("edges {:?}", config.detected_edges()));
    }
    if !config.debounce_period().is_zero() {
        words.push(format!("debounce {:?}", config.debounce_period()));
    }
    words.join(", ")
}

/// How an SPI device is to be; what is as always goes without saying.
pub(super) fn spi_settings(config: &spi::Config) -> String {
    let usual = spi::Config::new();
    let mut words = vec![
        format!("{:?}", config.clock_mode()),
        format!("{} Hz", config.max_speed_hz()),
    ];
    if config.word_bits() != usual.word_bits() {
        words.push(format!("words of {} bits", config.word_bits()));
    }
    if config.order() != usual.order() {
        words.push(format!("order {:?}", config.order()));
    }
    if config.selects() != usual.selects() {
        words.push(format!("chip select {:?}", config.selects()));
    }
    if config.is_three_wire() {
        words.push("three wires".into());
    }
    if config.is_loopback() {
        words.push("loopback".into());
    }
    if config.splits() {
        words.push("split".into());
    }
    words.join(", ")
}

/// How a serial port is to be; what is as always goes without saying.
pub(super) fn serial_settings(config: &uart::Config) -> String {
    let mut words = vec![config.to_string()];
    match config.flow() {
        FlowControl::None => {}
        FlowControl::Hardware => words.push("RTS and CTS".into()),
        FlowControl::Software => words.push("XON and XOFF".into()),
    }
    if config.reports_errors() {
        words.push("errors reported".into());
    }
    if !config.hangs_up() {
        words.push("no hanging up".into());
    }
    if let Some(low) = config.has_low_latency() {
        words.push(format!("latency {}", if low { "low" } else { "high" }));
    }
    if let Some(rs485) = config.direction_control() {
        words.push(format!("{rs485:?}"));
    }
    words.join(", ")
}

/// How a CAN socket is to be; what is as always goes without saying.
pub(super) fn can_settings(config: &can::Config) -> String {
    let usual = can::Config::new();
    let mut words = match config.frame_filters() {
        [] => vec!["no frames".into()],
        filters if filters == usual.frame_filters() => vec!["all frames".into()],
        filters => vec![list(filters, Filter::to_string, " ")],
    };
    if config.joins_filters() {
        words.push("joined".into());
    }
    if config.error_mask() != ErrorMask::NONE {
        words.push(format!("errors {}", config.error_mask()));
    }
    if !config.loops_back() {
        words.push("no loopback".into());
    }
    if config.receives_own() {
        words.push("own messages".into());
    }
    if !config.has_fd() {
        words.push("no CAN FD".into());
    }
    if let Some(bytes) = config.receive_buffer_size() {
        words.push(format!("a buffer of {bytes} bytes"));
    }
    words.join(", ")
}

/// What of a CAN interface is to be set.
pub(super) fn interface_settings(config: &InterfaceConfig) -> String {
    let mut words = Vec::new();
    if let Some(bitrate) = config.bits_per_second() {
        words.push(format!("{bitrate} bit/s"));
    }
    if let Some(point) = config.bit_sample_point() {
        words.push(format!("sampled at {point}/1000"));
    }
    if let Some(bitrate) = config.data_bits_per_second() {
        words.push(format!("data {bitrate} bit/s"));
    }
    if let Some(point) = config.data_bit_sample_point() {
        words.push(format!("data sampled at {point}/1000"));
    }
    if let Some(time) = config.restart_time() {
        words.push(format!("restart after {time:?}"));
    }
    for (mode, on) in config.modes() {
        words.push(format!("{mode:?} {}", if *on { "on" } else { "off" }));
    }
    words.join(", ")
}
