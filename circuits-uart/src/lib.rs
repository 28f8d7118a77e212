#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod backend;
mod bursts;
mod calls;
mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
pub mod framing;
mod hal;
mod halves;
#[cfg_attr(not(target_os = "linux"), path = "linux/absent.rs")]
mod linux;
mod modem;
mod port;
mod settings;
mod wait;

pub use backend::{Backend, Handle, Interest, Queue, Received};
pub use bursts::Bursts;
pub use config::{Config, FlowControl, Parity, Rs485, StopBits};
pub use error::{Error, ErrorKind, Result};
pub use framing::{FrameError, Framed, Framing};
pub use halves::{Reader, Writer};
pub use linux::Linux;
pub use modem::{Counters, ModemChange, ModemLines};
pub use port::{Port, list, list_on};
