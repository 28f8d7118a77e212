use std::io;
use std::time::Duration;

use circuits_uart::{Config, FlowControl, ModemLines, Parity, Rs485, StopBits};

use super::{EINVAL, ENOTTY, errno};

/// What the hardware of a serial port can do, and its driver in Linux: what cannot be done there is not
/// granted here.
///
/// ```
/// use circuits_stub::{Stub, uart::Controller};
/// use circuits_uart::{Config, ErrorKind, Parity, Port};
///
/// let board = Stub::virtual_time().serial_controller("ttyS0", Controller::mini_uart());
/// let error = Port::open_on(&board, "ttyS0", &Config::new().parity(Parity::Even)).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unsupported, "it knows no parity");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Controller {
    rates: Rates,
    /// The least and the most.
    data_bits: (u8, u8),
    parity: bool,
    two_stop_bits: bool,
    /// It tells parity errors, framing errors and breaks from data.
    pub(super) hears_errors: bool,
    rs485: Option<Driver>,
    /// Those that have a wire.
    pub(super) lines: ModemLines,
    /// How long it keeps what came, and how long when latency is to be low: an adapter on a USB.
    latency: Option<(Duration, Duration)>,
}

/// What baud rates there are.
#[derive(Clone, Copy, Debug)]
enum Rates {
    Any,
    /// A 16th of a clock, divided by 64ths.
    Pl011 {
        clock: u32,
    },
    /// An 8th of a clock, divided by a whole number.
    Aux {
        clock: u32,
    },
    /// 3 MHz, divided by 8ths.
    Ftdi,
}

/// How far a driver knows RS-485.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    Whole,
    /// There is no line that terminates the bus.
    WithoutTermination,
}

impl Controller {
    /// Makes one that can do all that there is, at any baud rate.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Controller {
        Controller {
            rates: Rates::Any,
            data_bits: (5, 8),
            parity: true,
            two_stop_bits: true,
            hears_errors: true,
            rs485: Some(Driver::Whole),
            lines: lines(["rts", "cts", "dtr", "dsr", "ri", "cd"]),
            latency: None,
        }
    }

    /// Makes one as `ttyAMA0` of a Raspberry Pi is (drivers/tty/serial/amba-pl011.c): up to 3 Mbaud,
    /// which a clock of 48 MHz gives; on the header are RTS and CTS, and no other modem lines.
    pub fn pl011() -> Controller {
        Controller {
            rates: Rates::Pl011 { clock: 48_000_000 },
            rs485: Some(Driver::WithoutTermination),
            lines: lines(["rts", "cts"]),
            ..Controller::new()
        }
    }

    /// Makes one as `ttyS0` of a Raspberry Pi is, its mini UART (BCM2835 ARM Peripherals, 2.2;
    /// drivers/tty/serial/8250/8250_bcm2835aux.c): 7 or 8 bits, no parity, one stop bit; baud rates of a
    /// clock of 250 MHz; framing errors and breaks look like data; RTS and CTS, and no other modem lines.
    pub fn mini_uart() -> Controller {
        Controller {
            rates: Rates::Aux { clock: 250_000_000 },
            data_bits: (7, 8),
            parity: false,
            two_stop_bits: false,
            hears_errors: false,
            ..Controller::pl011()
        }
    }

    /// Makes one as a USB adapter with an FT232R is (drivers/usb/serial/ftdi_sio.c): 7 or 8 bits, up to
    /// 3 Mbaud, all modem lines, no RS-485. What comes is handed on in lumps, when there are 62 bytes or
    /// after 16 ms; after 1 ms with [low latency](Config::low_latency).
    pub fn usb() -> Controller {
        let ms = Duration::from_millis;
        Controller {
            rates: Rates::Ftdi,
            data_bits: (7, 8),
            rs485: None,
            latency: Some((ms(16), ms(1))),
            ..Controller::new()
        }
    }

    /// How a port is that nobody has set up yet: as a tty of the kernel's.
    pub(super) fn fresh(&self) -> Config {
        let fresh = Config::new().baud(9600).low_latency(false);
        let fresh = match self.rs485 {
            Some(_) => fresh.rs485(Rs485::off()),
            None => fresh,
        };
        // It can do that.
        self.grant(&fresh, &fresh).unwrap_or(fresh)
    }

    /// What becomes of a configuration, where there was another one before.
    pub(super) fn grant(&self, asked: &Config, before: &Config) -> io::Result<Config> {
        if !(5..=8).contains(&asked.character_bits()) {
            return Err(errno(EINVAL));
        }
        let rs485 = match (asked.direction_control(), self.rs485) {
            (None, _) => before.direction_control().cloned(),
            (Some(rs485), Some(driver)) => Some(driver.grant(rs485)),
            (Some(_), None) => return Err(errno(ENOTTY)),
        };
        let (least, most) = self.data_bits;
        let parity = match self.parity {
            true => asked.parity_bit(),
            false => Parity::None,
        };
        let stop_bits = match self.two_stop_bits {
            true => asked.stop(),
            false => StopBits::One,
        };
        let has_flow_control = self.lines.rts && self.lines.cts;
        let flow_control = match asked.flow() {
            FlowControl::Hardware if !has_flow_control => FlowControl::None,
            flow_control => flow_control,
        };
        let latency = asked.has_low_latency().or(before.has_low_latency());
        let granted = Config::new()
            .baud(self.baud(asked.baud_rate(), before.baud_rate()))
            .data_bits(asked.character_bits().clamp(least, most))
            .parity(parity)
            .stop_bits(stop_bits)
            .flow_control(flow_control)
            .report_errors(asked.reports_errors())
            .hang_up(asked.hangs_up())
            .low_latency(latency.unwrap_or(false));
        Ok(match rs485 {
            Some(rs485) => granted.rs485(rs485),
            None => granted,
        })
    }

    /// The rate that is nearest; that of before where there is none (`uart_get_baud_rate`,
    /// drivers/tty/serial/serial_core.c).
    fn baud(&self, asked: u32, before: u32) -> u32 {
        let rate = self.rates.nearest(asked);
        rate.or_else(|| self.rates.nearest(before)).unwrap_or(9600)
    }

    /// How long what came is kept, if it is.
    pub(super) fn latency(&self, config: &Config) -> Option<Duration> {
        let (high, low) = self.latency?;
        Some(match config.has_low_latency() {
            Some(true) => low,
            _ => high,
        })
    }
}

impl Rates {
    fn nearest(self, baud: u32) -> Option<u32> {
        // How often a period of `clock` fits into a bit, and what rate that is.
        let divided = |clock: u32| {
            let divisor = (u64::from(clock) + u64::from(baud / 2)) / u64::from(baud);
            let rate = (u64::from(clock) + divisor / 2) / divisor.max(1);
            (divisor, rate as u32)
        };
        if baud == 0 {
            return None;
        }
        match self {
            Rates::Any => Some(baud),
            Rates::Pl011 { clock } => {
                let (divisor, rate) = divided(4 * clock);
                (64..64 << 16).contains(&divisor).then_some(rate)
            }
            Rates::Aux { clock } => {
                let (divisor, rate) = divided(clock / 8);
                (1..=1 << 16).contains(&divisor).then_some(rate)
            }
            Rates::Ftdi => match divided(24_000_000) {
                // Between 1 and 2 it knows one and a half.
                (8..10, _) => Some(3_000_000),
                (10..14, _) => Some(2_000_000),
                (14..17, _) => Some(1_500_000),
                (divisor, rate) => (17..8 << 14).contains(&divisor).then_some(rate),
            },
        }
    }
}

impl Driver {
    /// `uart_sanitize_serial_rs485`, drivers/tty/serial/serial_core.c.
    fn grant(self, asked: &Rs485) -> Rs485 {
        let terminate = asked.is_terminated() && self == Driver::Whole;
        asked
            .clone()
            .terminate(terminate)
            .delay_before_ms(asked.before_ms().min(100))
            .delay_after_ms(asked.after_ms().min(100))
    }
}

fn lines<const N: usize>(names: [&str; N]) -> ModemLines {
    let mut lines = ModemLines::default();
    lines.rts = names.contains(&"rts");
    lines.cts = names.contains(&"cts");
    lines.dtr = names.contains(&"dtr");
    lines.dsr = names.contains(&"dsr");
    lines.ri = names.contains(&"ri");
    lines.cd = names.contains(&"cd");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(controller: &Controller, asked: &Config) -> Config {
        controller.grant(asked, &controller.fresh()).unwrap()
    }

    #[test]
    fn rates_are_what_the_divisors_give() {
        let rate = |controller: Controller, baud| {
            let config = Config::new().baud(baud);
            granted(&controller, &config).baud_rate()
        };
        assert_eq!(rate(Controller::new(), 123_457), 123_457);
        // 192 MHz / 1667
        assert_eq!(rate(Controller::pl011(), 115_200), 115_177);
        assert_eq!(rate(Controller::pl011(), 3_000_000), 3_000_000);
        assert_eq!(rate(Controller::pl011(), 4_000_000), 9600, "as before");
        // 31.25 MHz / 271
        assert_eq!(rate(Controller::mini_uart(), 115_200), 115_314);
        assert_eq!(rate(Controller::usb(), 3_000_000), 3_000_000);
        assert_eq!(rate(Controller::usb(), 2_500_000), 2_000_000);
        assert_eq!(rate(Controller::usb(), 921_600), 923_077);
        assert_eq!(rate(Controller::usb(), 100), 9600, "as before");
    }

    #[test]
    fn what_it_cannot_do_is_left_out() {
        let asked = Config::new()
            .data_bits(5)
            .parity(Parity::Mark)
            .stop_bits(StopBits::Two);
        let all = granted(&Controller::new(), &asked);
        assert_eq!(all.to_string(), "115200 5M2");
        let mini = granted(&Controller::mini_uart(), &asked);
        assert_eq!(mini.to_string(), "115314 7N1");
        let usb = granted(&Controller::usb(), &asked);
        assert_eq!(usb.character_bits(), 7);
    }

    #[test]
    fn rs485_is_the_drivers_affair() {
        let rs485 = Rs485::new().terminate(true).delay_after_ms(1000);
        let asked = Config::new().rs485(rs485);
        let of = |controller: Controller| granted(&controller, &asked).direction_control().cloned();
        let wanted = Rs485::new().delay_after_ms(100);
        assert_eq!(of(Controller::new()), Some(wanted.clone().terminate(true)));
        assert_eq!(of(Controller::pl011()), Some(wanted));
        let usb = Controller::usb();
        let error = usb.grant(&asked, &usb.fresh()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(ENOTTY));
    }
}
