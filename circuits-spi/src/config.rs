use embedded_hal::spi::{Phase, Polarity};

/// How a device is to be set up. The settings are the device's: all who have it open share them, and
/// the last who opened it has set them.
///
/// ```
/// use circuits_spi::{Config, Mode};
///
/// let adc = Config::new().mode(Mode::Mode0).speed_hz(1_350_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Config {
    mode: Mode,
    speed_hz: u32,
    bits_per_word: u8,
    bit_order: BitOrder,
    chip_select: ChipSelect,
    three_wire: bool,
    loopback: bool,
    split: bool,
}

/// Mode 0, 1 MHz, words of 8 bits, the most significant first, a chip select that is active low.
impl Default for Config {
    fn default() -> Config {
        Config {
            mode: Mode::Mode0,
            speed_hz: 1_000_000,
            bits_per_word: 8,
            bit_order: BitOrder::MsbFirst,
            chip_select: ChipSelect::ActiveLow,
            three_wire: false,
            loopback: false,
            split: false,
        }
    }
}

impl Config {
    /// Makes the default configuration: mode 0, 1 MHz, words of 8 bits, the most significant first, a
    /// chip select that is active low.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets the level of the clock at rest, and at which of its edges data is taken.
    pub fn mode(mut self, mode: impl Into<Mode>) -> Config {
        self.mode = mode.into();
        self
    }

    /// Sets how fast the clock is at most, in Hz. Controllers take the next slower clock that they have,
    /// and do not say which. Default: 1 MHz.
    pub fn speed_hz(mut self, hz: u32) -> Config {
        self.speed_hz = hz;
        self
    }

    /// Sets how many bits a word has, from 1 to 32. From 9 on a word is 2 bytes, from 17 on 4, in the
    /// order of the machine. Default: 8, and most controllers know no other.
    pub fn bits_per_word(mut self, bits: u8) -> Config {
        self.bits_per_word = bits;
        self
    }

    /// Sets which bit of a word goes first. Where the controller cannot send the least significant one
    /// first, bits are turned round before they are handed over, and
    /// [`reverses_bits`](crate::Device::reverses_bits) says so.
    pub fn bit_order(mut self, order: BitOrder) -> Config {
        self.bit_order = order;
        self
    }

    /// Sets what the chip select does. Default: it is low while the device is meant.
    pub fn chip_select(mut self, chip_select: ChipSelect) -> Config {
        self.chip_select = chip_select;
        self
    }

    /// Sets whether data goes both ways on one wire (`SPI_3WIRE`): a transaction either reads or writes
    /// at a time.
    pub fn three_wire(mut self, three_wire: bool) -> Config {
        self.three_wire = three_wire;
        self
    }

    /// Sets whether the controller reads what it writes itself (`SPI_LOOP`), which few can.
    pub fn loopback(mut self, loopback: bool) -> Config {
        self.loopback = loopback;
        self
    }

    /// Sets whether what is too long for one message is sent in several, with the chip select inactive
    /// between them, and perhaps others' messages. It is right for what has no beginning and no end, as
    /// LED strips and displays that count for themselves; most chips take a chip select that becomes
    /// inactive for the end of a command. Default: it is refused as a
    /// [`Limit`](crate::Error::Limit).
    pub fn split(mut self, split: bool) -> Config {
        self.split = split;
        self
    }

    /// Returns the mode.
    pub fn clock_mode(&self) -> Mode {
        self.mode
    }

    /// Returns how fast the clock is at most, in Hz.
    pub fn max_speed_hz(&self) -> u32 {
        self.speed_hz
    }

    /// Returns how many bits a word has.
    pub fn word_bits(&self) -> u8 {
        self.bits_per_word
    }

    /// Returns which bit of a word goes first.
    pub fn order(&self) -> BitOrder {
        self.bit_order
    }

    /// Returns what the chip select does.
    pub fn selects(&self) -> ChipSelect {
        self.chip_select
    }

    /// Tells whether data goes both ways on one wire.
    pub fn is_three_wire(&self) -> bool {
        self.three_wire
    }

    /// Tells whether the controller reads what it writes itself.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Tells whether what is too long for one message is sent in several.
    pub fn splits(&self) -> bool {
        self.split
    }

    /// How many bytes a word has in memory (`spi_bpw_to_bytes`, include/linux/spi/spi.h).
    pub(crate) fn word_bytes(&self) -> usize {
        match self.bits_per_word {
            ..=8 => 1,
            9..=16 => 2,
            _ => 4,
        }
    }
}

/// The level of the clock at rest, and the edge at which data is taken. It has one number
/// in datasheets, and two bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Mode {
    /// Low at rest; taken at the first edge, which rises.
    #[default]
    Mode0,
    /// Low at rest; taken at the second edge, which falls.
    Mode1,
    /// High at rest; taken at the first edge, which falls.
    Mode2,
    /// High at rest; taken at the second edge, which rises.
    Mode3,
}

impl From<embedded_hal::spi::Mode> for Mode {
    fn from(mode: embedded_hal::spi::Mode) -> Mode {
        match (mode.polarity, mode.phase) {
            (Polarity::IdleLow, Phase::CaptureOnFirstTransition) => Mode::Mode0,
            (Polarity::IdleLow, Phase::CaptureOnSecondTransition) => Mode::Mode1,
            (Polarity::IdleHigh, Phase::CaptureOnFirstTransition) => Mode::Mode2,
            (Polarity::IdleHigh, Phase::CaptureOnSecondTransition) => Mode::Mode3,
        }
    }
}

/// Which bit of a word goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum BitOrder {
    /// The most significant.
    #[default]
    MsbFirst,
    /// The least significant.
    LsbFirst,
}

/// What the chip select of a device does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ChipSelect {
    /// It is low while the device is meant.
    #[default]
    ActiveLow,
    /// It is high while the device is meant. Where it is a GPIO line, as on a Raspberry Pi, that is the
    /// device tree's affair, and refused here (kernels before 6.2 do not tell, and ignore it).
    ActiveHigh,
    /// It rests (`SPI_NO_CS`): nobody is selected, or a GPIO line does it.
    None,
}
