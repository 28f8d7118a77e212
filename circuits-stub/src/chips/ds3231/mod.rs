mod calendar;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Time;

use self::calendar::Calendar;
use crate::i2c::{Acknowledge, Device, Transfer};
use crate::{Error, Pin, Result};

/// Maxim's DS3231 real-time clock (datasheet 19-5170, rev. 10), at address 0x68.
///
/// Its seconds are the board's, whatever the aging offset, from the moment on at which they are
/// written. It comes as it does without a battery: at midnight of the first of January 2000, with the
/// oscillator-stop flag set ([`set_datetime`](Ds3231::set_datetime) is the battery). Registers are read
/// as they were at the start. Both alarms are there, and pull the pin INT/SQW low, if it is
/// [connected](Ds3231::interrupt_pin). The temperature is measured every 64 s, when a program looks,
/// and when it is told to (CONV), which takes 125 ms.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Ds3231};
/// use embedded_hal::i2c::I2c;
/// use std::time::Duration;
///
/// let chip = Ds3231::new();
/// let stub = Stub::virtual_time().i2c_device("i2c-1", 0x68, chip.clone())?;
/// chip.set_datetime(stub.clock().now(), [2027, 12, 31, 23, 59, 50])?;
/// stub.delay().sleep(Duration::from_secs(15))?;
///
/// let mut bus = Bus::open_on(&stub, "i2c-1", &Config::new())?;
/// let mut registers = [0; 7];
/// bus.write_read(0x68, &[0], &mut registers)?;
/// assert_eq!(registers, [0x05, 0x00, 0x00, 7, 0x01, 0x01, 0x28]);
/// assert_eq!(chip.datetime(stub.clock().now()), [2028, 1, 1, 0, 0, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It has a battery: when it loses its [power](crate::Stub::power_i2c) it keeps all that it has, and goes on. The square
/// wave, the 32 kHz output, RST and what the pin does on the battery are not there: their bits are kept. BSY is set by CONV
/// alone.
///
/// Clones are the same chip.
#[derive(Clone)]
pub struct Ds3231(Arc<Mutex<Chip>>);

struct Chip {
    /// As it was at the time at which its second began.
    calendar: Calendar,
    second_began: Time,
    alarms: [u8; 7],
    control: u8,
    status: u8,
    aging: u8,
    celsius: f32,
    /// What the last conversion came to, in quarters of a degree, and in which 64 s it was.
    quarters: i16,
    measured: Option<u64>,
    /// Of a conversion that a program has asked for.
    conversion: Option<Time>,
    interrupt: Option<Pin>,
    /// Since when the pin is to be low, and since when the board knows it to be or become so.
    is_low_from: Option<Time>,
    told: Option<Time>,
    pointer: u8,
    is_pointed: bool,
    latched: [u8; REGISTERS],
    written: Vec<(u8, u8)>,
}

const REGISTERS: usize = 0x13;
const CONTROL: u8 = 0x0e;
const STATUS: u8 = 0x0f;

/// Of the control register.
const CONVERT: u8 = 1 << 5;
const INTERRUPT: u8 = 1 << 2;
/// Of the status register: those of the alarms have the places of their enabling bits.
const STOPPED: u8 = 1 << 7;
const OUTPUT_32_KHZ: u8 = 1 << 3;
const BUSY: u8 = 1 << 2;
const ALARMS: u8 = 0b11;

/// Typical; 200 ms at most (t_CONV).
const CONVERSION: Duration = Duration::from_millis(125);
/// BSY comes late (section "Control Register (0Eh)").
const BUSY_LATE: Duration = Duration::from_millis(2);
const MEASURES_EVERY: u64 = 64_000_000_000;

impl Ds3231 {
    /// Makes a chip at 25 °C that was never set.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Ds3231 {
        Ds3231(Arc::new(Mutex::new(Chip {
            calendar: Calendar::after_reset(),
            second_began: Time::ZERO,
            alarms: [0; 7],
            control: 0x1c,
            status: STOPPED | OUTPUT_32_KHZ,
            aging: 0,
            celsius: 25.0,
            quarters: 0,
            measured: None,
            conversion: None,
            interrupt: None,
            is_low_from: None,
            told: None,
            pointer: 0,
            is_pointed: false,
            latched: [0; REGISTERS],
            written: Vec::new(),
        })))
    }

    /// Connects the pin INT/SQW. It is an open drain: the line wants a pull-up.
    pub fn interrupt_pin(self, pin: Pin) -> Ds3231 {
        self.lock().interrupt = Some(pin);
        self
    }

    /// Sets the temperature of the chip, in degrees Celsius. It measures quarters of a degree.
    pub fn set_celsius(&self, celsius: f32) {
        self.lock().celsius = celsius;
    }

    /// Sets the clock at a time of the board, as an earlier program did: year (2000 to 2199), month,
    /// date, hour, minute, second. The day of the week is 1 on Sundays.
    ///
    /// # Errors
    /// [`Error::NoDate`].
    pub fn set_datetime(&self, now: Time, datetime: [u16; 6]) -> Result<()> {
        let calendar = Calendar::at(datetime).ok_or(Error::NoDate { datetime })?;
        let mut chip = self.lock();
        chip.catch_up(now);
        chip.calendar = calendar;
        chip.second_began = now;
        chip.status &= !STOPPED;
        chip.tell(now);
        Ok(())
    }

    /// Returns what the clock shows at a time of the board: year, month, date, hour, minute, second.
    pub fn datetime(&self, now: Time) -> [u16; 6] {
        let chip = self.lock();
        let mut calendar = chip.calendar.clone();
        calendar.advance(now.since(chip.second_began).as_secs());
        calendar.datetime()
    }

    fn lock(&self) -> MutexGuard<'_, Chip> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Chip {
    fn catch_up(&mut self, now: Time) {
        let passed = now.since(self.second_began).as_secs();
        for alarm in [0, 1] {
            if let Some(seconds) = self.next_alarm(alarm).filter(|seconds| *seconds <= passed) {
                self.status |= 1 << alarm;
                self.pull(self.second_began + Duration::from_secs(seconds));
            }
        }
        self.calendar.advance(passed);
        self.second_began = self.second_began + Duration::from_secs(passed);

        let period = now.as_nanos() / MEASURES_EVERY;
        let is_over = self.conversion.take_if(|end| *end <= now).is_some();
        if is_over || self.measured != Some(period) {
            self.measured = Some(period);
            self.quarters = (self.celsius.clamp(-128.0, 127.75) * 4.0).round() as i16;
        }
        if is_over {
            self.control &= !CONVERT;
        }
    }

    fn next_alarm(&self, alarm: u8) -> Option<u64> {
        let [second, rest @ ..] = self.alarms;
        match alarm {
            0 => self.calendar.until([second, rest[0], rest[1], rest[2]]),
            // At the first second of a minute.
            _ => self.calendar.until([0, rest[3], rest[4], rest[5]]),
        }
    }

    /// Whether flags that are enabled want the pin low.
    fn is_pulled(&self) -> bool {
        self.control & INTERRUPT != 0 && self.status & self.control & ALARMS != 0
    }

    fn pull(&mut self, time: Time) {
        match self.is_pulled() {
            true => self.is_low_from = Some(self.is_low_from.map_or(time, |from| from.min(time))),
            false => self.is_low_from = None,
        }
    }

    /// Has the pin do what it does now, and at the next alarm.
    fn tell(&mut self, time: Time) {
        let enabled = |alarm: &u8| self.control & INTERRUPT != 0 && self.control >> alarm & 1 != 0;
        let next = [0, 1].into_iter().filter(enabled);
        let next = next.filter_map(|alarm| self.next_alarm(alarm)).min();
        let next = next.map(|seconds| self.second_began + Duration::from_secs(seconds));
        let low = self.is_low_from.or(next);
        let Some((pin, now)) = self
            .interrupt
            .as_ref()
            .and_then(|pin| Some((pin, pin.now()?)))
        else {
            return;
        };
        if low == self.told {
            return;
        }
        let is_past = |low: Option<Time>| low.is_some_and(|low| low <= now);
        let mut levels = Vec::new();
        if is_past(self.told) && !is_past(low) {
            levels.push((time, None));
        }
        if !(is_past(self.told) && is_past(low)) {
            levels.extend(low.map(|low| (low, Some(false))));
        }
        self.told = low;
        pin.play(levels);
    }

    fn registers(&self, time: Time) -> [u8; REGISTERS] {
        let mut registers = [0; REGISTERS];
        registers[..7].copy_from_slice(&self.calendar.registers());
        registers[7..0x0e].copy_from_slice(&self.alarms);
        let begun = self
            .conversion
            .map(|end| end + BUSY_LATE <= time + CONVERSION);
        let busy = if begun == Some(true) { BUSY } else { 0 };
        let [high, low] = (self.quarters << 6).to_be_bytes();
        registers[0x0e..].copy_from_slice(&[
            self.control,
            self.status | busy,
            self.aging,
            high,
            low,
        ]);
        registers
    }

    /// Does what was written, which is at the end of the message.
    fn take(&mut self, time: Time) {
        self.catch_up(time);
        for (register, value) in std::mem::take(&mut self.written) {
            match register {
                0..=6 => {
                    self.calendar.write(register, value);
                    if register == 0 {
                        self.second_began = time;
                    }
                }
                7..CONTROL => self.alarms[usize::from(register) - 7] = value,
                CONTROL => {
                    // What has begun is not to be called off.
                    self.control = value | self.control & CONVERT;
                    if self.control & CONVERT != 0 && self.conversion.is_none() {
                        self.conversion = Some(time + CONVERSION);
                    }
                }
                STATUS => {
                    let flags = STOPPED | ALARMS;
                    self.status = self.status & value & flags | value & OUTPUT_32_KHZ;
                }
                0x10 => self.aging = value,
                _ => {}
            }
        }
        self.pull(time);
        self.tell(time);
    }
}

impl Device for Ds3231 {
    fn start(&mut self, transfer: Transfer, time: Time) -> Acknowledge {
        let mut chip = self.lock();
        chip.take(time);
        chip.is_pointed = transfer == Transfer::Read;
        chip.latched = chip.registers(time);
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut chip = self.lock();
        match chip.is_pointed {
            false => chip.pointer = byte % REGISTERS as u8,
            true => {
                let register = chip.pointer;
                chip.written.push((register, byte));
                chip.pointer = (register + 1) % REGISTERS as u8;
            }
        }
        chip.is_pointed = true;
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        let mut chip = self.lock();
        let byte = chip.latched[usize::from(chip.pointer)];
        chip.pointer = (chip.pointer + 1) % REGISTERS as u8;
        byte
    }

    fn stop(&mut self, time: Time) {
        self.lock().take(time);
    }
}

impl fmt::Debug for Ds3231 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chip = self.lock();
        f.debug_struct("Ds3231")
            .field("datetime", &chip.calendar.datetime())
            .field("status", &format_args!("{:#04x}", chip.status))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stub;

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    fn write(chip: &mut Ds3231, time: Time, bytes: &[u8]) {
        chip.start(Transfer::Write, time);
        assert!(
            bytes
                .iter()
                .all(|byte| chip.write(*byte) == Acknowledge::Yes)
        );
        chip.stop(time);
    }

    fn read<const N: usize>(chip: &mut Ds3231, time: Time, register: u8) -> [u8; N] {
        write(chip, time, &[register]);
        chip.start(Transfer::Read, time);
        let bytes = [(); N].map(|()| chip.read());
        chip.stop(time);
        bytes
    }

    /// Figure 1, "Register descriptions".
    #[test]
    fn resets_as_the_datasheet_says() {
        let mut chip = Ds3231::new();
        assert_eq!(read(&mut chip, at(0), 0), [0, 0, 0, 1, 1, 1, 0]);
        assert_eq!(
            read(&mut chip, at(0), CONTROL),
            [0x1c, 0x88, 0, 25, 0, 0],
            "and wraps"
        );
    }

    #[test]
    fn seconds_begin_when_they_are_written() {
        let mut chip = Ds3231::new();
        let new_year = [0, 0x58, 0x59, 0x23, 7, 0x31, 0x12, 0x99];
        write(&mut chip, at(700), &new_year);
        assert_eq!(read(&mut chip, at(1699), 0), [0x58]);
        assert_eq!(read(&mut chip, at(1700), 0), [0x59]);
        let next = [0, 0, 0, 1, 1, 0x81, 0];
        assert_eq!(read(&mut chip, at(2700), 0), next, "the century");
        assert_eq!(chip.datetime(at(2700)), [2100, 1, 1, 0, 0, 0]);
        // The minute alone leaves the second as it is.
        write(&mut chip, at(3200), &[1, 0x30]);
        assert_eq!(read(&mut chip, at(3699), 0), [0x00, 0x30]);
        assert_eq!(read(&mut chip, at(3700), 0), [0x01, 0x30]);
    }

    #[test]
    fn what_is_read_is_of_one_moment() {
        let mut chip = Ds3231::new();
        write(&mut chip, at(0), &[0, 0x59, 0x59]);
        chip.start(Transfer::Read, at(999));
        chip.stop(at(999));
        write(&mut chip, at(999), &[0]);
        chip.start(Transfer::Read, at(999));
        assert_eq!([(); 3].map(|()| chip.read()), [0x59, 0x59, 0]);
    }

    /// Table 3 has the format, and the resolution is 0.25 °C.
    #[test]
    fn temperatures_are_those_of_the_datasheet() {
        let mut chip = Ds3231::new();
        for (number, (celsius, registers)) in [
            (25.25, [0b0001_1001, 0b0100_0000]),
            (0.0, [0, 0]),
            (-0.25, [0xff, 0xc0]),
            (-40.0, [0xd8, 0]),
            (85.0, [85, 0]),
        ]
        .into_iter()
        .enumerate()
        {
            chip.set_celsius(celsius);
            let time = at(64_000 * number as u64);
            assert_eq!(read(&mut chip, time, 0x11), registers, "{celsius}");
        }
        chip.set_celsius(30.5);
        let now = 64_000 * 4;
        assert_eq!(
            read(&mut chip, at(now + 1), 0x11),
            [85, 0],
            "64 s are not over"
        );
        write(&mut chip, at(now + 1), &[CONTROL, 0x3c]);
        assert_eq!(
            read(&mut chip, at(now + 2), CONTROL),
            [0x3c, 0x88],
            "not busy yet"
        );
        assert_eq!(read(&mut chip, at(now + 4), CONTROL), [0x3c, 0x8c]);
        assert_eq!(
            read(&mut chip, at(now + 126), CONTROL),
            [0x1c, 0x88, 0, 30, 0x80]
        );
    }

    #[test]
    fn flags_can_be_cleared_and_not_be_set() {
        let mut chip = Ds3231::new();
        write(&mut chip, at(0), &[STATUS, 0x00]);
        assert_eq!(read(&mut chip, at(0), STATUS), [0x00]);
        write(&mut chip, at(0), &[STATUS, 0xff]);
        assert_eq!(read(&mut chip, at(0), STATUS), [0x08]);
    }

    #[test]
    fn the_pin_is_low_from_the_alarm_on_until_its_flag_is_cleared() {
        use circuits_gpio::{Bias, Config, Input};
        let stub = Stub::virtual_time().lines(["INT"]);
        let config = Config::new().bias(Bias::PullUp);
        let mut line = Input::open_on(&stub, "INT", &config).unwrap();
        let mut chip = Ds3231::new().interrupt_pin(stub.pin("INT").unwrap());
        chip.set_datetime(at(0), [2026, 5, 6, 7, 0, 0]).unwrap();
        // At 07:01:30, once a day; and alarm 2 at every full minute, which is not enabled.
        write(
            &mut chip,
            at(0),
            &[7, 0x30, 0x01, 0x07, 0x80, 0x80, 0x80, 0x80],
        );
        write(&mut chip, at(0), &[CONTROL, 0x1d]);
        let recording = stub.record();
        let fell = line.wait_edge(None).unwrap().unwrap();
        assert_eq!(fell.time(), at(90_000));
        assert_eq!(read(&mut chip, at(90_000), STATUS), [0x0b]);
        write(&mut chip, at(90_001), &[STATUS, 0x0a]);
        let rose = line.wait_edge(None).unwrap().unwrap();
        assert_eq!(rose.time(), at(90_001));
        assert_eq!(recording.to_string().matches("driven").count(), 2);
        let tomorrow = line.wait_edge(None).unwrap().unwrap();
        assert_eq!(tomorrow.time(), at(90_000 + 86_400_000));
        // Not as an interrupt.
        write(&mut chip, at(90_000 + 86_400_000), &[CONTROL, 0x19]);
        assert!(line.get().unwrap());
    }
}
