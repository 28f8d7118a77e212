mod command;
mod sentence;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_uart::Config;
use circuits_wait::Time;

use self::command::{Command, Lines, Output, PERIODS_MILLIS};
use self::sentence::{Fix, KINDS, sentence};
use super::utc::Utc;
use crate::uart::{Attention, Device, Line};
use crate::{Error, Result};

/// A GPS receiver that speaks NMEA 0183 at 9600 baud (8N1), in the form of MediaTek's MT3339 (GlobalTop's data
/// sheet FGPMMOPA6H).
///
/// It tells each fix at the moment of the fix, which is the whole second: RMC, GGA, GSA, GSV and VTG. Its
/// clock goes with the board's, and shows the beginning of 2026 when it is connected, if it was not
/// [set](Gps::set_datetime). Without [satellites](Gps::set_satellites) enough it goes on with the time
/// alone: fields that are unknown are empty. A fix that comes while the last one is still being sent is left
/// out, as with ten fixes a second at 9600 baud.
///
/// Of MediaTek's commands (GlobalTop's "PMTK command packet", Rev. A08) it has PMTK000, PMTK220 for the
/// period, PMTK314 for the sentences, and the questions PMTK400, PMTK414 and PMTK605; the others are told to
/// be unsupported (PMTK001). What comes with a wrong check is dropped.
///
/// Noise, the search for satellites after a start, and the sky are not there: the satellites are always
/// the same.
///
/// In virtual time it never rests: who waits for something else than its sentences wants a deadline.
///
/// Clones are the same receiver.
///
/// ```
/// use circuits_stub::{Stub, chips::{Gps, Position}};
/// use circuits_uart::{Config, Port};
/// use std::io::{BufRead, BufReader};
///
/// let gps = Gps::new(Position { latitude: 52.205_3, longitude: 0.121_8, altitude: 17.0 });
/// let board = Stub::virtual_time().serial_device("ttyAMA0", gps.clone())?;
/// gps.set_datetime(board.clock().now(), [2026, 11, 22, 6, 30, 0])?;
/// let port = Port::open_on(&board, "ttyAMA0", &Config::new().baud(9600))?;
/// let mut line = String::new();
/// BufReader::new(&port).read_line(&mut line)?;
/// assert_eq!(line, "$GPRMC,063001.000,A,5212.3180,N,00007.3080,E,0.00,0.00,221126,,,A*6C\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Gps(Arc<Mutex<State>>);

/// A place, which is on Earth if its latitude is -90 to 90 degrees and its longitude -180 to 180.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// In degrees, north of the equator.
    pub latitude: f64,
    /// In degrees, east of Greenwich.
    pub longitude: f64,
    /// In metres, above mean sea level.
    pub altitude: f64,
}

type Route = Box<dyn Fn(Time) -> Position + Send>;

struct State {
    route: Route,
    /// Speed in metres a second and course in degrees, if they are not those of the route.
    motion: Option<(f64, f64)>,
    /// Of the last fix that moved.
    course: f64,
    satellites: u8,
    talker: String,
    baud: u32,
    utc: Option<Utc>,
    period: Duration,
    output: Output,
    fixes: u64,
    /// When it was last seen to what there is to do; none before it is connected.
    seen: Option<Time>,
    /// Until when it sends.
    busy: Time,
    lines: Lines,
    attention: Attention,
}

/// What is slower stands.
const STANDS: f64 = 0.05;
/// Of one degree, along a meridian.
const METRES: f64 = 111_195.0;
const SATELLITES: u8 = 32;
/// With fewer there is no fix.
const ENOUGH: u8 = 3;

impl Gps {
    /// Makes a receiver that sees eight satellites at a place.
    pub fn new(position: Position) -> Gps {
        Gps(Arc::new(Mutex::new(State {
            route: Box::new(move |_| position),
            motion: None,
            course: 0.0,
            satellites: 8,
            talker: "GP".into(),
            baud: 9600,
            utc: None,
            period: Duration::from_secs(1),
            output: Output::default(),
            fixes: 0,
            seen: None,
            busy: Time::ZERO,
            lines: Lines::default(),
            attention: Attention::default(),
        })))
    }

    /// Sets its baud rate. Default: 9600.
    pub fn baud(self, baud: u32) -> Gps {
        self.lock().baud = baud;
        self
    }

    /// Sets the two letters that sentences begin with: GP for GPS, GN for several systems together, with which
    /// GSV stays GP's. Default: GP.
    pub fn talker(self, talker: &str) -> Gps {
        self.lock().talker = talker.into();
        self
    }

    /// Sets where it is. What is no place on Earth is no fix.
    pub fn set_position(&self, position: Position) {
        self.follow(move |_| position);
    }

    /// Has it go where the board's time says. Speed and course are those of the last second, if they were
    /// not [set](Gps::set_motion).
    pub fn follow(&self, route: impl Fn(Time) -> Position + Send + 'static) {
        self.lock().route = Box::new(route);
    }

    /// Sets how fast it moves over ground, in metres a second, and where to, in degrees from north over east.
    pub fn set_motion(&self, speed: f64, course: f64) {
        self.lock().motion = Some((speed, course));
    }

    /// Sets how many satellites it sees and uses, 32 at most. With three the fix has two dimensions, with
    /// fewer there is none. Default: 8.
    pub fn set_satellites(&self, count: u8) {
        self.lock().satellites = count.min(SATELLITES);
    }

    /// Sets the time from one fix to the next, a millisecond at least. Fixes are at whole multiples of it.
    /// Default: a second.
    pub fn set_period(&self, period: Duration) {
        self.change(|state| state.period = period.max(Duration::from_millis(1)));
    }

    /// Sets its clock at a time of the board, in UTC: year (2000 to 2099), month, day, hour, minute, second.
    ///
    /// # Errors
    /// [`Error::NoDate`].
    pub fn set_datetime(&self, now: Time, datetime: [u16; 6]) -> Result<()> {
        let utc = Utc::new(now, datetime).ok_or(Error::NoDate { datetime })?;
        self.change(|state| state.utc = Some(utc));
        Ok(())
    }

    /// Changes when the next fix is, and has the board see it.
    fn change(&self, f: impl FnOnce(&mut State)) {
        let attention = {
            let mut state = self.lock();
            f(&mut state);
            state.attention.clone()
        };
        attention.draw();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    fn period(&self) -> u64 {
        u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX)
    }

    /// When the next fix is, if there is a clock.
    fn next(&self) -> Option<Time> {
        let (utc, seen) = (self.utc?, self.seen?);
        Some(utc.last(seen, self.period()) + self.period)
    }

    /// Tells the fix that is due, if there is one. The first time that it is called it is connected.
    fn act(&mut self, line: &mut Line) {
        let now = line.time();
        self.attention = line.attention();
        let utc = *self.utc.get_or_insert_with(|| Utc::started(now));
        let is_due = self.next().is_some_and(|due| due <= now);
        self.seen = Some(now);
        // What became due in the past, by a setter, is not.
        if !is_due || utc.last(now, self.period()) != now {
            return;
        }
        let fix = self.fix(&utc, now);
        let number = self.fixes;
        self.fixes += 1;
        if self.busy > now {
            return;
        }
        let kinds = KINDS
            .into_iter()
            .filter(|kind| self.output.has(*kind, number));
        let sentences: String = kinds.map(|kind| fix.sentences(kind)).collect();
        self.send(&sentences, line);
    }

    fn fix(&mut self, utc: &Utc, time: Time) -> Fix {
        let position = (self.route)(time);
        let fixed = self.satellites >= ENOUGH && position.is_on_earth();
        let (speed, course) = match self.motion {
            Some(motion) => motion,
            None => self.moved(&position, time),
        };
        self.course = course;
        Fix {
            talker: self.talker.clone(),
            moment: utc.moment(time),
            satellites: self.satellites,
            position: fixed.then_some(position),
            speed,
            course,
        }
    }

    /// How the route went in the last second.
    fn moved(&self, to: &Position, time: Time) -> (f64, f64) {
        let before = Time::from_nanos(time.as_nanos().saturating_sub(1_000_000_000));
        let from = (self.route)(before);
        let seconds = time.since(before).as_secs_f64();
        let north = (to.latitude - from.latitude) * METRES;
        // The short way round.
        let turned = (to.longitude - from.longitude + 540.0).rem_euclid(360.0) - 180.0;
        let east = turned * METRES * to.latitude.to_radians().cos();
        let speed = north.hypot(east) / seconds;
        match speed >= STANDS {
            true => (speed, east.atan2(north).to_degrees().rem_euclid(360.0)),
            false => (0.0, self.course),
        }
    }

    fn answer(&mut self, command: Command, line: &mut Line) {
        let done = |packet: u16| format!("PMTK001,{packet},3");
        let answer = match command {
            Command::Test => done(0),
            Command::SetPeriod { millis } if PERIODS_MILLIS.contains(&millis) => {
                self.period = Duration::from_millis(millis);
                done(220)
            }
            Command::SetPeriod { .. } => "PMTK001,220,2".into(),
            Command::SetOutput(output) => {
                self.output = output;
                done(314)
            }
            Command::QueryPeriod => format!("PMTK500,{},0,0,0.0,0.0", self.period.as_millis()),
            Command::QueryOutput => format!("PMTK514,{}", self.output.fields()),
            Command::QueryFirmware => "PMTK705,VIRTUAL_1.0,0001,circuits-stub,1.0".into(),
            Command::Invalid { packet } => format!("PMTK001,{packet},0"),
            Command::Unsupported { packet } => format!("PMTK001,{packet},1"),
        };
        self.send(&sentence(&answer), line);
    }

    fn send(&mut self, text: &str, line: &mut Line) {
        line.send(text.as_bytes());
        let characters = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let character = Config::new().baud(self.baud).character_time();
        self.busy = self.busy.max(line.time()) + character.saturating_mul(characters);
    }
}

impl Position {
    fn is_on_earth(&self) -> bool {
        let is_place = self.latitude.abs() <= 90.0 && self.longitude.abs() <= 180.0;
        is_place && self.altitude.is_finite()
    }
}

impl Device for Gps {
    fn config(&self) -> Option<Config> {
        Some(Config::new().baud(self.lock().baud))
    }

    fn receive(&mut self, byte: u8, line: &mut Line) {
        let mut state = self.lock();
        if let Some(command) = state.lines.take(byte) {
            state.answer(command, line);
        }
    }

    fn next(&self) -> Option<Time> {
        // At first at once, to see what time it is.
        Some(self.lock().next().unwrap_or(Time::ZERO))
    }

    fn act(&mut self, line: &mut Line) {
        self.lock().act(line);
    }
}

impl fmt::Debug for Gps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Gps")
            .field("satellites", &state.satellites)
            .field("period", &state.period)
            .finish_non_exhaustive()
    }
}
