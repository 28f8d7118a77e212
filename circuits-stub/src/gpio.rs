//! Lines, and the wires between them: a backend of circuits-gpio by the kernel's rules.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_gpio::{
    Backend, Bias, Config, Direction, Edge, EdgeDetection, Event, Handle, LineSpec,
};
use circuits_wait::{Clock, Ready, Time};

use crate::stub::Board;
use crate::time::{Bell, Signal};
use crate::trace::Action;
use crate::{Error, Result, Stub};

/// All lines of a board. Lines that are wired together are one net, and have one level.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    chips: usize,
    lines: Vec<Line>,
    requests: u64,
}

#[derive(Debug)]
struct Line {
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
    held: Option<Held>,
}

/// A line as a program has requested it.
#[derive(Debug)]
struct Held {
    request: u64,
    consumer: Arc<str>,
    direction: Direction,
    active_low: bool,
    bias: Option<Bias>,
    /// Electrical, of an output.
    level: bool,
    detection: EdgeDetection,
    queue: EdgeQueue,
    signal: Arc<Signal>,
}

/// The kernel's queue: 16 edges for a line; when it is full, the oldest goes (`linereq_put_event`,
/// drivers/gpio/gpiolib-cdev.c).
#[derive(Debug)]
struct EdgeQueue {
    events: [Event; EdgeQueue::LEN],
    first: usize,
    len: usize,
    sequence: u32,
}

impl EdgeQueue {
    const LEN: usize = 16;

    fn new() -> EdgeQueue {
        EdgeQueue {
            events: [Event::new(Edge::Rising, Time::ZERO, 0); EdgeQueue::LEN],
            first: 0,
            len: 0,
            sequence: 0,
        }
    }

    fn push(&mut self, edge: Edge, time: Time) {
        self.sequence = self.sequence.wrapping_add(1);
        if self.len == EdgeQueue::LEN {
            self.pop();
        }
        self.events[(self.first + self.len) % EdgeQueue::LEN] =
            Event::new(edge, time, self.sequence);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<Event> {
        self.len = self.len.checked_sub(1)?;
        let event = self.events[self.first];
        self.first = (self.first + 1) % EdgeQueue::LEN;
        Some(event)
    }
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Adds a chip with lines of these names; an empty name is none.
    pub(crate) fn add_chip(&self, names: impl IntoIterator<Item = String>) {
        let mut state = self.lock();
        let chip = state.chips;
        state.chips += 1;
        for (offset, name) in (0..).zip(names) {
            let label = if name.is_empty() {
                format!("gpiochip{chip}:{offset}")
            } else {
                name.clone()
            };
            let net = state.lines.len();
            state.lines.push(Line {
                chip,
                offset,
                name,
                label: label.into(),
                net,
                level: false,
                driven: None,
                held: None,
            });
        }
    }

    pub(crate) fn wire(&self, board: &Board, a: &LineSpec, b: &LineSpec) -> Result<()> {
        let mut state = self.lock();
        let (a, b) = (state.find(a)?, state.find(b)?);
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

    pub(crate) fn level(&self, line: &LineSpec) -> Result<bool> {
        let state = self.lock();
        let line = state.find(line)?;
        Ok(state.lines[line].level)
    }

    pub(crate) fn consumer(&self, line: &LineSpec) -> Result<Option<Arc<str>>> {
        let state = self.lock();
        let line = state.find(line)?;
        Ok(state.lines[line]
            .held
            .as_ref()
            .map(|held| held.consumer.clone()))
    }

    pub(crate) fn drive(&self, board: &Board, line: &LineSpec, level: Option<bool>) -> Result<()> {
        let mut state = self.lock();
        let line = state.find(line)?;
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

impl State {
    /// Finds the one line that is meant.
    fn find(&self, wanted: &LineSpec) -> Result<usize> {
        let mut found = self.matching(wanted);
        match (found.next(), found.next()) {
            (Some(line), None) => Ok(line),
            (None, _) => Err(Error::NoLine {
                line: wanted.to_string(),
            }),
            (Some(_), Some(_)) => {
                let places: Vec<String> =
                    self.matching(wanted).map(|line| self.place(line)).collect();
                Err(Error::Ambiguous {
                    line: wanted.to_string(),
                    places: places.join(", "),
                })
            }
        }
    }

    fn matching<'a>(&'a self, wanted: &'a LineSpec) -> impl Iterator<Item = usize> + 'a {
        let is_meant = move |line: &Line| match wanted {
            LineSpec::Name(name) => line.name == *name && !name.is_empty(),
            LineSpec::Offset { chip, offset } => {
                line.offset == *offset && chip_name(line.chip) == *chip
            }
            _ => false,
        };
        self.lines
            .iter()
            .enumerate()
            .filter(move |(_, line)| is_meant(line))
            .map(|(index, _)| index)
    }

    fn place(&self, line: usize) -> String {
        format!(
            "{}:{}",
            chip_name(self.lines[line].chip),
            self.lines[line].offset
        )
    }

    /// Takes a line for a program.
    fn request(
        &mut self,
        wanted: &LineSpec,
        config: &Config,
        bell: &Bell,
        now: Time,
    ) -> circuits_gpio::Result<(usize, u64)> {
        use circuits_gpio::Error as E;

        let line: Arc<str> = wanted.to_string().into();
        let index = self.find(wanted).map_err(|error| match (error, wanted) {
            (Error::Ambiguous { places, .. }, _) => E::Ambiguous {
                line: line.clone(),
                count: self.matching(wanted).count(),
                places: places.into(),
            },
            (_, LineSpec::Offset { chip, .. })
                if !(0..self.chips).any(|known| chip_name(known) == *chip) =>
            {
                E::NoChip {
                    line: line.clone(),
                    chip: format!("/dev/{chip}").into(),
                }
            }
            _ if self.chips == 0 => E::NoChip {
                line: line.clone(),
                chip: "/dev/gpiochip*".into(),
            },
            _ => E::NotFound { line: line.clone() },
        })?;
        if let Some(held) = &self.lines[index].held {
            let source = io::ErrorKind::ResourceBusy.into();
            return Err(E::InUse {
                line,
                holder: Some(held.consumer.clone()),
                source,
            });
        }
        self.requests += 1;
        let active_low = config.is_active_low();
        self.lines[index].held = Some(Held {
            request: self.requests,
            consumer: config.consumer_name().into(),
            direction: config.direction(),
            active_low,
            bias: config.line_bias(),
            level: config.initial_level() != active_low,
            detection: EdgeDetection::Off,
            queue: EdgeQueue::new(),
            signal: bell.signal().clone(),
        });
        // What the bias makes of the level is there before edges count.
        self.update(self.lines[index].net, now);
        if let Some(held) = &mut self.lines[index].held {
            held.detection = config.detected_edges();
        }
        Ok((index, self.requests))
    }

    fn held(&mut self, line: usize, request: u64) -> io::Result<&mut Held> {
        const ENODEV: i32 = 19;
        let held = self.lines[line]
            .held
            .as_mut()
            .filter(|held| held.request == request);
        held.ok_or_else(|| io::Error::from_raw_os_error(ENODEV))
    }

    /// Works out the level of a net, and queues the edges that its lines see.
    fn update(&mut self, net: usize, now: Time) {
        let level = self.resolve(net);
        for line in self.lines.iter_mut().filter(|line| line.net == net) {
            if std::mem::replace(&mut line.level, level) == level {
                continue;
            }
            let Some(held) = &mut line.held else { continue };
            let edge = if level != held.active_low {
                Edge::Rising
            } else {
                Edge::Falling
            };
            if held.direction == Direction::Input && held.detection.includes(edge) {
                held.queue.push(edge, now);
                held.signal.raise();
            }
        }
    }

    /// Low wins where two drive against each other; where nobody drives, a pull; else it floats,
    /// which reads as low.
    fn resolve(&self, net: usize) -> bool {
        let (mut driven, mut pulled) = (None, None);
        for line in self.lines.iter().filter(|line| line.net == net) {
            let output = line
                .held
                .as_ref()
                .filter(|held| held.direction == Direction::Output)
                .map(|held| held.level);
            for level in [line.driven, output].into_iter().flatten() {
                driven = Some(driven.unwrap_or(true) && level);
            }
            match line.held.as_ref().and_then(|held| held.bias) {
                Some(Bias::PullUp) => pulled = Some(pulled.unwrap_or(true)),
                Some(Bias::PullDown) => pulled = Some(false),
                Some(Bias::Disabled) | None => {}
            }
        }
        driven.or(pulled).unwrap_or(false)
    }
}

fn chip_name(chip: usize) -> String {
    format!("gpiochip{chip}")
}

impl Backend for Stub {
    fn open(&self, line: &LineSpec, config: &Config) -> circuits_gpio::Result<Box<dyn Handle>> {
        let board = self.board();
        let bell = Bell::new(board.schedule.clone(), format!("an edge on {line}"));
        let mut state = board.lines.lock();
        let (index, request) = state.request(line, config, &bell, board.schedule.now())?;
        if let Some(held) = &state.lines[index].held {
            let (line, consumer) = (state.lines[index].label.clone(), held.consumer.clone());
            board.tell(|| Action::Request {
                line,
                consumer,
                direction: config.direction(),
            });
        }
        if config.direction() == Direction::Output {
            board.tell(|| Action::Set {
                line: state.lines[index].label.clone(),
                level: config.initial_level(),
            });
        }
        drop(state);
        board.schedule.notify();
        Ok(Box::new(StubLine {
            board: board.clone(),
            line: index,
            request,
            bell,
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock()
    }
}

#[derive(Debug)]
struct StubLine {
    board: Arc<Board>,
    line: usize,
    request: u64,
    bell: Bell,
}

impl Handle for StubLine {
    fn set(&self, level: bool) -> io::Result<()> {
        let mut state = self.board.lines.lock();
        let held = state.held(self.line, self.request)?;
        if held.direction != Direction::Output {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        held.level = level != held.active_low;
        let net = state.lines[self.line].net;
        state.update(net, self.board.schedule.now());
        self.board.tell(|| Action::Set {
            line: state.lines[self.line].label.clone(),
            level,
        });
        drop(state);
        self.board.schedule.notify();
        Ok(())
    }

    fn get(&self) -> io::Result<bool> {
        let mut state = self.board.lines.lock();
        let active_low = state.held(self.line, self.request)?.active_low;
        Ok(state.lines[self.line].level != active_low)
    }

    fn detect(&self, edges: EdgeDetection) -> io::Result<()> {
        let mut state = self.board.lines.lock();
        let held = state.held(self.line, self.request)?;
        if held.direction != Direction::Input {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        held.detection = edges;
        Ok(())
    }

    fn read(&self, events: &mut [Event]) -> io::Result<usize> {
        let mut state = self.board.lines.lock();
        let queue = &mut state.held(self.line, self.request)?.queue;
        let mut count = 0;
        for (event, queued) in events.iter_mut().zip(std::iter::from_fn(|| queue.pop())) {
            *event = queued;
            count += 1;
        }
        if count == 0 {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            Ok(count)
        }
    }

    fn ready(&self) -> &dyn Ready {
        &self.bell
    }
}

impl Drop for StubLine {
    fn drop(&mut self) {
        let mut state = self.board.lines.lock();
        let line = &mut state.lines[self.line];
        if line
            .held
            .take_if(|held| held.request == self.request)
            .is_none()
        {
            return;
        }
        let (net, label) = (line.net, line.label.clone());
        state.update(net, self.board.schedule.now());
        self.board.tell(|| Action::Release { line: label });
        drop(state);
        self.board.schedule.notify();
    }
}
