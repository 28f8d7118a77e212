use crate::smbus::Smbus;
use crate::{Address, Bus, Error, Result};

/// A device: a bus and an address. It is embedded-hal's `I2c` for this address alone, blocking and
/// async, so a driver that gets it speaks to nobody else; any other address is
/// [`Error::Invalid`](crate::Error::Invalid).
///
/// ```
/// use circuits_i2c::{Bus, Config, ErrorKind};
/// use circuits_stub::{Stub, chips::Tmp102};
/// use embedded_hal::i2c::I2c;
///
/// let board = Stub::virtual_time()
///     .i2c_device("i2c-1", 0x48, Tmp102::new())?
///     .i2c_device("i2c-1", 0x49, Tmp102::new())?
///     .i2c_owner("i2c-1", 0x49, "lm75");
/// let bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
///
/// let mut sensor = bus.device(0x48)?;
/// sensor.write_read(0x48, &[0], &mut [0; 2])?;
/// assert_eq!(sensor.write(0x20, &[0]).unwrap_err().kind(), ErrorKind::Invalid);
///
/// // A driver of the kernel's has the other one.
/// let error = bus.device(0x49).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InUse);
/// assert!(error.to_string().contains("lm75"));
/// let other = bus.device_even_if_owned(0x49)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Device {
    bus: Bus,
    address: u8,
}

impl Device {
    pub(crate) fn new(bus: Bus, address: u8) -> Device {
        Device { bus, address }
    }

    /// Returns the address.
    pub fn address(&self) -> u8 {
        self.address
    }

    /// Returns the bus that it is on, for others.
    pub fn bus(&self) -> Bus {
        self.bus.clone()
    }

    /// Returns the same device, to be spoken to by SMBus.
    pub fn smbus(&self) -> Smbus {
        Smbus::new(self.bus.clone(), Address::SevenBit(self.address))
    }

    /// The bus, if it is for this device.
    pub(crate) fn bus_for(&mut self, address: u8) -> Result<&mut Bus> {
        match address == self.address {
            true => Ok(&mut self.bus),
            false => Err(Error::Invalid {
                bus: self.bus.name().into(),
                what: "this device is at another address, and speaks for no other",
            }),
        }
    }
}
