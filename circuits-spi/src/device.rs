use embedded_hal::spi::Operation;

use crate::node::Node;
use crate::{Backend, Config, Error, Limits, Linux, Result};

/// An SPI device: a chip select of a controller. It is used through embedded-hal's `SpiDevice`,
/// blocking and async; clones are the same device.
///
/// A transaction is one message: the chip select is active from its beginning to its end, and nobody
/// gets between. Those of a device and its clones come one after another in the order of the calls.
///
/// ```
/// use circuits_spi::{Config, Device};
/// use circuits_stub::{Stub, spi};
/// use embedded_hal::spi::SpiDevice;
///
/// /// Answers with what it was sent before.
/// struct Echo(u8);
///
/// impl spi::Device for Echo {
///     fn transfer(&mut self, byte: u8) -> u8 {
///         std::mem::replace(&mut self.0, byte)
///     }
/// }
///
/// let board = Stub::virtual_time().spi_device("spidev0.0", Echo(0))?;
/// let mut device = Device::open_on(&board, "spidev0.0", &Config::new())?;
/// let mut bytes = [1, 2, 3];
/// device.transfer_in_place(&mut bytes)?;
/// assert_eq!(bytes, [0, 1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Device(Node);

impl Device {
    /// Opens a device of this Linux machine, `spidev0.0` or the path of its node, with the default
    /// settings: mode 0, 1 MHz.
    ///
    /// # Errors
    /// As [`Device::open_on`].
    pub fn open(name: &str) -> Result<Device> {
        Device::open_on(&Linux::for_device(name)?, name, &Config::new())
    }

    /// Opens a device of `backend` and sets it up.
    ///
    /// # Errors
    /// [`Error::NotFound`], which says why; [`Error::PermissionDenied`]; [`Error::Invalid`] for
    /// settings that make no sense, and [`Error::Unsupported`], which names it, for what the controller
    /// does not grant.
    pub fn open_on(backend: &dyn Backend, name: &str, config: &Config) -> Result<Device> {
        Ok(Device(Node::open_on(backend, name, config)?))
    }

    /// Returns the name that it was opened by.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Returns how it was set up.
    pub fn config(&self) -> Config {
        self.0.config()
    }

    /// Sets it up anew, and all its clones, when what was called before is done.
    ///
    /// # Errors
    /// As [`Device::open_on`]; the settings stay as they were then, if the device is still there.
    pub fn configure(&self, config: &Config) -> Result<()> {
        self.0.configure(config)
    }

    /// Tells whether the bits of words are turned round before the controller gets them, which cannot
    /// send the least significant one first.
    pub fn reverses_bits(&self) -> bool {
        self.0.reverses_bits()
    }

    /// Returns how much goes into a message.
    pub fn limits(&self) -> Limits {
        self.0.limits()
    }

    pub(crate) fn run(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<()> {
        self.0.run(operations)
    }

    pub(crate) async fn run_async(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<()> {
        self.0.run_async(operations).await
    }
}

/// Returns the names of the devices of this Linux machine, by controller and chip select.
///
/// # Errors
/// As [`list_on`].
pub fn list() -> Result<Vec<String>> {
    list_on(&Linux::for_device("")?)
}

/// Returns the names of the devices of `backend`, by controller and chip select.
///
/// # Errors
/// [`Error::Unsupported`] if it cannot tell; the system's.
pub fn list_on(backend: &dyn Backend) -> Result<Vec<String>> {
    backend.list().map_err(|source| {
        let device = "all".into();
        match source.kind() {
            std::io::ErrorKind::Unsupported => Error::Unsupported {
                device,
                what: "listing: the backend cannot tell what there is",
                source,
            },
            _ => Error::Io { device, source },
        }
    })
}
