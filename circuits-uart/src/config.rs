use std::time::Duration;

/// How a port is to be set up. After that it is read back: what was not granted is an error.
///
/// ```
/// use circuits_uart::{Config, Parity};
///
/// let meter = Config::new().baud(9600).data_bits(7).parity(Parity::Even);
/// assert_eq!(meter.to_string(), "9600 7E1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Config {
    baud: u32,
    data_bits: u8,
    parity: Parity,
    stop_bits: StopBits,
    flow_control: FlowControl,
    report_errors: bool,
    exclusive: bool,
    hang_up: bool,
    dtr: Option<bool>,
    rts: Option<bool>,
    low_latency: Option<bool>,
    rs485: Option<Rs485>,
    #[cfg_attr(feature = "serde", serde(rename = "timeout_us", with = "micros"))]
    timeout: Option<Duration>,
}

/// 115200 baud, 8 data bits, no parity, one stop bit, no flow control; exclusive; calls wait for ever.
impl Default for Config {
    fn default() -> Config {
        Config {
            baud: 115_200,
            data_bits: 8,
            parity: Parity::None,
            stop_bits: StopBits::One,
            flow_control: FlowControl::None,
            report_errors: false,
            exclusive: true,
            hang_up: true,
            dtr: None,
            rts: None,
            low_latency: None,
            rs485: None,
            timeout: None,
        }
    }
}

impl Config {
    /// Makes the default configuration: 115200 baud, 8 data bits, no parity, one stop bit, no flow
    /// control; exclusive; calls wait for ever.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets how many bits a second go over the wire: any number, of which the hardware takes the
    /// nearest that it can do. Default: 115200.
    pub fn baud(mut self, baud: u32) -> Config {
        self.baud = baud;
        self
    }

    /// Sets how many bits of data a character has, from 5 to 8. Default: 8.
    pub fn data_bits(mut self, bits: u8) -> Config {
        self.data_bits = bits;
        self
    }

    /// Sets what follows the data of a character. Default: nothing.
    pub fn parity(mut self, parity: Parity) -> Config {
        self.parity = parity;
        self
    }

    /// Sets how long a character ends. Default: for the time of one bit.
    pub fn stop_bits(mut self, stop_bits: StopBits) -> Config {
        self.stop_bits = stop_bits;
        self
    }

    /// Sets by what the receiver stops who sends. Default: nothing.
    pub fn flow_control(mut self, flow_control: FlowControl) -> Config {
        self.flow_control = flow_control;
        self
    }

    /// Sets whether parity errors, framing errors and breaks are errors of the reading calls, in the place
    /// where they came. Default: they are counted only, and a damaged byte is read as it came, or as 0,
    /// as the driver has it.
    pub fn report_errors(mut self, report: bool) -> Config {
        self.report_errors = report;
        self
    }

    /// Sets whether nobody else may open the port (`TIOCEXCL` and `flock`). Default: nobody may.
    pub fn exclusive(mut self, exclusive: bool) -> Config {
        self.exclusive = exclusive;
        self
    }

    /// Sets whether DTR and RTS become inactive when the port is closed (`HUPCL`). Default: they do, as
    /// the kernel has it. Boards that reset by DTR are left alone by `false`.
    pub fn hang_up(mut self, hang_up: bool) -> Config {
        self.hang_up = hang_up;
        self
    }

    /// Sets DTR when the port is opened. Default: as the driver has it, which is active, most often. By then
    /// it may have been active for a moment.
    pub fn dtr(mut self, active: bool) -> Config {
        self.dtr = Some(active);
        self
    }

    /// Sets RTS when the port is opened. Default: as the driver has it, which is active, most often. By then
    /// it may have been active for a moment. Hardware flow control and RS-485 set it by themselves.
    pub fn rts(mut self, active: bool) -> Config {
        self.rts = Some(active);
        self
    }

    /// Sets whether what came is handed on at once, instead of a few characters later
    /// (`ASYNC_LOW_LATENCY`; an FTDI adapter waits 16 ms otherwise). Default: as the driver has it.
    pub fn low_latency(mut self, low_latency: bool) -> Config {
        self.low_latency = Some(low_latency);
        self
    }

    /// Sets that the driver switches the direction of a line of RS-485, and how; or that it does not
    /// ([`Rs485::off`]). Default: as the driver has it, by the device tree.
    pub fn rs485(mut self, rs485: Rs485) -> Config {
        self.rs485 = Some(rs485);
        self
    }

    /// Sets for how long a call of a trait waits at most: a read until there is anything, a write until
    /// there is room, a flush until all is sent. Then it fails as
    /// [`TimedOut`](crate::ErrorKind::TimedOut). Default: for ever. It is for blocking calls: futures are
    /// dropped instead ([`Delay::timeout`](circuits_wait::Delay::timeout)).
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Config {
        self.timeout = timeout.into();
        self
    }

    /// Returns how many bits a second go over the wire.
    pub fn baud_rate(&self) -> u32 {
        self.baud
    }

    /// Returns how many bits of data a character has.
    pub fn character_bits(&self) -> u8 {
        self.data_bits
    }

    /// Returns what follows the data of a character.
    pub fn parity_bit(&self) -> Parity {
        self.parity
    }

    /// Returns how long a character ends.
    pub fn stop(&self) -> StopBits {
        self.stop_bits
    }

    /// Returns by what the receiver stops who sends.
    pub fn flow(&self) -> FlowControl {
        self.flow_control
    }

    /// Tells whether parity errors, framing errors and breaks are errors of the reading calls.
    pub fn reports_errors(&self) -> bool {
        self.report_errors
    }

    /// Tells whether nobody else may open the port.
    pub fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// Tells whether DTR and RTS become inactive when the port is closed.
    pub fn hangs_up(&self) -> bool {
        self.hang_up
    }

    /// Returns what DTR is set to when the port is opened, if it is.
    pub fn initial_dtr(&self) -> Option<bool> {
        self.dtr
    }

    /// Returns what RTS is set to when the port is opened, if it is.
    pub fn initial_rts(&self) -> Option<bool> {
        self.rts
    }

    /// Tells whether what came is handed on at once, if that was set.
    pub fn has_low_latency(&self) -> Option<bool> {
        self.low_latency
    }

    /// Returns how the driver switches the direction of a line of RS-485, if that was set.
    pub fn direction_control(&self) -> Option<&Rs485> {
        self.rs485.as_ref()
    }

    /// Returns for how long a call of a trait waits at most.
    pub fn longest_wait(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns how long a character takes on the wire: start bit, data, parity and stop bits.
    pub fn character_time(&self) -> Duration {
        let parity = u64::from(self.parity != Parity::None);
        let halves = 2 * (1 + u64::from(self.data_bits) + parity) + self.stop_halves();
        let nanos = halves * 500_000_000 / u64::from(self.baud.max(1));
        Duration::from_nanos(nanos)
    }

    pub(crate) fn without_rs485(&self) -> Config {
        Config {
            rs485: None,
            ..self.clone()
        }
    }

    pub(crate) fn without_low_latency(&self) -> Config {
        Config {
            low_latency: None,
            ..self.clone()
        }
    }

    /// How many halves of a bit a character ends with: a 16450 takes two stop bits after five bits of
    /// data for one and a half.
    fn stop_halves(&self) -> u64 {
        match self.stop_bits {
            StopBits::One => 2,
            StopBits::Two if self.data_bits == 5 => 3,
            StopBits::Two => 4,
        }
    }
}

/// `115200 8N1`.
impl std::fmt::Display for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
            Parity::Mark => 'M',
            Parity::Space => 'S',
        };
        let stop = match self.stop_bits {
            StopBits::One => 1,
            StopBits::Two => 2,
        };
        write!(f, "{} {}{parity}{stop}", self.baud, self.data_bits)
    }
}

/// What follows the data of a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Parity {
    /// Nothing.
    #[default]
    None,
    /// A bit that makes the number of ones even.
    Even,
    /// A bit that makes the number of ones odd.
    Odd,
    /// A one.
    Mark,
    /// A zero.
    Space,
}

/// For how long the line rests after a character, at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum StopBits {
    /// For the time of a bit.
    #[default]
    One,
    /// For the time of two bits; after five bits of data for one and a half, with most hardware.
    Two,
}

/// By what the receiver stops who sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum FlowControl {
    /// By nothing: what comes too fast is lost.
    #[default]
    None,
    /// By RTS and CTS.
    Hardware,
    /// By the bytes XOFF (0x13) and XON (0x11), which are no data then.
    Software,
}

/// How the driver switches the direction of a line of RS-485 (`struct serial_rs485`,
/// <https://docs.kernel.org/driver-api/serial/serial-rs485.html>).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Rs485 {
    pub(crate) on: bool,
    pub(crate) rts_on_send: bool,
    pub(crate) receive_while_sending: bool,
    pub(crate) terminate: bool,
    pub(crate) delay_before_ms: u32,
    pub(crate) delay_after_ms: u32,
}

/// RTS is active while data is sent, without delays.
impl Default for Rs485 {
    fn default() -> Rs485 {
        Rs485 {
            on: true,
            rts_on_send: true,
            receive_while_sending: false,
            terminate: false,
            delay_before_ms: 0,
            delay_after_ms: 0,
        }
    }
}

impl Rs485 {
    /// Makes the default: RTS is active while data is sent, without delays.
    pub fn new() -> Rs485 {
        Rs485::default()
    }

    /// Makes the setting that has the driver leave RTS alone.
    pub fn off() -> Rs485 {
        Rs485 {
            on: false,
            ..Rs485::default()
        }
    }

    /// Sets whether RTS is active while data is sent, and inactive otherwise. Default: so, and not the
    /// other way round.
    pub fn rts_on_send(mut self, active: bool) -> Rs485 {
        self.rts_on_send = active;
        self
    }

    /// Sets whether what is sent is received as well. Default: it is not.
    pub fn receive_while_sending(mut self, receive: bool) -> Rs485 {
        self.receive_while_sending = receive;
        self
    }

    /// Sets whether the line is terminated here. Default: it is not.
    pub fn terminate(mut self, terminate: bool) -> Rs485 {
        self.terminate = terminate;
        self
    }

    /// Sets how many milliseconds RTS leads the data (the kernel takes up to 100). Default: 0.
    pub fn delay_before_ms(mut self, ms: u32) -> Rs485 {
        self.delay_before_ms = ms;
        self
    }

    /// Sets how many milliseconds RTS follows the data (the kernel takes up to 100). Default: 0.
    pub fn delay_after_ms(mut self, ms: u32) -> Rs485 {
        self.delay_after_ms = ms;
        self
    }

    /// Tells whether the driver switches the direction at all.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Tells whether RTS is active while data is sent.
    pub fn is_rts_on_send(&self) -> bool {
        self.rts_on_send
    }

    /// Tells whether what is sent is received as well.
    pub fn receives_while_sending(&self) -> bool {
        self.receive_while_sending
    }

    /// Tells whether the line is terminated here.
    pub fn is_terminated(&self) -> bool {
        self.terminate
    }

    /// Returns how many milliseconds RTS leads the data.
    pub fn before_ms(&self) -> u32 {
        self.delay_before_ms
    }

    /// Returns how many milliseconds RTS follows the data.
    pub fn after_ms(&self) -> u32 {
        self.delay_after_ms
    }
}

/// A duration in files: microseconds, or nothing.
#[cfg(feature = "serde")]
mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let micros = time.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        micros.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_takes_all_its_bits() {
        let config = Config::new().baud(1000);
        let millis = |config: &Config| config.character_time().as_micros();
        assert_eq!(millis(&config), 10_000);
        assert_eq!(millis(&config.clone().parity(Parity::Even)), 11_000);
        assert_eq!(millis(&config.clone().stop_bits(StopBits::Two)), 11_000);
        let five = config.data_bits(5).stop_bits(StopBits::Two);
        assert_eq!(millis(&five), 7_500);
    }

    #[test]
    fn reads_as_people_write_it() {
        let config = Config::new().baud(9600).data_bits(7).parity(Parity::Even);
        assert_eq!(config.to_string(), "9600 7E1");
    }
}
