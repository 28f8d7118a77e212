#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod backend;
mod config;
mod error;
pub mod framing;
mod modem;

pub use backend::{Backend, Handle, Interest, Queue, Received};
pub use config::{Config, FlowControl, Parity, Rs485, StopBits};
pub use error::{Error, ErrorKind, Result};
pub use framing::{FrameError, Framed, Framing};
pub use modem::{Counters, ModemChange, ModemLines};
