//! Chips, lines, and the wires between them: what levels there are, and who sees them change.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use circuits_gpio::{ChangeKind, ChipInfo, Config, Direction, EdgeDetection, LineInfo};
use circuits_wait::Time;

use super::net::{Net, Pull, resolve};
use super::request::Held;
use super::watch::Watching;
use super::{EBUSY, EINVAL, ENODEV, ENXIO, EPERM, errno};
use crate::stub::Board;
use crate::trace::Action;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) chips: Vec<Chip>,
    pub(super) lines: Vec<Line>,
    pub(super) requests: Vec<Held>,
    pub(super) watching: Vec<Watching>,
    /// What will be driven from outside, in the order of its times.
    plays: Vec<Play>,
    /// How many requests and watches there have been.
    count: u64,
}

#[derive(Debug)]
pub(super) struct Chip {
    pub(super) info: ChipInfo,
    /// Not removed.
    is_there: bool,
    has_interrupts: bool,
}

#[derive(Debug)]
pub(super) struct Line {
    /// The index of its chip.
    pub(super) chip: usize,
    pub(super) offset: u32,
    name: String,
    /// Its name, or its place if it has none.
    pub(super) label: Arc<str>,
    /// Lines that are wired together have one number.
    pub(super) net: usize,
    /// Electrical.
    pub(super) level: bool,
    /// It is driven both ways.
    is_contended: bool,
    /// What something outside the board does to it.
    pub(super) driven: Option<bool>,
    /// The request that holds it, and its number there.
    pub(super) held: Option<(u64, usize)>,
    /// The driver of the kernel that holds it.
    pub(super) hog: Option<Arc<str>>,
    pub(super) past: Past,
}

/// How a line has been.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    /// How often it went high.
    pub(crate) rises: u64,
    /// For how long it was high, until `since`.
    pub(crate) high_for: Duration,
    since: Time,
}

/// What something outside the board will do to a line.
#[derive(Debug)]
struct Play {
    time: Time,
    line: usize,
    level: Option<bool>,
}

impl State {
    /// Adds a chip, by the first number that is free, with lines of these names; an empty name is
    /// none.
    pub(super) fn add_chip(
        &mut self,
        label: &str,
        names: impl IntoIterator<Item = String>,
        has_interrupts: bool,
    ) {
        let is_free = |name: &String| self.chip(name).is_err();
        let mut numbers = (0..).map(|number| format!("gpiochip{number}"));
        let name = numbers.find(is_free).unwrap_or_default();
        let chip = self.chips.len();
        let mut count = 0;
        for line in names {
            let shown = match line.is_empty() {
                true => format!("{name}:{count}"),
                false => line.clone(),
            };
            let net = self.lines.len();
            self.lines.push(Line {
                chip,
                offset: count,
                name: line,
                label: shown.into(),
                net,
                level: false,
                is_contended: false,
                driven: None,
                held: None,
                hog: None,
                past: Past::default(),
            });
            count += 1;
        }
        self.chips.push(Chip {
            info: ChipInfo::new(name, label, count),
            is_there: true,
            has_interrupts,
        });
    }

    /// Takes a chip away, whoever holds lines of it.
    pub(super) fn remove_chip(&mut self, chip: usize, board: &Board, now: Time) {
        self.chips[chip].is_there = false;
        let of_chip = |line: &usize| self.lines[*line].chip == chip;
        let lines: Vec<usize> = (0..self.lines.len()).filter(of_chip).collect();
        for held in &mut self.requests {
            if held.lines.iter().any(|line| lines.contains(line)) {
                held.is_removed = true;
                held.signal.raise();
            }
        }
        for watching in &mut self.watching {
            if watching.lines.iter().any(|line| lines.contains(line)) {
                watching.is_removed = true;
                watching.signal.raise();
            }
        }
        let nets: Vec<usize> = lines.iter().map(|line| self.lines[*line].net).collect();
        self.plays.retain(|play| !lines.contains(&play.line));
        for line in lines {
            // A net of its own.
            self.lines[line].net = usize::MAX - line;
            self.lines[line].held = None;
            self.lines[line].driven = None;
        }
        nets.into_iter()
            .for_each(|net| self.update(net, board, now));
    }

    pub(super) fn chips(&self) -> impl Iterator<Item = &Chip> {
        self.chips.iter().filter(|chip| chip.is_there)
    }

    pub(super) fn chip(&self, name: &str) -> io::Result<usize> {
        let is_it = |chip: &Chip| chip.is_there && chip.info.name() == name;
        let chip = self.chips.iter().position(is_it);
        chip.ok_or_else(|| errno(ENODEV))
    }

    pub(super) fn index(&self, chip: usize, offset: u32) -> io::Result<usize> {
        let is_it = |line: &Line| (line.chip, line.offset) == (chip, offset);
        let index = self.lines.iter().position(is_it);
        index.ok_or_else(|| errno(EINVAL))
    }

    pub(super) fn info(&self, line: usize) -> LineInfo {
        let Line {
            offset, name, hog, ..
        } = &self.lines[line];
        let (consumer, config) = match (self.holder(line), hog) {
            (Some((held, number)), _) => (
                Some(held.consumer.to_string()),
                held.configs[number].clone(),
            ),
            (None, Some(hog)) => (Some(hog.to_string()), Config::output()),
            (None, None) => (None, Config::new()),
        };
        LineInfo::new(*offset, name, consumer, config)
    }

    /// Who holds a line, and its number there.
    fn holder(&self, line: usize) -> Option<(&Held, usize)> {
        let (id, number) = self.lines[line].held?;
        let held = self.requests.iter().find(|held| held.id == id)?;
        Some((held, number))
    }

    pub(super) fn request(&self, id: u64) -> io::Result<&Held> {
        let is_it = |held: &&Held| held.id == id && !held.is_removed;
        self.requests
            .iter()
            .find(is_it)
            .ok_or_else(|| errno(ENODEV))
    }

    pub(super) fn request_mut(&mut self, id: u64) -> io::Result<&mut Held> {
        let is_it = |held: &&mut Held| held.id == id && !held.is_removed;
        let mut requests = self.requests.iter_mut();
        requests.find(is_it).ok_or_else(|| errno(ENODEV))
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Takes lines for a program: all or none.
    pub(super) fn open(
        &mut self,
        chip: usize,
        request: &circuits_gpio::Request,
        held: impl FnOnce(u64, &[usize]) -> Held,
        board: &Board,
        now: Time,
    ) -> io::Result<u64> {
        let mut lines = Vec::new();
        for (offset, _) in &request.lines {
            let line = self.index(chip, *offset)?;
            let Line { held, hog, .. } = &self.lines[line];
            if held.is_some() || hog.is_some() || lines.contains(&line) {
                return Err(errno(EBUSY));
            }
            lines.push(line);
        }
        if lines.is_empty() {
            return Err(errno(EINVAL));
        }
        let configs = request.lines.iter().map(|(_, config)| config);
        self.chips[chip].can(configs)?;
        let id = self.next_id();
        for (number, line) in lines.iter().enumerate() {
            self.lines[*line].held = Some((id, number));
        }
        let held = held(id, &lines);
        self.tell_of(&held, board, now);
        self.requests.push(held);
        self.update_all(&lines, board, now);
        let levels: Vec<bool> = lines.iter().map(|line| self.lines[*line].level).collect();
        // What bias and levels make of the nets is there before edges count.
        self.request_mut(id)?.wake_up(&levels);
        self.tell_watchers(&lines, ChangeKind::Requested, now);
        Ok(id)
    }

    /// Tells the trace of a request.
    fn tell_of(&self, held: &Held, board: &Board, now: Time) {
        for (line, config) in held.lines.iter().zip(&held.configs) {
            let label = &self.lines[*line].label;
            board.tell_at(now, || Action::Request {
                line: label.clone(),
                consumer: held.consumer.clone(),
                direction: config.direction(),
            });
            if config.direction() == Direction::Output {
                board.tell_at(now, || Action::Set {
                    line: label.clone(),
                    level: config.initial_level(),
                });
            }
        }
    }

    /// Sets lines up anew.
    pub(super) fn configure(
        &mut self,
        id: u64,
        configs: &[Config],
        board: &Board,
        now: Time,
    ) -> io::Result<()> {
        let held = self.request(id)?;
        if configs.len() != held.lines.len() {
            return Err(errno(EINVAL));
        }
        let lines = held.lines.clone();
        self.chips[self.lines[lines[0]].chip].can(configs.iter())?;
        let levels: Vec<bool> = lines.iter().map(|line| self.lines[*line].level).collect();
        self.request_mut(id)?.configure(configs, &levels);
        self.update_all(&lines, board, now);
        self.tell_watchers(&lines, ChangeKind::Reconfigured, now);
        Ok(())
    }

    /// Sets levels, all at once.
    pub(super) fn set(
        &mut self,
        id: u64,
        lines: u64,
        levels: u64,
        board: &Board,
        now: Time,
    ) -> io::Result<()> {
        let held = self.request_mut(id)?;
        let chosen = |number: usize| lines >> number & 1 == 1;
        let configs = held.configs.iter().enumerate();
        let mut inputs = configs.filter(|(_, config)| config.direction() == Direction::Input);
        if inputs.any(|(number, _)| chosen(number)) {
            return Err(errno(EPERM));
        }
        held.levels = held.levels & !lines | levels & lines;
        for number in 0..held.lines.len() {
            let line = self.request(id)?.lines[number];
            if chosen(number) {
                board.tell_at(now, || Action::Set {
                    line: self.lines[line].label.clone(),
                    level: levels >> number & 1 == 1,
                });
                self.update(self.lines[line].net, board, now);
            }
        }
        Ok(())
    }

    pub(super) fn close(&mut self, id: u64, board: &Board, now: Time) {
        let Some(held) = self.requests.iter().position(|held| held.id == id) else {
            return;
        };
        let held = self.requests.remove(held);
        if held.is_removed {
            return;
        }
        for line in &held.lines {
            self.lines[*line].held = None;
        }
        self.update_all(&held.lines, board, now);
        for line in &held.lines {
            board.tell_at(now, || Action::Release {
                line: self.lines[*line].label.clone(),
            });
        }
        self.tell_watchers(&held.lines, ChangeKind::Released, now);
    }

    fn tell_watchers(&mut self, lines: &[usize], kind: ChangeKind, now: Time) {
        if self.watching.is_empty() {
            return;
        }
        for line in lines {
            let info = self.info(*line);
            let watching = self.watching.iter_mut();
            for watching in watching.filter(|watching| watching.lines.contains(line)) {
                watching.push(circuits_gpio::Change::new(now, kind, info.clone()));
            }
        }
    }

    /// Has something outside the board drive a line; what was still to come is forgotten.
    pub(super) fn drive(&mut self, line: usize, level: Option<bool>, board: &Board, now: Time) {
        self.plays.retain(|play| play.line != line);
        self.drive_now(line, level, board, now);
    }

    fn drive_now(&mut self, line: usize, level: Option<bool>, board: &Board, now: Time) {
        self.lines[line].driven = level;
        board.tell_at(now, || Action::Drive {
            line: self.lines[line].label.clone(),
            level,
        });
        self.update(self.lines[line].net, board, now);
    }

    /// The same in times to come; what was still to come before is forgotten.
    pub(super) fn play(&mut self, line: usize, steps: impl Iterator<Item = (Time, Option<bool>)>) {
        self.plays.retain(|play| play.line != line);
        let plays = steps.map(|(time, level)| Play { time, line, level });
        self.plays.extend(plays);
        // It keeps the order of those that are at the same time.
        self.plays.sort_by_key(|play| play.time);
    }

    /// When something happens by itself next.
    pub(super) fn next(&self) -> Option<Time> {
        let settling = self.requests.iter().filter_map(Held::next);
        let play = self.plays.first().map(|play| play.time);
        settling.chain(play).min()
    }

    /// Does what was to happen by itself until now, one after another.
    pub(super) fn advance(&mut self, board: &Board, now: Time) {
        while let Some(next) = self.next().filter(|next| *next <= now) {
            // What has lasted until then counts; a level that changes then has lasted, too.
            for held in &mut self.requests {
                held.settle(next);
            }
            while self.plays.first().is_some_and(|play| play.time <= next) {
                let play = self.plays.remove(0);
                self.drive_now(play.line, play.level, board, next);
            }
        }
    }

    pub(super) fn update_all(&mut self, lines: &[usize], board: &Board, now: Time) {
        for line in lines {
            self.update(self.lines[*line].net, board, now);
        }
    }

    /// Works out the level of a net, and queues the edges that its lines see.
    pub(super) fn update(&mut self, net: usize, board: &Board, now: Time) {
        let is = self.net(net);
        let (level, is_contended) = (is.level(), is == Net::Contended);
        let mut begins = false;
        for line in self.lines.iter_mut().filter(|line| line.net == net) {
            begins |= !std::mem::replace(&mut line.is_contended, is_contended) && is_contended;
            if line.level == level {
                continue;
            }
            line.level = level;
            line.past.change(level, now);
            let Some((id, number)) = line.held else {
                continue;
            };
            if let Some(held) = self.requests.iter_mut().find(|held| held.id == id) {
                held.see(number, level, now);
            }
        }
        if begins {
            let lines = self.lines.iter().filter(|line| line.net == net);
            board.tell_at(now, || Action::Contention {
                lines: lines.map(|line| line.label.clone()).collect(),
            });
        }
    }

    /// What is done to a net.
    pub(super) fn net(&self, net: usize) -> Net {
        let lines = (0..self.lines.len()).filter(|line| self.lines[*line].net == net);
        let done = lines.map(|line| {
            let outside = self.lines[line].driven;
            let Some((held, number)) = self.holder(line) else {
                return (outside, None, None);
            };
            let pull = Pull::of(held.configs[number].line_bias());
            (outside, held.drives(number), pull)
        });
        resolve(done)
    }
}

impl Chip {
    /// Edges need an interrupt (`gpiod_to_irq`, drivers/gpio/gpiolib.c), and so does debouncing.
    fn can<'a>(&self, mut configs: impl Iterator<Item = &'a Config>) -> io::Result<()> {
        let needs_interrupt = |config: &Config| {
            config.detected_edges() != EdgeDetection::Off || !config.debounce_period().is_zero()
        };
        match !self.has_interrupts && configs.any(needs_interrupt) {
            true => Err(errno(ENXIO)),
            false => Ok(()),
        }
    }
}

impl Past {
    fn change(&mut self, level: bool, now: Time) {
        self.pass(!level, now);
        self.rises += u64::from(level);
    }

    /// Notes that it has been at this level until now.
    pub(super) fn pass(&mut self, level: bool, now: Time) {
        if level {
            self.high_for += now.since(self.since);
        }
        self.since = now;
    }
}
