mod datagram;
mod registers;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_wait::Time;

use self::datagram::{Receiver, Request};
use self::registers::Registers;
use crate::uart::{Device, Line};

/// Trinamic's TMC2209 driver of stepper motors, on its UART of one wire (datasheet rev. 1.09).
///
/// It goes by whatever baud rate the port has. Datagrams that are in order and have its address are
/// obeyed, answered after SENDDELAY, and counted by IFCNT; what is not is dropped, and the line must be
/// idle for 12 bit times then. A pause of more than 63 bit times begins a datagram (6.6 ms after a single
/// byte, from which nothing can be measured). All registers are there; those that cannot be read are
/// answered with 0. VACTUAL moves the motor, by a clock of 12 MHz: TSTEP, MSCNT, MSCURACT and DRV_STATUS
/// go with it.
///
/// On one wire the port hears what it sends itself, as long as [`echo`](Tmc2209::echo) does not say
/// otherwise: here each byte comes back when it is over, a character later than on a real wire.
///
/// The pins STEP, DIR, INDEX and DIAG are not there, nor are ramps, CoolStep and the tuning of StealthChop:
/// PWM_SCALE and PWM_AUTO are as PWMCONF has them. Standstill is seen at once. OTP_PROG programs nothing.
///
/// Clones are the same chip.
///
/// ```
/// use circuits_stub::{Stub, chips::Tmc2209};
/// use circuits_uart::{Config, Port};
/// use std::io::{Read, Write};
///
/// let chip = Tmc2209::new(0);
/// let board = Stub::virtual_time().serial_device("ttyAMA0", chip.clone())?;
/// let mut port = Port::open_on(&board, "ttyAMA0", &Config::new().baud(115_200))?;
/// // IOIN, which has the version.
/// port.write_all(&[0x05, 0, 0x06, 0x6f])?;
/// let mut bytes = [0; 12];
/// port.read_exact(&mut bytes)?;
/// assert_eq!(bytes[..4], [0x05, 0, 0x06, 0x6f], "what was sent");
/// assert_eq!(bytes[4..8], [0x05, 0xff, 0x06, 0x21]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tmc2209(Arc<Mutex<Chip>>);

struct Chip {
    address: u8,
    registers: Registers,
    receiver: Receiver,
    writes: Vec<(u8, u32)>,
    echoes: bool,
}

impl Tmc2209 {
    /// Makes a chip that was just switched on, whose pins MS1_AD0 and MS2_AD1 are the lowest two bits of an
    /// address.
    pub fn new(address: u8) -> Tmc2209 {
        let address = address & 0b11;
        Tmc2209(Arc::new(Mutex::new(Chip {
            address,
            registers: Registers::new(address),
            receiver: Receiver::new(),
            writes: Vec::new(),
            echoes: true,
        })))
    }

    /// Sets whether the port hears what it sends itself, as it does when its TXD meets its RXD at the pin
    /// PDN_UART (section 4.3). Default: it does.
    pub fn echo(self, echo: bool) -> Tmc2209 {
        self.lock().echoes = echo;
        self
    }

    /// Returns what a register holds, whether a program can read it or not: as it was when the chip was
    /// spoken to last.
    pub fn register(&self, register: u8) -> u32 {
        self.lock().registers.get(register)
    }

    /// Returns the write accesses that the chip took, registers with values, the oldest first.
    pub fn writes(&self) -> Vec<(u8, u32)> {
        self.lock().writes.clone()
    }

    /// Returns how far VACTUAL has moved the motor by a time of the board, in 256ths of a full step.
    pub fn position(&self, now: Time) -> i64 {
        let mut chip = self.lock();
        chip.registers.catch_up(now);
        chip.registers.position()
    }

    /// Sets what StallGuard measures, SG_RESULT: 0 to 510, the less the more load. Default: 0.
    pub fn set_stall_guard(&self, result: u16) {
        self.lock().registers.set_stall_guard(result);
    }

    /// Sets the flags of DRV_STATUS, its bits 0 to 11, as if the chip was hot, or a coil was shorted or open.
    /// What shuts the driver down is in GSTAT, too, until it is gone and cleared. Default: none.
    pub fn set_flags(&self, flags: u32) {
        self.lock().registers.set_flags(flags);
    }

    /// Has the supply fail for a moment: all registers are as after a reset, and GSTAT says so.
    pub fn reset(&self) {
        let mut chip = self.lock();
        chip.registers.reset();
        chip.receiver = Receiver::new();
    }

    fn lock(&self) -> MutexGuard<'_, Chip> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Device for Tmc2209 {
    fn receive(&mut self, byte: u8, line: &mut Line) {
        let mut chip = self.lock();
        if chip.echoes {
            line.send(&[byte]);
        }
        let Some((address, request, bit)) = chip.receiver.take(byte, line.time()) else {
            return;
        };
        if address != chip.address {
            return;
        }
        chip.registers.catch_up(line.time());
        match request {
            Request::Read { register } => {
                line.pause(bit * chip.registers.send_delay());
                line.send(&datagram::reply(register, chip.registers.read(register)));
            }
            Request::Write { register, value } => {
                chip.registers.write(register, value);
                chip.writes.push((register, value));
            }
        }
    }

    fn receive_damaged(&mut self, byte: u8, line: &mut Line) {
        let mut chip = self.lock();
        if chip.echoes {
            line.send(&[byte]);
        }
        chip.receiver.take_damaged(line.time());
    }
}

impl fmt::Debug for Tmc2209 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chip = self.lock();
        f.debug_struct("Tmc2209")
            .field("address", &chip.address)
            .field("writes", &chip.writes.len())
            .finish_non_exhaustive()
    }
}
