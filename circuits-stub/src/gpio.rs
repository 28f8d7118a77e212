//! Lines, and the wires between them: a backend of circuits-gpio by the kernel's rules.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_gpio::{
    Backend, Bias, ChipInfo, Config, Direction, Drive, Edge, Event, EventClock, Handle, LineInfo,
    LineSpec, Request,
};
use circuits_wait::{Clock, Ready, Time};

use crate::stub::Board;
use crate::time::{Bell, Signal};
use crate::trace::Action;
use crate::{Error, Result, Stub};

// include/uapi/asm-generic/errno-base.h, errno.h
const ENODEV: i32 = 19;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;
const EPERM: i32 = 1;
const EOPNOTSUPP: i32 = 95;

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// All lines of a board. Lines that are wired together are one net, and have one level.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    chips: Vec<ChipInfo>,
    lines: Vec<Line>,
    requests: Vec<Held>,
    /// How many there have been.
    count: u64,
}

#[derive(Debug)]
struct Line {
    /// The number of its chip.
    chip: usize,
    offset: u32,
    name: String,
    /// Its name, or its place if it has none.
    label: Arc<str>,
    /// Lines that are wired together have one number.
    net: usize,
    /// Electrical.
    level: bool,
    /// What something outside the board does to it.
    driven: Option<bool>,
    /// The request that holds it, and its number there.
    held: Option<(u64, usize)>,
}

/// Lines as a program has requested them.
#[derive(Debug)]
struct Held {
    id: u64,
    consumer: Arc<str>,
    /// Indices of `State::lines`.
    lines: Vec<usize>,
    configs: Vec<Config>,
    /// Logical, of outputs.
    levels: u64,
    queue: EdgeQueue,
    signal: Arc<Signal>,
}

impl Held {
    /// What an output does to its net, electrically.
    fn drives(&self, line: usize) -> Option<bool> {
        let config = &self.configs[line];
        let high = (self.levels >> line & 1 == 1) != config.is_active_low();
        let drives = config.direction() == Direction::Output
            && match config.line_drive() {
                Drive::PushPull => true,
                Drive::OpenDrain => !high,
                Drive::OpenSource => high,
            };
        drives.then_some(high)
    }
}

/// The kernel's queue of a request, which drops the oldest when it is full (`linereq_put_event`,
/// drivers/gpio/gpiolib-cdev.c). Its size is rounded up to a power of two, as the kernel's is.
#[derive(Debug)]
struct EdgeQueue {
    events: VecDeque<Event>,
    size: usize,
    sequence: u32,
    line_sequences: Vec<u32>,
}

impl EdgeQueue {
    fn new(size: u32, lines: usize) -> EdgeQueue {
        let size = size.next_power_of_two() as usize;
        EdgeQueue {
            events: VecDeque::with_capacity(size),
            size,
            sequence: 0,
            line_sequences: vec![0; lines],
        }
    }

    fn push(&mut self, line: usize, edge: Edge, time: Time) {
        let of_line = &mut self.line_sequences[line];
        (self.sequence, *of_line) = (self.sequence.wrapping_add(1), of_line.wrapping_add(1));
        if self.events.len() == self.size {
            self.events.pop_front();
        }
        let event = Event::new(line as u32, edge, time, self.sequence, *of_line);
        self.events.push_back(event);
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Adds a chip with lines of these names; an empty name is none.
    pub(crate) fn add_chip(&self, label: &str, names: impl IntoIterator<Item = String>) {
        let mut state = self.lock();
        let chip = state.chips.len();
        let name = format!("gpiochip{chip}");
        let mut count = 0;
        for line in names {
            let shown = match line.is_empty() {
                true => format!("{name}:{count}"),
                false => line.clone(),
            };
            let net = state.lines.len();
            state.lines.push(Line {
                chip,
                offset: count,
                name: line,
                label: shown.into(),
                net,
                level: false,
                driven: None,
                held: None,
            });
            count += 1;
        }
        state.chips.push(ChipInfo::new(name, label, count));
    }

    pub(crate) fn wire(&self, stub: &Stub, a: &LineSpec, b: &LineSpec) -> Result<()> {
        let (a, b) = (find(stub, a)?, find(stub, b)?);
        let board = stub.board();
        let mut state = self.lock();
        let (from, to) = (state.lines[b].net, state.lines[a].net);
        for line in &mut state.lines {
            if line.net == from {
                line.net = to;
            }
        }
        state.update(to, board.schedule.now());
        drop(state);
        board.schedule.notify();
        Ok(())
    }

    pub(crate) fn level(&self, stub: &Stub, line: &LineSpec) -> Result<bool> {
        let line = find(stub, line)?;
        Ok(self.lock().lines[line].level)
    }

    pub(crate) fn consumer(&self, stub: &Stub, line: &LineSpec) -> Result<Option<Arc<str>>> {
        let line = find(stub, line)?;
        let state = self.lock();
        let held = state.lines[line].held;
        Ok(held.and_then(|(id, _)| Some(state.request(id).ok()?.consumer.clone())))
    }

    pub(crate) fn drive(&self, stub: &Stub, line: &LineSpec, level: Option<bool>) -> Result<()> {
        let line = find(stub, line)?;
        let board = stub.board();
        let mut state = self.lock();
        state.lines[line].driven = level;
        let net = state.lines[line].net;
        state.update(net, board.schedule.now());
        board.tell(|| Action::Drive {
            line: state.lines[line].label.clone(),
            level,
        });
        drop(state);
        board.schedule.notify();
        Ok(())
    }
}

/// Finds the one line that is meant, as programs do.
fn find(stub: &Stub, wanted: &LineSpec) -> Result<usize> {
    use circuits_gpio::Error as E;

    let place = wanted.find_on(stub).map_err(|error| match error {
        E::Ambiguous { line, places, .. } => Error::Ambiguous {
            line: line.to_string(),
            places: places.to_string(),
        },
        _ => Error::NoLine {
            line: wanted.to_string(),
        },
    })?;
    let state = stub.board().lines.lock();
    let index = state.index(&place.0, place.1);
    index.map_err(|_| Error::NoLine {
        line: wanted.to_string(),
    })
}

impl State {
    fn chip(&self, name: &str) -> io::Result<usize> {
        let chip = self.chips.iter().position(|chip| chip.name() == name);
        chip.ok_or_else(|| errno(ENODEV))
    }

    fn index(&self, chip: &str, offset: u32) -> io::Result<usize> {
        let chip = self.chip(chip)?;
        let is_it = |line: &Line| (line.chip, line.offset) == (chip, offset);
        let index = self.lines.iter().position(is_it);
        index.ok_or_else(|| errno(EINVAL))
    }

    fn info(&self, line: usize) -> LineInfo {
        let Line {
            offset, name, held, ..
        } = &self.lines[line];
        let request = held.and_then(|(id, number)| Some((self.request(id).ok()?, number)));
        let (consumer, config) = match request {
            Some((held, number)) => (
                Some(held.consumer.to_string()),
                held.configs[number].clone(),
            ),
            None => (None, Config::new()),
        };
        LineInfo::new(*offset, name, consumer, config)
    }

    fn request(&self, id: u64) -> io::Result<&Held> {
        let held = self.requests.iter().find(|held| held.id == id);
        held.ok_or_else(|| errno(ENODEV))
    }

    fn request_mut(&mut self, id: u64) -> io::Result<&mut Held> {
        let held = self.requests.iter_mut().find(|held| held.id == id);
        held.ok_or_else(|| errno(ENODEV))
    }

    /// Takes lines for a program: all or none.
    fn open(&mut self, request: &Request, bell: &Bell, now: Time) -> io::Result<u64> {
        let mut lines = Vec::new();
        for (offset, config) in &request.lines {
            let line = self.index(&request.chip, *offset)?;
            if self.lines[line].held.is_some() || lines.contains(&line) {
                return Err(errno(EBUSY));
            }
            possible(config)?;
            lines.push(line);
        }
        if lines.is_empty() {
            return Err(errno(EINVAL));
        }
        self.count += 1;
        let id = self.count;
        for (number, line) in lines.iter().enumerate() {
            self.lines[*line].held = Some((id, number));
        }
        let configs: Vec<Config> = request
            .lines
            .iter()
            .map(|(_, config)| config.clone())
            .collect();
        let asleep = |config: &Config| config.clone().edge_detection(Default::default());
        self.requests.push(Held {
            id,
            consumer: request.consumer.as_str().into(),
            levels: levels(&configs),
            // What bias and levels make of the nets is there before edges count.
            configs: configs.iter().map(asleep).collect(),
            queue: EdgeQueue::new(request.event_buffer, lines.len()),
            signal: bell.signal().clone(),
            lines: lines.clone(),
        });
        self.update_all(&lines, now);
        self.request_mut(id)?.configs = configs;
        Ok(id)
    }

    fn update_all(&mut self, lines: &[usize], now: Time) {
        for line in lines {
            self.update(self.lines[*line].net, now);
        }
    }

    /// Works out the level of a net, and queues the edges that its lines see.
    fn update(&mut self, net: usize, now: Time) {
        let level = self.resolve(net);
        for line in self.lines.iter_mut().filter(|line| line.net == net) {
            if std::mem::replace(&mut line.level, level) == level {
                continue;
            }
            let Some((id, number)) = line.held else {
                continue;
            };
            let held = self.requests.iter_mut().find(|held| held.id == id);
            let Some(held) = held else { continue };
            let config = &held.configs[number];
            let edge = match level != config.is_active_low() {
                true => Edge::Rising,
                false => Edge::Falling,
            };
            if config.detected_edges().includes(edge) {
                held.queue.push(number, edge, now);
                held.signal.raise();
            }
        }
    }

    /// Low wins where two drive against each other; where nobody drives, a pull; else it floats,
    /// which reads as low.
    fn resolve(&self, net: usize) -> bool {
        let (mut driven, mut pulled) = (None, None);
        for line in self.lines.iter().filter(|line| line.net == net) {
            let held = line
                .held
                .and_then(|(id, number)| Some((self.request(id).ok()?, number)));
            let output = held.and_then(|(held, number)| held.drives(number));
            for level in [line.driven, output].into_iter().flatten() {
                driven = Some(driven.unwrap_or(true) && level);
            }
            match held.and_then(|(held, number)| held.configs[number].line_bias()) {
                Some(Bias::PullUp) => pulled = Some(pulled.unwrap_or(true)),
                Some(Bias::PullDown) => pulled = Some(false),
                Some(Bias::Disabled) | None => {}
            }
        }
        driven.or(pulled).unwrap_or(false)
    }
}

/// What the board cannot do yet is no silent default.
fn possible(config: &Config) -> io::Result<()> {
    match config.debounce_period().is_zero() && config.times_of() == EventClock::Monotonic {
        true => Ok(()),
        false => Err(errno(EOPNOTSUPP)),
    }
}

fn levels(configs: &[Config]) -> u64 {
    let high = (0..)
        .zip(configs)
        .filter(|(_, config)| config.initial_level());
    high.fold(0, |levels, (line, _): (u32, _)| levels | 1 << line)
}

impl Backend for Stub {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock()
    }

    fn chips(&self) -> io::Result<Vec<String>> {
        let state = self.board().lines.lock();
        Ok(state.chips.iter().map(|chip| chip.name().into()).collect())
    }

    fn chip_info(&self, name: &str) -> io::Result<ChipInfo> {
        let state = self.board().lines.lock();
        let chip = state.chip(name)?;
        Ok(state.chips[chip].clone())
    }

    fn line_infos(&self, chip: &str) -> io::Result<Vec<LineInfo>> {
        let state = self.board().lines.lock();
        let chip = state.chip(chip)?;
        let lines = (0..state.lines.len()).filter(|line| state.lines[*line].chip == chip);
        Ok(lines.map(|line| state.info(line)).collect())
    }

    fn line_info(&self, chip: &str, offset: u32) -> io::Result<LineInfo> {
        let state = self.board().lines.lock();
        Ok(state.info(state.index(chip, offset)?))
    }

    fn open(&self, request: &Request) -> io::Result<Box<dyn Handle>> {
        let board = self.board();
        let what = match &request.lines[..] {
            [(offset, _)] => format!("an edge on {}", self.name(&request.chip, *offset)),
            lines => format!("an edge on {} lines of {}", lines.len(), request.chip),
        };
        let bell = Bell::new(board.schedule.clone(), what);
        let mut state = board.lines.lock();
        let id = state.open(request, &bell, board.schedule.now())?;
        let held = state.request(id)?;
        for (line, config) in held.lines.iter().zip(&held.configs) {
            let label = &state.lines[*line].label;
            board.tell(|| Action::Request {
                line: label.clone(),
                consumer: held.consumer.clone(),
                direction: config.direction(),
            });
            if config.direction() == Direction::Output {
                board.tell(|| Action::Set {
                    line: label.clone(),
                    level: config.initial_level(),
                });
            }
        }
        drop(state);
        board.schedule.notify();
        Ok(Box::new(StubLines {
            board: board.clone(),
            id,
            bell,
        }))
    }
}

impl Stub {
    /// What people call a line.
    fn name(&self, chip: &str, offset: u32) -> Arc<str> {
        let state = self.board().lines.lock();
        match state.index(chip, offset) {
            Ok(line) => state.lines[line].label.clone(),
            Err(_) => format!("{chip}:{offset}").into(),
        }
    }
}

#[derive(Debug)]
struct StubLines {
    board: Arc<Board>,
    id: u64,
    bell: Bell,
}

impl Handle for StubLines {
    fn get(&self, lines: u64) -> io::Result<u64> {
        let state = self.board.lines.lock();
        let held = state.request(self.id)?;
        let mut levels = 0;
        for (number, line) in held.lines.iter().enumerate() {
            let level = state.lines[*line].level != held.configs[number].is_active_low();
            levels |= u64::from(level) << number;
        }
        Ok(levels & lines)
    }

    fn set(&self, lines: u64, levels: u64) -> io::Result<()> {
        let mut state = self.board.lines.lock();
        let held = state.request_mut(self.id)?;
        let chosen = |number: usize| lines >> number & 1 == 1;
        let configs = held.configs.iter().enumerate();
        let inputs = configs.filter(|(_, config)| config.direction() == Direction::Input);
        if inputs.map(|(number, _)| number).any(chosen) {
            return Err(errno(EPERM));
        }
        held.levels = held.levels & !lines | levels & lines;
        let now = self.board.schedule.now();
        for number in 0..held.lines.len() {
            let line = state.request(self.id)?.lines[number];
            if chosen(number) {
                let net = state.lines[line].net;
                state.update(net, now);
                self.board.tell(|| Action::Set {
                    line: state.lines[line].label.clone(),
                    level: levels >> number & 1 == 1,
                });
            }
        }
        drop(state);
        self.board.schedule.notify();
        Ok(())
    }

    fn configure(&self, configs: &[Config]) -> io::Result<()> {
        let mut state = self.board.lines.lock();
        let held = state.request_mut(self.id)?;
        if configs.len() != held.lines.len() {
            return Err(errno(EINVAL));
        }
        configs.iter().try_for_each(possible)?;
        held.configs = configs.to_vec();
        held.levels = levels(configs);
        let lines = held.lines.clone();
        state.update_all(&lines, self.board.schedule.now());
        drop(state);
        self.board.schedule.notify();
        Ok(())
    }

    fn line_infos(&self) -> io::Result<Vec<LineInfo>> {
        let state = self.board.lines.lock();
        let lines = &state.request(self.id)?.lines;
        Ok(lines.iter().map(|line| state.info(*line)).collect())
    }

    fn read(&self, events: &mut [Event]) -> io::Result<usize> {
        let mut state = self.board.lines.lock();
        let queue = &mut state.request_mut(self.id)?.queue.events;
        let count = queue.len().min(events.len());
        for (event, queued) in events.iter_mut().zip(queue.drain(..count)) {
            *event = queued;
        }
        match count {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    fn ready(&self) -> &dyn Ready {
        &self.bell
    }
}

impl Drop for StubLines {
    fn drop(&mut self) {
        let mut state = self.board.lines.lock();
        let held = state.requests.iter().position(|held| held.id == self.id);
        let Some(held) = held else { return };
        let lines = state.requests.remove(held).lines;
        for line in &lines {
            state.lines[*line].held = None;
        }
        state.update_all(&lines, self.board.schedule.now());
        for line in lines {
            self.board.tell(|| Action::Release {
                line: state.lines[line].label.clone(),
            });
        }
        drop(state);
        self.board.schedule.notify();
    }
}
