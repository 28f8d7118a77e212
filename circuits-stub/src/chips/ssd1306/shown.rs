//! What the board's trace has of a screen.

use std::sync::{Arc, Weak};
use std::time::Duration;

use circuits_wait::Time;

use super::{COLUMNS, Chip, Picture, Ssd1306};
use crate::Stub;
use crate::stub::Board;
use crate::time::Agenda;
use crate::trace::Action;

/// Somebody who looks at a screen when it has been written to.
pub(super) struct Viewer {
    board: Weak<Board>,
    /// What the screen is called.
    place: String,
    agenda: Agenda,
    /// When to look.
    due: Option<Time>,
    /// What was seen last, and when.
    seen: Picture,
    when: Option<Time>,
}

/// A picture that is still being sent does not rest for so long.
const RESTS: Duration = Duration::from_millis(25);
/// Not more than a person can read.
const INTERVAL: Duration = Duration::from_millis(500);

impl Ssd1306 {
    /// Has the board's trace show its picture, when that has changed and rests, twice a second at most: under this
    /// name.
    ///
    /// ```
    /// use circuits_i2c::{Bus, Config};
    /// use circuits_stub::{Stub, chips::Ssd1306};
    /// use embedded_hal::i2c::I2c;
    /// use std::time::Duration;
    ///
    /// let stub = Stub::virtual_time();
    /// let screen = Ssd1306::new_128x64().shown(&stub, "the screen");
    /// let stub = stub.i2c_device("i2c-1", 0x3c, screen)?;
    /// let recording = stub.record();
    /// let mut bus = Bus::open_on(&stub, "i2c-1", &Config::new())?;
    /// bus.write(0x3c, &[0x00, 0xa1, 0xc8, 0x8d, 0x14, 0xaf])?;
    /// stub.delay().sleep(Duration::from_secs(1))?;
    /// assert!(recording.to_string().contains("the screen shows\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shown(self, stub: &Stub, name: &str) -> Ssd1306 {
        let board = stub.board();
        let chip = Arc::downgrade(&self.0);
        let look = move || {
            if let Some(chip) = chip.upgrade() {
                Ssd1306(chip).look();
            }
        };
        self.lock().viewer = Some(Viewer {
            board: Arc::downgrade(board),
            place: name.into(),
            agenda: Agenda::new(board.schedule.clone(), look),
            due: None,
            seen: dark(),
            when: None,
        });
        self
    }

    fn look(&self) {
        let told = self.lock().look();
        // Without the lock: whoever listens may look at the screen.
        if let Some((board, text)) = told {
            board.tell(|| Action::Note(text));
        }
    }
}

impl Chip {
    /// It was written to until now, or is another one otherwise.
    pub(super) fn rests_from(&mut self, time: Time) {
        if let Some(viewer) = &mut self.viewer {
            let next = viewer.when.map(|when| when + INTERVAL);
            let due = (time + RESTS).max(next.unwrap_or(Time::ZERO));
            viewer.due = Some(due);
            viewer.agenda.set(viewer.due);
        }
    }

    fn look(&mut self) -> Option<(Arc<Board>, String)> {
        let mut viewer = self.viewer.take()?;
        let told = viewer.look(self);
        viewer.agenda.set(viewer.due);
        self.viewer = Some(viewer);
        told
    }
}

impl Viewer {
    fn look(&mut self, chip: &Chip) -> Option<(Arc<Board>, String)> {
        let board = self.board.upgrade()?;
        let now = board.schedule.now();
        self.due.take_if(|due| *due <= now)?;
        if !board.is_traced() {
            return None;
        }
        let picture = match chip.registers.is_on {
            true => Picture::new(COLUMNS, chip.panel.lines, |x, y| chip.pixel(x, y)),
            false => dark(),
        };
        if picture == self.seen {
            return None;
        }
        let place = &self.place;
        let text = match picture == dark() {
            true => format!("{place} is dark"),
            false => format!("{place} shows\n{}", picture.to_string().trim_end()),
        };
        (self.seen, self.when) = (picture, Some(now));
        Some((board, text))
    }
}

/// What is to be seen of a screen that is off.
fn dark() -> Picture {
    Picture::new(0, 0, |_, _| false)
}
