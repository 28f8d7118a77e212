/// What building or handling a virtual board returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What cannot be done with a virtual board.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The board has no such line.
    #[error("the virtual board has no line {line:?}")]
    NoLine {
        /// The line, as it was asked for.
        line: String,
    },

    /// The board has no such GPIO chip.
    #[error("the virtual board has no GPIO chip {chip:?}")]
    NoChip {
        /// The chip, as it was asked for.
        chip: String,
    },

    /// Several lines of the board have this name; one is to be named by its place (`gpiochip0:17`).
    #[error("the virtual board has several lines {line:?}: choose one of {places}")]
    Ambiguous {
        /// The name, as it was asked for.
        line: String,
        /// Where they are.
        places: String,
    },

    /// A program holds the line.
    #[error("line {line:?} of the virtual board is in use: {holder:?} holds it")]
    InUse {
        /// The line.
        line: String,
        /// Who holds it.
        holder: String,
    },

    /// The board has no such I2C bus.
    #[error("the virtual board has no I2C bus {bus:?}")]
    NoBus {
        /// The bus, as it was asked for.
        bus: String,
    },

    /// The board has no such SPI node, or no board could: `spidev0.1` is chip select 1 of controller 0.
    #[error("the virtual board has no SPI node {node:?} (they are called spidev0.0)")]
    NoNode {
        /// The node, as it was asked for.
        node: String,
    },

    /// A device is connected to this SPI node already.
    #[error("there is a device on {node} already")]
    NodeTaken {
        /// The node.
        node: String,
    },

    /// The board has no such serial port.
    #[error("the virtual board has no serial port {port:?}")]
    NoPort {
        /// The port, as it was asked for.
        port: String,
    },

    /// Something is connected to this serial port already.
    #[error("there is something on {port} already")]
    PortTaken {
        /// The port.
        port: String,
    },

    /// A program has the serial port open.
    #[error("serial port {port:?} of the virtual board is in use")]
    PortInUse {
        /// The port.
        port: String,
    },

    /// The board has no such CAN interface.
    #[error("the virtual board has no CAN interface {interface:?}")]
    NoInterface {
        /// The interface, as it was asked for.
        interface: String,
    },

    /// The interface has no wires that anything could be on: a `vcan`.
    #[error("CAN interface {interface:?} has no wires: it is a vcan")]
    NoWires {
        /// The interface.
        interface: String,
    },

    /// The board has no part of this name.
    #[error("the virtual board has no part {part:?}{others}")]
    NoPart {
        /// The name, as it was asked for.
        part: String,
        /// Which there are, to be read after it.
        others: String,
    },

    /// The part of this name is something else.
    #[error("part {part:?} of the virtual board is no {wanted}")]
    OtherPart {
        /// The name, as it was asked for.
        part: String,
        /// What it was taken for.
        wanted: &'static str,
    },

    /// A fault cannot be that likely.
    #[error("{probability} is no probability: it is to be 0 to 1")]
    NoProbability {
        /// The number, as it was given.
        probability: String,
    },

    /// Bytes are no uevent.
    #[error("the virtual board was fed something that is no uevent")]
    NoUevent(#[from] circuits_enumerate::ParseError),

    /// There is a device at this address already.
    #[error("there is a device at {address} on {bus} already")]
    AddressTaken {
        /// The bus.
        bus: String,
        /// The address.
        address: circuits_i2c::Address,
    },

    /// There is no device at this address.
    #[error("there is no device at {address} on {bus}")]
    NoDevice {
        /// The bus.
        bus: String,
        /// The address.
        address: circuits_i2c::Address,
    },

    /// No device can have this address.
    #[error("{address} is no address of seven bits, 0x00 to 0x7f")]
    NoAddress {
        /// The address.
        address: circuits_i2c::Address,
    },

    /// A memory does not hold so many bytes.
    #[error("{bytes} bytes do not go into a memory of {size}")]
    TooLong {
        /// How many bytes there are.
        bytes: usize,
        /// How many it holds.
        size: usize,
    },

    /// A chip has no such input.
    #[error("the chip has no input {input}")]
    NoInput {
        /// The input, as it was asked for.
        input: usize,
    },

    /// There is no such date or time, or a clock does not know it.
    #[error("there is no such time: {datetime:?}")]
    NoDate {
        /// Year, month, date, hour, minute, second.
        datetime: [u16; 6],
    },
}
