use std::time::Duration;

use crate::{ErrorFrame, ErrorMask, Filter, Frame};

/// How a socket is to be set up. After that it is read back: what was not granted is an error.
///
/// ```
/// use circuits_can::{Config, ErrorMask, Filter, Id};
///
/// let config = Config::new()
///     .filters([Filter::exact(Id::standard(0x201)?), Filter::exact(Id::standard(0x202)?)])
///     .errors(ErrorMask::BUS_OFF | ErrorMask::RESTARTED);
/// assert!(config.lets_through(&"202#01".parse()?));
/// assert!(!config.lets_through(&"203#01".parse()?));
/// # Ok::<(), circuits_can::FrameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Config {
    filters: Vec<Filter>,
    join_filters: bool,
    errors: ErrorMask,
    loopback: bool,
    own_messages: bool,
    fd: bool,
    receive_buffer: Option<u32>,
    #[cfg_attr(feature = "serde", serde(rename = "timeout_us", with = "micros"))]
    timeout: Option<Duration>,
}

/// All frames, no error frames; those that are sent come to the other sockets of the interface, too; calls wait
/// for ever.
impl Default for Config {
    fn default() -> Config {
        Config {
            filters: vec![Filter::all()],
            join_filters: false,
            errors: ErrorMask::NONE,
            loopback: true,
            own_messages: false,
            fd: true,
            receive_buffer: None,
            timeout: None,
        }
    }
}

impl Config {
    /// Makes the default configuration: all frames, no error frames.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets which frames come: those that one of these lets through, up to 512 (`CAN_RAW_FILTER`). With none
    /// there are no frames. Default: all frames.
    pub fn filters(mut self, filters: impl IntoIterator<Item = Filter>) -> Config {
        self.filters = filters.into_iter().collect();
        self
    }

    /// Sets whether a frame must be let through by all filters, instead of by one
    /// (`CAN_RAW_JOIN_FILTERS`). Default: by one.
    ///
    /// With more than one filter no error frames can be [asked for](Config::errors) then: none would come, for the kernel
    /// waits for as many filters to let them through (`raw_rcv`, net/can/raw.c).
    pub fn join_filters(mut self, join: bool) -> Config {
        self.join_filters = join;
        self
    }

    /// Sets which error frames come (`CAN_RAW_ERR_FILTER`). Default: none.
    pub fn errors(mut self, mask: ErrorMask) -> Config {
        self.errors = mask;
        self
    }

    /// Sets whether what is sent comes to the other sockets of the interface on this system
    /// (`CAN_RAW_LOOPBACK`). Default: it does.
    pub fn loopback(mut self, loopback: bool) -> Config {
        self.loopback = loopback;
        self
    }

    /// Sets whether what this socket sends comes to itself (`CAN_RAW_RECV_OWN_MSGS`), when it was sent: on a
    /// controller that is when somebody has acknowledged it. It needs [`loopback`](Config::loopback). Default:
    /// it does not.
    pub fn own_messages(mut self, own: bool) -> Config {
        self.own_messages = own;
        self
    }

    /// Sets whether CAN FD frames come and can be sent (`CAN_RAW_FD_FRAMES`); the interface must have them,
    /// too. Default: they do.
    pub fn fd(mut self, fd: bool) -> Config {
        self.fd = fd;
        self
    }

    /// Sets how many bytes the buffer for what was received has (`SO_RCVBUF`); it has more if that is too little for the
    /// system. Linux needs some 800 for a frame. Default: as the system has it, which is 200 KB, most often: some 250
    /// frames.
    pub fn receive_buffer(mut self, bytes: u32) -> Config {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Sets for how long a call of a trait waits at most. Then it fails as
    /// [`TimedOut`](crate::Error::TimedOut). Calls with a deadline of their own do not care. Default: for ever.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Config {
        self.timeout = timeout.into();
        self
    }

    /// Returns the filters.
    pub fn frame_filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Tells whether a frame must be let through by all filters.
    pub fn joins_filters(&self) -> bool {
        self.join_filters
    }

    /// Returns which error frames come.
    pub fn error_mask(&self) -> ErrorMask {
        self.errors
    }

    /// Tells whether what is sent comes to other sockets.
    pub fn loops_back(&self) -> bool {
        self.loopback
    }

    /// Tells whether what is sent comes back.
    pub fn receives_own(&self) -> bool {
        self.own_messages
    }

    /// Tells whether CAN FD frames come.
    pub fn has_fd(&self) -> bool {
        self.fd
    }

    /// Returns how many bytes the buffer is to have.
    pub fn receive_buffer_size(&self) -> Option<u32> {
        self.receive_buffer
    }

    /// Returns for how long a call of a trait waits at most.
    pub fn longest_wait(&self) -> Option<Duration> {
        self.timeout
    }

    /// Tells whether a frame comes, by the filters and by what it is: the rule that backends keep.
    ///
    /// Without a filter none does. An inverted filter, too, lets a frame through by itself where they are not
    /// joined.
    pub fn lets_through(&self, frame: &Frame) -> bool {
        let mut filters = self.filters.iter();
        let by_filters = match self.join_filters {
            true => !self.filters.is_empty() && filters.all(|filter| filter.matches(frame)),
            false => filters.any(|filter| filter.matches(frame)),
        };
        by_filters && (self.fd || !frame.is_fd())
    }

    /// Tells whether an error frame comes: the rule that backends keep. One of its classes must be asked for,
    /// and no two filters be [joined](Config::join_filters).
    pub fn lets_error_through(&self, error: &ErrorFrame) -> bool {
        let joined = self.join_filters && self.filters.len() > 1;
        self.errors.includes(error.class()) && !joined
    }

    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.own_messages && !self.loopback {
            return Err("its own frames come to a socket only if they are looped back");
        }
        if self.join_filters && self.filters.len() > 1 && self.errors != ErrorMask::NONE {
            return Err("no error frames come where several filters are joined");
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        timeout: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        timeout
            .map(|timeout| u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX))
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_micros))
    }
}
