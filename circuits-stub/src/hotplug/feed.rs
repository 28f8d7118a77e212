//! What uevents do to the board.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use circuits_enumerate::{Action, Datagram, Devices, Frames, Step, Tree, Uevent};

use super::plug::CAN;
use super::{Hotplug, Node, Recorded, State};
use crate::gpio::GrownLine;
use crate::stub::Board;
use crate::{Profile, Result, Stub};

impl Stub {
    /// Has the board grow as this profile says when uevents tell that such a device came. Of several
    /// that fit, the first one given counts.
    pub fn profile(self, profile: Profile) -> Stub {
        self.board().hotplug.lock().profiles.push(profile);
        self
    }

    /// Feeds the board a datagram of the kernel's: what it tells of comes, changes or goes on the
    /// board, and programs that watch it are told. The marks of a feed are taken, too: see
    /// [`Datagram`].
    ///
    /// GPIO chips, I2C buses, nodes of SPI controllers, serial ports and CAN interfaces grow by it, as a
    /// [profile](Stub::profile) says: without one nothing is on a bus or at the other end of a port, and a
    /// chip cannot be opened. Other devices are there to be listed. A CAN interface is up, as
    /// [`can_interface`](Stub::can_interface) has it, if no recording says otherwise.
    ///
    /// # Errors
    /// [`Error::NoUevent`](crate::Error::NoUevent), and nothing was done.
    pub fn feed(&self, datagram: &[u8]) -> Result<()> {
        let (board, hotplug) = (self.board(), &self.board().hotplug);
        match Datagram::parse(datagram)? {
            Datagram::ColdPlug => hotplug.lock().told = Some(BTreeSet::new()),
            Datagram::Live => hotplug.forget_untold(board),
            Datagram::Uevent(event) => {
                hotplug.note_fed(&event);
                hotplug.fed(board, event);
            }
            // There are no others.
            _ => {}
        }
        Ok(())
    }

    /// Feeds the board from a stream until it ends, blocking: in a thread of its own, beside those who
    /// take part in the board's time.
    ///
    /// # Errors
    /// Those of the stream. What is no uevent is noted in the trace, and skipped.
    pub fn feed_from(&self, stream: impl Read) -> std::io::Result<()> {
        for datagram in Frames::new(stream) {
            if let Err(error) = self.feed(&datagram?) {
                self.note(error.to_string());
            }
        }
        Ok(())
    }

    /// Does what happened in a step of a recording: the board has its `/sys` then, its GPIO chips with
    /// all lines, and its I2C buses; programs are told by the same uevents.
    ///
    /// ```
    /// use circuits_enumerate::{Devices, Recording};
    /// use circuits_stub::Stub;
    ///
    /// let recording = Recording::parse(
    ///     "[plug: uevents]\n\
    ///      add@/devices/platform/pins/gpiochip0\n\
    ///      SUBSYSTEM=gpio\n\
    ///      DEVTYPE=gpio_chip\n\
    ///      DEVNAME=gpiochip0\n\
    ///      \n\
    ///      [plug: appeared]\n\
    ///      /dev/gpiochip0\n    label = \"pins\"\n    line  0 = \"LED\" output\n",
    /// )?;
    /// let stub = Stub::virtual_time();
    /// recording.steps().for_each(|step| stub.replay(step));
    /// assert!(!stub.level("LED")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replay(&self, step: &Step) {
        let (board, hotplug) = (self.board(), &self.board().hotplug);
        step.apply(&hotplug.tree);
        let mut state = hotplug.lock();
        for (node, answers) in step.nodes() {
            if let Some(name) = node.strip_prefix("/dev/") {
                state
                    .recorded
                    .entry(name.into())
                    .or_default()
                    .learn(answers);
            }
        }
        drop(state);
        for datagram in step.uevents() {
            // What the recorder wrote down the kernel has sent.
            let Ok(event) = Uevent::parse(datagram) else {
                continue;
            };
            hotplug.note_fed(&event);
            hotplug.shape(board, &event);
            hotplug.tell(board, event);
        }
    }
}

impl Hotplug {
    /// Does what a uevent tells.
    fn fed(&self, board: &Board, event: Uevent) {
        // Who holds what goes is told before anybody is told that it went, and who is told that
        // something came can open it.
        self.tree.apply(&event);
        self.shape(board, &event);
        self.tell(board, event);
    }

    /// Notes what came by uevents, and what was told of in a cold-plug.
    fn note_fed(&self, event: &Uevent) {
        let mut state = self.lock();
        let State { fed, told, .. } = &mut *state;
        for paths in [Some(fed), told.as_mut()].into_iter().flatten() {
            match (event.action(), event.field("DEVPATH_OLD")) {
                (Action::Remove, _) => paths.retain(|path| !path.starts_with(event.devpath())),
                (Action::Move, Some(from)) => rename(paths, Path::new(from), event.devpath()),
                _ => drop(paths.insert(event.devpath().into())),
            }
        }
    }

    /// The cold-plug is over: what came by uevents before and was not told of is gone.
    fn forget_untold(&self, board: &Board) {
        let mut state = self.lock();
        let Some(told) = state.told.take() else {
            return;
        };
        let gone: Vec<PathBuf> = state.fed.difference(&told).cloned().collect();
        state.fed.retain(|path| told.contains(path));
        drop(state);
        let devices = Devices::list_tree(&self.tree).unwrap_or_default();
        for path in gone.into_iter().rev() {
            if let Some(device) = devices.get(&path) {
                self.fed(board, device.to_uevent(Action::Remove));
            }
        }
    }

    /// Chips and buses come and go as uevents tell.
    fn shape(&self, board: &Board, event: &Uevent) {
        if *event.action() == Action::Remove {
            // What hangs on it goes, too, whether that is told or not.
            let mut state = self.lock();
            let below = state
                .nodes
                .iter()
                .filter(|(_, node)| node.devpath.starts_with(event.devpath()));
            let names = below.filter_map(|(node, _)| node.file_name()?.to_str());
            let mut names: Vec<String> = names.map(str::to_owned).collect();
            state.interfaces.retain(|name, path| {
                let is_below = path.starts_with(event.devpath());
                if is_below {
                    names.push(name.clone());
                }
                !is_below
            });
            for name in &names {
                state.plugged.remove(name);
                state.recorded.remove(name);
            }
            drop(state);
            for name in names {
                self.tree.remove_can_link(&name);
                remove(board, &name);
            }
            return;
        }
        if event
            .subsystem()
            .is_some_and(|subsystem| subsystem == "net")
        {
            return self.shape_interface(board, event);
        }
        let (Some(subsystem), Some(name)) = (event.subsystem(), event.field("DEVNAME")) else {
            return;
        };
        let Some(name) = name.to_str().map(|name| name.trim_start_matches("/dev/")) else {
            return;
        };
        // Of one name there is one: what had it is gone, though nobody has told so.
        let node = Path::new("/dev").join(name);
        let mut state = self.lock();
        let is_elsewhere = |node: &Node| node.devpath != event.devpath();
        if state.nodes.get(&node).is_some_and(is_elsewhere) {
            state.nodes.remove(&node);
            state.plugged.remove(name);
            drop(state);
            remove(board, name);
        } else {
            drop(state);
        }
        if subsystem == "gpio" {
            self.grow_chip(board, event.devpath(), name);
        } else if subsystem == "i2c-dev" {
            self.grow_bus(board, event.devpath(), name);
        } else if subsystem == "spidev" {
            self.grow_node(board, event.devpath(), name);
        } else if subsystem == "tty" {
            self.grow_port(board, event.devpath(), name);
        }
    }

    /// A network interface came or has another name.
    fn shape_interface(&self, board: &Board, event: &Uevent) {
        let Some(name) = event.field("INTERFACE").and_then(|name| name.to_str()) else {
            return;
        };
        let path = event.devpath();
        let mut state = self.lock();
        let from = event.field("DEVPATH_OLD").map(Path::new);
        let mut known = state.interfaces.iter();
        let old = known.find(|(_, known)| Some(known.as_path()) == from);
        if let Some(old) = old.map(|(old, _)| old.clone()) {
            state.interfaces.remove(&old);
            state.interfaces.insert(name.into(), path.into());
            drop(state);
            return board.can.rename(board, &old, name);
        }
        // Of one name there is one: what had it is gone, though nobody has told so.
        let is_elsewhere = state
            .interfaces
            .get(name)
            .is_some_and(|known| known != path);
        drop(state);
        if is_elsewhere {
            remove(board, name);
        }
        self.grow_interface(board, path, name);
    }

    /// Only those of CAN grow. What kind it is a uevent does not say, but its name does, most often.
    fn grow_interface(&self, board: &Board, path: &Path, name: &str) {
        let file = Path::new("/sys").join(path.strip_prefix("/").unwrap_or(path));
        let file = file.join("type");
        let is_can = match self.tree.read(&file) {
            Ok(kind) => kind == CAN.as_bytes(),
            Err(_) => ["can", "vcan", "slcan"].iter().any(|kind| {
                let number = name.strip_prefix(kind).unwrap_or_default();
                number.parse::<u32>().is_ok()
            }),
        };
        if !is_can {
            return;
        }
        let links = self.tree.can_links().unwrap_or_default();
        let like = links.iter().find(|link| link.name == name);
        let kind = like.and_then(|link| link.kind.as_deref());
        let is_virtual = match kind {
            Some(kind) => kind != "can",
            None => path.starts_with("/devices/virtual") && !name.starts_with("slcan"),
        };
        if board.can.grow(board, name, is_virtual, like).is_none() {
            return;
        }
        self.tree.file(file, CAN);
        self.lock().interfaces.insert(name.into(), path.into());
        board.tell(|| crate::trace::Action::AddBus { bus: name.into() });
        if let Some(node) = self.profile_of(path).and_then(|profile| profile.on_bus()) {
            if let Err(error) = board.can.attach(board, name, node) {
                board.tell(|| crate::trace::Action::Note(error.to_string()));
            }
        }
    }

    /// Terminals on screens grow nothing, nor do places where a port could be.
    fn grow_port(&self, board: &Board, path: &Path, name: &str) {
        let devices = Devices::list_tree(&self.tree).unwrap_or_default();
        let ports = devices.serial_ports();
        if !ports.iter().any(|port| port.path == path) || !board.serial.grow(name) {
            return;
        }
        board.tell(|| crate::trace::Action::AddBus { bus: name.into() });
        if let Some(device) = self.profile_of(path).and_then(|profile| profile.on_line()) {
            if let Err(error) = board.serial.attach(board, name, device) {
                board.tell(|| crate::trace::Action::Note(error.to_string()));
            }
        }
    }

    fn grow_node(&self, board: &Board, path: &Path, name: &str) {
        if !board.controllers.grow(name) {
            return;
        }
        board.tell(|| crate::trace::Action::AddBus { bus: name.into() });
        if let Some(device) = self.profile_of(path).and_then(|profile| profile.selected()) {
            if let Err(error) = board.controllers.attach(name, device) {
                board.tell(|| crate::trace::Action::Note(error.to_string()));
            }
        }
    }

    fn grow_chip(&self, board: &Board, path: &Path, name: &str) {
        let recorded = self.lock().recorded.get(name).cloned();
        let recorded = recorded.filter(|chip| !chip.lines.is_empty());
        let recorded = recorded.map(|chip| (chip.label, chip.lines.into_values().collect()));
        let grown = recorded.or_else(|| self.profile_of(path)?.chip());
        if let Some((label, lines)) = grown {
            let lines: Vec<GrownLine> = lines;
            board.lines.grow(board, name, &label, &lines);
        }
    }

    fn grow_bus(&self, board: &Board, path: &Path, name: &str) {
        if !board.buses.add(name) {
            return;
        }
        board.tell(|| crate::trace::Action::AddBus { bus: name.into() });
        for (address, device) in self.profile_of(path).iter().flat_map(Profile::devices) {
            if let Err(error) = board.buses.attach(name, address, device) {
                board.tell(|| crate::trace::Action::Note(error.to_string()));
            }
        }
    }

    fn profile_of(&self, path: &Path) -> Option<Profile> {
        let profiles = self.lock().profiles.clone();
        if profiles.is_empty() {
            return None;
        }
        let devices = Devices::list_tree(&self.tree).ok()?;
        let device = devices.get(path)?;
        let mut profiles = profiles.into_iter();
        profiles.find(|profile| profile.fits(device, &devices))
    }
}

/// Takes away what a node is of.
fn remove(board: &Board, node: &str) {
    let _ = board.lines.remove(board, node)
        || board.buses.remove(board, node)
        || board.controllers.remove(board, node)
        || board.serial.remove(board, node)
        || board.can.remove(board, node);
}

/// Something has another path now, and so has what is below it.
fn rename(paths: &mut BTreeSet<PathBuf>, from: &Path, to: &Path) {
    let moving: Vec<PathBuf> = paths
        .iter()
        .filter(|path| path.starts_with(from))
        .cloned()
        .collect();
    for path in moving {
        paths.remove(&path);
        let below = path.strip_prefix(from).unwrap_or(&path);
        paths.insert(to.components().chain(below.components()).collect());
    }
    paths.insert(to.into());
}

impl Recorded {
    /// Notes what a chip has answered: `label = "pins"`, `line  3 = "LED" used by "led" output`.
    fn learn(&mut self, answers: &BTreeMap<String, String>) {
        for (what, answer) in answers {
            if what == "label" {
                self.label = answer.trim_matches('"').into();
            }
            let offset = what
                .strip_prefix("line")
                .and_then(|number| number.trim().parse().ok());
            if let Some(offset) = offset {
                let quoted: Vec<&str> = answer.split('"').collect();
                let holder = match quoted[..] {
                    [_, _, " used by ", holder, ..] => Some(Arc::from(holder)),
                    _ => None,
                };
                let name = quoted.get(1).copied().unwrap_or_default();
                let line = GrownLine {
                    name: name.into(),
                    holder,
                };
                self.lines.insert(offset, line);
            }
        }
    }
}
