//! What comes and goes on the board, and who is told: both directions of uevents.
//!
//! What a test puts on the board tells what a kernel would (`plug`); uevents that the board is fed
//! make it grow and shrink (`feed`), as a `profile` or a recording says. `backend` is how programs
//! list and watch it.

mod backend;
mod feed;
mod plug;
mod profile;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use circuits_enumerate::{Action, MemoryTree, Uevent};
use circuits_wait::Time;

pub use self::profile::Profile;
use crate::gpio::GrownLine;
use crate::stub::Board;
use crate::time::{Agenda, Schedule, Signal};

/// How many bytes of uevents wait for somebody who does not read them. What `Linux` asks of the
/// kernel for a socket.
const QUEUE: usize = 1 << 20;

/// Devices of the board as `/sys` shows them, and who is told of changes.
#[derive(Debug)]
pub(crate) struct Hotplug {
    tree: MemoryTree,
    state: Mutex<State>,
    agenda: Agenda,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the last uevent.
    seqnum: u64,
    listening: Vec<Listening>,
    queue: usize,
    nodes: BTreeMap<PathBuf, Node>,
    /// The CAN interfaces that came by uevents, by their names, and where they are.
    interfaces: BTreeMap<String, PathBuf>,
    /// Whoever waits for nodes.
    waiting: Vec<Weak<Signal>>,
    /// How long after a node came programs may open it.
    grace: Duration,
    profiles: Vec<Profile>,
    /// What nodes will answer, by a recording.
    recorded: BTreeMap<String, Recorded>,
    /// The uevents by which something that a test has put there came, by its node.
    plugged: BTreeMap<String, Vec<Uevent>>,
    /// What came by uevents that the board was fed.
    fed: BTreeSet<PathBuf>,
    /// What was told of in the cold-plug that is under way.
    told: Option<BTreeSet<PathBuf>>,
}

#[derive(Debug)]
struct Node {
    devpath: PathBuf,
    /// From when on programs may open it.
    granted: Time,
}

/// A chip that a recording has the lines of.
#[derive(Clone, Debug, Default)]
struct Recorded {
    label: String,
    lines: BTreeMap<u32, GrownLine>,
}

/// Somebody who listens to uevents.
#[derive(Debug)]
struct Listening {
    id: u64,
    uevents: VecDeque<Uevent>,
    bytes: usize,
    lost: bool,
    signal: Arc<Signal>,
}

impl Hotplug {
    pub(crate) fn new(schedule: &Arc<Schedule>, board: Weak<Board>) -> Hotplug {
        let tree = MemoryTree::new();
        // They are there before anything is.
        tree.folder("/sys/class");
        tree.folder("/sys/bus");
        let grant = move || {
            if let Some(board) = board.upgrade() {
                board.hotplug.grant(&board);
            }
        };
        Hotplug {
            tree,
            state: Mutex::new(State {
                queue: QUEUE,
                ..State::default()
            }),
            agenda: Agenda::new(schedule.clone(), grant),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Whether programs may open a node by now: udevd sees to that some time after it came.
    pub(crate) fn is_granted(&self, board: &Board, name: &str) -> bool {
        let state = self.lock();
        let node = state.nodes.get(&Path::new("/dev").join(name));
        node.is_none_or(|node| node.granted <= board.schedule.now())
    }

    /// Has those look again who wait for nodes that may be opened by now.
    fn grant(&self, board: &Board) {
        let mut state = self.lock();
        state.nodes_changed();
        self.agenda.set(state.next_grant(board.schedule.now()));
        drop(state);
        board.schedule.notify();
    }

    /// Does what the kernel does when a device comes, goes or changes, and tells of it.
    fn happen(&self, board: &Board, event: Uevent) {
        self.tree.apply(&event);
        self.tell(board, event);
    }

    /// Tells of what is in the tree already.
    fn tell(&self, board: &Board, event: Uevent) {
        let mut state = self.lock();
        let event = state.numbered(event);
        state.note_node(&event, board.schedule.now());
        let length = event.to_bytes().len();
        let limit = state.queue;
        for listening in &mut state.listening {
            listening.push(&event, length, limit);
        }
        self.agenda.set(state.next_grant(board.schedule.now()));
        drop(state);
        board.schedule.notify();
    }
}

impl State {
    /// A uevent that nobody has numbered yet gets the next number.
    fn numbered(&mut self, event: Uevent) -> Uevent {
        match event.seqnum() {
            Some(number) => {
                self.seqnum = self.seqnum.max(number);
                event
            }
            None => {
                self.seqnum = self.seqnum.wrapping_add(1);
                event.with("SEQNUM", self.seqnum.to_string())
            }
        }
    }

    fn note_node(&mut self, event: &Uevent, now: Time) {
        let path = event.devpath();
        if *event.action() == Action::Remove {
            self.nodes.retain(|_, node| !node.devpath.starts_with(path));
        } else if let Some(name) = event.field("DEVNAME") {
            let name = Path::new(name)
                .strip_prefix("/dev")
                .unwrap_or(Path::new(name));
            let granted = now + self.grace;
            let node = Path::new("/dev").join(name);
            self.nodes.entry(node).or_insert_with(|| Node {
                devpath: path.into(),
                granted,
            });
        }
        self.nodes_changed();
    }

    fn nodes_changed(&mut self) {
        self.waiting.retain(|signal| match signal.upgrade() {
            Some(signal) => {
                signal.raise();
                true
            }
            None => false,
        });
    }

    /// When programs may open a node next.
    fn next_grant(&self, now: Time) -> Option<Time> {
        let times = self.nodes.values().map(|node| node.granted);
        times.filter(|time| *time > now).min()
    }
}

impl Listening {
    /// Queues a uevent; where there is no room, what is queued is lost, and that is told before what
    /// follows.
    fn push(&mut self, event: &Uevent, length: usize, limit: usize) {
        if self.bytes + length > limit {
            self.uevents.clear();
            self.bytes = 0;
            self.lost = true;
        }
        if length <= limit {
            self.bytes += length;
            self.uevents.push_back(event.clone());
        }
        self.signal.raise();
    }
}
