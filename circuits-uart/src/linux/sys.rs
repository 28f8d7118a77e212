//! The ioctls of serial ports that rustix does not have (ioctl_tty(2), include/uapi/linux/serial.h).
//!
//! A descriptor that these are called with is a terminal's, which `Tty` has made sure of: for any other
//! driver the numbers could mean something else.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_ushort};
use std::io;
use std::mem::size_of;
use std::os::fd::AsFd;
use std::ptr;

use rustix::io::retry_on_intr;
use rustix::ioctl::opcode::{none, read, read_write, write};
use rustix::ioctl::{Getter, NoArg, Opcode, Setter, Updater, ioctl};

use crate::{Counters, ModemLines, Rs485};

// The numbers that processors differ in, for most of them, PowerPC, MIPS and SPARC (ioctls.h and
// termios.h in include/uapi/asm-generic and in arch/*/include/uapi/asm). No crate has all of them:
// linux-raw-sys has none for SPARC and lacks RS-485 for MIPS, libc lacks RS-485 for SPARC.
const TIOCMGET: Opcode = here([0x5415, 0x5415, 0x741d, read::<c_int>(b't', 106)]);
const TIOCMBIS: Opcode = here([0x5416, 0x5416, 0x741b, write::<c_int>(b't', 108)]);
const TIOCMBIC: Opcode = here([0x5417, 0x5417, 0x741c, write::<c_int>(b't', 107)]);
const TIOCSBRK: Opcode = here([0x5427, 0x5427, 0x5427, none(b't', 123)]);
const TIOCCBRK: Opcode = here([0x5428, 0x5428, 0x5428, none(b't', 122)]);
const TIOCOUTQ: Opcode = here([0x5411, OUTQ, 0x7472, OUTQ]);
const OUTQ: Opcode = read::<c_int>(b't', 115);
const TIOCSERGETLSR: Opcode = here([0x5459, 0x5459, 0x548e, 0x5459]);
const TIOCGICOUNT: Opcode = here([0x545d, 0x545d, 0x5492, 0x545d]);
const TIOCGSERIAL: Opcode = here([0x541e, 0x541e, 0x5484, 0x541e]);
const TIOCSSERIAL: Opcode = here([0x541f, 0x541f, 0x5485, 0x541f]);
const TIOCGRS485: Opcode = here([
    0x542e,
    0x542e,
    read::<Direction>(b'T', 0x2e),
    read::<Direction>(b'T', 0x41),
]);
const TIOCSRS485: Opcode = here([
    0x542f,
    0x542f,
    read_write::<Direction>(b'T', 0x2f),
    read_write::<Direction>(b'T', 0x42),
]);

// Bits of the modem lines.
const TIOCM_DTR: c_int = 0x002;
const TIOCM_RTS: c_int = 0x004;
const TIOCM_CTS: c_int = here([0x020, 0x020, 0x040, 0x020]);
const TIOCM_CAR: c_int = here([0x040, 0x040, 0x100, 0x040]);
const TIOCM_RNG: c_int = here([0x080, 0x080, 0x200, 0x080]);
const TIOCM_DSR: c_int = here([0x100, 0x100, 0x400, 0x100]);

const fn here<T: Copy>(numbers: [T; 4]) -> T {
    let [most, powerpc, mips, sparc] = numbers;
    if cfg!(any(target_arch = "powerpc", target_arch = "powerpc64")) {
        powerpc
    } else if cfg!(any(
        target_arch = "mips",
        target_arch = "mips32r6",
        target_arch = "mips64",
        target_arch = "mips64r6",
    )) {
        mips
    } else if cfg!(any(target_arch = "sparc", target_arch = "sparc64")) {
        sparc
    } else {
        most
    }
}

/// `TIOCMGET`: the modem lines.
pub(super) fn modem_lines(tty: &impl AsFd) -> io::Result<ModemLines> {
    // SAFETY: TIOCMGET stores an int (`tty_tiocmget`).
    let bits = unsafe { ioctl(tty, Getter::<TIOCMGET, c_int>::new())? };
    Ok(ModemLines {
        rts: bits & TIOCM_RTS != 0,
        dtr: bits & TIOCM_DTR != 0,
        cts: bits & TIOCM_CTS != 0,
        dsr: bits & TIOCM_DSR != 0,
        ri: bits & TIOCM_RNG != 0,
        cd: bits & TIOCM_CAR != 0,
    })
}

/// `TIOCMBIS` and `TIOCMBIC`: makes lines active, and then others inactive.
pub(super) fn set_modem_lines(
    tty: &impl AsFd,
    rts: Option<bool>,
    dtr: Option<bool>,
) -> io::Result<()> {
    let bits = |level| {
        let rts = if rts == Some(level) { TIOCM_RTS } else { 0 };
        let dtr = if dtr == Some(level) { TIOCM_DTR } else { 0 };
        rts | dtr
    };
    let (active, inactive) = (bits(true), bits(false));
    if active != 0 {
        // SAFETY: TIOCMBIS reads an int (`tty_tiocmset`).
        unsafe { ioctl(tty, Setter::<TIOCMBIS, c_int>::new(active))? };
    }
    if inactive != 0 {
        // SAFETY: as TIOCMBIS.
        unsafe { ioctl(tty, Setter::<TIOCMBIC, c_int>::new(inactive))? };
    }
    Ok(())
}

/// `TIOCSBRK` and `TIOCCBRK`: begins or ends a break.
pub(super) fn set_break(tty: &impl AsFd, on: bool) -> io::Result<()> {
    if on {
        // All has left, and yet a signal ends the wait for that (`tty_ioctl`).
        // SAFETY: TIOCSBRK takes nothing.
        retry_on_intr(|| unsafe { ioctl(tty, NoArg::<TIOCSBRK>::new()) })?;
    } else {
        // SAFETY: TIOCCBRK takes nothing.
        unsafe { ioctl(tty, NoArg::<TIOCCBRK>::new())? };
    }
    Ok(())
}

/// `TIOCOUTQ`: how many bytes the driver has still to send.
pub(super) fn output_waiting(tty: &impl AsFd) -> io::Result<usize> {
    // SAFETY: TIOCOUTQ stores an int (`n_tty_ioctl`).
    let count = unsafe { ioctl(tty, Getter::<TIOCOUTQ, c_int>::new())? };
    Ok(usize::try_from(count).unwrap_or(0))
}

/// `TIOCSERGETLSR`: whether the transmitter has sent the last bit that it was given.
pub(super) fn transmitter_is_empty(tty: &impl AsFd) -> io::Result<bool> {
    const TIOCSER_TEMT: c_uint = 0x01;
    // SAFETY: TIOCSERGETLSR stores an unsigned int (`uart_get_lsr_info`).
    let state = unsafe { ioctl(tty, Getter::<TIOCSERGETLSR, c_uint>::new())? };
    Ok(state & TIOCSER_TEMT != 0)
}

/// `struct serial_icounter_struct`.
#[repr(C)]
#[derive(Default)]
struct Counts {
    cts: c_int,
    dsr: c_int,
    rng: c_int,
    dcd: c_int,
    rx: c_int,
    tx: c_int,
    frame: c_int,
    overrun: c_int,
    parity: c_int,
    brk: c_int,
    buf_overrun: c_int,
    reserved: [c_int; 9],
}

const _: () = assert!(size_of::<Counts>() == 80);

/// `TIOCGICOUNT`: what the driver has counted.
pub(super) fn counters(tty: &impl AsFd) -> io::Result<Counters> {
    let mut counts = Counts::default();
    // SAFETY: the structure is the kernel's (`tty_tiocgicount`), and whole whatever is stored in it.
    unsafe { ioctl(tty, Updater::<TIOCGICOUNT, Counts>::new(&mut counts))? };
    // They wrap around.
    Ok(Counters {
        received: counts.rx as u32,
        sent: counts.tx as u32,
        framing_errors: counts.frame as u32,
        parity_errors: counts.parity as u32,
        breaks: counts.brk as u32,
        overruns: counts.overrun as u32,
        buffer_overruns: counts.buf_overrun as u32,
        cts: counts.cts as u32,
        dsr: counts.dsr as u32,
        ri: counts.rng as u32,
        cd: counts.dcd as u32,
    })
}

/// `struct serial_struct`.
#[repr(C)]
struct Serial {
    kind: c_int,
    line: c_int,
    port: c_uint,
    irq: c_int,
    flags: c_int,
    xmit_fifo_size: c_int,
    custom_divisor: c_int,
    baud_base: c_int,
    close_delay: c_ushort,
    io_type: c_char,
    reserved_char: [c_char; 1],
    hub6: c_int,
    closing_wait: c_ushort,
    closing_wait2: c_ushort,
    iomem_base: *mut u8,
    iomem_reg_shift: c_ushort,
    port_high: c_uint,
    iomap_base: c_ulong,
}

const _: () = assert!(size_of::<Serial>() == if size_of::<usize>() == 8 { 72 } else { 60 });

impl Serial {
    const EMPTY: Serial = Serial {
        kind: 0,
        line: 0,
        port: 0,
        irq: 0,
        flags: 0,
        xmit_fifo_size: 0,
        custom_divisor: 0,
        baud_base: 0,
        close_delay: 0,
        io_type: 0,
        reserved_char: [0],
        hub6: 0,
        closing_wait: 0,
        closing_wait2: 0,
        iomem_base: ptr::null_mut(),
        iomem_reg_shift: 0,
        port_high: 0,
        iomap_base: 0,
    };

    fn of(tty: &impl AsFd) -> io::Result<Serial> {
        let mut serial = Serial::EMPTY;
        // SAFETY: the structure is the kernel's (`tty_tiocgserial`), and whole whatever is stored in it.
        unsafe { ioctl(tty, Updater::<TIOCGSERIAL, Serial>::new(&mut serial))? };
        Ok(serial)
    }
}

/// include/uapi/linux/tty_flags.h
const ASYNC_LOW_LATENCY: c_int = 1 << 13;

/// `TIOCGSERIAL`: whether the driver hands on at once what comes.
pub(super) fn has_low_latency(tty: &impl AsFd) -> io::Result<bool> {
    Ok(Serial::of(tty)?.flags & ASYNC_LOW_LATENCY != 0)
}

/// `TIOCSSERIAL`: has the driver hand on at once what comes, or not.
pub(super) fn set_low_latency(tty: &impl AsFd, on: bool) -> io::Result<()> {
    let mut serial = Serial::of(tty)?;
    serial.flags &= !ASYNC_LOW_LATENCY;
    if on {
        serial.flags |= ASYNC_LOW_LATENCY;
    }
    // SAFETY: TIOCSSERIAL reads that structure (`tty_tiocsserial`); the pointer in it is what the driver
    // gave, and none of the kernel's drivers follows it.
    unsafe { ioctl(tty, Setter::<TIOCSSERIAL, Serial>::new(serial))? };
    Ok(())
}

/// `struct serial_rs485`.
#[repr(C)]
#[derive(Default)]
struct Direction {
    flags: u32,
    delay_rts_before_send: u32,
    delay_rts_after_send: u32,
    /// Addresses, and nothing.
    padding: [u32; 5],
}

const _: () = assert!(size_of::<Direction>() == 32);

const SER_RS485_ENABLED: u32 = 1 << 0;
const SER_RS485_RTS_ON_SEND: u32 = 1 << 1;
const SER_RS485_RTS_AFTER_SEND: u32 = 1 << 2;
const SER_RS485_RX_DURING_TX: u32 = 1 << 4;
const SER_RS485_TERMINATE_BUS: u32 = 1 << 5;

/// `TIOCGRS485`: how the driver switches the direction of the line.
pub(super) fn rs485(tty: &impl AsFd) -> io::Result<Rs485> {
    let mut direction = Direction::default();
    // SAFETY: the structure is the kernel's (`uart_get_rs485_config`), and whole whatever is stored in it.
    unsafe { ioctl(tty, Updater::<TIOCGRS485, Direction>::new(&mut direction))? };
    let has = |flag| direction.flags & flag != 0;
    if !has(SER_RS485_ENABLED) {
        return Ok(Rs485::off());
    }
    Ok(Rs485::new()
        .rts_on_send(has(SER_RS485_RTS_ON_SEND))
        .receive_while_sending(has(SER_RS485_RX_DURING_TX))
        .terminate(has(SER_RS485_TERMINATE_BUS))
        .delay_before_ms(direction.delay_rts_before_send)
        .delay_after_ms(direction.delay_rts_after_send))
}

/// `TIOCSRS485`: has the driver switch the direction of the line. What it cannot do it leaves out.
pub(super) fn set_rs485(tty: &impl AsFd, config: &Rs485) -> io::Result<()> {
    let flags = [
        (true, SER_RS485_ENABLED),
        (config.is_rts_on_send(), SER_RS485_RTS_ON_SEND),
        // The kernel wants one of the two (`uart_sanitize_serial_rs485`).
        (!config.is_rts_on_send(), SER_RS485_RTS_AFTER_SEND),
        (config.receives_while_sending(), SER_RS485_RX_DURING_TX),
        (config.is_terminated(), SER_RS485_TERMINATE_BUS),
    ];
    let mut direction = Direction::default();
    if config.is_on() {
        for (_, flag) in flags.iter().filter(|(is_set, _)| *is_set) {
            direction.flags |= flag;
        }
        direction.delay_rts_before_send = config.before_ms();
        direction.delay_rts_after_send = config.after_ms();
    }
    // SAFETY: as TIOCGRS485: it is read, and what was granted is stored (`uart_set_rs485_config`).
    unsafe { ioctl(tty, Updater::<TIOCSRS485, Direction>::new(&mut direction))? };
    Ok(())
}
