use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use circuits_gpio::{Config, Direction, Drive, Edge, EdgeDetection, Event, EventClock, Request};
use circuits_wait::Time;

use crate::time::Signal;

/// Lines as a program has requested them.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) id: u64,
    pub(super) consumer: Arc<str>,
    /// Indices of `State::lines`.
    pub(super) lines: Vec<usize>,
    pub(super) configs: Vec<Config>,
    /// Logical, of outputs.
    pub(super) levels: u64,
    pub(super) queue: EdgeQueue,
    debounced: Vec<Debounced>,
    /// What is added to the board's time for the realtime clock.
    realtime: Duration,
    /// The lines whose changes count.
    awake: u64,
    /// How many are not settled.
    unsettled: usize,
    /// The chip is gone.
    pub(super) is_removed: bool,
    pub(super) signal: Arc<Signal>,
}

/// The level of a line that counts, and since when it is another, if it is.
///
/// The kernel looks at the line when it has been quiet for the period, and stamps the edge then
/// (`debounce_work_func`, drivers/gpio/gpiolib-cdev.c).
#[derive(Clone, Copy, Debug, Default)]
struct Debounced {
    level: bool,
    /// How the line is, and until when it must be so to count.
    unsettled: Option<(bool, Time)>,
}

impl Held {
    pub(super) fn new(
        id: u64,
        request: &Request,
        lines: &[usize],
        signal: &Arc<Signal>,
        realtime: Duration,
    ) -> Held {
        let configs: Vec<Config> = request
            .lines
            .iter()
            .map(|(_, config)| config.clone())
            .collect();
        Held {
            id,
            // What the kernel calls who has no name (`gpiod_request`, drivers/gpio/gpiolib.c).
            consumer: match &*request.consumer {
                "" => "?".into(),
                name => name.into(),
            },
            lines: lines.to_vec(),
            levels: levels(&configs),
            // The kernel has no memory for one (`__kfifo_alloc`, lib/kfifo.c).
            queue: EdgeQueue::new(request.event_buffer.max(2), lines.len()),
            debounced: vec![Debounced::default(); lines.len()],
            configs,
            realtime,
            awake: 0,
            unsettled: 0,
            is_removed: false,
            signal: signal.clone(),
        }
    }

    /// Lets changes of all lines count, which are at these levels.
    pub(super) fn wake_up(&mut self, levels: &[bool]) {
        for (line, level) in levels.iter().enumerate() {
            if self.awake >> line & 1 == 0 {
                self.debounced[line].level = *level;
            }
        }
        self.awake = u64::MAX;
    }

    /// Sets all lines up anew. What that does to lines which begin to be looked at does not count
    /// until they are woken up: the kernel looks at them last (`linereq_set_config`).
    pub(super) fn configure(&mut self, configs: &[Config]) {
        let detects = |config: &Config| config.detected_edges() != EdgeDetection::Off;
        let is_debounced = |config: &Config| !config.debounce_period().is_zero();
        for (line, config) in configs.iter().enumerate() {
            let was = &self.configs[line];
            let begins = !detects(was) && detects(config) && !is_debounced(was);
            // A period that changes is that of what comes then, not of what is unsettled already.
            let turns = is_debounced(was) != is_debounced(config);
            if turns && self.debounced[line].unsettled.take().is_some() {
                self.unsettled -= 1;
            }
            if begins || turns {
                self.awake &= !(1 << line);
            }
        }
        self.configs = configs.to_vec();
        self.levels = levels(configs);
    }

    /// What an output does to its net, electrically.
    pub(super) fn drives(&self, line: usize) -> Option<bool> {
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

    /// The level of a line as the program sees it, logically.
    pub(super) fn level(&self, line: usize, level: bool) -> bool {
        let config = &self.configs[line];
        let counts = match config.debounce_period().is_zero() {
            true => level,
            false => self.debounced[line].level,
        };
        counts != config.is_active_low()
    }

    /// Whether a program looks for the edge by which a line comes to this level.
    pub(super) fn listens(&self, line: usize, level: bool) -> bool {
        let config = &self.configs[line];
        let edge = match level != config.is_active_low() {
            true => Edge::Rising,
            false => Edge::Falling,
        };
        self.awake >> line & 1 == 1
            && (!config.debounce_period().is_zero() || config.detected_edges().includes(edge))
    }

    /// Notes that a line has changed.
    pub(super) fn see(&mut self, line: usize, level: bool, now: Time) {
        let period = self.configs[line].debounce_period();
        if self.awake >> line & 1 == 0 {
            return;
        }
        if period.is_zero() {
            return self.edge(line, level, now);
        }
        let before = self.debounced[line]
            .unsettled
            .replace((level, now + period));
        self.unsettled += usize::from(before.is_none());
    }

    /// When a line will have been quiet for long enough.
    pub(super) fn next(&self) -> Option<Time> {
        if self.unsettled == 0 || self.is_removed {
            return None;
        }
        let times = self.debounced.iter().filter_map(|line| line.unsettled);
        times.map(|(_, time)| time).min()
    }

    /// Settles what has been quiet for long enough by now.
    pub(super) fn settle(&mut self, now: Time) {
        if self.next().is_none_or(|next| next > now) {
            return;
        }
        for line in 0..self.lines.len() {
            let debounced = &mut self.debounced[line];
            let Some((level, _)) = debounced.unsettled.take_if(|(_, time)| *time <= now) else {
                continue;
            };
            self.unsettled -= 1;
            if std::mem::replace(&mut debounced.level, level) != level {
                self.edge(line, level, now);
            }
        }
    }

    fn edge(&mut self, line: usize, level: bool, now: Time) {
        let config = &self.configs[line];
        let edge = match level != config.is_active_low() {
            true => Edge::Rising,
            false => Edge::Falling,
        };
        let is_input = config.direction() == Direction::Input;
        if is_input && config.detected_edges().includes(edge) {
            let time = match config.times_of() {
                EventClock::Realtime => now + self.realtime,
                _ => now,
            };
            self.queue.push(line, edge, time);
            self.signal.raise();
        }
    }
}

fn levels(configs: &[Config]) -> u64 {
    let high = (0..)
        .zip(configs)
        .filter(|(_, config)| config.initial_level());
    high.fold(0, |levels, (line, _): (u32, _)| levels | 1 << line)
}

/// The kernel's queue of a request, which drops the oldest when it is full (`linereq_put_event`,
/// drivers/gpio/gpiolib-cdev.c). Its size is rounded up to a power of two, as the kernel's is.
#[derive(Debug)]
pub(super) struct EdgeQueue {
    pub(super) events: VecDeque<Event>,
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
