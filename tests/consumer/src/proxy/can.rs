//! CAN interfaces, passed on.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use circuits::can::{
    Backend, Config, CycleConfig, Cyclic, Frame, Handle, Interest, InterfaceConfig, InterfaceInfo,
    Link, Received,
};
use circuits::wait::{Clock, Ready, Time};

use super::Proxy;
use super::log::Log;
use super::record::{Answer, Call, Place};

impl<B: Backend> Backend for Proxy<B> {
    fn open(&self, interface: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        let log = Log::new(&self.record, self.inner.clock(), Place::can(interface));
        let open = || self.inner.open(interface, config);
        let inner = log.note(Call::OpenCan(config.clone()), open, |_| Answer::Done)?;
        let log = log.ending_with(Call::Close);
        Ok(Box::new(Socket::new(Opened { inner, log })))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let log = Log::new(&self.record, self.inner.clock(), Place::CanInterfaces);
        let interfaces = || self.inner.list();
        let answer = |names: &Vec<String>| Answer::CanInterfaces(names.clone());
        log.note(Call::CanInterfaces, interfaces, answer)
    }

    fn link(&self, interface: &str) -> io::Result<Box<dyn Link>> {
        let log = Log::new(&self.record, self.inner.clock(), Place::can(interface));
        let link = || self.inner.link(interface);
        let inner = log.note(Call::Link, link, |_| Answer::Done)?;
        Ok(Box::new(Interface { inner, log }))
    }

    fn cycle(
        &self,
        interface: &str,
        frames: &[Frame],
        config: &CycleConfig,
    ) -> io::Result<Box<dyn Cyclic>> {
        let log = Log::new(&self.record, self.inner.clock(), Place::can(interface));
        let call = Call::Cycle {
            frames: frames.to_vec(),
            config: *config,
        };
        let cycle = || self.inner.cycle(interface, frames, config);
        let inner = log.note(call, cycle, |_| Answer::Done)?;
        let log = log.ending_with(Call::EndCycle);
        Ok(Box::new(Cycle { inner, log }))
    }
}

/// What is behind a socket. It is closed before that is noted: fields are dropped in this order.
#[derive(Debug)]
struct Opened {
    inner: Box<dyn Handle>,
    log: Log,
}

/// A socket that is open, with the two waits, which are to be noted as well.
#[derive(Debug)]
struct Socket {
    opened: Arc<Opened>,
    read: Wait,
    write: Wait,
}

impl Socket {
    fn new(opened: Opened) -> Socket {
        let opened = Arc::new(opened);
        let wait = |interest| Wait {
            opened: opened.clone(),
            interest,
        };
        Socket {
            read: wait(Interest::Read),
            write: wait(Interest::Write),
            opened,
        }
    }
}

impl Handle for Socket {
    fn read(&self, frames: &mut [Received]) -> io::Result<usize> {
        let Opened { inner, log } = &*self.opened;
        let asked = log.now();
        let result = inner.read(frames);
        let told = result
            .as_ref()
            .map(|count| Answer::Frames(frames.iter().take(*count).copied().collect()));
        log.note_tried(asked, Call::Read, told);
        result
    }

    /// Of many frames a few are taken over each time: the others are not noted again and again.
    fn write(&self, frames: &[Frame]) -> io::Result<usize> {
        let Opened { inner, log } = &*self.opened;
        let asked = log.now();
        let result = inner.write(frames);
        let taken = result.as_ref().map_or(1, |count| *count);
        let call = Call::WriteFrames(frames.iter().take(taken).copied().collect());
        log.note_tried(asked, call, result.as_ref().map(|_| Answer::Done));
        result
    }

    fn ready(&self, interest: Interest) -> &dyn Ready {
        match interest {
            Interest::Read => &self.read,
            Interest::Write => &self.write,
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        let Opened { inner, log } = &*self.opened;
        let call = Call::ConfigureCan(config.clone());
        log.note(call, || inner.configure(config), |()| Answer::Done)
    }

    fn config(&self) -> io::Result<Config> {
        let Opened { inner, log } = &*self.opened;
        let answer = |config: &Config| Answer::ConfigCan(config.clone());
        log.note(Call::ConfigCan, || inner.config(), answer)
    }

    fn lost(&self) -> io::Result<u64> {
        let Opened { inner, log } = &*self.opened;
        log.note(Call::Lost, || inner.lost(), |count| Answer::Lost(*count))
    }
}

/// One of the waits. It is ours, to be noted; what becomes ready is the one behind it.
#[derive(Debug)]
struct Wait {
    opened: Arc<Opened>,
    interest: Interest,
}

impl Wait {
    fn inner(&self) -> &dyn Ready {
        self.opened.inner.ready(self.interest)
    }
}

impl Ready for Wait {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        let call = Call::BlockCan(self.interest, deadline);
        self.opened.log.block(call, self.inner(), deadline, op)
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        let call = Call::PollCan(self.interest);
        self.opened.log.poll(call, self.inner(), cx, op)
    }

    fn cancel(&self) {
        let call = Call::CancelCan(self.interest);
        self.opened.log.cancel(call, self.inner());
    }
}

/// An interface, to be asked and set up.
#[derive(Debug)]
struct Interface {
    inner: Box<dyn Link>,
    log: Log,
}

impl Link for Interface {
    fn info(&self) -> io::Result<InterfaceInfo> {
        let answer = |info: &InterfaceInfo| Answer::InterfaceInfo(info.clone());
        self.log
            .note(Call::InterfaceInfo, || self.inner.info(), answer)
    }

    fn configure(&self, config: &InterfaceConfig) -> io::Result<()> {
        let call = Call::ConfigureInterface(config.clone());
        let configure = || self.inner.configure(config);
        self.log.note(call, configure, |()| Answer::Done)
    }

    fn set_up(&self, up: bool) -> io::Result<()> {
        let set_up = || self.inner.set_up(up);
        self.log.note(Call::SetUp(up), set_up, |()| Answer::Done)
    }

    fn restart(&self) -> io::Result<()> {
        let restart = || self.inner.restart();
        self.log.note(Call::Restart, restart, |()| Answer::Done)
    }
}

/// Frames that are sent at an interval. They end before that is noted.
#[derive(Debug)]
struct Cycle {
    inner: Box<dyn Cyclic>,
    log: Log,
}

impl Cyclic for Cycle {
    fn set_frames(&self, frames: &[Frame]) -> io::Result<()> {
        let call = Call::SetFrames(frames.to_vec());
        let set = || self.inner.set_frames(frames);
        self.log.note(call, set, |()| Answer::Done)
    }
}
