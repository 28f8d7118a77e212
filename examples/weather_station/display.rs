//! What is to be seen: a page, on the screen and in a file.

use std::path::PathBuf;
use std::time::Duration;

use circuits::wait::Time;

use crate::bus::Bus;
use crate::config;
use crate::frame::{Frame, write_png};
use crate::page::{Page, View};
use crate::part::{Part, words};
use crate::retry::Retry;
use crate::screen::Screen;

/// How often a screen that does not tell of a loss of power is set up anew.
const ANEW: Duration = Duration::from_secs(600);

/// The page that is shown, and where. Without a screen it is drawn all the same, for the file.
pub(crate) struct Display {
    config: Option<config::Screen>,
    screen: Part<Screen>,
    file: Option<PathBuf>,
    file_retry: Retry,
    page: Page,
    frame: Frame,
    /// Whether there is something to show that is not shown yet.
    is_stale: bool,
    /// When the screen was set up from the beginning.
    shown_anew: Option<Time>,
    was_shown: bool,
}

impl Display {
    pub(crate) fn new(config: Option<config::Screen>, file: Option<PathBuf>) -> Display {
        Display {
            config,
            screen: Part::new("screen"),
            file,
            file_retry: Retry::new("png"),
            page: Page::Now,
            frame: Frame::new(),
            is_stale: true,
            shown_anew: None,
            was_shown: false,
        }
    }

    /// There is something new to see.
    pub(crate) fn refresh(&mut self) {
        self.is_stale = true;
    }

    /// Goes to the next page. The picture of this one is kept.
    pub(crate) fn turn_page(&mut self, now: Time, say: &mut dyn FnMut(&str)) {
        self.keep(now, say);
        self.page = self.page.next();
        (self.is_stale, self.shown_anew) = (true, None);
    }

    /// Draws the page, and has it shown, if there is something new to see, and it is not too early to try again.
    pub(crate) fn show(
        &mut self,
        now: Time,
        bus: Option<&Bus>,
        view: &View<'_>,
        say: &mut dyn FnMut(&str),
    ) {
        if !self.is_stale || !self.screen.retry.is_due(now) {
            return;
        }
        let mut frame = Frame::new();
        let Ok(()) = self.page.draw(view, &mut frame);
        self.frame = frame;
        self.is_stale = false;
        let (Some(config), Some(bus)) = (&self.config, bus) else {
            return;
        };
        let is_anew = self.shown_anew.is_none_or(|last| now.since(last) >= ANEW);
        let (open, frame) = (|| Screen::open(bus, config), &self.frame);
        let show = |screen: &mut Screen| match is_anew {
            true => screen.show_anew(frame),
            false => screen.show(frame),
        };
        match self.screen.attempt(now, say, open, show) {
            Some(()) => {
                self.was_shown = true;
                if is_anew {
                    self.shown_anew = Some(now);
                }
            }
            None => self.is_stale = true,
        }
    }

    /// When it is to be tried again to show what is not shown.
    pub(crate) fn next(&self) -> Option<Time> {
        self.screen.retry.next().filter(|_| self.is_stale)
    }

    /// The bus is gone, and all that is on it.
    pub(crate) fn close(&mut self) {
        self.screen.close();
        self.is_stale = true;
    }

    /// The bus is back.
    pub(crate) fn hurry(&mut self, now: Time) {
        self.screen.retry.hurry(now);
    }

    pub(crate) fn failures(&self) -> u64 {
        self.screen.retry.failures() + self.file_retry.failures()
    }

    /// Keeps the last picture, and leaves the screen dark, even one that has failed meanwhile.
    pub(crate) fn end(&mut self, now: Time, bus: Option<&Bus>, say: &mut dyn FnMut(&str)) {
        self.keep(now, say);
        let (Some(config), Some(bus), true) = (&self.config, bus, self.was_shown) else {
            return;
        };
        let off = match self.screen.get() {
            Some(screen) => screen.turn_off(),
            None => Screen::connect(bus, config).and_then(|mut screen| screen.turn_off()),
        };
        if let Err(error) = off {
            say(&format!("screen: it stays on: {}", words(error)));
        }
    }

    /// Keeps the picture of the page, before there is another.
    fn keep(&mut self, now: Time, say: &mut dyn FnMut(&str)) {
        let Some(path) = &self.file else {
            return;
        };
        let told = match write_png(&self.frame, path) {
            Ok(()) => self.file_retry.worked(now),
            Err(error) => {
                let error = format!("{}: {}", path.display(), words(error));
                self.file_retry.failed(now, &error)
            }
        };
        if let Some(text) = told {
            say(&text);
        }
    }
}
