//! The registers of a TMC2209 (section 5), and the motor that VACTUAL moves.

use std::f32::consts::TAU;

use circuits_wait::Time;

pub(super) const GCONF: u8 = 0x00;
pub(super) const GSTAT: u8 = 0x01;
pub(super) const IFCNT: u8 = 0x02;
pub(super) const SLAVECONF: u8 = 0x03;
pub(super) const IOIN: u8 = 0x06;
pub(super) const IHOLD_IRUN: u8 = 0x10;
pub(super) const TSTEP: u8 = 0x12;
pub(super) const TPWMTHRS: u8 = 0x13;
pub(super) const VACTUAL: u8 = 0x22;
pub(super) const SG_RESULT: u8 = 0x41;
pub(super) const MSCNT: u8 = 0x6a;
pub(super) const MSCURACT: u8 = 0x6b;
pub(super) const CHOPCONF: u8 = 0x6c;
pub(super) const DRV_STATUS: u8 = 0x6f;
pub(super) const PWMCONF: u8 = 0x70;
const PWM_SCALE: u8 = 0x71;
const PWM_AUTO: u8 = 0x72;

/// Each with its reset value, which bits of it can be written, and whether it can be read. Those that are
/// made up when they are read are not here. What the OTP memory decides is as it comes from the factory.
const REGISTERS: [(u8, u32, u32, bool); 17] = [
    (GCONF, 0x0000_0101, 0x0000_03ff, true),
    (IFCNT, 0, 0, true),
    (SLAVECONF, 0, 0x0000_0f00, false),
    // OTP_PROG, OTP_READ, FACTORY_CONF: FCLKTRIM is what the factory measured.
    (0x04, 0, 0x0000_ffff, false),
    (0x05, 0x0000_000f, 0, true),
    (0x07, 0x0000_000f, 0x0000_031f, true),
    (IHOLD_IRUN, 0x0001_1f10, 0x000f_1f1f, false),
    // TPOWERDOWN.
    (0x11, 20, 0x0000_00ff, false),
    (TPWMTHRS, 0, 0x000f_ffff, false),
    // TCOOLTHRS.
    (0x14, 0, 0x000f_ffff, false),
    (VACTUAL, 0, 0x00ff_ffff, false),
    // SGTHRS.
    (0x40, 0, 0x0000_00ff, false),
    (SG_RESULT, 0, 0, true),
    // COOLCONF.
    (0x42, 0, 0x0000_ffff, false),
    (CHOPCONF, 0x1000_0053, 0xffff_ffff, true),
    (PWMCONF, 0xc10d_0024, 0xffff_ffff, true),
    (GSTAT, RESET, 0, true),
];

/// Of GCONF.
const SPREAD_CYCLE: u32 = 1 << 2;
const SHAFT: u32 = 1 << 3;
const PDN_DISABLE: u32 = 1 << 6;
const MSTEP_REG_SELECT: u32 = 1 << 7;
/// Of GSTAT.
const RESET: u32 = 1 << 0;
const DRIVER_ERROR: u32 = 1 << 1;
/// Of DRV_STATUS: those of bits 0 to 11 that shut the driver down, what a test may set, and what follows
/// from the other registers.
const SHUTS_DOWN: u32 = 0b11_1110;
pub(super) const FLAGS: u32 = 0x0fff;
const STEALTH: u32 = 1 << 30;
const STANDSTILL: u32 = 1 << 31;

/// TSTEP when nothing moves.
const NEVER: u32 = 0x000f_ffff;
const VERSION: u32 = 0x21 << 24;
/// Of IOIN: a line that is idle is high.
const PDN_UART: u32 = 1 << 6;

/// Of the internal clock, in MHz.
const CLOCKS_PER_MICRO: i128 = 12;
/// Into so many parts the motor's way is divided: VACTUAL is 2^-24 microsteps a clock, and the time is in
/// nanoseconds, of which a thousand are twelve clocks.
const PARTS: i128 = 1000 << 24;

#[derive(Debug)]
pub(super) struct Registers {
    values: [u32; 128],
    /// The pins MS1 and MS2.
    address: u8,
    /// How far the motor has come, in parts of 256ths of a full step.
    way: i128,
    moved: Time,
    stall_guard: u32,
    flags: u32,
}

impl Registers {
    pub(super) fn new(address: u8) -> Registers {
        let mut registers = Registers {
            values: [0; 128],
            address,
            way: 0,
            moved: Time::ZERO,
            stall_guard: 0,
            flags: 0,
        };
        registers.reset();
        registers
    }

    /// As after the supply failed: the motor stays where it is.
    pub(super) fn reset(&mut self) {
        self.values = [0; 128];
        for (register, value, ..) in REGISTERS {
            self.values[usize::from(register)] = value;
        }
        self.set_flags(self.flags);
    }

    pub(super) fn set_stall_guard(&mut self, result: u16) {
        // Bits 9 and 0 are always 0.
        self.stall_guard = u32::from(result) & 0x1fe;
    }

    pub(super) fn set_flags(&mut self, flags: u32) {
        self.flags = flags & FLAGS;
        if flags & SHUTS_DOWN != 0 {
            self.values[usize::from(GSTAT)] |= DRIVER_ERROR;
        }
    }

    /// Brings the motor to where it is at a time.
    pub(super) fn catch_up(&mut self, now: Time) {
        let nanos = i128::from(now.as_nanos().saturating_sub(self.moved.as_nanos()));
        let microsteps = nanos * CLOCKS_PER_MICRO * i128::from(self.velocity());
        self.way += microsteps << self.step_shift();
        self.moved = now;
    }

    /// Where the motor is, in 256ths of a full step.
    pub(super) fn position(&self) -> i64 {
        self.way.div_euclid(PARTS) as i64
    }

    /// What the register holds, whether it can be read or not.
    pub(super) fn get(&self, register: u8) -> u32 {
        let held = |register| self.values[usize::from(register & 0x7f)];
        match register {
            IOIN => {
                let [ms1, ms2] = [self.address & 1, self.address >> 1 & 1].map(u32::from);
                VERSION | PDN_UART | ms1 << 2 | ms2 << 3
            }
            TSTEP => self.step_clocks(),
            SG_RESULT => self.stall_guard,
            MSCNT => self.position().rem_euclid(1024) as u32,
            MSCURACT => self.currents(),
            DRV_STATUS => self.status(),
            PWM_SCALE => held(PWMCONF) & 0xff,
            PWM_AUTO => held(PWMCONF) & 0xff | (held(PWMCONF) >> 8 & 0xff) << 16,
            _ => held(register),
        }
    }

    /// What a read access is answered: 0, if it is not for reading.
    pub(super) fn read(&self, register: u8) -> u32 {
        let only_written = REGISTERS
            .iter()
            .any(|(write_only, .., is_read)| *write_only == register && !is_read);
        if only_written { 0 } else { self.get(register) }
    }

    /// Does what a write access says, and counts it, whatever it is.
    pub(super) fn write(&mut self, register: u8, value: u32) {
        match register {
            // What is written as 1 is cleared, if its reason is gone.
            GSTAT => {
                self.values[usize::from(GSTAT)] &= !(value & (RESET | DRIVER_ERROR));
                self.set_flags(self.flags);
            }
            _ => {
                for (.., mask, _) in REGISTERS.iter().filter(|known| known.0 == register) {
                    let held = &mut self.values[usize::from(register)];
                    *held = *held & !mask | value & mask;
                }
            }
        }
        let count = &mut self.values[usize::from(IFCNT)];
        *count = (*count + 1) & 0xff;
    }

    /// In bit times (section 5.1, SLAVECONF).
    pub(super) fn send_delay(&self) -> u32 {
        let setting = self.get(SLAVECONF) >> 8 & 0xf;
        (setting / 2 * 2 + 1) * 8
    }

    /// VACTUAL, whose 24 bits have a sign, as the shaft turns.
    fn velocity(&self) -> i32 {
        let velocity = (self.get(VACTUAL) << 8) as i32 >> 8;
        match self.get(GCONF) & SHAFT {
            0 => velocity,
            _ => -velocity,
        }
    }

    /// A microstep is so many 256ths of a full step, as a power of two.
    fn step_shift(&self) -> u32 {
        match self.get(GCONF) & MSTEP_REG_SELECT {
            // 8, 32, 64, 16 microsteps (section 3.6).
            0 => [5, 3, 2, 4][usize::from(self.address & 0b11)],
            // More than 8 is reserved.
            _ => (self.get(CHOPCONF) >> 24 & 0xf).min(8),
        }
    }

    fn step_clocks(&self) -> u32 {
        match self.velocity().unsigned_abs() << self.step_shift() {
            0 => NEVER,
            velocity => ((1 << 24) / velocity).min(NEVER),
        }
    }

    /// CUR_B below CUR_A, each with nine bits.
    fn currents(&self) -> u32 {
        let phase = |offset: i64| (self.position() + offset).rem_euclid(1024) as f32 * TAU / 1024.0;
        let [a, b] = [0, 256].map(|offset| (247.0 * phase(offset).sin()).round() as i32);
        (a as u32 & 0x1ff) << 16 | b as u32 & 0x1ff
    }

    fn status(&self) -> u32 {
        let stands = self.velocity() == 0;
        let threshold = self.get(TPWMTHRS);
        let is_slow = threshold == 0 || self.step_clocks() >= threshold;
        let is_stealth = self.get(GCONF) & SPREAD_CYCLE == 0 && is_slow;
        // The level of PDN_UART forbids to reduce the current, as long as it is looked at.
        let is_held = stands && self.get(GCONF) & PDN_DISABLE != 0;
        let current = match is_held {
            true => self.get(IHOLD_IRUN) & 0x1f,
            false => self.get(IHOLD_IRUN) >> 8 & 0x1f,
        };
        let flag = |is: bool, flag| if is { flag } else { 0 };
        self.flags | current << 16 | flag(is_stealth, STEALTH) | flag(stands, STANDSTILL)
    }
}
