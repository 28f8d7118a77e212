use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use circuits_can::{Backend, Config, Frame, Handle, Interest, Received, Socket};
use circuits_stub::Stub;
use circuits_wait::{Clock, Ready, Time, Timer};

use crate::Result;

/// Interfaces that take frames over, and note when.
#[derive(Clone, Debug)]
pub(crate) struct Bus(Arc<State>);

#[derive(Debug)]
struct State {
    clock: Arc<dyn Clock>,
    written: Mutex<Vec<(Time, String)>>,
    /// From when on there is room again.
    room: Mutex<Time>,
    /// How long a frame takes.
    frame: Duration,
    down: Mutex<bool>,
}

impl Bus {
    pub(crate) fn new(board: &Stub, frame: Duration) -> Bus {
        Bus(Arc::new(State {
            clock: board.clock(),
            written: Mutex::default(),
            room: Mutex::default(),
            frame,
            down: Mutex::default(),
        }))
    }

    pub(crate) fn socket(&self, interface: &str) -> Result<Socket> {
        let config = Config::new().filters([]);
        Ok(Socket::open_on(self, interface, &config)?)
    }

    pub(crate) fn busy_until(&self, time: Time) {
        *self.0.room.lock().unwrap() = time;
    }

    pub(crate) fn set_down(&self, down: bool) {
        *self.0.down.lock().unwrap() = down;
    }

    /// What was written by now, with the milliseconds.
    pub(crate) fn written(&self) -> Vec<(u64, String)> {
        let written = std::mem::take(&mut *self.0.written.lock().unwrap());
        let millis = |(time, text): (Time, String)| {
            assert_eq!(time.as_nanos() % 1_000_000, 0);
            (time.as_nanos() / 1_000_000, text)
        };
        written.into_iter().map(millis).collect()
    }
}

impl Backend for Bus {
    fn open(&self, interface: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(Port {
            state: self.0.clone(),
            interface: interface.into(),
            config: config.clone(),
            timer: Mutex::new(self.0.clock.timer()?),
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock.clone()
    }
}

#[derive(Debug)]
struct Port {
    state: Arc<State>,
    interface: String,
    config: Config,
    timer: Mutex<Box<dyn Timer>>,
}

impl Handle for Port {
    fn read(&self, _: &mut [Received]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&self, frames: &[Frame]) -> io::Result<usize> {
        let now = self.state.clock.now();
        let mut room = self.state.room.lock().unwrap();
        if *self.state.down.lock().unwrap() {
            return Err(io::Error::from_raw_os_error(100));
        }
        if now < *room {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        *room = now + self.state.frame;
        let text = format!("{} {}", self.interface, frames[0]);
        self.state.written.lock().unwrap().push((now, text));
        Ok(1)
    }

    fn ready(&self, _: Interest) -> &dyn Ready {
        self
    }

    fn configure(&self, _: &Config) -> io::Result<()> {
        Ok(())
    }

    fn config(&self) -> io::Result<Config> {
        Ok(self.config.clone())
    }

    fn lost(&self) -> io::Result<u64> {
        Ok(0)
    }
}

impl Ready for Port {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        loop {
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(|()| true),
            }
            let room = *self.state.room.lock().unwrap();
            let until = deadline.map_or(room, |deadline| room.min(deadline));
            self.state.clock.sleep_until(until)?;
            if until < room {
                return Ok(false);
            }
        }
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        loop {
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            let room = *self.state.room.lock().unwrap();
            ready!(self.timer.lock().unwrap().poll_until(room, cx))?;
        }
    }

    fn cancel(&self) {
        self.timer.lock().unwrap().cancel();
    }
}
