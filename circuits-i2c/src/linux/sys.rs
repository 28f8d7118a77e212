//! What i2cdev has no call for (include/uapi/linux/i2c-dev.h).
#![allow(unsafe_code)]

use std::ffi::c_ulong;
use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Getter, ioctl};

/// The adapter knows plain I2C, not only SMBus.
pub(super) const I2C_FUNC_I2C: c_ulong = 0x0000_0001;

// include/uapi/asm-generic/errno.h
pub(super) const EOPNOTSUPP: i32 = 95;

/// `I2C_FUNCS`: what the adapter can do.
pub(super) fn functions(adapter: &impl AsFd) -> io::Result<c_ulong> {
    const I2C_FUNCS: rustix::ioctl::Opcode = 0x0705;
    // SAFETY: I2C_FUNCS stores an unsigned long, and any other driver refuses the number (ENOTTY).
    Ok(unsafe { ioctl(adapter, Getter::<I2C_FUNCS, c_ulong>::new())? })
}
