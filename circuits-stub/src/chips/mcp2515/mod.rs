mod frames;
mod instruction;
mod interrupts;
#[cfg(test)]
mod on_bus;
mod receive;
mod registers;
#[cfg(test)]
mod tests;
mod transmit;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_can::{Frame, State};
use circuits_spi::Mode as ClockMode;
use circuits_wait::Time;

use self::instruction::Instruction;
use self::registers::{Mode, Registers};
use self::transmit::Attempt;
use crate::can::{Attention, Controller, Failure, Node};
use crate::{Pin, spi};

/// Microchip's MCP2515 stand-alone CAN controller (datasheet DS20001801J): a device on an SPI bus, and a node
/// on a CAN bus.
///
/// All instructions, registers and modes are there. It takes part at the bit rate that CNF1 to CNF3 make of its
/// oscillator; another one than the bus has disturbs the bus. Its three buffers are sent by their priority, and
/// the last one first where that is the same; masks, filters (of the first two bytes of data as well), rollover,
/// overflows and one-shot mode are there, and what can be written in configuration mode only cannot
/// otherwise. What it asks for by SPI happens when the chip select ends. It recovers from bus-off by itself.
///
/// RESET is over at once, and so are changes of the mode, once nothing is to be sent. In loopback mode a frame takes no
/// time. The pins TXnRTS, RXnBF, CLKOUT and SOF are not there: their bits are kept. What has an error is
/// not received, not even in listen-only mode.
///
/// Clones are the same chip: one goes on the SPI bus, and one on the CAN bus.
///
/// ```
/// use circuits_can as can;
/// use circuits_spi::{Config, Device};
/// use circuits_stub::{Stub, chips::Mcp2515};
/// use embedded_hal::spi::{Operation, SpiDevice};
///
/// let stub = Stub::virtual_time().lines(["INT"]);
/// let chip = Mcp2515::new(16_000_000).interrupt_pin(stub.pin("INT")?);
/// let stub = stub.spi_device("spidev0.0", chip.clone())?.can_node("can0", chip)?;
/// let mut device = Device::open_on(&stub, "spidev0.0", &Config::new())?;
/// // 500 kbit/s, interrupts when something comes, normal mode.
/// device.write(&[0x02, 0x28, 0x86, 0xf0, 0x00, 0x03])?;
/// device.write(&[0x02, 0x0f, 0x00])?;
///
/// let can0 = can::Socket::open_on(&stub, "can0", &can::Config::new())?;
/// can0.write(&"000#CAFE".parse()?, None)?;
/// stub.delay().sleep(std::time::Duration::from_millis(1))?;
/// assert!(!stub.level("INT")?);
/// let mut data = [0; 2];
/// device.transaction(&mut [Operation::Write(&[0x92]), Operation::Read(&mut data)])?;
/// assert_eq!(data, [0xca, 0xfe]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Mcp2515(Arc<Mutex<Chip>>);

struct Chip {
    oscillator_hz: u32,
    registers: Registers,
    instruction: Instruction,
    interrupt: Option<Pin>,
    /// What the pin is driven to.
    driven: Option<bool>,
    /// Which buffer the bus has, to be sent.
    handed: Option<usize>,
    /// It looks at the bus then: something was asked of it.
    due: Option<Time>,
    /// When it will have recovered from bus-off.
    recovers: Option<Time>,
    /// None until it is on a bus.
    attention: Option<Attention>,
}

/// How many recessive bits it wants to see after bus-off (section 6.7).
const RECOVERY: u32 = 128 * 11;

impl Mcp2515 {
    /// Makes a chip that has just been powered, with an oscillator of so many hertz: 8, 16 or 20 MHz most
    /// often.
    pub fn new(oscillator_hz: u32) -> Mcp2515 {
        Mcp2515(Arc::new(Mutex::new(Chip {
            oscillator_hz,
            registers: Registers::new(),
            instruction: Instruction::default(),
            interrupt: None,
            driven: None,
            handed: None,
            due: None,
            recovers: None,
            attention: None,
        })))
    }

    /// Connects the pin INT, which is low while there is an interrupt.
    pub fn interrupt_pin(self, pin: Pin) -> Mcp2515 {
        let mut chip = self.lock();
        chip.interrupt = Some(pin);
        chip.driven = None;
        chip.drive(Time::ZERO);
        drop(chip);
        self
    }

    /// Has the pin RESET low for a moment.
    pub fn reset(&self) {
        self.lock().registers.reset();
        self.asked(Time::ZERO);
    }

    /// Returns what a register holds, as reading it would tell; there are 128.
    pub fn register(&self, address: u8) -> u8 {
        self.lock().registers.read(address)
    }

    /// Has it look at the bus at a time, after it was asked for something by then.
    fn asked(&self, time: Time) {
        let attention = {
            let chip = &mut *self.lock();
            chip.loop_back();
            chip.drive(time);
            chip.due = Some(time);
            chip.attention.clone()
        };
        // Not while it is locked: it is asked now.
        if let Some(attention) = attention {
            attention.draw();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Chip> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Chip {
    fn drive(&mut self, time: Time) {
        let level = !self.registers.is_interrupting();
        if self.driven == Some(level) {
            return;
        }
        self.driven = Some(level);
        if let Some(pin) = &self.interrupt {
            pin.play([(time, Some(level))]);
        }
    }

    /// Does what is left to do after the bus has called.
    fn done(&mut self, controller: &mut Controller) {
        let now = controller.time();
        if self.registers.take_reset() {
            (self.handed, self.recovers) = (None, None);
            self.registers.on_bus = None;
            controller.reset();
        } else if self.registers.mode == Mode::Normal && self.recovers.is_none() {
            let (counters, state) = (controller.error_counters(), controller.state());
            self.registers.count(counters, state);
            if state == State::BusOff {
                self.handed = None;
                let bitrate = self.registers.bitrate(self.oscillator_hz).max(1);
                self.recovers = Some(now + Duration::from_secs(1) * RECOVERY / bitrate);
                controller.restart();
            }
        }
        self.offer(controller);
        self.drive(now);
    }

    /// Sees to it that the bus has what is to be sent next, and nothing else.
    fn offer(&mut self, controller: &mut Controller) {
        let registers = &mut self.registers;
        if controller.is_sending() {
            registers.on_bus = self.handed;
            if self.handed.is_some_and(|buffer| !registers.goes_on(buffer)) {
                controller.abort();
            }
            return;
        }
        registers.leave_bus();
        // Anew each time: it may have been taken off the bus, and put on one again.
        controller.abort();
        self.handed = match registers.mode {
            Mode::Normal => registers.pending(),
            _ => None,
        };
        if let Some((buffer, frame)) = self.handed.and_then(|it| Some((it, registers.frame(it)?))) {
            controller.send(&frame);
            // It may be on the bus from now on.
            registers.on_bus = Some(buffer);
        }
    }

    /// What is sent in loopback mode comes back.
    fn loop_back(&mut self) {
        while self.registers.mode == Mode::Loopback {
            let Some(buffer) = self.registers.pending() else {
                return;
            };
            if let Some(frame) = self.registers.frame(buffer) {
                self.registers.receive(&frame);
            }
            self.registers.attempted(buffer, Attempt::Sent);
        }
    }
}

impl spi::Device for Mcp2515 {
    fn select(&mut self, _: Time) {
        self.lock().instruction = Instruction::default();
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        let chip = &mut *self.lock();
        chip.instruction.transfer(byte, &mut chip.registers)
    }

    fn deselect(&mut self, time: Time) {
        {
            let chip = &mut *self.lock();
            chip.instruction.end(&mut chip.registers);
        }
        self.asked(time);
    }

    fn understands(&self, mode: ClockMode) -> bool {
        matches!(mode, ClockMode::Mode0 | ClockMode::Mode3)
    }
}

impl Node for Mcp2515 {
    fn bitrate(&self) -> Option<u32> {
        let chip = self.lock();
        let is_there = matches!(chip.registers.mode, Mode::Normal | Mode::ListenOnly);
        is_there.then(|| chip.registers.bitrate(chip.oscillator_hz))
    }

    fn has_fd(&self) -> bool {
        false
    }

    fn takes_part(&self) -> bool {
        self.lock().registers.mode == Mode::Normal
    }

    fn one_shot(&self) -> bool {
        self.lock().registers.is_one_shot()
    }

    fn receive(&mut self, frame: &Frame, controller: &mut Controller) {
        let mut chip = self.lock();
        match chip.registers.mode {
            Mode::Normal | Mode::ListenOnly => chip.registers.receive(frame),
            Mode::Sleep => chip.registers.activity(),
            Mode::Loopback | Mode::Configuration => {}
        }
        chip.done(controller);
    }

    fn sent(&mut self, _: &Frame, controller: &mut Controller) {
        let mut chip = self.lock();
        if let Some(buffer) = chip.handed.take() {
            chip.registers.attempted(buffer, Attempt::Sent);
        }
        chip.done(controller);
    }

    fn failed(&mut self, _: &Frame, why: Failure, controller: &mut Controller) {
        let mut chip = self.lock();
        let attempt = match why {
            Failure::LostArbitration => Attempt::LostArbitration,
            _ => Attempt::Error,
        };
        if let Some(buffer) = chip.handed.take() {
            chip.registers.attempted(buffer, attempt);
        }
        chip.done(controller);
    }

    fn state_changed(&mut self, controller: &mut Controller) {
        self.lock().done(controller);
    }

    fn next(&self) -> Option<Time> {
        let chip = self.lock();
        match chip.attention {
            Some(_) => [chip.due, chip.recovers].into_iter().flatten().min(),
            None => Some(Time::ZERO),
        }
    }

    fn act(&mut self, controller: &mut Controller) {
        let mut chip = self.lock();
        chip.attention.get_or_insert_with(|| controller.attention());
        chip.due.take_if(|due| *due <= controller.time());
        chip.recovers.take_if(|end| *end <= controller.time());
        chip.done(controller);
    }
}

impl fmt::Debug for Mcp2515 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chip = self.lock();
        f.debug_struct("Mcp2515")
            .field("mode", &chip.registers.mode)
            .field("bitrate", &chip.registers.bitrate(chip.oscillator_hz))
            .finish_non_exhaustive()
    }
}
