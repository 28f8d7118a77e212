use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_uart::{Config, Parity};
use circuits_wait::Time;

use crate::uart::{Device, Line};

/// A server of Modbus RTU, as meters and drives are: registers that a client on the serial line reads and
/// writes (*MODBUS application protocol specification* V1.1b3, *MODBUS over serial line* V1.02).
///
/// It knows the functions 3 and 4 (read holding and input registers), 6 and 16 (write one, write
/// several), and answers others, and registers that it does not have, with an exception. It takes frames
/// apart by silence, and does not answer what has a wrong checksum. Clones are the same server.
///
/// ```
/// use circuits_stub::{Stub, chips::ModbusServer};
/// use circuits_uart::{Bursts, Config, Parity, Port};
///
/// let meter = ModbusServer::new(1);
/// meter.set_input(0, 230);
/// let board = Stub::virtual_time().serial_device("ttyUSB0", meter)?;
/// let config = Config::new().baud(19_200).parity(Parity::Even);
/// let mut line = Bursts::modbus(Port::open_on(&board, "ttyUSB0", &config)?);
///
/// line.write_burst(&[1, 4, 0, 0, 0, 1, 0x31, 0xca])?;
/// assert_eq!(line.read_burst(None)?, [1, 4, 2, 0, 230, 0x38, 0xba]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModbusServer(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    unit: u8,
    config: Config,
    holding: BTreeMap<u16, u16>,
    input: BTreeMap<u16, u16>,
    /// What came since the line was silent.
    frame: Vec<u8>,
    /// When the frame is over, if nothing more comes.
    over: Option<Time>,
}

/// What a frame has at most (*over serial line*, 2.3).
const LONGEST: usize = 256;

/// How many registers a request reads at most, and writes (*application protocol*, 6.3, 6.12).
const MOST_READ: u16 = 125;
const MOST_WRITTEN: u16 = 123;

/// Why a request is refused (*application protocol*, 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exception {
    Function = 1,
    Address = 2,
    Value = 3,
}

impl ModbusServer {
    /// Makes a server with this address, 1 to 247, and no registers, at 19200 baud with even parity, which
    /// is Modbus's default.
    pub fn new(unit: u8) -> ModbusServer {
        ModbusServer(Arc::new(Mutex::new(State {
            unit,
            config: Config::new().baud(19_200).parity(Parity::Even),
            holding: BTreeMap::new(),
            input: BTreeMap::new(),
            frame: Vec::new(),
            over: None,
        })))
    }

    /// Sets at what settings it speaks and listens.
    pub fn set_config(&self, config: Config) {
        self.lock().config = config;
    }

    /// Sets a holding register, which is there from now on.
    pub fn set_holding(&self, register: u16, value: u16) {
        self.lock().holding.insert(register, value);
    }

    /// Returns a holding register, if it is there.
    pub fn holding(&self, register: u16) -> Option<u16> {
        self.lock().holding.get(&register).copied()
    }

    /// Sets an input register, which is there from now on.
    pub fn set_input(&self, register: u16, value: u16) {
        self.lock().input.insert(register, value);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Device for ModbusServer {
    fn config(&self) -> Option<Config> {
        Some(self.lock().config.clone())
    }

    fn receive(&mut self, byte: u8, line: &mut Line) {
        let mut state = self.lock();
        // One byte more than a frame may have, and it is none.
        if state.frame.len() <= LONGEST {
            state.frame.push(byte);
        }
        state.over = Some(line.time() + state.silence());
    }

    fn receive_damaged(&mut self, _: u8, line: &mut Line) {
        let mut state = self.lock();
        // It is dropped to its end: no checksum fits it.
        state.frame.clear();
        state.frame.push(0);
        state.over = Some(line.time() + state.silence());
    }

    fn next(&self) -> Option<Time> {
        self.lock().over
    }

    fn act(&mut self, line: &mut Line) {
        let mut state = self.lock();
        state.over = None;
        let frame = std::mem::take(&mut state.frame);
        if let Some(answer) = state.answer(&frame) {
            line.send(&answer);
        }
    }
}

impl State {
    /// For how long the line rests between frames (*over serial line*, 2.5.1.1).
    fn silence(&self) -> Duration {
        match self.config.baud_rate() {
            ..=19_200 => self.config.character_time() * 7 / 2,
            _ => Duration::from_micros(1750),
        }
    }

    fn answer(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        if frame.len() > LONGEST {
            return None;
        }
        let (body, sum) = frame.split_last_chunk::<2>()?;
        let [unit, request @ ..] = body else {
            return None;
        };
        let is_meant = *unit == self.unit || *unit == 0;
        if crc(body).to_le_bytes() != *sum || !is_meant || request.is_empty() {
            return None;
        }
        let answered = self.serve(request);
        // Nobody answers what is meant for all.
        if *unit == 0 {
            return None;
        }
        let mut answer = vec![self.unit];
        match answered {
            Ok(body) => answer.extend(body),
            Err(exception) => answer.extend([request[0] | 0x80, exception as u8]),
        }
        answer.extend(crc(&answer).to_le_bytes());
        Some(answer)
    }

    fn serve(&mut self, request: &[u8]) -> Result<Vec<u8>, Exception> {
        let [function, rest @ ..] = request else {
            return Err(Exception::Function);
        };
        match function {
            3 => read(*function, &self.holding, rest),
            4 => read(*function, &self.input, rest),
            6 => self.write_one(request, rest),
            16 => self.write_several(request, rest),
            _ => Err(Exception::Function),
        }
    }

    fn write_one(&mut self, request: &[u8], rest: &[u8]) -> Result<Vec<u8>, Exception> {
        let &[a, b, high, low] = rest else {
            return Err(Exception::Value);
        };
        let register = self.holding.get_mut(&u16::from_be_bytes([a, b]));
        *register.ok_or(Exception::Address)? = u16::from_be_bytes([high, low]);
        Ok(request.to_vec())
    }

    fn write_several(&mut self, request: &[u8], rest: &[u8]) -> Result<Vec<u8>, Exception> {
        let Some((&[a, b, c, d, bytes], values)) = rest.split_first_chunk::<5>() else {
            return Err(Exception::Value);
        };
        let (first, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let is_whole = usize::from(bytes) == values.len() && values.len() == 2 * usize::from(count);
        if !(1..=MOST_WRITTEN).contains(&count) || !is_whole {
            return Err(Exception::Value);
        }
        let registers = range(first, count)?;
        if !registers
            .clone()
            .all(|register| self.holding.contains_key(&register))
        {
            return Err(Exception::Address);
        }
        for (register, value) in registers.zip(values.chunks_exact(2)) {
            let value = u16::from_be_bytes([value[0], value[1]]);
            self.holding.insert(register, value);
        }
        Ok(request[..5].to_vec())
    }
}

fn read(function: u8, from: &BTreeMap<u16, u16>, rest: &[u8]) -> Result<Vec<u8>, Exception> {
    let &[a, b, c, d] = rest else {
        return Err(Exception::Value);
    };
    let (first, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    if !(1..=MOST_READ).contains(&count) {
        return Err(Exception::Value);
    }
    let mut answer = vec![function, 2 * count as u8];
    for register in range(first, count)? {
        let value = from.get(&register).ok_or(Exception::Address)?;
        answer.extend(value.to_be_bytes());
    }
    Ok(answer)
}

/// So many registers, which there are no more than 65536 of.
fn range(first: u16, count: u16) -> Result<std::ops::RangeInclusive<u16>, Exception> {
    let last = first.checked_add(count - 1).ok_or(Exception::Address)?;
    Ok(first..=last)
}

/// The checksum of a frame (*over serial line*, 6.2.2).
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc: u16, _| match crc & 1 {
            1 => crc >> 1 ^ 0xa001,
            _ => crc >> 1,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> State {
        let server = ModbusServer::new(0x11);
        (0..4).for_each(|register| server.set_holding(0x6b + register, 0x100 + register));
        Arc::try_unwrap(server.0).unwrap().into_inner().unwrap()
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        let sum = crc(body).to_le_bytes();
        [body, &sum].concat()
    }

    fn ask(server: &mut State, body: &[u8]) -> Option<Vec<u8>> {
        let answer = server.answer(&framed(body))?;
        let (body, sum) = answer.split_last_chunk::<2>()?;
        assert_eq!(crc(body).to_le_bytes(), *sum);
        Some(body.to_vec())
    }

    /// The example of *over serial line*, 6.2.2.
    #[test]
    fn the_checksum_is_modbuss() {
        assert_eq!(crc(&[0x02, 0x07]).to_le_bytes(), [0x41, 0x12]);
    }

    #[test]
    fn registers_are_read_and_written() {
        let mut server = server();
        let read = ask(&mut server, &[0x11, 3, 0, 0x6b, 0, 2]).unwrap();
        assert_eq!(read, [0x11, 3, 4, 1, 0, 1, 1]);
        let one = [0x11, 6, 0, 0x6b, 0xab, 0xcd];
        assert_eq!(ask(&mut server, &one).unwrap(), one);
        let two = [0x11, 16, 0, 0x6c, 0, 2, 4, 1, 2, 3, 4];
        assert_eq!(ask(&mut server, &two).unwrap(), two[..6]);
        let read = ask(&mut server, &[0x11, 3, 0, 0x6b, 0, 3]).unwrap();
        assert_eq!(read, [0x11, 3, 6, 0xab, 0xcd, 1, 2, 3, 4]);
    }

    #[test]
    fn what_cannot_be_is_an_exception() {
        let mut server = server();
        for (request, exception) in [
            (&[0x11, 7][..], [0x87, 1]),
            (&[0x11, 3, 0, 0x6a, 0, 1], [0x83, 2]),
            (&[0x11, 4, 0, 0x6b, 0, 1], [0x84, 2]),
            (&[0x11, 3, 0xff, 0xff, 0, 2], [0x83, 2]),
            (&[0x11, 3, 0, 0x6b, 0, 0], [0x83, 3]),
            (&[0x11, 3, 0, 0x6b, 0, 126], [0x83, 3]),
            (&[0x11, 3, 0], [0x83, 3]),
            (&[0x11, 6, 0, 0x60, 0, 0], [0x86, 2]),
            (&[0x11, 16, 0, 0x6e, 0, 2, 4, 0, 0, 0, 0], [0x90, 2]),
            (&[0x11, 16, 0, 0x6b, 0, 2, 4, 0, 0], [0x90, 3]),
        ] {
            let answer = ask(&mut server, request).unwrap();
            assert_eq!(answer, [0x11, exception[0], exception[1]], "{request:02x?}");
        }
        assert_eq!(server.holding[&0x6e], 0x103);
    }

    #[test]
    fn what_is_damaged_or_anothers_is_not_answered() {
        let mut server = server();
        let mut frame = framed(&[0x11, 3, 0, 0x6b, 0, 1]);
        frame[3] ^= 1;
        assert_eq!(server.answer(&frame), None);
        assert_eq!(ask(&mut server, &[0x12, 3, 0, 0x6b, 0, 1]), None);
        assert_eq!(server.answer(&[]), None);
        assert_eq!(ask(&mut server, &[0x11]), None);
        // All do it, and nobody answers.
        assert_eq!(ask(&mut server, &[0, 6, 0, 0x6b, 0, 9]), None);
        assert_eq!(server.holding[&0x6b], 9);
    }
}
