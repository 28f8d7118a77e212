//! I2C buses.

use std::error;
use std::time::Duration;

use circuits::Board;
use circuits::i2c::{Bus, Config, Error, ErrorKind};
use circuits::prelude::*;
use circuits::stub::Stub;
use circuits::stub::chips::Tmp102;
use circuits::stub::i2c::{Acknowledge, Controller, Device, Fault as BusFault, Transfer};
use circuits::wait::Time;

use crate::cell::{Fault, Outcome, error, none, run_of, seen, told, unexpected};

const MILLIS: Duration = Duration::from_millis(1);

fn bus(error: Error) -> Outcome {
    told(error.kind(), error)
}

fn temperature(bus: &mut Bus) -> Result<i16, Error> {
    let mut bytes = [0; 2];
    bus.write_read(0x48, &[0], &mut bytes)?;
    Ok(i16::from_be_bytes(bytes))
}

/// The kinds of errors of transactions that follow each other, a tenth of a second apart.
fn tries(stub: &Stub, bus: &mut Bus) -> Result<Vec<Option<ErrorKind>>, Box<dyn error::Error>> {
    let mut tries = Vec::new();
    for _ in 0..20 {
        tries.push(temperature(bus).err().map(|error| error.kind()));
        stub.delay().sleep(100 * MILLIS)?;
    }
    Ok(tries)
}

pub(crate) fn meet(fault: Fault) -> Outcome {
    let stub = Stub::virtual_time().i2c_device("i2c-1", 0x48, Tmp102::new())?;
    let board = Board::from(&stub);
    let one = |fault: BusFault| {
        stub.i2c_fault("i2c-1", fault)?;
        bus(error(temperature(&mut board.i2c_bus("i2c-1")?))?)
    };
    match fault {
        Fault::NotThere => bus(error(board.i2c_bus("i2c-7"))?),
        Fault::NoPermission => {
            let user = Board::from(&stub.without_permission());
            bus(error(user.i2c_bus("i2c-1"))?)
        }
        Fault::InUse => {
            let board = Board::from(&stub.i2c_owner("i2c-1", 0x68, "rtc-ds1307"));
            bus(error(board.i2c_device("i2c-1", 0x68))?)
        }
        Fault::SameName => {
            let controller = Controller::new().adapter("tiny-usb");
            let stub = stub
                .i2c_controller("i2c-3", controller.clone())
                .i2c_controller("i2c-4", controller);
            bus(error(Board::from(&stub).i2c_bus("tiny-usb"))?)
        }
        Fault::Unplugged => {
            let mut open = board.i2c_bus("i2c-1")?;
            stub.remove_i2c_bus("i2c-1")?;
            bus(error(temperature(&mut open))?)
        }
        Fault::NoAnswer => {
            let mut open = board.i2c_bus("i2c-1")?;
            bus(error(open.write(0x49, &[0]))?)
        }
        Fault::NoAnswerForAWhile => {
            let storm = BusFault::no_acknowledge().until(1000 * MILLIS).always();
            stub.i2c_fault("i2c-1", storm)?;
            let tries = tries(&stub, &mut board.i2c_bus("i2c-1")?)?;
            let (failed, kind) = run_of(&tries)?;
            told(
                kind,
                format!("from {failed} calls in a second; the next one succeeds"),
            )
        }
        Fault::BrownOut => {
            let mut open = board.i2c_bus("i2c-1")?;
            // A limit, and then less than a second without power.
            open.write(0x48, &[3, 0x60, 0x00])?;
            stub.i2c_fault("i2c-1", BusFault::brown_out(950 * MILLIS))?;
            let tries = tries(&stub, &mut open)?;
            let (failed, kind) = run_of(&tries)?;
            let mut limit = [0; 2];
            open.write_read(0x48, &[3], &mut limit)?;
            told(
                kind,
                format!(
                    "from {failed} calls in a second; then it answers, and what was set is lost: a register that was set to \
                     0x6000 is {:#06x}",
                    u16::from_be_bytes(limit)
                ),
            )
        }
        Fault::HeldLow => one(BusFault::stuck()),
        Fault::HeldHigh => one(BusFault::no_acknowledge()),
        Fault::NotFree => one(BusFault::busy()),
        Fault::TimesOut => one(BusFault::stuck()),
        Fault::Fails => one(BusFault::failed()),
        Fault::Noise => {
            let mut open = board.i2c_bus("i2c-1")?;
            let right = temperature(&mut open)?;
            stub.i2c_fault("i2c-1", BusFault::flipped_bit())?;
            let wrong = temperature(&mut open)?;
            seen(
                "wrong value",
                format!("a wrong value: {wrong:#06x} instead of {right:#06x}"),
            )
        }
        Fault::CheckedNoise => {
            let board = Board::from(&stub.clone().i2c_device(
                "i2c-2",
                0x5a,
                Thermometer([].iter()),
            )?);
            let mut thermometer = board.i2c_device("i2c-2", 0x5a)?.smbus().pec(true);
            thermometer.read_word_data(7)?;
            stub.i2c_fault("i2c-2", BusFault::flipped_bit())?;
            bus(error(thermometer.read_word_data(7))?)
        }
        Fault::OtherSettings => {
            none("the controller gives the clock, and there is nothing else to agree on")
        }
        Fault::Contention => one(BusFault::arbitration_lost()),
        Fault::Overflow => {
            none("the controller gives the clock: nothing comes that it does not ask for")
        }
        Fault::TooMuch => {
            let mut open = board.i2c_bus("i2c-1")?;
            bus(error(open.write(0x48, &[0; 8193]))?)
        }
        Fault::NotGranted => {
            let board = Board::from(&stub.i2c_controller("i2c-1", Controller::bcm2835()));
            let mut ten_bit = board.i2c_bus("i2c-1")?.ten_bit();
            bus(error(ten_bit.write(0x2a5_u16, &[0]))?)
        }
        Fault::BusOff => none("a controller counts no errors"),
        Fault::Down => none("a bus that is not enabled is not there"),
        Fault::NobodyReads => {
            none("a device that is too slow holds the clock, which is *a wire is held low*")
        }
        Fault::Nothing => {
            let config = Config::new().timeout(50 * MILLIS);
            let mut open = board.i2c_bus_with("i2c-1", &config)?;
            stub.i2c_fault("i2c-1", BusFault::stuck())?;
            let start = board.clock().now();
            let error = error(temperature(&mut open))?;
            let took = board.clock().now().since(start).as_millis();
            told(
                error.kind(),
                format!("after {took} ms, which Config::timeout has set"),
            )
        }
        Fault::Interrupted => {
            board.interrupt()?.raise();
            match temperature(&mut board.i2c_bus("i2c-1")?) {
                Ok(_) => none("a transaction is not cut short: it ends by itself"),
                Err(error) => Err(unexpected(error)),
            }
        }
        Fault::Standstill => none("a transaction ends by itself"),
    }
}

/// An MLX90614, which sends what its datasheet has it send (8.4.3.2): a word, and its code.
struct Thermometer(std::slice::Iter<'static, u8>);

impl Device for Thermometer {
    fn start(&mut self, _: Transfer, _: Time) -> Acknowledge {
        self.0 = [0xd2, 0x3a, 0x30].iter();
        Acknowledge::Yes
    }

    fn write(&mut self, _: u8) -> Acknowledge {
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0xff)
    }
}
