use std::io::Write;
use std::sync::Arc;

use super::{Bench, alone, config, open, open_with, pause, read};
use crate::{Config, Error, ErrorKind, FlowControl, Parity, Port, Rs485, StopBits};

/// Bytes go both ways, as far as they have so many bits.
fn assert_connected(bench: &dyn Bench, port: &Port, bits: u8) {
    let bytes = [0x15, 0x0a, 0x00, 0x1f].map(|byte: u8| byte & (0xff >> (8 - bits)));
    let mut writer = port;
    writer.write_all(&bytes).unwrap();
    assert_eq!(bench.receive(4), bytes, "{}", port.config());
    bench.send(&bytes);
    assert_eq!(read(port, 4), bytes, "{}", port.config());
}

pub(super) fn settings_are_granted_or_named(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        let all = [
            config().baud(9600),
            config().data_bits(7).parity(Parity::Even),
            config().data_bits(7).parity(Parity::Mark),
            config().data_bits(6),
            config().data_bits(5).stop_bits(StopBits::Two),
            config().stop_bits(StopBits::Two),
            config().parity(Parity::Odd),
            config().flow_control(FlowControl::Software),
            config().hang_up(false),
            config().report_errors(true),
            config(),
        ];
        for asked in all {
            let before = port.config();
            match port.configure(&asked) {
                Ok(()) => assert_eq!(port.config(), asked),
                Err(Error::Unsupported { what, .. }) => {
                    assert!(
                        what.starts_with("this ") || what.starts_with("the "),
                        "{what}"
                    );
                    assert_eq!(port.config(), before);
                }
                Err(error) => panic!("{asked}: {error:?}"),
            }
            bench.set_other(&port.config());
            let bits = port.config().character_bits();
            assert_connected(&*bench, &port, bits);
        }
    });
}

pub(super) fn any_baud_rate_is_granted_or_told(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        for baud in [300, 9600, 12_345, 31_250, 250_000, 921_600, 12_000_000] {
            match port.configure(&config().baud(baud)) {
                Ok(()) => {
                    let granted = port.config().baud_rate();
                    assert!(granted.abs_diff(baud) <= baud / 50, "{granted} for {baud}");
                    bench.set_other(&port.config());
                    assert_connected(&*bench, &port, 8);
                }
                Err(Error::Baud { asked, granted, .. }) => {
                    assert_eq!(asked, baud);
                    assert!(granted.abs_diff(baud) > baud / 50, "{granted} for {baud}");
                }
                Err(error) => panic!("{baud}: {error:?}"),
            }
        }
    });
}

pub(super) fn parity_of_all_kinds_goes_over_the_wire(bench: Arc<dyn Bench>) {
    let runner = bench.clone();
    alone(&runner, move || {
        for parity in [Parity::Even, Parity::Odd, Parity::Mark, Parity::Space] {
            let asked = config().data_bits(7).parity(parity);
            let port = open_with(&*bench, &asked);
            assert_eq!(port.config(), asked);
            assert_connected(&*bench, &port, 7);
        }
    });
}

pub(super) fn what_makes_no_sense_is_invalid(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let senseless = [
        config().baud(0),
        config().data_bits(4),
        config().data_bits(9),
    ];
    for config in senseless {
        let error = port.configure(&config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let error = Port::open_on(bench.backend(), bench.port(), &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

pub(super) fn what_waits_survives_new_settings(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        bench.send(b"waiting");
        pause(&*bench);
        port.configure(&config().baud(57_600)).unwrap();
        assert_eq!(read(&port, 7), b"waiting");
    });
}

pub(super) fn refused_settings_leave_the_old_ones(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        let impossible = config().baud(4_000_000_000);
        match port.configure(&impossible) {
            Err(Error::Baud { .. } | Error::Unsupported { .. }) => {}
            // A pseudo-terminal takes any.
            Ok(()) => port.configure(&config()).unwrap(),
            Err(error) => panic!("{error:?}"),
        }
        assert_eq!(port.config(), config());
        assert_connected(&*bench, &port, 8);
    });
}

pub(super) fn rs485_and_latency_are_granted_or_named(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        let asked: [(Config, &str); 3] = [
            (config().rs485(Rs485::new().delay_after_ms(1)), "RS-485"),
            (config().low_latency(true), "low latency"),
            (config().low_latency(false), "low latency"),
        ];
        for (asked, name) in asked {
            match port.configure(&asked) {
                Ok(()) => assert_eq!(port.config(), asked),
                Err(Error::Unsupported { what, .. }) => assert!(what.contains(name), "{what}"),
                Err(error) => panic!("{error:?}"),
            }
        }
        let _ = port.configure(&config().rs485(Rs485::off()));
        port.configure(&config()).unwrap();
        assert_connected(&*bench, &port, 8);
    });
}
