use embedded_hal::spi::Operation;

use crate::node::Node;
use crate::{Backend, ChipSelect, Config, Limits, Linux, Result};

/// The wires of an SPI controller, without a chip select: for what has none, or has it on a GPIO line.
/// It is used through embedded-hal's `SpiBus`, blocking and async. There is one owner, as that wants
/// it: drivers share it by embedded-hal-bus, which holds it for as long as a chip is selected. While a
/// line selects a chip, messages to other nodes of the same controller are heard by it, too: leave
/// them alone, or give each a line.
///
/// Each call is a message of its own, whatever its length: one that is longer than a message can be goes
/// in several, if the chip select rests ([`ChipSelect::None`]), for nobody sees a difference then.
///
/// With a GPIO line as chip select it is a device by `ExclusiveDevice` of the crate embedded-hal-bus: the
/// example `chip_select` of the crate circuits.
///
/// ```
/// use circuits_spi::{Bus, ChipSelect, Config};
/// use circuits_stub::Stub;
/// use embedded_hal::spi::SpiBus;
///
/// let board = Stub::virtual_time().spi_node("spidev0.0")?;
/// let config = Config::new().speed_hz(3_200_000).chip_select(ChipSelect::None);
/// let mut strip = Bus::open_on(&board, "spidev0.0", &config)?;
/// strip.write(&[0b1100_1000; 9000])?;
/// assert_eq!(board.clock().now().as_nanos(), 9000 * 8 * 1_000_000_000 / 3_200_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Bus {
    node: Node,
    /// As it was asked for.
    config: Config,
}

impl Bus {
    /// Opens the controller of a node of this Linux machine, `spidev0.0`, with the default settings and
    /// a chip select that rests.
    ///
    /// # Errors
    /// As [`Bus::open_on`].
    pub fn open(name: &str) -> Result<Bus> {
        let config = Config::new().chip_select(ChipSelect::None);
        Bus::open_on(&Linux::for_device(name)?, name, &config)
    }

    /// Opens the controller of a node of `backend` and sets it up. Where the configuration has a chip
    /// select, it moves with each call, beside what else selects a chip.
    ///
    /// # Errors
    /// As [`Device::open_on`](crate::Device::open_on). [`Error::Unsupported`](crate::Error::Unsupported)
    /// as well where the controller has no chip select that rests (spi-dw, so far: a Raspberry Pi 5).
    pub fn open_on(backend: &dyn Backend, name: &str, config: &Config) -> Result<Bus> {
        Ok(Bus {
            node: Node::open_on(backend, name, &harmless(config))?,
            config: config.clone(),
        })
    }

    /// Returns the name that it was opened by.
    pub fn name(&self) -> &str {
        self.node.name()
    }

    /// Returns how it was set up.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// Sets it up anew, when what was called before is done.
    ///
    /// # Errors
    /// As [`Bus::open_on`]; the settings stay as they were then, if the device is still there.
    pub fn configure(&mut self, config: &Config) -> Result<()> {
        self.node.configure(&harmless(config))?;
        self.config = config.clone();
        Ok(())
    }

    /// Tells whether the bits of words are turned round before the controller gets them, which cannot
    /// send the least significant one first.
    pub fn reverses_bits(&self) -> bool {
        self.node.reverses_bits()
    }

    /// Returns how much goes into a message.
    pub fn limits(&self) -> Limits {
        self.node.limits()
    }

    pub(crate) fn wait(&self) {
        self.node.flush();
    }

    pub(crate) async fn wait_async(&mut self) -> Result<()> {
        self.node.flush_async().await
    }

    pub(crate) fn run(&mut self, operation: Operation<'_, u8>) -> Result<()> {
        match is_empty(&operation) {
            true => Ok(()),
            false => self.node.run(&mut [operation]),
        }
    }

    pub(crate) async fn run_async(&mut self, operation: Operation<'_, u8>) -> Result<()> {
        match is_empty(&operation) {
            true => Ok(()),
            false => self.node.run_async(&mut [operation]).await,
        }
    }
}

/// Without a chip select nobody sees where a message ends.
fn harmless(config: &Config) -> Config {
    match config.selects() {
        ChipSelect::None => config.clone().split(true),
        _ => config.clone(),
    }
}

/// There is nothing to send, and no chip select to be seen.
fn is_empty(operation: &Operation<'_, u8>) -> bool {
    match operation {
        Operation::Read(buffer) => buffer.is_empty(),
        Operation::Write(bytes) => bytes.is_empty(),
        Operation::Transfer(read, write) => read.is_empty() && write.is_empty(),
        Operation::TransferInPlace(buffer) => buffer.is_empty(),
        Operation::DelayNs(_) => false,
    }
}
