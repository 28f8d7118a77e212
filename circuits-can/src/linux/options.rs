use std::io;

use libc::{
    CAN_RAW_ERR_FILTER, CAN_RAW_FD_FRAMES, CAN_RAW_FILTER, CAN_RAW_JOIN_FILTERS, CAN_RAW_LOOPBACK,
    CAN_RAW_RECV_OWN_MSGS, SO_RXQ_OVFL, SOL_CAN_RAW, SOL_SOCKET,
};
use rustix::net::sockopt::{set_socket_recv_buffer_size, socket_recv_buffer_size};
use socketcan::SocketOptions;

use super::raw::Raw;
use super::sys;
use crate::error::EINVAL;
use crate::{Config, ErrorMask, Filter};

/// How many filters a socket has at most.
const FILTERS: usize = libc::CAN_RAW_FILTER_MAX as usize;

/// Has the kernel say when each frame came, and how many were lost.
pub(super) fn set_up(socket: &Raw) -> io::Result<()> {
    socket.set_socket_option(SOL_SOCKET, sys::SO_TIMESTAMPNS, &1i32)?;
    socket.set_socket_option(SOL_SOCKET, SO_RXQ_OVFL, &1i32)
}

/// Sets all that a configuration has. `buffer` is how many bytes the system gives by itself.
pub(super) fn set(socket: &Raw, config: &Config, buffer: u32) -> io::Result<()> {
    if config.frame_filters().len() > FILTERS {
        return Err(io::Error::from_raw_os_error(EINVAL));
    }
    let filters: Vec<_> = config
        .frame_filters()
        .iter()
        .map(|filter| filter.to_raw())
        .collect();
    socket.set_join_filters(config.joins_filters())?;
    socket.set_filters(&filters)?;
    socket.set_error_filter(config.error_mask().bits())?;
    socket.set_loopback(config.loops_back())?;
    socket.set_recv_own_msgs(config.receives_own())?;
    let fd = i32::from(config.has_fd());
    socket.set_socket_option(SOL_CAN_RAW, CAN_RAW_FD_FRAMES, &fd)?;
    let bytes = config.receive_buffer_size().unwrap_or(buffer);
    if bytes != self::buffer(socket)? {
        // More than the system allows is no error: it is the most that it allows.
        set_socket_recv_buffer_size(socket, bytes.min(i32::MAX as u32) as usize)?;
    }
    Ok(())
}

/// Returns what the kernel has.
pub(super) fn get(socket: &Raw) -> io::Result<Config> {
    let number = |name| {
        let mut number = [0];
        sys::option(socket, SOL_CAN_RAW, name, &mut number)?;
        Ok::<u32, io::Error>(number[0])
    };
    let mut filters = [0; 2 * FILTERS];
    let length = sys::option(socket, SOL_CAN_RAW, CAN_RAW_FILTER, &mut filters)?;
    let filters = filters[..length]
        .chunks_exact(2)
        .map(|filter| Filter::from_raw(filter[0], filter[1]));
    let is_joined = number(CAN_RAW_JOIN_FILTERS)? != 0;
    // An error frame would have to be let through by all filters, and is asked of none (`raw_rcv`).
    let errors = match is_joined && filters.len() > 1 {
        true => ErrorMask::NONE,
        false => ErrorMask::from_bits(number(CAN_RAW_ERR_FILTER)?),
    };
    Ok(Config::new()
        .filters(filters)
        .join_filters(is_joined)
        .errors(errors)
        .loopback(number(CAN_RAW_LOOPBACK)? != 0)
        .own_messages(number(CAN_RAW_RECV_OWN_MSGS)? != 0)
        .fd(number(CAN_RAW_FD_FRAMES)? != 0)
        .receive_buffer(buffer(socket)?))
}

/// Returns how many bytes the buffer has. The kernel doubles what it is asked for, to have room for what it
/// needs beside (socket(7), `SO_RCVBUF`).
pub(super) fn buffer(socket: &Raw) -> io::Result<u32> {
    let bytes = socket_recv_buffer_size(socket)? / 2;
    Ok(u32::try_from(bytes).unwrap_or(u32::MAX))
}
