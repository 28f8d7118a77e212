//! The board as a backend of circuits-enumerate.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use circuits_enumerate::{Backend, CanLink, Listener, Node, Tree, Uevent};
use circuits_wait::{Clock, Ready};

use super::Listening;
use crate::Stub;
use crate::stub::Board;
use crate::time::Bell;

impl Backend for Stub {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock()
    }

    fn tree(&self) -> Arc<dyn Tree> {
        Arc::new(StubTree {
            board: self.board().clone(),
        })
    }

    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        let board = self.board();
        let bell = Bell::new(board.schedule.clone(), "a change of devices");
        let mut state = board.hotplug.lock();
        let last = state.listening.last().map_or(0, |listening| listening.id);
        let id = last + 1;
        state.listening.push(Listening {
            id,
            uevents: Default::default(),
            bytes: 0,
            lost: false,
            signal: bell.signal().clone(),
        });
        drop(state);
        Ok(Box::new(StubListener {
            board: board.clone(),
            id,
            bell,
        }))
    }

    fn node(&self, path: &Path) -> io::Result<Box<dyn Node>> {
        let board = self.board();
        let bell = Bell::new(board.schedule.clone(), path.display().to_string());
        let waiting = Arc::downgrade(bell.signal());
        let mut state = board.hotplug.lock();
        state.waiting.retain(|signal| signal.strong_count() > 0);
        state.waiting.push(waiting);
        drop(state);
        Ok(Box::new(StubNode {
            stub: self.clone(),
            path: path.into(),
            bell,
        }))
    }
}

/// `/sys` as it is, and what route netlink says of the CAN interfaces of the board.
#[derive(Debug)]
struct StubTree {
    board: Arc<Board>,
}

impl Tree for StubTree {
    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        self.board.hotplug.tree.read(file)
    }

    fn read_link(&self, link: &Path) -> io::Result<PathBuf> {
        self.board.hotplug.tree.read_link(link)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.board.hotplug.tree.list(folder)
    }

    fn can_links(&self) -> io::Result<Vec<CanLink>> {
        let mut links = self.board.can.links(&self.board);
        let recorded = self.board.hotplug.tree.can_links()?;
        let is_new = |link: &CanLink| !links.iter().any(|other| other.name == link.name);
        let recorded: Vec<_> = recorded.into_iter().filter(is_new).collect();
        links.extend(recorded);
        links.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(links)
    }
}

#[derive(Debug)]
struct StubListener {
    board: Arc<Board>,
    id: u64,
    bell: Bell,
}

impl Listener for StubListener {
    fn read(&self) -> io::Result<Uevent> {
        const ENOBUFS: i32 = 105;
        let mut state = self.board.hotplug.lock();
        let mut listening = state.listening.iter_mut();
        let mine = listening.find(|listening| listening.id == self.id);
        let Some(mine) = mine else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        if std::mem::take(&mut mine.lost) {
            return Err(io::Error::from_raw_os_error(ENOBUFS));
        }
        let event = mine.uevents.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        mine.bytes -= event.to_bytes().len();
        Ok(event)
    }

    fn ready(&self) -> &dyn Ready {
        &self.bell
    }

    fn is_numbered(&self) -> bool {
        true
    }
}

impl Drop for StubListener {
    fn drop(&mut self) {
        let mut state = self.board.hotplug.lock();
        state.listening.retain(|listening| listening.id != self.id);
    }
}

#[derive(Debug)]
struct StubNode {
    stub: Stub,
    path: PathBuf,
    bell: Bell,
}

impl Node for StubNode {
    fn check(&self) -> io::Result<()> {
        const ENOENT: i32 = 2;
        let is_there = self
            .stub
            .board()
            .hotplug
            .lock()
            .nodes
            .contains_key(&self.path);
        let name = self.path.strip_prefix("/dev").ok().and_then(Path::to_str);
        match name.filter(|_| is_there) {
            Some(name) => self.stub.permit(name),
            None => Err(io::Error::from_raw_os_error(ENOENT)),
        }
    }

    fn ready(&self) -> &dyn Ready {
        &self.bell
    }
}
