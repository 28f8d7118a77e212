//! Chips, lines, and the wires between them: what levels there are, and who sees them change.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use circuits_gpio::{ChipInfo, Config, LineInfo};
use circuits_wait::Time;

use super::defects::{self, Defects};
use super::net::{Net, Pull, resolve};
use super::request::Held;
use super::watch::Watching;
use super::{EINVAL, ENODEV, errno};
use crate::stub::Board;
use crate::trace::Action;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) chips: Vec<Chip>,
    pub(super) lines: Vec<Line>,
    /// Some are wired together: else each is a net of its own, by its own number.
    pub(super) has_wires: bool,
    pub(super) requests: Vec<Held>,
    pub(super) watching: Vec<Watching>,
    /// What will be driven from outside, the first first.
    plays: BinaryHeap<Reverse<Play>>,
    /// Lines at which chips look, and what they have not seen yet: lines with another level.
    pub(super) observed: BTreeSet<usize>,
    pub(super) seen: Vec<(usize, bool, Time)>,
    /// What goes wrong with lines.
    pub(super) defects: Defects,
    /// How many plays there have been.
    played: u64,
    /// How many requests and watches there have been.
    count: u64,
}

#[derive(Debug)]
pub(super) struct Chip {
    pub(super) info: ChipInfo,
    /// Not removed.
    is_there: bool,
    pub(super) has_interrupts: bool,
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
    /// A resistor on the board.
    pub(super) pull: Option<Pull>,
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
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Play {
    time: Time,
    /// The order of those at the same time.
    serial: u64,
    line: usize,
    level: Option<bool>,
}

impl State {
    /// Returns a name for a chip: with the first number that is free.
    pub(super) fn free_name(&self) -> String {
        let is_free = |name: &String| self.chip(name).is_err();
        let mut numbers = (0..).map(|number| format!("gpiochip{number}"));
        numbers.find(is_free).unwrap_or_default()
    }

    /// Adds a chip with lines of these names; an empty name is none.
    pub(super) fn add_chip(
        &mut self,
        name: &str,
        label: &str,
        names: impl IntoIterator<Item = String>,
        has_interrupts: bool,
    ) {
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
                pull: None,
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
        self.plays.retain(|play| !lines.contains(&play.0.line));
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

    /// Whether the chip of a line was not removed.
    pub(super) fn is_there(&self, line: usize) -> bool {
        self.chips[self.lines[line].chip].is_there
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
            (Some((held, number)), _) => {
                let config = public(&held.configs[number]);
                (Some(held.consumer.to_string()), config)
            }
            (None, Some(hog)) => (Some(hog.to_string()), Config::output()),
            (None, None) => (None, Config::new()),
        };
        LineInfo::new(*offset, name, consumer, config)
    }

    /// Who holds a line, and its number there.
    fn holder(&self, line: usize) -> Option<(&Held, usize)> {
        let (id, number) = self.lines[line].held?;
        Some((&self.requests[self.position(id)?], number))
    }

    /// Where a request is: they are in the order of their numbers.
    pub(super) fn position(&self, id: u64) -> Option<usize> {
        self.requests.binary_search_by_key(&id, |held| held.id).ok()
    }

    pub(super) fn request(&self, id: u64) -> io::Result<&Held> {
        let held = self.position(id).map(|index| &self.requests[index]);
        let is_there = held.filter(|held| !held.is_removed);
        is_there.ok_or_else(|| errno(ENODEV))
    }

    pub(super) fn request_mut(&mut self, id: u64) -> io::Result<&mut Held> {
        let index = self.position(id);
        let held = index.map(|index| &mut self.requests[index]);
        let is_there = held.filter(|held| !held.is_removed);
        is_there.ok_or_else(|| errno(ENODEV))
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Has something outside the board drive a line; what was still to come is forgotten.
    pub(super) fn drive(&mut self, line: usize, level: Option<bool>, board: &Board, now: Time) {
        self.plays.retain(|play| play.0.line != line);
        self.drive_now(line, level, board, now);
    }

    fn drive_now(&mut self, line: usize, level: Option<bool>, board: &Board, now: Time) {
        let before = std::mem::replace(&mut self.lines[line].driven, level);
        if before == level {
            return;
        }
        board.tell_at(now, || Action::Drive {
            line: self.lines[line].label.clone(),
            level,
        });
        self.update(self.lines[line].net, board, now);
    }

    /// The same in times to come; what was still to come before is forgotten.
    pub(super) fn play(&mut self, line: usize, steps: impl Iterator<Item = (Time, Option<bool>)>) {
        self.plays.retain(|play| play.0.line != line);
        for (time, level) in steps {
            self.played += 1;
            let serial = self.played;
            self.plays.push(Reverse(Play {
                time,
                serial,
                line,
                level,
            }));
        }
    }

    /// When something happens by itself next.
    pub(super) fn next(&self) -> Option<Time> {
        let settling = self.requests.iter().filter_map(Held::next);
        let play = self.plays.peek().map(|play| play.0.time);
        settling.chain(play).chain(self.next_on_wires()).min()
    }

    /// Does what was to happen by itself until now, one after another.
    pub(super) fn advance(&mut self, board: &Board, now: Time) {
        while let Some(next) = self.next().filter(|next| *next <= now) {
            // What has lasted until then counts; a level that changes then has lasted, too.
            for held in &mut self.requests {
                held.settle(next);
            }
            while self.plays.peek().is_some_and(|play| play.0.time <= next) {
                if let Some(Reverse(play)) = self.plays.pop() {
                    self.drive_now(play.line, play.level, board, next);
                }
            }
            self.advance_wires(board, next);
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
        let is_contended = is == Net::Contended;
        let level = self.on_wire(net, is.level(), board, now);
        let mut begins = false;
        for index in self.places(net) {
            let line = &mut self.lines[index];
            if line.net != net {
                continue;
            }
            begins |= !std::mem::replace(&mut line.is_contended, is_contended) && is_contended;
            if line.level == level {
                continue;
            }
            line.level = level;
            line.past.change(level, now);
            if self.observed.contains(&index) {
                self.seen.push((index, level, now));
            }
            let Some((id, number)) = line.held else {
                continue;
            };
            let held = self.requests.binary_search_by_key(&id, |held| held.id);
            let Ok(request) = held.map(|held| &mut self.requests[held]) else {
                continue;
            };
            let is_missed = request.listens(number, level)
                && defects::misses_edge(&mut self.defects, index, &line.label, board, now);
            if !is_missed {
                request.see(number, level, now);
            }
        }
        if begins {
            let lines = self.lines.iter().filter(|line| line.net == net);
            board.tell_at(now, || Action::Contention {
                lines: lines.map(|line| line.label.clone()).collect(),
            });
        }
    }

    /// Where to look for the lines of a net.
    fn places(&self, net: usize) -> Range<usize> {
        match self.has_wires || net >= self.lines.len() {
            true => 0..self.lines.len(),
            false => net..net + 1,
        }
    }

    /// What is done to a net.
    pub(super) fn net(&self, net: usize) -> Net {
        let lines = self.places(net);
        let lines = lines.filter(|line| self.lines[*line].net == net);
        let done = lines.map(|line| {
            let Line { driven, pull, .. } = self.lines[line];
            let holder = self.holder(line);
            let output = holder.and_then(|(held, number)| held.drives(number));
            let bias = holder.and_then(|(held, number)| held.configs[number].line_bias());
            (driven, output, [pull, Pull::of(bias)])
        });
        resolve(done)
    }
}

/// What a chip tells of a line, which is less than its holder knows.
fn public(config: &Config) -> Config {
    let public = Config::new()
        .towards(config.direction())
        .active_low(config.is_active_low())
        .drive(config.line_drive())
        .edge_detection(config.detected_edges())
        .debounce(config.debounce_period())
        .event_clock(config.times_of());
    match config.line_bias() {
        Some(bias) => public.bias(bias),
        None => public,
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
