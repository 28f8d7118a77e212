use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use circuits_wait::Clock;

use crate::backend::Request;
use crate::{
    Backend, Config, Direction, EdgeDetection, Error, Handle, LineSpec, Release, Result, find,
};

/// What the kernel can hold together (`GPIO_V2_LINES_MAX`, `GPIO_V2_LINE_NUM_ATTRS_MAX` of
/// include/uapi/linux/gpio.h).
const LINES: usize = 64;
const ATTRIBUTES: usize = 10;

/// Lines that are held together, as all public types have them.
#[derive(Debug)]
pub(crate) struct Held {
    handle: Arc<dyn Handle>,
    clock: Arc<dyn Clock>,
    /// As they were asked for.
    names: Vec<Arc<str>>,
    /// All of them, for errors.
    all: Arc<str>,
    configs: Vec<Config>,
    /// Which are outputs.
    outputs: u64,
    /// What was set last of the outputs.
    levels: AtomicU64,
    event_buffer: u32,
}

impl Held {
    pub(crate) fn open(backend: &dyn Backend, lines: Vec<(LineSpec, Config)>) -> Result<Held> {
        let names: Vec<Arc<str>> = lines
            .iter()
            .map(|(line, _)| line.to_string().into())
            .collect();
        let all: Arc<str> = names.join(", ").into();
        let request = request(backend, &lines, &all)?;
        let handle = backend
            .open(&request)
            .map_err(|error| refused(backend, &request, &names, &all, error))?;
        let mut held = Held {
            handle: handle.into(),
            clock: backend.clock(),
            names,
            all,
            configs: Vec::new(),
            outputs: 0,
            levels: AtomicU64::new(0),
            event_buffer: request.event_buffer,
        };
        let configs: Vec<Config> = lines.into_iter().map(|(_, config)| config).collect();
        // Before there is anything to leave behind.
        held.read_back(&configs)?;
        held.is_configured(configs);
        Ok(held)
    }

    pub(crate) fn handle(&self) -> &dyn Handle {
        &*self.handle
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    pub(crate) fn event_buffer(&self) -> u32 {
        self.event_buffer
    }

    /// Which lines there are.
    #[inline]
    pub(crate) fn lines(&self) -> u64 {
        u64::MAX >> (LINES - self.names.len())
    }

    #[inline]
    pub(crate) fn outputs(&self) -> u64 {
        self.outputs
    }

    #[inline]
    pub(crate) fn get(&self, lines: u64) -> Result<u64> {
        match self.handle.get(lines) {
            Ok(levels) => Ok(levels),
            Err(error) => Err(self.failed("being read", error)),
        }
    }

    /// Sets all outputs at once; levels of inputs are 0.
    ///
    /// No lock is held, which would cost more than the rest of it. Of two threads that set the same
    /// lines at the same time one is the last to say so in `levels`; the other finds that when it
    /// looks after its call, and sets them again to what was said last. So both are the same in the
    /// end. (`Relaxed` is enough: what is said before one call is seen after a later one, since the
    /// calls themselves come one after the other.)
    #[inline]
    pub(crate) fn set_all(&self, levels: u64) -> Result<()> {
        self.levels.store(levels, Relaxed);
        match self.handle.set(self.outputs, levels) {
            Ok(()) if self.levels() == levels => Ok(()),
            done => self.look_again(self.outputs, levels, done),
        }
    }

    /// Sets some of the outputs at once, in the same way.
    pub(crate) fn set(&self, lines: u64, levels: u64) -> Result<()> {
        let levels = levels & lines;
        self.say(lines, levels);
        let done = self.handle.set(lines, levels);
        self.look_again(lines, levels, done)
    }

    /// Notes what is to be set. Nobody else's bits get lost.
    fn say(&self, lines: u64, levels: u64) {
        let mut now = self.levels();
        while let Err(other) =
            self.levels
                .compare_exchange_weak(now, now & !lines | levels, Relaxed, Relaxed)
        {
            now = other;
        }
    }

    /// Looks whether anybody has said something else since, and sets the lines to that. Where it
    /// failed nobody knows how they are; what was said is what they are to be.
    #[cold]
    fn look_again(&self, lines: u64, mut last: u64, mut done: io::Result<()>) -> Result<()> {
        loop {
            if let Err(error) = done {
                return Err(self.failed("being set", error));
            }
            let levels = self.levels() & lines;
            if levels == last {
                return Ok(());
            }
            done = self.handle.set(lines, levels);
            last = levels;
        }
    }

    /// What was set last.
    #[inline]
    pub(crate) fn levels(&self) -> u64 {
        self.levels.load(Relaxed)
    }

    pub(crate) fn config(&self, line: usize) -> Option<Config> {
        self.configs.get(line).cloned()
    }

    /// Sets up one line anew. An output that stays one keeps its level.
    pub(crate) fn configure(&mut self, line: usize, config: Config) -> Result<()> {
        config.check().map_err(|what| self.invalid(what))?;
        let mut configs = self.configs.clone();
        match configs.get_mut(line) {
            Some(old) => *old = config.sharing(old),
            None => return Err(self.invalid("there are not so many lines")),
        }
        self.keep_levels(&mut configs);
        limits(&configs, &self.all)?;
        let done = self.handle.configure(&configs);
        let done = self.done("this configuration", done);
        let granted = done.and_then(|()| self.read_back(&configs));
        self.take_or_leave(granted, configs)
    }

    /// What is not to be had as a whole is not taken in part, if it can be helped: the kernel sets
    /// up one line after another, and stops where it fails.
    fn take_or_leave(&mut self, granted: Result<()>, configs: Vec<Config>) -> Result<()> {
        let mut before = self.configs.clone();
        self.keep_levels(&mut before);
        match granted.is_err() && self.handle.configure(&before).is_ok() {
            true => self.is_configured(before),
            false => self.is_configured(configs),
        }
        granted
    }

    /// Turns on the detection of edges of inputs.
    pub(crate) fn detect(&mut self, lines: u64, edges: EdgeDetection) -> Result<()> {
        if lines & !self.outputs == 0 {
            return Err(self.invalid("an output has no edges to wait for"));
        }
        let mut configs = self.configs.clone();
        self.keep_levels(&mut configs);
        for (line, config) in configs.iter_mut().enumerate() {
            if config.direction() == Direction::Input && lines >> line & 1 == 1 {
                config.set_detection(edges);
            }
        }
        limits(&configs, &self.all)?;
        let done = self.handle.configure(&configs);
        let done = self.done("edge detection", done);
        self.take_or_leave(done, configs)
    }

    /// Has outputs that stay outputs stay at their levels.
    fn keep_levels(&self, configs: &mut [Config]) {
        for (line, config) in configs.iter_mut().enumerate() {
            if config.direction() == Direction::Output && self.outputs >> line & 1 == 1 {
                config.set_initial(self.levels() >> line & 1 == 1);
            }
        }
    }

    /// Notes how the lines are set up now.
    fn is_configured(&mut self, configs: Vec<Config>) {
        let bits = |which: &dyn Fn(&Config) -> bool| {
            let set = (0..).zip(&configs).filter(|(_, config)| which(config));
            set.fold(0, |bits, (line, _): (u32, _)| bits | 1 << line)
        };
        self.outputs = bits(&|config| config.direction() == Direction::Output);
        self.levels = AtomicU64::new(bits(&Config::initial_level));
        self.configs = configs;
    }

    /// Makes sure that these are lines.
    pub(crate) fn are_there(&self, lines: u64) -> Result<()> {
        match lines & !self.lines() {
            0 => Ok(()),
            _ => Err(self.invalid("there are not so many lines")),
        }
    }

    /// Makes sure that these are outputs.
    pub(crate) fn are_outputs(&self, lines: u64) -> Result<()> {
        self.are_there(lines)?;
        match lines & !self.outputs {
            0 => Ok(()),
            _ => Err(self.invalid("an input cannot be set: open the line as an output")),
        }
    }

    #[cold]
    fn failed(&self, what: &'static str, source: io::Error) -> Error {
        Error::from_io(&self.all, what, source)
    }

    pub(crate) fn done<T>(&self, what: &'static str, result: io::Result<T>) -> Result<T> {
        result.map_err(|source| self.failed(what, source))
    }

    fn invalid(&self, what: &'static str) -> Error {
        Error::Invalid {
            line: self.all.clone(),
            what,
        }
    }

    /// What was not granted is an error. (The kernel emulates or refuses most of what a chip cannot
    /// do, but not all.)
    fn read_back(&self, configs: &[Config]) -> Result<()> {
        let infos = self.done("being looked at", self.handle.line_infos())?;
        for ((info, config), name) in infos.iter().zip(configs).zip(&self.names) {
            if let Some(what) = info.differs_from(config) {
                return Err(Error::Unsupported {
                    line: name.clone(),
                    what,
                    source: io::ErrorKind::Unsupported.into(),
                });
            }
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (mut lines, mut levels) = (0, 0);
        for (line, config) in self.configs.iter().enumerate() {
            match config.release() {
                Release::Chip => {}
                // For all: they are held together, or not at all.
                Release::Keep => return std::mem::forget(self.handle.clone()),
                Release::Level(level) => {
                    lines |= 1 << line;
                    levels |= u64::from(level) << line;
                }
            }
        }
        if lines != 0 {
            // There is nobody to tell.
            let _ = self.handle.set(lines, levels);
        }
    }
}

/// What a backend is asked for.
fn request(backend: &dyn Backend, lines: &[(LineSpec, Config)], all: &Arc<str>) -> Result<Request> {
    let configs: Vec<Config> = lines.iter().map(|(_, config)| config.clone()).collect();
    for (line, config) in lines {
        config.check().map_err(|what| Error::Invalid {
            line: line.to_string().into(),
            what,
        })?;
    }
    limits(&configs, all)?;
    let specs: Vec<LineSpec> = lines.iter().map(|(line, _)| line.clone()).collect();
    let (chip, offsets) = find::on_one_chip(backend, &specs, all)?;
    let mut request = Request::new(chip, offsets.into_iter().zip(configs.clone()).collect());
    for config in &configs {
        if let (Some(consumer), _) = config.shared() {
            request.consumer = consumer.clone();
        }
        if let (_, Some(edges)) = config.shared() {
            request.event_buffer = edges;
        }
    }
    Ok(request)
}

/// What is over the kernel's limits, or cannot be different for lines that are held together.
fn limits(configs: &[Config], all: &Arc<str>) -> Result<()> {
    let limit = |what, limit| Error::Limit {
        line: all.clone(),
        what,
        limit,
    };
    let invalid = |what| Error::Invalid {
        line: all.clone(),
        what,
    };
    if configs.is_empty() {
        return Err(invalid("there is no line to open"));
    }
    if configs.len() > LINES {
        return Err(limit("there are too many lines", LINES));
    }
    let set = |which: fn(&Config) -> bool| configs.iter().filter(move |config| which(config));
    let consumers: Vec<_> = set(|config| config.shared().0.is_some()).collect();
    if consumers
        .iter()
        .any(|config| config.shared().0 != consumers[0].shared().0)
    {
        return Err(invalid(
            "lines that are opened together have one consumer name",
        ));
    }
    let buffers: Vec<_> = set(|config| config.shared().1.is_some()).collect();
    if buffers
        .iter()
        .any(|config| config.shared().1 != buffers[0].shared().1)
    {
        return Err(invalid(
            "lines that are opened together have one event buffer",
        ));
    }
    let kept = set(|config| config.release() == Release::Keep).count();
    if kept != 0 && kept != configs.len() {
        return Err(invalid("lines that are opened together are kept together"));
    }
    if attributes(configs) > ATTRIBUTES {
        return Err(limit("they have too many different settings", ATTRIBUTES));
    }
    Ok(())
}

/// How many attributes the kernel needs to be told: each set of flags but the first one, each
/// period, and one for the levels.
fn attributes(configs: &[Config]) -> usize {
    let mut flags = Vec::new();
    let mut periods = Vec::new();
    for config in configs {
        let these = (
            config.direction(),
            config.is_active_low(),
            config.line_bias(),
            config.line_drive(),
            config.detected_edges(),
            config.times_of(),
        );
        let period = config.debounce_period();
        if !flags.contains(&these) {
            flags.push(these);
        }
        if !period.is_zero() && !periods.contains(&period) {
            periods.push(period);
        }
    }
    // Of an output that is low now, too: it may be high when another one is set up anew.
    let levels = configs
        .iter()
        .any(|config| config.direction() == Direction::Output);
    flags.len().saturating_sub(1) + periods.len() + usize::from(levels)
}

/// Why a backend refused, with the line that it is about if that can be known.
fn refused(
    backend: &dyn Backend,
    request: &Request,
    names: &[Arc<str>],
    all: &Arc<str>,
    error: io::Error,
) -> Error {
    let mut error = Error::from_io(all, "this configuration", error);
    if let Error::InUse { line, holder, .. } = &mut error {
        let infos = request
            .lines
            .iter()
            .map(|(offset, _)| backend.line_info(&request.chip, *offset));
        let held = infos.zip(names).find_map(|(info, name)| {
            let consumer: Arc<str> = info.ok()?.consumer()?.into();
            Some((name.clone(), consumer))
        });
        if let Some((name, consumer)) = held {
            (*line, *holder) = (name, Some(consumer));
        }
    }
    error
}
