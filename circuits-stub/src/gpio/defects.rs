//! What goes wrong with lines: calls that fail, edges that are missed, and wires that are at another level than
//! they should be.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use circuits_wait::Time;

use super::fault::{Call, Fault, Kind};
use super::state::State;
use super::{Net, errno};
use crate::occasion;
use crate::stub::Board;
use crate::trace::Action;

/// Of all lines, by their indices in `State::lines`.
pub(super) type Defects = BTreeMap<usize, Defect>;

/// What goes wrong with a line: what is to come, and what there is of it now.
#[derive(Debug)]
pub(super) struct Defect {
    faults: Vec<Fault>,
    /// From when on faults count time.
    made: Time,
    /// The level that it would be at, when it was looked at last.
    level: bool,
    /// The level that it is held at, and until when.
    stuck: Option<(bool, Option<Time>)>,
    glitch: Option<Glitch>,
}

/// A time at which a wire is at the other level.
#[derive(Clone, Copy, Debug)]
struct Glitch {
    /// When it begins, if it is still to come.
    from: Option<Time>,
    until: Time,
}

impl Defect {
    pub(super) fn new(made: Time, level: bool) -> Defect {
        Defect {
            faults: Vec::new(),
            made,
            level,
            stuck: None,
            glitch: None,
        }
    }

    pub(super) fn push(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    fn shown(&self, time: Time) -> Time {
        Time::ZERO + time.since(self.made)
    }

    fn take(&mut self, now: Time, could: impl Fn(Kind) -> bool) -> Option<Kind> {
        let now = self.shown(now);
        occasion::take(&mut self.faults, now, |fault| {
            let kind = could(fault.kind).then_some(fault.kind);
            (&mut fault.occasion, kind)
        })
    }

    /// What is on the wire that would be at this level, and what began to go wrong.
    fn see(&mut self, level: bool, now: Time) -> (bool, Option<Kind>) {
        let changed = std::mem::replace(&mut self.level, level) != level;
        let (shown, made) = (self.shown(now), self.made);
        self.stuck = self
            .stuck
            .filter(|(held, until)| *held != level && until.is_none_or(|until| until > now));
        let taken = occasion::take(&mut self.faults, shown, |fault| {
            let begins = !fault.has_begun && shown.since(Time::ZERO) >= fault.occasion.begins();
            fault.has_begun |= begins;
            let does = match fault.kind {
                Kind::Stuck(held) => held != level,
                kind => kind.is_of_wire(),
            };
            let ends = fault.occasion.ends().map(|end| made + end);
            let could = does && (begins || changed);
            let does = could.then_some((fault.kind, begins, ends));
            (&mut fault.occasion, does)
        });
        match taken {
            Some((Kind::Stuck(held), _, ends)) => self.stuck = Some((held, ends)),
            Some((Kind::Glitch(length), is_at_once, _)) => {
                let from = if is_at_once { now } else { now + length };
                self.glitch = Some(Glitch {
                    from: Some(from),
                    until: from + length,
                });
            }
            _ => {}
        }
        self.glitch = self.glitch.filter(|glitch| glitch.until > now);
        if let Some(glitch) = &mut self.glitch {
            glitch.from = glitch.from.filter(|from| *from > now);
        }
        let wire = self.stuck.map_or(level, |(held, _)| held);
        let is_turned = self.glitch.is_some_and(|glitch| glitch.from.is_none());
        (wire != is_turned, taken.map(|(kind, ..)| kind))
    }

    /// When something begins or ends by itself.
    fn next(&self) -> Option<Time> {
        let begins = self
            .faults
            .iter()
            .filter(|fault| fault.kind.is_of_wire() && !fault.has_begun);
        let begins = begins.map(|fault| self.made + fault.occasion.begins());
        let ends = self.stuck.and_then(|(_, until)| until);
        let glitch = self
            .glitch
            .map(|glitch| glitch.from.unwrap_or(glitch.until));
        begins.chain(ends).chain(glitch).min()
    }
}

impl State {
    /// What is on a wire that would be at this level.
    pub(super) fn on_wire(&mut self, net: usize, level: bool, board: &Board, now: Time) -> bool {
        let mut level = level;
        for (line, defect) in &mut self.defects {
            let line = &self.lines[*line];
            if line.net == net {
                let (seen, taken) = defect.see(level, now);
                level = seen;
                if let Some(kind) = taken {
                    tell(board, &line.label, kind, now);
                }
            }
        }
        level
    }

    /// What a wire is at, if it is not what is done to it.
    pub(super) fn shorted(&self, net: usize) -> Option<Net> {
        let on_it = self
            .defects
            .iter()
            .filter(|(line, _)| self.lines[**line].net == net);
        let mut stuck = on_it.filter_map(|(_, defect)| defect.stuck);
        // The last has the last word, as in `on_wire`.
        stuck.next_back().map(|(level, _)| Net::Shorted(level))
    }

    /// When something begins or ends by itself on a wire.
    pub(super) fn next_on_wires(&self) -> Option<Time> {
        self.defects.values().filter_map(Defect::next).min()
    }

    /// Does what begins or ends by itself on wires at this time.
    pub(super) fn advance_wires(&mut self, board: &Board, now: Time) {
        let is_due = |defect: &Defect| defect.next().is_some_and(|next| next <= now);
        while let Some(line) = self
            .defects
            .iter()
            .find_map(|(line, defect)| is_due(defect).then_some(*line))
        {
            self.update(self.lines[line].net, board, now);
        }
    }

    /// Has a call for some lines of a request meet what goes wrong with them; returns which of them are not set.
    ///
    /// # Errors
    /// What the chip of the first of them says.
    pub(super) fn meet(
        &mut self,
        id: u64,
        chosen: u64,
        call: Call,
        board: &Board,
        now: Time,
    ) -> io::Result<u64> {
        if self.defects.is_empty() {
            return Ok(0);
        }
        let lines = self.request(id)?.lines.clone();
        let lines = lines.iter().enumerate();
        let lines = lines.filter(|(number, _)| chosen >> number & 1 == 1);
        self.meet_each(lines, call, board, now)
    }

    /// Has a call for all these lines meet what goes wrong with them.
    ///
    /// # Errors
    /// What the chip of the first of them says.
    pub(super) fn meet_all(
        &mut self,
        lines: &[usize],
        call: Call,
        board: &Board,
        now: Time,
    ) -> io::Result<()> {
        let lines = lines.iter().enumerate();
        self.meet_each(lines, call, board, now).map(|_| ())
    }

    fn meet_each<'a>(
        &mut self,
        lines: impl Iterator<Item = (usize, &'a usize)>,
        call: Call,
        board: &Board,
        now: Time,
    ) -> io::Result<u64> {
        let (mut lost, mut failed) = (0, None);
        for (number, line) in lines {
            let defect = self.defects.get_mut(line);
            let taken = defect.and_then(|defect| defect.take(now, |kind| kind.is_of(call)));
            let Some(kind) = taken else {
                continue;
            };
            tell(board, &self.lines[*line].label, kind, now);
            match kind {
                Kind::Call(number) => failed = failed.or(Some(errno(number))),
                _ => lost |= 1 << number,
            }
        }
        failed.map_or(Ok(lost), Err)
    }
}

/// Whether the hardware misses an edge of a line that a program looks for.
pub(super) fn misses_edge(
    defects: &mut Defects,
    line: usize,
    label: &Arc<str>,
    board: &Board,
    now: Time,
) -> bool {
    let defect = defects.get_mut(&line);
    let taken = defect.and_then(|defect| defect.take(now, |kind| kind == Kind::MissedEdge));
    if let Some(kind) = taken {
        tell(board, label, kind, now);
    }
    taken.is_some()
}

fn tell(board: &Board, line: &Arc<str>, kind: Kind, now: Time) {
    board.tell_at(now, || Action::Fault {
        of: line.clone(),
        what: kind.name(),
    });
}
