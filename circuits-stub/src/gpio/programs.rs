//! What programs do to lines: take them, set them up, set their levels, give them back.

use std::io;
use std::sync::Arc;

use circuits_gpio::{Change, ChangeKind, Config, Direction, Drive, EdgeDetection, Request};
use circuits_wait::Time;

use super::fault::Call;
use super::request::Held;
use super::state::{Chip, Line, State};
use super::{EBUSY, EINVAL, ENXIO, EPERM, errno};
use crate::stub::Board;
use crate::trace::Action;

impl State {
    /// Takes lines for a program: all or none.
    pub(super) fn open(
        &mut self,
        chip: usize,
        request: &Request,
        held: impl FnOnce(u64, &[usize]) -> Held,
        board: &Board,
        now: Time,
    ) -> io::Result<u64> {
        if !(1..=64).contains(&request.lines.len()) {
            return Err(errno(EINVAL));
        }
        let mut lines = Vec::new();
        for (offset, _) in &request.lines {
            let line = self.index(chip, *offset)?;
            let Line { held, hog, .. } = &self.lines[line];
            if held.is_some() || hog.is_some() || lines.contains(&line) {
                return Err(errno(EBUSY));
            }
            lines.push(line);
        }
        let configs = request.lines.iter().map(|(_, config)| config);
        self.chips[chip].can(configs)?;
        self.meet_all(&lines, Call::Other, board, now)?;
        let id = self.next_id();
        for (number, line) in lines.iter().enumerate() {
            self.lines[*line].held = Some((id, number));
        }
        let held = held(id, &lines);
        self.tell_of(&held, board, now);
        self.requests.push(held);
        self.update_all(&lines, board, now);
        // What bias and levels make of the nets is there before edges count.
        self.wake_up(id)?;
        self.tell_watchers(&lines, ChangeKind::Requested, now);
        Ok(id)
    }

    fn wake_up(&mut self, id: u64) -> io::Result<()> {
        let lines = &self.request(id)?.lines;
        let levels: Vec<bool> = lines.iter().map(|line| self.lines[*line].level).collect();
        self.request_mut(id)?.wake_up(&levels);
        Ok(())
    }

    /// Tells the trace of the lines of a request that are set up otherwise than before.
    fn tell_of_changes(&self, held: &Held, configs: &[Config], board: &Board, now: Time) {
        let mut set = Vec::new();
        let lines = held.lines.iter().enumerate().zip(configs);
        for ((number, line), config) in lines {
            let was = held.levels >> number & 1 == 1;
            let before = held.configs[number].clone().initial(was);
            // Who only looks otherwise at a line does nothing to it.
            let does = |config: &Config| {
                let electrical = (config.line_bias(), config.line_drive());
                let logical = (config.is_active_low(), config.initial_level());
                (config.direction(), electrical, logical)
            };
            if does(&before) == does(config) {
                continue;
            }
            let label = &self.lines[*line].label;
            board.tell_at(now, || Action::Configure {
                line: label.clone(),
                direction: config.direction(),
            });
            let is_output = config.direction() == Direction::Output;
            let stays = before.direction() == Direction::Output && was == config.initial_level();
            if is_output && !stays {
                set.push((label.clone(), config.initial_level()));
            }
        }
        if !set.is_empty() {
            board.tell_at(now, || Action::Set { lines: set });
        }
    }

    /// Tells the trace of a request.
    fn tell_of(&self, held: &Held, board: &Board, now: Time) {
        let lines = || {
            let labels = held.lines.iter().map(|line| &self.lines[*line].label);
            labels.zip(&held.configs)
        };
        for (label, config) in lines() {
            board.tell_at(now, || Action::Request {
                line: label.clone(),
                consumer: held.consumer.clone(),
                direction: config.direction(),
            });
        }
        let outputs = || lines().filter(|(_, config)| config.direction() == Direction::Output);
        if outputs().next().is_some() {
            let level =
                |(label, config): (&Arc<str>, &Config)| (label.clone(), config.initial_level());
            board.tell_at(now, || Action::Set {
                lines: outputs().map(level).collect(),
            });
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
        self.meet_all(&lines, Call::Other, board, now)?;
        let held = self.request(id)?;
        self.tell_of_changes(held, configs, board, now);
        self.request_mut(id)?.configure(configs);
        self.update_all(&lines, board, now);
        self.wake_up(id)?;
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
        let held = self.request(id)?;
        if lines == 0 {
            return Err(errno(EINVAL));
        }
        let chosen = |number: usize| lines >> number & 1 == 1;
        let configs = held.configs.iter().enumerate();
        let mut inputs = configs.filter(|(_, config)| config.direction() == Direction::Input);
        if inputs.any(|(number, _)| chosen(number)) {
            return Err(errno(EPERM));
        }
        // What is lost does not happen.
        let lines = lines & !self.meet(id, lines, Call::Set, board, now)?;
        if lines == 0 {
            return Ok(());
        }
        let chosen = |number: usize| lines >> number & 1 == 1;
        let held = self.request_mut(id)?;
        held.levels = held.levels & !lines | levels & lines;
        let held = self.request(id)?;
        board.tell_at(now, || {
            let lines = held.lines.iter().enumerate();
            let set = lines.filter(|(number, _)| chosen(*number));
            let level = |(number, line): (usize, &usize)| {
                (self.lines[*line].label.clone(), levels >> number & 1 == 1)
            };
            Action::Set {
                lines: set.map(level).collect(),
            }
        });
        for number in 0..held.lines.len() {
            let line = self.request(id)?.lines[number];
            if chosen(number) {
                self.update(self.lines[line].net, board, now);
            }
        }
        Ok(())
    }

    pub(super) fn close(&mut self, id: u64, board: &Board, now: Time) {
        let Some(held) = self.position(id) else {
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

    /// Somebody else takes a line that is free, or gives it back.
    pub(super) fn lend(&mut self, line: usize, holder: Option<&str>, now: Time) {
        let kind = match (holder, &self.lines[line].hog) {
            (Some(_), None) if self.lines[line].held.is_none() => ChangeKind::Requested,
            (None, Some(_)) => ChangeKind::Released,
            _ => return,
        };
        self.lines[line].hog = holder.map(Into::into);
        self.tell_watchers(&[line], kind, now);
    }

    fn tell_watchers(&mut self, lines: &[usize], kind: ChangeKind, now: Time) {
        if self.watching.is_empty() {
            return;
        }
        for line in lines {
            let info = self.info(*line);
            let watching = self.watching.iter_mut();
            for watching in watching.filter(|watching| watching.lines.contains(line)) {
                watching.push(Change::new(now, kind, info.clone()));
            }
        }
    }
}

impl Chip {
    /// What makes no sense (`gpio_v2_line_flags_validate`, drivers/gpio/gpiolib-cdev.c); and edges
    /// need an interrupt (`gpiod_to_irq`, drivers/gpio/gpiolib.c), and so does debouncing.
    fn can<'a>(&self, mut configs: impl Iterator<Item = &'a Config>) -> io::Result<()> {
        configs.try_for_each(|config| {
            let is_looked_at = config.detected_edges() != EdgeDetection::Off
                || !config.debounce_period().is_zero();
            let is_driven = config.line_drive() != Drive::PushPull;
            match config.direction() {
                Direction::Output if is_looked_at => Err(errno(EINVAL)),
                Direction::Input if is_driven => Err(errno(EINVAL)),
                _ if is_looked_at && !self.has_interrupts => Err(errno(ENXIO)),
                _ => Ok(()),
            }
        })
    }
}
