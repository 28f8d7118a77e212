//! The station: what it does when, and what it does when something is missing.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use circuits::enumerate::Identity;
use circuits::gpio::{self, Bias, EdgeDetection, Input, Output};
use circuits::wait::Time;
use circuits::{Board, Failure};

use crate::bus::Bus;
use crate::clock::{Clock, Moment, Source};
use crate::config::Config;
use crate::display::Display;
use crate::history::{History, Today};
use crate::log::Log;
use crate::page::{Status, View};
use crate::part::{Part, words};
use crate::reading::Reading;
use crate::sensor::Sensor;

/// What the station is run with, beside what it is made of.
pub(crate) struct Options {
    pub(crate) interval: Duration,
    /// How many readings are taken, or tried; for ever, if `None`.
    pub(crate) count: Option<u64>,
    pub(crate) png: Option<PathBuf>,
    /// Whether the clock is set by the system's time in the beginning.
    pub(crate) sets_clock: bool,
}

/// What of the world is not on the board. Tests have their own.
pub(crate) struct Outside {
    /// What the system takes for the time.
    pub(crate) system_time: Box<dyn Fn() -> SystemTime>,
    /// Where readings go.
    pub(crate) out: Box<dyn Write>,
    /// Where all else goes that a person should know.
    pub(crate) say: Box<dyn FnMut(&str)>,
}

/// How long a button must rest to count as pressed or let go: cheap ones bounce for some milliseconds.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// A weather station.
pub(crate) struct Station {
    board: Board,
    config: Config,
    options: Options,
    outside: Outside,

    bus: Part<Bus>,
    identity: Option<Identity>,
    sensor: Part<Sensor>,
    clock: Part<Clock>,
    button: Part<Input>,
    led: Part<Output>,
    log: Log,

    began: Time,
    /// When the next reading is due, which one that is, and whether the one before is still to be had.
    next: Time,
    taken: u64,
    is_missing: bool,
    /// How many were due, and never taken. The log tells by its times; `lost_before` is of those that there were.
    unmeasured: u64,
    last: Option<(Moment, Reading)>,
    history: History,
    today: Today,
    display: Display,
    /// Whether it was told that a line could not be printed.
    is_unheard: bool,
}

/// Why a wait is over.
enum Woken {
    Due,
    Button,
    Interrupt,
}

impl Station {
    pub(crate) fn new(
        board: &Board,
        config: Config,
        options: Options,
        log: Log,
        outside: Outside,
    ) -> Station {
        let now = board.clock().now();
        let display = Display::new(config.screen.clone(), options.png.clone());
        Station {
            board: board.clone(),
            config,
            options,
            outside,
            bus: Part::new("bus"),
            identity: None,
            sensor: Part::new("sensor"),
            clock: Part::new("clock"),
            button: Part::new("button"),
            led: Part::new("led"),
            log,
            began: now,
            next: now,
            taken: 0,
            is_missing: false,
            unmeasured: 0,
            last: None,
            history: History::new(now),
            today: Today::default(),
            display,
            is_unheard: false,
        }
    }

    /// Runs until as many readings were taken as there should be, or the board is interrupted.
    ///
    /// # Errors
    /// The log is a file of something else; or at the end there are readings that are not in it.
    pub(crate) fn run(mut self) -> std::result::Result<(), Failure> {
        let now = self.now();
        self.log.begin(now, &mut *self.outside.say)?;
        let worked = self.work();
        self.end();
        worked?;
        match self.log.unwritten() {
            0 => Ok(()),
            unwritten => Err(format!("{unwritten} readings are not in the log").into()),
        }
    }

    fn work(&mut self) -> std::result::Result<(), Failure> {
        loop {
            self.look_after_bus();
            self.look_after_lines();
            self.set_clock();
            let now = self.now();
            if now >= self.next {
                if self.is_done() {
                    return Ok(());
                }
                self.taken += 1;
                self.unmeasured += u64::from(self.is_missing);
                self.is_missing = true;
                // From one to the next, and not from now on: they do not drift. What was slept through is left out.
                self.next = self.next + self.options.interval;
                while self.next <= now {
                    self.next = self.next + self.options.interval;
                    self.unmeasured += 1;
                }
            }
            if self.is_missing {
                self.take();
            }
            let now = self.now();
            self.log.write(now, &mut *self.outside.say);
            self.show();
            self.light();
            if self.is_done() && !self.is_missing {
                return Ok(());
            }
            match self.wait()? {
                Woken::Due => {}
                Woken::Button => {
                    let now = self.now();
                    self.display.turn_page(now, &mut *self.outside.say);
                }
                Woken::Interrupt => return Ok(()),
            }
        }
    }

    fn now(&self) -> Time {
        self.board.clock().now()
    }

    /// Whether there are as many as there should be.
    fn is_done(&self) -> bool {
        self.options.count.is_some_and(|count| self.taken >= count)
    }

    /// Closes all that is on a bus whose adapter is gone, and opens the bus, if it is time to.
    fn look_after_bus(&mut self) {
        let now = self.now();
        let Station {
            board,
            config,
            identity,
            ..
        } = self;
        if self.bus.as_ref().is_some_and(Bus::is_gone) {
            // The kernel lets go of the adapter when nobody has it open any more.
            self.sensor.close();
            self.clock.close();
            self.display.close();
            let error = format!("{} is gone, with all that is on it", config.bus);
            self.bus.fail(now, &mut *self.outside.say, error.into());
        }
        if self.bus.is_open() {
            return;
        }
        let open = || Bus::open(board, &config.bus, identity);
        let opened = self
            .bus
            .attempt(now, &mut *self.outside.say, open, |_| Ok(()));
        if opened.is_some() {
            self.sensor.retry.hurry(now);
            self.clock.retry.hurry(now);
            self.display.hurry(now);
        }
    }

    /// Opens the lines that are not open.
    fn look_after_lines(&mut self) {
        let now = self.now();
        let say = &mut *self.outside.say;
        if let (Some(line), false) = (&self.config.button, self.button.is_open()) {
            let config = gpio::Config::new()
                .bias(Bias::PullUp)
                .active_low(true)
                .debounce(DEBOUNCE)
                .edge_detection(EdgeDetection::Rising)
                .consumer("weather_station");
            let open = || Ok(self.board.input_with(line.as_str(), &config)?);
            self.button.attempt(now, say, open, |_| Ok(()));
        }
        if let (Some(line), false) = (&self.config.led, self.led.is_open()) {
            let config = gpio::Config::new().consumer("weather_station");
            let open = || Ok(self.board.output_with(line.as_str(), &config)?);
            self.led.attempt(now, say, open, |_| Ok(()));
        }
    }

    /// Takes a reading, if the sensor lets it.
    fn take(&mut self) {
        let now = self.now();
        let Some(bus) = self.bus.as_ref().filter(|_| self.sensor.retry.is_due(now)) else {
            return;
        };
        let delay = self.board.delay();
        let open = || Sensor::open(bus, &self.config.sensor, delay);
        let say = &mut *self.outside.say;
        let reading = self.sensor.attempt(now, say, open, Sensor::measure);
        // That there is none is to be seen as well.
        self.display.refresh();
        let Some(reading) = reading else {
            return;
        };
        self.is_missing = false;
        let moment = self.moment();
        let now = self.now();
        self.log.add(&moment, &reading);
        self.history.add(now, &reading);
        self.today.add(self.local(&moment).date(), &reading);
        self.last = Some((moment, reading));
        let note = match (&self.config.clock, moment.source) {
            (Some(_), Source::System) => "  (the system's time)",
            _ => "",
        };
        self.print(&format!("{moment}  {reading}{note}\n"));
    }

    /// Prints a line. Who reads them may go, and the file that they go to be full: the log is what counts.
    fn print(&mut self, line: &str) {
        // Not println, which panics then.
        let printed = self.outside.out.write_all(line.as_bytes());
        if let (Err(error), false) = (printed, self.is_unheard) {
            self.is_unheard = true;
            let error = words(error);
            (self.outside.say)(&format!(
                "print: {error}; readings go to the log all the same"
            ));
        }
    }

    /// Returns what time it is, by the best clock that there is.
    fn moment(&mut self) -> Moment {
        let now = self.now();
        let by_clock = match (&self.config.clock, self.bus.as_ref()) {
            (Some(_), Some(bus)) => {
                let open = || Clock::open(bus);
                self.clock
                    .attempt(now, &mut *self.outside.say, open, Clock::now)
            }
            _ => None,
        };
        by_clock.unwrap_or_else(|| Moment::of_system((self.outside.system_time)()))
    }

    /// Sets the clock, if it is to be set, as soon as there is one.
    fn set_clock(&mut self) {
        let now = self.now();
        let (Some(bus), true) = (self.bus.as_ref(), self.options.sets_clock) else {
            return;
        };
        let system = Moment::of_system((self.outside.system_time)());
        let open = || Clock::open(bus);
        let set = |clock: &mut Clock| clock.set_by(&system);
        let say = &mut *self.outside.say;
        if let Some(told) = self.clock.attempt(now, say, open, set) {
            say(&format!("clock: {told}"));
            self.options.sets_clock = false;
        }
    }

    /// The time of the place.
    fn local(&self, moment: &Moment) -> ds323x::NaiveDateTime {
        let offset = Duration::from_secs_f64(self.config.utc_offset.abs() * 3600.0);
        match self.config.utc_offset < 0.0 {
            true => moment.utc - offset,
            false => moment.utc + offset,
        }
    }

    /// Shows how things are, if that has changed.
    fn show(&mut self) {
        let now = self.now();
        let moment = self.last.map(|(moment, _)| moment);
        let reading = self.last.map(|(_, reading)| reading);
        let view = View {
            reading: reading.filter(|_| !self.is_missing),
            local: moment.map(|moment| self.local(&moment)),
            is_system_time: moment.is_some_and(|moment| moment.source == Source::System),
            today: &self.today,
            history: &self.history,
            status: self.status(),
        };
        let say = &mut *self.outside.say;
        self.display.show(now, self.bus.as_ref(), &view, say);
    }

    fn status(&self) -> Status {
        let retries = [
            &self.bus.retry,
            &self.sensor.retry,
            &self.clock.retry,
            &self.button.retry,
            &self.led.retry,
            &self.log.retry,
        ];
        let failures: u64 = retries.iter().map(|retry| retry.failures()).sum();
        Status {
            written: self.log.written(),
            waiting: self.log.waiting(),
            lost: self.log.lost(),
            bus: self.bus.is_open(),
            sensor: !self.is_missing,
            unmeasured: self.unmeasured,
            clock: self.clock.is_open(),
            failures: failures + self.display.failures(),
            up: self.now().since(self.began),
        }
    }

    /// The LED is lit while all is well: there is a reading, and it is on the disk.
    fn light(&mut self) {
        let now = self.now();
        let is_well = !self.is_missing && self.last.is_some() && self.log.waiting() == 0;
        let failed = match self.led.get() {
            Some(led) if led.is_set() != is_well => led.set(is_well).err(),
            _ => None,
        };
        if let Some(error) = failed {
            self.led.fail(now, &mut *self.outside.say, error.into());
        }
    }

    /// Waits for the button until there is something to do.
    fn wait(&mut self) -> std::result::Result<Woken, Failure> {
        // It is let go of at once, and not when the next reading is due: only then can it come back.
        if self.bus.as_ref().is_some_and(Bus::is_gone) {
            return Ok(Woken::Due);
        }
        let now = self.now();
        let mut until = vec![Some(self.next), self.bus.retry.next()];
        if self.bus.is_open() {
            let sensor = self.sensor.retry.next().filter(|_| self.is_missing);
            let clock = self.clock.retry.next().filter(|_| self.options.sets_clock);
            until.extend([sensor, clock, self.display.next()]);
        }
        // What waits is written by and by.
        let log = self.log.retry.next().unwrap_or(now);
        until.push(Some(log).filter(|_| self.log.waiting() > 0));
        until.extend([self.button.retry.next(), self.led.retry.next()]);
        let until = until.into_iter().flatten().min().unwrap_or(self.next);
        let timeout = until.since(now);
        let Some(button) = self.button.get() else {
            return match self.board.delay().sleep(timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Woken::Interrupt),
                slept => Ok(slept.map(|()| Woken::Due)?),
            };
        };
        match button.wait_edge(timeout) {
            Ok(Some(_)) => Ok(Woken::Button),
            Ok(None) => Ok(Woken::Due),
            Err(error) if error.kind() == gpio::ErrorKind::Interrupted => Ok(Woken::Interrupt),
            Err(error) => {
                self.button.fail(now, &mut *self.outside.say, error.into());
                Ok(Woken::Due)
            }
        }
    }

    /// Leaves all as it should be found. What fails now is told, and no more can be done.
    fn end(&mut self) {
        let now = self.now();
        let say = &mut *self.outside.say;
        // Whatever the time is: there is no later one.
        while self.log.waiting() > 0 {
            let before = self.log.waiting();
            self.log.retry.hurry(now);
            self.log.write(now, say);
            if self.log.waiting() == before {
                break;
            }
        }
        match self.unmeasured + u64::from(self.is_missing) {
            0 => {}
            1 => say("sensor: one reading that was due was not taken"),
            unmeasured => say(&format!(
                "sensor: {unmeasured} readings that were due were not taken"
            )),
        }
        self.display.end(now, self.bus.as_ref(), say);
        if let Some(Err(error)) = self.led.get().map(|led| led.set(false)) {
            say(&format!("led: it stays on: {}", words(error)));
        }
    }
}
