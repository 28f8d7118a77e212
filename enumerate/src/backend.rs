//! What a backend promises from which devices are enumerated.
//!
//! A backend is a value: [`Linux`](crate::Linux), the virtual board, or your own. It is where `/sys`
//! is read ([`Tree`]), where uevents come from ([`Listener`]), and where a device's node
//! is looked at before it is opened ([`Node`]). [`Devices`](crate::Devices) and
//! [`Watch`](crate::Watch) are built on these and on nothing else.
//!
//! **Listening.** From the return of [`Backend::listen`] on, every uevent is kept until it is read,
//! in the order in which they came, or it is told that some were lost: what is read from the tree
//! afterwards, and the uevents, miss nothing between them. A listener that is not read takes a
//! bounded amount of memory. Each has a queue of its own.
//!
//! [`Listener::read`] never waits:
//!
//! | there is | it answers |
//! | --- | --- |
//! | a uevent | it |
//! | nothing | [`WouldBlock`](io::ErrorKind::WouldBlock) |
//! | something missing before what follows | `ENOBUFS` (105), once; then what follows |
//! | a datagram that is no uevent | [`InvalidData`](io::ErrorKind::InvalidData); it is gone |
//! | no feeder any more, and nothing left | [`UnexpectedEof`](io::ErrorKind::UnexpectedEof), from then on |
//!
//! After `ENOBUFS` comes nothing that is older than what is missing.
//!
//! **Order.** A uevent comes when the tree shows what it tells of; the tree may be further already.
//!
//! **Nodes.** [`Node::check`] tells whether this process may open the node for reading and writing,
//! without opening it: a device may react to that.
//!
//! **Time.** [`Backend::clock`] is the clock that all waits are on; each call returns the same clock.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

use circuits_wait::{Clock, Ready};

use crate::{Tree, Uevent};

/// Where devices are seen. The [module](self) says what it promises.
pub trait Backend: Send + Sync + Debug {
    /// Returns the clock that waits are on.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Returns where `/sys` is read.
    fn tree(&self) -> Arc<dyn Tree>;

    /// Begins to listen to uevents.
    ///
    /// # Errors
    /// The system has no more descriptors to give, or lets nobody listen.
    fn listen(&self) -> io::Result<Box<dyn Listener>>;

    /// Begins to look at a node, `/dev/ttyUSB0`, which need not be there yet.
    ///
    /// # Errors
    /// The system has no more descriptors to give.
    fn node(&self, path: &Path) -> io::Result<Box<dyn Node>>;
}

/// A queue of uevents. The [module](self) says what it promises.
pub trait Listener: Send + Sync + Debug {
    /// Takes the next uevent. What it answers is in the table of the [module](self).
    fn read(&self) -> io::Result<Uevent>;

    /// Returns what tells that there is something to read.
    fn ready(&self) -> &dyn Ready;

    /// Tells whether a gap in `SEQNUM` may be a loss: so it is on the kernel's group, though what
    /// happens in other network namespaces takes numbers, too, and numbers may come out of order. On
    /// udev's, rules swallow uevents.
    fn is_numbered(&self) -> bool {
        false
    }

    /// Returns how many datagrams were thrown away because of who sent them.
    fn refused(&self) -> u64 {
        0
    }
}

/// A node that somebody waits for. The [module](self) says what it promises.
pub trait Node: Send + Sync + Debug {
    /// Looks at it now.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound) and
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied), which may pass.
    fn check(&self) -> io::Result<()>;

    /// Returns what tells that it is worth another look.
    fn ready(&self) -> &dyn Ready;
}

impl<T: Backend + ?Sized> Backend for Arc<T> {
    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }

    fn tree(&self) -> Arc<dyn Tree> {
        (**self).tree()
    }

    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        (**self).listen()
    }

    fn node(&self, path: &Path) -> io::Result<Box<dyn Node>> {
        (**self).node(path)
    }
}
