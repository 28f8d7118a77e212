//! Serial ports, passed on.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use circuits::uart::{Backend, Config, Counters, Handle, Interest, ModemLines, Queue, Received};
use circuits::wait::{Clock, Ready, Time};

use super::Proxy;
use super::log::Log;
use super::record::{Answer, Call, Place};

impl<B: Backend> Backend for Proxy<B> {
    fn open(&self, name: &str, exclusive: bool) -> io::Result<Box<dyn Handle>> {
        let place = Place::SerialPort(name.into());
        let log = Log::new(&self.record, self.inner.clock(), place);
        let open = || self.inner.open(name, exclusive);
        let inner = log.note(Call::OpenSerial { exclusive }, open, |_| Answer::Done)?;
        let log = log.ending_with(Call::Close);
        Ok(Box::new(Port::new(Opened { inner, log })))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let log = Log::new(&self.record, self.inner.clock(), Place::SerialPorts);
        let ports = || self.inner.list();
        let answer = |names: &Vec<String>| Answer::SerialPorts(names.clone());
        log.note(Call::SerialPorts, ports, answer)
    }

    fn holder(&self, name: &str) -> Option<String> {
        let place = Place::SerialPort(name.into());
        let log = Log::new(&self.record, self.inner.clock(), place);
        let asked = log.now();
        let holder = self.inner.holder(name);
        log.add(asked, Call::Holder, Ok(Answer::Holder(holder.clone())));
        holder
    }
}

/// What is behind a port. It is closed before that is noted: fields are dropped in this order.
#[derive(Debug)]
struct Opened {
    inner: Box<dyn Handle>,
    log: Log,
}

/// A port that is open, with the four waits, which are to be noted as well.
#[derive(Debug)]
struct Port {
    opened: Arc<Opened>,
    read: Wait,
    write: Wait,
    drain: Wait,
    modem: Wait,
    /// What was counted when it was looked at last.
    counted: Mutex<Option<Counters>>,
}

impl Port {
    fn new(opened: Opened) -> Port {
        let opened = Arc::new(opened);
        let wait = |interest| Wait {
            opened: opened.clone(),
            interest,
        };
        Port {
            read: wait(Interest::Read),
            write: wait(Interest::Write),
            drain: wait(Interest::Drain),
            modem: wait(Interest::Modem),
            counted: Mutex::new(None),
            opened,
        }
    }

    /// Asks what may have to be tried again, and notes what came of it, unless that is so.
    fn try_to<T>(
        &self,
        call: Call,
        ask: impl FnOnce(&dyn Handle) -> io::Result<T>,
        answer: impl FnOnce(&T) -> Answer,
    ) -> io::Result<T> {
        let Opened { inner, log } = &*self.opened;
        let asked = log.now();
        let result = ask(&**inner);
        log.note_tried(asked, call, result.as_ref().map(answer));
        result
    }

    /// Asks, and notes what came of it.
    fn ask<T>(
        &self,
        call: Call,
        ask: impl FnOnce(&dyn Handle) -> io::Result<T>,
        answer: impl FnOnce(&T) -> Answer,
    ) -> io::Result<T> {
        let Opened { inner, log } = &*self.opened;
        log.note(call, || ask(&**inner), answer)
    }
}

impl Handle for Port {
    fn read(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let Opened { inner, log } = &*self.opened;
        let asked = log.now();
        let result = inner.read(buffer);
        let told = result.as_ref().map(|received| match received {
            Received::Bytes(count) => Answer::Bytes(buffer.iter().take(*count).copied().collect()),
            other => Answer::NoByte(*other),
        });
        log.note_tried(asked, Call::Read, told);
        result
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let write = |inner: &dyn Handle| inner.write(bytes);
        self.try_to(Call::Write(bytes.to_vec()), write, |count| {
            Answer::Taken(*count)
        })
    }

    fn drain(&self) -> io::Result<()> {
        self.try_to(Call::Drain, |inner| inner.drain(), |()| Answer::Done)
    }

    fn ready(&self, interest: Interest) -> &dyn Ready {
        match interest {
            Interest::Read => &self.read,
            Interest::Write => &self.write,
            Interest::Drain => &self.drain,
            Interest::Modem => &self.modem,
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        let configure = |inner: &dyn Handle| inner.configure(config);
        let call = Call::ConfigureSerial(config.clone());
        self.ask(call, configure, |()| Answer::Done)
    }

    fn config(&self) -> io::Result<Config> {
        let answer = |config: &Config| Answer::ConfigSerial(config.clone());
        self.ask(Call::ConfigSerial, |inner| inner.config(), answer)
    }

    fn put_back(&self, before: &Config) -> io::Result<()> {
        let put_back = |inner: &dyn Handle| inner.put_back(before);
        self.ask(Call::PutBack(before.clone()), put_back, |()| Answer::Done)
    }

    fn waiting(&self, queue: Queue) -> io::Result<usize> {
        let waiting = |inner: &dyn Handle| inner.waiting(queue);
        self.ask(Call::Waiting(queue), waiting, |count| {
            Answer::Waiting(*count)
        })
    }

    fn discard(&self, queue: Queue) -> io::Result<()> {
        let discard = |inner: &dyn Handle| inner.discard(queue);
        self.ask(Call::Discard(queue), discard, |()| Answer::Done)
    }

    fn set_break(&self, on: bool) -> io::Result<()> {
        let set = |inner: &dyn Handle| inner.set_break(on);
        self.try_to(Call::SetBreak(on), set, |()| Answer::Done)
    }

    fn modem_lines(&self) -> io::Result<ModemLines> {
        let answer = |lines: &ModemLines| Answer::ModemLines(*lines);
        self.ask(Call::ModemLines, |inner| inner.modem_lines(), answer)
    }

    fn set_modem_lines(&self, rts: Option<bool>, dtr: Option<bool>) -> io::Result<()> {
        let set = |inner: &dyn Handle| inner.set_modem_lines(rts, dtr);
        self.ask(Call::SetModemLines { rts, dtr }, set, |()| Answer::Done)
    }

    /// Who waits for a change looks often: what is as it was is not noted again.
    fn counters(&self) -> io::Result<Counters> {
        let Opened { inner, log } = &*self.opened;
        let asked = log.now();
        let result = inner.counters();
        let now = result.as_ref().ok().copied();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if now.is_none() || now != *counted {
            let told = result.as_ref().map(|counters| Answer::Counters(*counters));
            log.note_tried(asked, Call::Counters, told);
            *counted = now;
        }
        result
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
        let call = Call::BlockSerial(self.interest, deadline);
        self.opened.log.block(call, self.inner(), deadline, op)
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        let call = Call::PollSerial(self.interest);
        self.opened.log.poll(call, self.inner(), cx, op)
    }

    fn cancel(&self) {
        let call = Call::CancelSerial(self.interest);
        self.opened.log.cancel(call, self.inner());
    }
}
