use crate::smbus::Smbus;
use crate::{Address, Bus, Result};

/// A bus, for devices whose addresses have ten bits: embedded-hal's `I2c<TenBitAddress>`, blocking
/// and async. It is the same bus as the one that it comes from, [`Bus::ten_bit`].
///
/// Few adapters know such addresses (`i2cdetect -F` says *10-bit addressing*; a Raspberry Pi's before
/// the fifth do not), and hardly a device has one: on others every transaction is
/// [`Error::Unsupported`](crate::Error::Unsupported).
///
/// ```
/// use circuits_i2c::{Address, Bus, Config};
/// use circuits_stub::{Stub, chips::Tmp102};
/// use embedded_hal::i2c::I2c;
///
/// let board = Stub::virtual_time().i2c_device("i2c-1", Address::TenBit(0x148), Tmp102::new())?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?.ten_bit();
/// let mut temperature = [0; 2];
/// bus.write_read(0x148_u16, &[0], &mut temperature)?;
/// assert_eq!(temperature, [25, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TenBit {
    bus: Bus,
}

impl TenBit {
    pub(crate) fn new(bus: Bus) -> TenBit {
        TenBit { bus }
    }

    /// Returns the device at this address, to be spoken to by SMBus.
    ///
    /// # Errors
    /// As [`Bus::device`].
    pub fn smbus(&self, address: u16) -> Result<Smbus> {
        let address = Address::TenBit(address);
        self.bus.check_free(address)?;
        Ok(Smbus::new(self.bus.clone(), address))
    }

    pub(crate) fn bus(&mut self) -> &mut Bus {
        &mut self.bus
    }
}
