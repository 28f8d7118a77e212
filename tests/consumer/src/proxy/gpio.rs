//! Lines, passed on.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use circuits::gpio::{
    Backend, Change, ChipInfo, Config, Event, Handle, LineInfo, Request, Watcher,
};
use circuits::wait::{Clock, Ready, Time};

use super::Proxy;
use super::log::Log;
use super::record::{Answer, Call, Place};

impl<B: Backend> Proxy<B> {
    fn log(&self, place: Place) -> Log {
        Log::new(&self.record, self.inner.clock(), place)
    }
}

impl<B: Backend> Backend for Proxy<B> {
    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    fn chips(&self) -> io::Result<Vec<String>> {
        self.log(Place::Machine).note(
            Call::Chips,
            || self.inner.chips(),
            |names| Answer::Chips(names.clone()),
        )
    }

    fn chip_info(&self, name: &str) -> io::Result<ChipInfo> {
        self.log(Place::chip(name)).note(
            Call::ChipInfo,
            || self.inner.chip_info(name),
            |info| Answer::ChipInfo(info.clone()),
        )
    }

    fn line_infos(&self, chip: &str) -> io::Result<Vec<LineInfo>> {
        self.log(Place::chip(chip)).note(
            Call::LineInfos,
            || self.inner.line_infos(chip),
            |infos| Answer::LineInfos(infos.clone()),
        )
    }

    fn line_info(&self, chip: &str, offset: u32) -> io::Result<LineInfo> {
        self.log(Place::lines(chip, [offset])).note(
            Call::LineInfos,
            || self.inner.line_info(chip, offset),
            |info| Answer::LineInfos(vec![info.clone()]),
        )
    }

    fn open(&self, request: &Request) -> io::Result<Box<dyn Handle>> {
        let offsets = request.lines.iter().map(|(offset, _)| *offset);
        let log = self.log(Place::lines(&request.chip, offsets));
        let inner = log.note(
            Call::Request(request.clone()),
            || self.inner.open(request),
            |_| Answer::Done,
        )?;
        let log = log.ending_with(Call::Release);
        Ok(Box::new(Lines { inner, log }))
    }

    fn watch(&self, chip: &str, offsets: &[u32]) -> io::Result<Box<dyn Watcher>> {
        let log = self.log(Place::lines(chip, offsets.iter().copied()));
        let inner = log.note(
            Call::Watch,
            || self.inner.watch(chip, offsets),
            |_| Answer::Done,
        )?;
        let log = log.ending_with(Call::Unwatch);
        Ok(Box::new(Watched { inner, log }))
    }
}

/// Lines that are held. They are given back before that is noted: fields are dropped in this order.
#[derive(Debug)]
struct Lines {
    inner: Box<dyn Handle>,
    log: Log,
}

impl Handle for Lines {
    fn get(&self, lines: u64) -> io::Result<u64> {
        self.log.note(
            Call::Get { lines },
            || self.inner.get(lines),
            |levels| Answer::Levels(*levels),
        )
    }

    fn set(&self, lines: u64, levels: u64) -> io::Result<()> {
        self.log.note(
            Call::Set { lines, levels },
            || self.inner.set(lines, levels),
            |()| Answer::Done,
        )
    }

    fn configure(&self, configs: &[Config]) -> io::Result<()> {
        self.log.note(
            Call::Configure(configs.to_vec()),
            || self.inner.configure(configs),
            |()| Answer::Done,
        )
    }

    fn line_infos(&self) -> io::Result<Vec<LineInfo>> {
        self.log.note(
            Call::LineInfos,
            || self.inner.line_infos(),
            |infos| Answer::LineInfos(infos.clone()),
        )
    }

    fn read(&self, events: &mut [Event]) -> io::Result<usize> {
        let asked = self.log.now();
        let result = self.inner.read(events);
        let told = result
            .as_ref()
            .map(|count| Answer::Edges(events.iter().take(*count).copied().collect()));
        self.log.note_tried(asked, Call::Read, told);
        result
    }

    /// The wait is ours, to be noted; what becomes ready is the one behind it.
    fn ready(&self) -> &dyn Ready {
        self
    }
}

impl Ready for Lines {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        let call = Call::Block(deadline);
        self.log.block(call, self.inner.ready(), deadline, op)
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        self.log.poll(Call::Poll, self.inner.ready(), cx, op)
    }

    fn cancel(&self) {
        self.log.cancel(Call::Cancel, self.inner.ready());
    }
}

/// Lines that are watched.
#[derive(Debug)]
struct Watched {
    inner: Box<dyn Watcher>,
    log: Log,
}

impl Watcher for Watched {
    fn read(&self) -> io::Result<Change> {
        let asked = self.log.now();
        let result = self.inner.read();
        let told = result.as_ref().map(|change| Answer::Change(change.clone()));
        self.log.note_tried(asked, Call::Read, told);
        result
    }

    fn ready(&self) -> &dyn Ready {
        self
    }
}

impl Ready for Watched {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        let call = Call::Block(deadline);
        self.log.block(call, self.inner.ready(), deadline, op)
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        self.log.poll(Call::Poll, self.inner.ready(), cx, op)
    }

    fn cancel(&self) {
        self.log.cancel(Call::Cancel, self.inner.ready());
    }
}
