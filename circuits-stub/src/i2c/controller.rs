use std::time::Duration;

use circuits_i2c::Functions;

/// What a bus's controller can do, as its driver in Linux has it, and how fast it is.
///
/// ```
/// use circuits_i2c::{Bus, Config, ErrorKind, Operation};
/// use circuits_stub::{Stub, chips::Tmp102, i2c::Controller};
/// use embedded_hal::i2c::I2c;
///
/// let board = Stub::virtual_time()
///     .i2c_controller("i2c-1", Controller::bcm2835().frequency(400_000))
///     .i2c_device("i2c-1", 0x48, Tmp102::new())?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
///
/// // A Raspberry Pi's controller reads last, or not at all.
/// let (mut value, write) = ([0; 2], [0]);
/// let mut operations = [Operation::Read(&mut value), Operation::Write(&write)];
/// let error = bus.transaction(0x48, &mut operations).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unsupported);
/// assert!(error.to_string().contains("several transactions"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    functions: Functions,
    adapter: Option<String>,
    /// Hertz.
    frequency: u32,
    reads_last_only: bool,
    takes_empty_messages: bool,
    no_acknowledge: i32,
}

// include/uapi/asm-generic/errno.h
const ENXIO: i32 = 6;
const EREMOTEIO: i32 = 121;

impl Controller {
    /// Makes a controller that can do all, at 100 kHz.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Controller {
        Controller {
            functions: Functions::I2C | Functions::TEN_BIT | Functions::SMBUS_EMUL_ALL,
            adapter: None,
            frequency: 100_000,
            reads_last_only: false,
            takes_empty_messages: true,
            no_acknowledge: EREMOTEIO,
        }
    }

    /// Makes the controller of a Raspberry Pi before the fifth (drivers/i2c/busses/i2c-bcm2835.c): a
    /// read is the last message of a transaction or refused; there are no addresses of ten bits, and
    /// no reads whose length the device says.
    pub fn bcm2835() -> Controller {
        Controller {
            functions: Functions::I2C | Functions::SMBUS_EMUL,
            adapter: Some("bcm2835 (i2c@7e804000)".into()),
            reads_last_only: true,
            ..Controller::new()
        }
    }

    /// Makes Synopsys' controller, which the Raspberry Pi 5 has, and many others, as mainline's
    /// driver has it (drivers/i2c/busses/i2c-designware-*.c; that of Raspberry Pi OS knows quick
    /// commands): no message may be empty, so there is no quick command; there are no process calls,
    /// and no packet error codes.
    pub fn designware() -> Controller {
        let missing = Functions::QUICK
            | Functions::PROCESS_CALL
            | Functions::BLOCK_PROCESS_CALL
            | Functions::PEC;
        Controller {
            functions: Controller::new().functions.without(missing),
            adapter: Some("Synopsys DesignWare I2C adapter".into()),
            takes_empty_messages: false,
            ..Controller::new()
        }
    }

    /// Makes Intel's controller in PCs (drivers/i2c/busses/i2c-i801.c), which knows SMBus and no plain
    /// transactions.
    pub fn i801() -> Controller {
        Controller {
            functions: Functions::SMBUS_EMUL_ALL,
            adapter: Some("SMBus I801 adapter at efa0".into()),
            no_acknowledge: ENXIO,
            ..Controller::new()
        }
    }

    /// Sets how fast the clock is, in hertz. Default: 100,000, as on a Raspberry Pi. 0 counts as 1.
    #[must_use]
    pub fn frequency(self, hertz: u32) -> Controller {
        Controller {
            frequency: hertz.max(1),
            ..self
        }
    }

    /// Sets what its adapter is called, which programs may open it by.
    #[must_use]
    pub fn adapter(self, name: &str) -> Controller {
        Controller {
            adapter: Some(name.into()),
            ..self
        }
    }

    /// Sets what it can do.
    #[must_use]
    pub fn functions(self, functions: Functions) -> Controller {
        Controller { functions, ..self }
    }

    pub(super) fn adapter_name(&self) -> Option<&str> {
        self.adapter.as_deref()
    }

    pub(super) fn can(&self, functions: Functions) -> bool {
        self.functions.contains(functions)
    }

    pub(super) fn all_functions(&self) -> Functions {
        self.functions
    }

    pub(super) fn reads_last_only(&self) -> bool {
        self.reads_last_only
    }

    pub(super) fn takes_empty_messages(&self) -> bool {
        self.takes_empty_messages
    }

    /// The number by which it tells that an address or a byte was not acknowledged.
    pub(super) fn no_acknowledge(&self) -> i32 {
        self.no_acknowledge
    }

    /// How long so many bits take.
    pub(super) fn time(&self, bits: u64) -> Duration {
        let nanos = u128::from(bits) * 1_000_000_000 / u128::from(self.frequency);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
