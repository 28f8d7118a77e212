//! The registers: what they hold, and what of it the other side may write (section 11).

pub(super) const BFPCTRL: u8 = 0x0c;
pub(super) const TXRTSCTRL: u8 = 0x0d;
pub(super) const TEC: u8 = 0x1c;
pub(super) const REC: u8 = 0x1d;
pub(super) const CNF3: u8 = 0x28;
pub(super) const CNF2: u8 = 0x29;
pub(super) const CNF1: u8 = 0x2a;
pub(super) const CANINTE: u8 = 0x2b;
pub(super) const CANINTF: u8 = 0x2c;
pub(super) const EFLG: u8 = 0x2d;
/// These two are in each row.
const CANSTAT: u8 = 0x0e;
pub(super) const CANCTRL: u8 = 0x0f;
const EACH_ROW: u8 = 0x0f;

/// The control registers of the buffers; identifier, length and data follow.
pub(super) const TXB: [u8; 3] = [0x30, 0x40, 0x50];
pub(super) const RXB: [u8; 2] = [0x60, 0x70];
/// Of two masks, and of six filters.
pub(super) const RXM: [u8; 2] = [0x20, 0x24];
pub(super) const RXF: [u8; 6] = [0x00, 0x04, 0x08, 0x10, 0x14, 0x18];

/// Of CANCTRL.
pub(super) const ABAT: u8 = 1 << 4;
pub(super) const OSM: u8 = 1 << 3;
/// Of the control register of a buffer to send.
pub(super) const ABTF: u8 = 1 << 6;
pub(super) const MLOA: u8 = 1 << 5;
pub(super) const TXERR: u8 = 1 << 4;
pub(super) const TXREQ: u8 = 1 << 3;
pub(super) const TXP: u8 = 0b11;
/// Of the control registers of the buffers that receive.
pub(super) const RXM_ANY: u8 = 0b11 << 5;
pub(super) const RXRTR: u8 = 1 << 3;
pub(super) const BUKT: u8 = 1 << 2;
const BUKT1: u8 = 1 << 1;
/// Of CANINTF and CANINTE; TX1IF and TX2IF follow TX0IF.
pub(super) const RX0IF: u8 = 1 << 0;
pub(super) const TX0IF: u8 = 1 << 2;
pub(super) const ERRIF: u8 = 1 << 5;
pub(super) const WAKIF: u8 = 1 << 6;
pub(super) const MERRF: u8 = 1 << 7;
/// Of EFLG.
pub(super) const RX0OVR: u8 = 1 << 6;
pub(super) const RX1OVR: u8 = 1 << 7;
pub(super) const TXBO: u8 = 1 << 5;

/// How many oscillator cycles make a time quantum with the smallest prescaler.
const CYCLES: u32 = 2;

/// What it does (section 10), by the numbers that REQOP and OPMOD have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Normal = 0,
    Sleep = 1,
    Loopback = 2,
    ListenOnly = 3,
    Configuration = 4,
}

impl Mode {
    pub(super) fn of(canctrl: u8) -> Option<Mode> {
        Some(match canctrl >> 5 {
            0 => Mode::Normal,
            1 => Mode::Sleep,
            2 => Mode::Loopback,
            3 => Mode::ListenOnly,
            4 => Mode::Configuration,
            _ => return None,
        })
    }
}

#[derive(Clone)]
pub(super) struct Registers {
    pub(super) bytes: [u8; 128],
    pub(super) mode: Mode,
    /// What was asked for, and waits for what is to be sent.
    pub(super) requested: Option<Mode>,
    /// Which buffer is on the bus, or may be: what is asked of it waits.
    pub(super) on_bus: Option<usize>,
    /// It was reset, or begins or ends to be configured, and the bus does not know yet.
    pub(super) is_new: bool,
}

impl Registers {
    pub(super) fn new() -> Registers {
        let mut registers = Registers {
            bytes: [0; 128],
            mode: Mode::Configuration,
            requested: None,
            on_bus: None,
            is_new: false,
        };
        registers.reset();
        registers
    }

    /// What RESET leaves: the buffers and the filters hold what they held.
    pub(super) fn reset(&mut self) {
        let kept = |address: u8| {
            RXF.contains(&(address & !0b11))
                || (address & 0x0f != 0 && (0x30..=0x7d).contains(&address))
        };
        (0..128)
            .filter(|address| !kept(*address))
            .for_each(|address| self.bytes[usize::from(address)] = 0);
        // The pins have pull-ups, and nothing else.
        self.set(TXRTSCTRL, 0b0011_1000);
        self.set(CANCTRL, 0b1000_0111);
        self.mode = Mode::Configuration;
        (self.requested, self.on_bus) = (None, None);
        self.is_new = true;
    }

    pub(super) fn get(&self, address: u8) -> u8 {
        self.bytes[usize::from(address)]
    }

    pub(super) fn set(&mut self, address: u8, value: u8) {
        self.bytes[usize::from(address)] = value;
    }

    pub(super) fn four(&self, address: u8) -> [u8; 4] {
        [0, 1, 2, 3].map(|at| self.get(address + at))
    }

    pub(super) fn read(&self, address: u8) -> u8 {
        let address = place(address);
        match address {
            CANSTAT => (self.mode as u8) << 5 | self.interrupt_code() << 1,
            // Masks and filters are seen in configuration mode alone (section 4.5.5).
            _ if is_filter(address) && self.mode != Mode::Configuration => 0,
            _ => self.get(address),
        }
    }

    pub(super) fn write(&mut self, address: u8, value: u8) {
        let address = place(address);
        let writable = self.writable(address);
        let before = self.get(address);
        let value = before & !writable | value & writable;
        self.set(address, value);
        if let Some(buffer) = TXB.iter().position(|control| *control == address) {
            self.request(buffer, before, value);
        }
        match address {
            CANCTRL => self.control(value),
            TXRTSCTRL => {
                // The level of a pin is not told while it is to request.
                let levels = !value & 0b111;
                self.set(TXRTSCTRL, value & 0b111 | levels << 3);
            }
            0x60 => {
                let copy = if value & BUKT != 0 { BUKT1 } else { 0 };
                self.set(address, value & !BUKT1 | copy);
            }
            CANINTF if self.mode == Mode::Sleep && value & WAKIF != 0 => self.wake(),
            _ => {}
        }
    }

    /// Writes the bits of a mask, or all, where single bits cannot be written (section 12.10).
    pub(super) fn modify(&mut self, address: u8, mask: u8, value: u8) {
        let address = place(address);
        let by_bits = matches!(address, BFPCTRL | TXRTSCTRL | CANCTRL | CNF3..=EFLG)
            || TXB.contains(&address)
            || RXB.contains(&address);
        let value = match by_bits {
            true => self.get(address) & !mask | value & mask,
            false => value,
        };
        self.write(address, value);
    }

    /// Which bits of a register can be written now.
    fn writable(&self, address: u8) -> u8 {
        let configuring = self.mode == Mode::Configuration;
        match address {
            TXRTSCTRL | CNF3..=CNF1 if !configuring => 0,
            _ if is_filter(address) => match address & 0b11 {
                _ if !configuring => 0,
                1 if address >= RXM[0] => 0b1110_0011,
                1 => 0b1110_1011,
                _ => 0xff,
            },
            BFPCTRL => 0b0011_1111,
            TXRTSCTRL => 0b0000_0111,
            CNF3 => 0b1100_0111,
            CANCTRL | CNF2 | CNF1 | CANINTE | CANINTF => 0xff,
            EFLG => RX0OVR | RX1OVR,
            0x30 | 0x40 | 0x50 => TXREQ | TXP,
            0x60 => RXM_ANY | BUKT,
            0x70 => RXM_ANY,
            0x31..=0x5d => match (self.get(address & 0xf0) & TXREQ, address & 0x0f) {
                // What is to be sent stays what it is (section 3.1).
                (TXREQ, _) => 0,
                (_, 2) => 0b1110_1011,
                (_, 5) => 0b0100_1111,
                _ => 0xff,
            },
            _ => 0,
        }
    }
}

/// Bit timing (section 5).
impl Registers {
    /// Returns the bits a second, by the time quanta that CNF1 to CNF3 give to a bit (section 5).
    pub(super) fn bitrate(&self, oscillator_hz: u32) -> u32 {
        let [cnf1, cnf2, cnf3] = [CNF1, CNF2, CNF3].map(|cnf| u32::from(self.get(cnf)));
        let propagation = (cnf2 & 0b111) + 1;
        let first = (cnf2 >> 3 & 0b111) + 1;
        let second = match cnf2 >> 7 {
            // The longer of the first, and of what it takes to process.
            0 => first.max(2),
            _ => (cnf3 & 0b111) + 1,
        };
        let quanta = 1 + propagation + first + second;
        oscillator_hz / (CYCLES * ((cnf1 & 0b11_1111) + 1) * quanta)
    }
}

/// Where a register is: CANSTAT and CANCTRL are in each row.
fn place(address: u8) -> u8 {
    match address & 0x7f {
        address if address & EACH_ROW >= CANSTAT => address & EACH_ROW,
        address => address,
    }
}

/// Tells whether it is one of the masks and filters.
fn is_filter(address: u8) -> bool {
    let first = address & !0b11;
    RXF.contains(&first) || RXM.contains(&first)
}
