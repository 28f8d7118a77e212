//! The ioctls of i2c-dev (include/uapi/linux/i2c-dev.h, include/uapi/linux/i2c.h).
#![allow(unsafe_code)]

use std::ffi::c_ulong;
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::ptr;

use embedded_hal::i2c::Operation;
use rustix::ioctl::{Getter, IntegerSetter, Opcode, Updater, ioctl};

use crate::Address;

/// `I2C_FUNCS`: what the adapter can do.
pub(super) fn functions(adapter: &impl AsFd) -> io::Result<c_ulong> {
    const I2C_FUNCS: Opcode = 0x0705;
    // SAFETY: I2C_FUNCS stores an unsigned long; `open` has made sure that it is a node of i2c-dev.
    Ok(unsafe { ioctl(adapter, Getter::<I2C_FUNCS, c_ulong>::new())? })
}

/// `I2C_RETRIES`: how often the adapter tries again.
pub(super) fn set_retries(adapter: &impl AsFd, retries: usize) -> io::Result<()> {
    set::<0x0701>(adapter, retries)
}

/// `I2C_TIMEOUT`: how long the adapter waits, in units of 10 ms.
pub(super) fn set_timeout(adapter: &impl AsFd, units: usize) -> io::Result<()> {
    set::<0x0702>(adapter, units)
}

/// `I2C_SLAVE`: the same as `set_address`, but `EBUSY` where a driver of the kernel's has the device.
pub(super) fn claim(adapter: &impl AsFd, address: u16) -> io::Result<()> {
    set::<0x0703>(adapter, address.into())
}

/// `I2C_SLAVE_FORCE`: whom the calls of SMBus on this descriptor are for. Whether a driver of the
/// kernel's has it was asked before.
pub(super) fn set_address(adapter: &impl AsFd, address: u16) -> io::Result<()> {
    set::<0x0706>(adapter, address.into())
}

/// `I2C_TENBIT`: whether that address has ten bits.
pub(super) fn set_ten_bit(adapter: &impl AsFd, ten_bit: bool) -> io::Result<()> {
    set::<0x0704>(adapter, ten_bit.into())
}

/// `I2C_PEC`: whether these calls have packet error codes.
pub(super) fn set_pec(adapter: &impl AsFd, pec: bool) -> io::Result<()> {
    set::<0x0708>(adapter, pec.into())
}

fn set<const OPCODE: Opcode>(adapter: &impl AsFd, value: usize) -> io::Result<()> {
    // SAFETY: the ioctls above take an integer and no pointer (`i2cdev_ioctl`).
    unsafe { ioctl(adapter, IntegerSetter::<OPCODE>::new_usize(value))? };
    Ok(())
}

/// `struct i2c_msg`, and what it borrows.
#[repr(C)]
pub(super) struct Message<'a> {
    address: u16,
    flags: u16,
    len: u16,
    data: *mut u8,
    borrowed: PhantomData<&'a mut [u8]>,
}

impl Default for Message<'_> {
    /// An empty write.
    fn default() -> Self {
        Message {
            address: 0,
            flags: 0,
            len: 0,
            data: ptr::null_mut(),
            borrowed: PhantomData,
        }
    }
}

impl<'a> Message<'a> {
    /// Fails where the length has more bits than the kernel's.
    pub(super) fn new(address: Address, operation: &'a mut Operation<'_>) -> io::Result<Self> {
        const I2C_M_RD: u16 = 0x0001;
        const I2C_M_TEN: u16 = 0x0010;
        let (data, len, read) = match operation {
            Operation::Read(buffer) => (buffer.as_mut_ptr(), buffer.len(), I2C_M_RD),
            // Of a write the kernel only reads.
            Operation::Write(bytes) => (bytes.as_ptr().cast_mut(), bytes.len(), 0),
        };
        let ten = match address {
            Address::SevenBit(_) => 0,
            Address::TenBit(_) => I2C_M_TEN,
        };
        Ok(Message {
            address: address.number(),
            flags: read | ten,
            len: u16::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?,
            data,
            borrowed: PhantomData,
        })
    }
}

/// `struct i2c_rdwr_ioctl_data`.
#[repr(C)]
struct Messages<'a, 'b> {
    messages: *mut Message<'a>,
    count: u32,
    borrowed: PhantomData<&'b mut [Message<'a>]>,
}

/// `I2C_RDWR`: runs a transaction.
pub(super) fn transfer(adapter: &impl AsFd, messages: &mut [Message<'_>]) -> io::Result<()> {
    const I2C_RDWR: Opcode = 0x0707;
    let mut all = Messages {
        messages: messages.as_mut_ptr(),
        count: u32::try_from(messages.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        borrowed: PhantomData,
    };
    // SAFETY: the structures are the kernel's. Each message has a pointer to as many bytes as it says,
    // borrowed for as long, which may be written where it is a read; without `I2C_M_RECV_LEN` the
    // kernel takes and gives no more (`i2cdev_ioctl_rdwr`).
    unsafe {
        ioctl(
            adapter,
            Updater::<I2C_RDWR, Messages<'_, '_>>::new(&mut all),
        )?
    };
    Ok(())
}

/// `union i2c_smbus_data`: a byte, a word in the machine's order, or the length of a block and the
/// block, with room for a packet error code.
pub(super) type Data = [u8; 34];

/// Its members are of two bytes, at most.
#[repr(C, align(2))]
struct Aligned(Data);

/// `struct i2c_smbus_ioctl_data`.
#[repr(C)]
struct Call<'a> {
    read_write: u8,
    command: u8,
    size: u32,
    data: Option<&'a mut Aligned>,
}

/// `I2C_SMBUS`: makes a call. `size` is one of the kernel's `I2C_SMBUS_*`; the data is what is
/// written, and then what was read.
pub(super) fn smbus(
    adapter: &impl AsFd,
    read: bool,
    command: u8,
    size: u32,
    data: &mut Data,
) -> io::Result<()> {
    const I2C_SMBUS: Opcode = 0x0720;
    let mut aligned = Aligned(*data);
    let mut call = Call {
        read_write: read.into(),
        command,
        size,
        data: Some(&mut aligned),
    };
    // SAFETY: the structure is the kernel's, its pointer goes to a whole union that may be written,
    // and the kernel knows no size that needs more (`i2cdev_ioctl_smbus`).
    unsafe { ioctl(adapter, Updater::<I2C_SMBUS, Call<'_>>::new(&mut call))? };
    *data = aligned.0;
    Ok(())
}
