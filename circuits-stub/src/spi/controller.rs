use circuits_spi::{BitOrder, ChipSelect, Config, Limits, Mode};

/// What an SPI controller can do: what it refuses on the device it refuses here.
///
/// ```
/// use circuits_spi::{BitOrder, Config, Device};
/// use circuits_stub::{Stub, spi::Controller};
///
/// let board = Stub::virtual_time().spi_controller("spidev0.0", Controller::bcm2835())?;
/// let config = Config::new().bit_order(BitOrder::LsbFirst);
/// let device = Device::open_on(&board, "spidev0.0", &config)?;
/// assert!(device.reverses_bits(), "a Raspberry Pi cannot");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Controller {
    pub(super) max_speed_hz: u32,
    /// The least and the most.
    bits_per_word: (u8, u8),
    /// It knows the modes that take data at the second edge (`SPI_CPHA`).
    second_edge: bool,
    lsb_first: bool,
    three_wire: bool,
    no_chip_select: bool,
    /// Its chip selects are GPIO lines: whether they are active high is not asked.
    by_lines: bool,
    loopback: bool,
    pub(super) limits: Limits,
}

impl Controller {
    /// Makes one that can all that there is, up to 125 MHz.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Controller {
        Controller {
            max_speed_hz: 125_000_000,
            bits_per_word: (1, 32),
            second_edge: true,
            lsb_first: true,
            three_wire: true,
            no_chip_select: true,
            by_lines: false,
            loopback: true,
            limits: Limits::SPIDEV,
        }
    }

    /// Makes one as a Raspberry Pi has up to the Pi 4 (`spi-bcm2835`): words of 8 bits, the most
    /// significant first; its chip selects are GPIO lines, whose level is the device tree's affair.
    pub fn bcm2835() -> Controller {
        Controller {
            bits_per_word: (8, 8),
            lsb_first: false,
            by_lines: true,
            loopback: false,
            ..Controller::new()
        }
    }

    /// Makes one as the auxiliary ones of a Raspberry Pi up to the Pi 4, which are `spidev1.0` and
    /// `spidev2.0` (`spi-bcm2835aux`): words of 8 bits, the most significant first, data on two wires, and
    /// taken at the first edge: modes 0 and 2.
    pub fn bcm2835aux() -> Controller {
        Controller {
            second_edge: false,
            three_wire: false,
            ..Controller::bcm2835()
        }
    }

    /// Makes one as mainline's `spi-dw` drives it (drivers/spi/spi-dw-core.c), which is what a Raspberry
    /// Pi 5 has: words of 4 to 32 bits, the most significant first, data on two wires, and a chip select
    /// that never rests.
    pub fn designware() -> Controller {
        Controller {
            max_speed_hz: 100_000_000,
            bits_per_word: (4, 32),
            lsb_first: false,
            three_wire: false,
            no_chip_select: false,
            by_lines: true,
            ..Controller::new()
        }
    }

    /// Sets how many bytes spidev's buffer has. Default: 4096, as that of the kernel.
    pub fn bufsiz(mut self, bytes: usize) -> Controller {
        self.limits.bytes = bytes;
        self
    }

    /// What becomes of a configuration that it can (`spidev_ioctl`, drivers/spi/spidev.c).
    pub(super) fn held(&self, config: &Config) -> Config {
        let config = config.clone().split(false);
        match config.selects() {
            ChipSelect::ActiveHigh if self.by_lines => config.chip_select(ChipSelect::ActiveLow),
            _ => config,
        }
    }

    pub(super) fn can(&self, config: &Config) -> bool {
        let (least, most) = self.bits_per_word;
        let second_edge = matches!(config.clock_mode(), Mode::Mode1 | Mode::Mode3);
        (least..=most).contains(&config.word_bits())
            && (self.second_edge || !second_edge)
            && (self.lsb_first || config.order() == BitOrder::MsbFirst)
            && (self.three_wire || !config.is_three_wire())
            && (self.loopback || !config.is_loopback())
            && (self.no_chip_select || config.selects() != ChipSelect::None)
    }
}
