use std::sync::Arc;

use crate::Port;

/// The half of a port that reads: [`Port::split`].
#[derive(Debug)]
pub struct Reader {
    port: Arc<Port>,
}

/// The half of a port that writes: [`Port::split`].
///
/// The port is closed when both halves are dropped.
#[derive(Debug)]
pub struct Writer {
    port: Arc<Port>,
}

impl Reader {
    pub(crate) fn new(port: Arc<Port>) -> Reader {
        Reader { port }
    }

    /// Returns the port, for what is neither reading nor writing.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Returns the port as a whole; both halves again, if the other one is of another port.
    ///
    /// # Errors
    /// The two halves, as they were.
    pub fn reunite(self, writer: Writer) -> Result<Port, (Reader, Writer)> {
        if !Arc::ptr_eq(&self.port, &writer.port) {
            return Err((self, writer));
        }
        drop(writer);
        Arc::try_unwrap(self.port).map_err(|port| (Reader::new(port.clone()), Writer::new(port)))
    }
}

impl Writer {
    pub(crate) fn new(port: Arc<Port>) -> Writer {
        Writer { port }
    }

    /// Returns the port, for what is neither reading nor writing.
    pub fn port(&self) -> &Port {
        &self.port
    }
}
