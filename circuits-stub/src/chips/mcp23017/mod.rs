#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_wait::Time;

use crate::Pin;
use crate::i2c::{Acknowledge, Device, Transfer};

/// Microchip's MCP23017 with sixteen pins (datasheet DS20001952C), at addresses 0x20 to 0x27.
///
/// Its pins are 0 to 7 for GPA0 to GPA7, and 8 to 15 for GPB0 to GPB7. All registers are there, in
/// both arrangements (`BANK`), with both kinds of sequence (`SEQOP`), and interrupts on change or
/// from a default, on [`inta`](Mcp23017::inta) and [`intb`](Mcp23017::intb). A change that comes
/// while an interrupt waits to be read is the next interrupt.
///
/// An input with nothing connected and no pull-up is low. Pin RESET and the slew rate are not
/// there, and all pins can be inputs, which revision D of the datasheet denies GPA7 and GPB7.
///
/// Clones are the same chip.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Mcp23017};
/// use embedded_hal::i2c::I2c;
///
/// let stub = Stub::virtual_time().lines(["GPIO4"]);
/// let chip = Mcp23017::new().inta(stub.pin("GPIO4")?);
/// let board = stub.i2c_device("i2c-1", 0x20, chip.clone())?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
/// bus.write(0x20, &[0x00, 0xfe])?; // IODIRA: GPA0 is an output
/// bus.write(0x20, &[0x12, 0x01])?; // GPIOA
/// assert_eq!(chip.output(0), Some(true));
///
/// bus.write(0x20, &[0x04, 0x80])?; // GPINTENA: changes of GPA7
/// chip.set_input(7, true);
/// assert!(!board.level("GPIO4")?);
/// let mut captured = [0];
/// bus.write_read(0x20, &[0x10], &mut captured)?; // INTCAPA
/// assert_eq!(captured, [0x81]);
/// assert!(board.level("GPIO4")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Mcp23017(Arc<Mutex<State>>);

struct State {
    ports: [Port; 2],
    iocon: u8,
    /// INTA and INTB.
    pins: [Option<Pin>; 2],
    /// What they are driven to.
    driven: [Option<bool>; 2],

    register: u8,
    is_first: bool,
    now: Time,
}

#[derive(Default)]
struct Port {
    iodir: u8,
    ipol: u8,
    gpinten: u8,
    defval: u8,
    intcon: u8,
    gppu: u8,
    intf: u8,
    intcap: u8,
    olat: u8,

    /// Which pins are driven from outside, and how.
    connected: u8,
    input: u8,
    /// What changes are compared to.
    previous: u8,
}

/// Registers of a port, in the order in which both arrangements have them.
const IODIR: u8 = 0;
const IPOL: u8 = 1;
const GPINTEN: u8 = 2;
const DEFVAL: u8 = 3;
const INTCON: u8 = 4;
const IOCON: u8 = 5;
const GPPU: u8 = 6;
const INTF: u8 = 7;
const INTCAP: u8 = 8;
const GPIO: u8 = 9;
const OLAT: u8 = 10;

const BANK: u8 = 1 << 7;
const MIRROR: u8 = 1 << 6;
const SEQOP: u8 = 1 << 5;
const ODR: u8 = 1 << 2;
const INTPOL: u8 = 1 << 1;

impl Mcp23017 {
    /// Makes a chip that has just been powered: all pins are inputs.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Mcp23017 {
        let port = || Port {
            iodir: 0xff,
            ..Port::default()
        };
        Mcp23017(Arc::new(Mutex::new(State {
            ports: [port(), port()],
            iocon: 0,
            pins: [None, None],
            driven: [None, None],
            register: 0,
            is_first: true,
            now: Time::ZERO,
        })))
    }

    /// Connects pin INTA.
    pub fn inta(self, pin: Pin) -> Mcp23017 {
        self.connect(0, pin)
    }

    /// Connects pin INTB.
    pub fn intb(self, pin: Pin) -> Mcp23017 {
        self.connect(1, pin)
    }

    fn connect(self, port: usize, pin: Pin) -> Mcp23017 {
        let mut state = self.lock();
        state.pins[port] = Some(pin);
        state.driven[port] = None;
        state.drive(Time::ZERO);
        drop(state);
        self
    }

    /// Drives a pin from outside: `true` is high. Nothing is done for a pin above 15; what is done
    /// to an output is seen when it is an input.
    pub fn set_input(&self, pin: u8, level: bool) {
        self.connect_input(pin, Some(level));
    }

    /// Drives a pin from outside no more.
    pub fn let_go(&self, pin: u8) {
        self.connect_input(pin, None);
    }

    fn connect_input(&self, pin: u8, level: Option<bool>) {
        let mut state = self.lock();
        if let Some(port) = state.ports.get_mut(usize::from(pin / 8)) {
            let bit = 1 << (pin % 8);
            port.connected = port.connected & !bit | if level.is_some() { bit } else { 0 };
            port.input = port.input & !bit | if level == Some(true) { bit } else { 0 };
            state.interrupt(Time::ZERO);
        }
    }

    /// Returns what an output is driven to; `None` while the pin is an input, or above 15.
    pub fn output(&self, pin: u8) -> Option<bool> {
        let state = self.lock();
        let port = state.ports.get(usize::from(pin / 8))?;
        let bit = 1 << (pin % 8);
        (port.iodir & bit == 0).then_some(port.olat & bit != 0)
    }

    /// Tells whether a pin's pull-up holds it: it is an input, and the pull-up is on.
    pub fn pull_up(&self, pin: u8) -> bool {
        let state = self.lock();
        let port = state.ports.get(usize::from(pin / 8));
        port.is_some_and(|port| port.iodir & port.gppu & 1 << (pin % 8) != 0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Port {
    /// The levels of the pins.
    fn levels(&self) -> u8 {
        let inputs = self.input & self.connected | self.gppu & !self.connected;
        inputs & self.iodir | self.olat & !self.iodir
    }

    fn gpio(&self) -> u8 {
        self.levels() ^ self.ipol
    }

    /// Sections 3.6.4 and 3.6.5: the first event is captured, and those after it wait until it was
    /// read. Outputs make none.
    fn interrupt(&mut self) {
        if self.intf != 0 {
            return;
        }
        let levels = self.levels();
        let compared = self.previous & !self.intcon | self.defval & self.intcon;
        self.intf = (levels ^ compared) & self.gpinten & self.iodir;
        if self.intf != 0 {
            self.intcap = self.gpio();
        }
        self.previous = levels;
    }

    fn read(&mut self, register: u8) -> u8 {
        match register {
            IODIR => self.iodir,
            IPOL => self.ipol,
            GPINTEN => self.gpinten,
            DEFVAL => self.defval,
            INTCON => self.intcon,
            GPPU => self.gppu,
            INTF => self.intf,
            INTCAP => {
                self.intf = 0;
                self.intcap
            }
            GPIO => {
                self.intf = 0;
                self.gpio()
            }
            OLAT => self.olat,
            _ => 0,
        }
    }

    fn write(&mut self, register: u8, value: u8) {
        match register {
            IODIR => self.iodir = value,
            IPOL => self.ipol = value,
            GPINTEN => {
                // Who is asked from now on is compared to what is now.
                self.previous = self.previous & self.gpinten | self.levels() & !self.gpinten;
                self.gpinten = value;
            }
            DEFVAL => self.defval = value,
            INTCON => self.intcon = value,
            GPPU => self.gppu = value,
            GPIO | OLAT => self.olat = value,
            // INTF and INTCAP are read-only.
            _ => {}
        }
    }
}

impl State {
    /// Which register of which port an address is (by BANK).
    fn find(&self, address: u8) -> Option<(usize, u8)> {
        let (port, register) = match self.iocon & BANK {
            0 => (address & 1, address >> 1),
            _ => (address >> 4, address & 0xf),
        };
        (port < 2 && register <= OLAT).then_some((usize::from(port), register))
    }

    fn read(&mut self) -> u8 {
        let value = match self.find(self.register) {
            Some((_, IOCON)) => self.iocon,
            Some((port, register)) => self.ports[port].read(register),
            None => 0,
        };
        self.advance();
        self.interrupt(self.now);
        value
    }

    fn write(&mut self, value: u8) {
        match self.find(self.register) {
            Some((_, IOCON)) => self.iocon = value & 0xfe,
            Some((port, register)) => self.ports[port].write(register, value),
            None => {}
        }
        self.advance();
        self.interrupt(self.now);
    }

    /// Section 3.2.1.
    fn advance(&mut self) {
        let last = if self.iocon & BANK == 0 { 0x15 } else { 0x1a };
        self.register = match (self.iocon & SEQOP, self.iocon & BANK) {
            (0, _) if self.register >= last => 0,
            (0, _) => self.register + 1,
            // Between the two of a pair.
            (_, 0) => self.register ^ 1,
            _ => self.register,
        };
    }

    fn interrupt(&mut self, time: Time) {
        self.ports.iter_mut().for_each(Port::interrupt);
        self.drive(time);
    }

    /// Drives INTA and INTB no more.
    fn let_go(&mut self, time: Time) {
        for pin in self.pins.iter().flatten() {
            pin.play([(time, None)]);
        }
        self.driven = [None, None];
    }

    fn drive(&mut self, time: Time) {
        let active = self.ports.each_ref().map(|port| port.intf != 0);
        for port in 0..2 {
            let active = match self.iocon & MIRROR {
                0 => active[port],
                _ => active[0] || active[1],
            };
            let level = match self.iocon & ODR {
                0 => Some(active == (self.iocon & INTPOL != 0)),
                _ => (active).then_some(false),
            };
            if let Some(pin) = &self.pins[port] {
                if self.driven[port] != level {
                    pin.play([(time, level)]);
                }
            }
            self.driven[port] = level;
        }
    }
}

impl Device for Mcp23017 {
    fn start(&mut self, _: Transfer, time: Time) -> Acknowledge {
        let mut state = self.lock();
        state.now = time;
        state.is_first = true;
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut state = self.lock();
        match std::mem::take(&mut state.is_first) {
            true => state.register = byte,
            false => state.write(byte),
        }
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        self.lock().read()
    }

    fn power(&mut self, on: bool, time: Time) {
        let mut state = self.lock();
        for port in &mut state.ports {
            *port = Port {
                iodir: 0xff,
                connected: port.connected,
                input: port.input,
                ..Port::default()
            };
            port.previous = port.levels();
        }
        (state.iocon, state.register) = (0, 0);
        match on {
            true => state.drive(time),
            false => state.let_go(time),
        }
    }
}

impl fmt::Debug for Mcp23017 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let levels = state.ports.each_ref().map(Port::levels);
        f.debug_struct("Mcp23017")
            .field("gpa", &format_args!("{:#010b}", levels[0]))
            .field("gpb", &format_args!("{:#010b}", levels[1]))
            .finish_non_exhaustive()
    }
}
