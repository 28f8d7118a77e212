//! The rover: what it does a hundred times a second, and what it does when something is wrong.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use circuits::wait::{Clock, Delay, Time};
use circuits::{Board, Failure, Interrupt};

use crate::button::Button;
use crate::codec::{self, Command, Report};
use crate::config::Config;
use crate::jitter::Jitter;
use crate::odometry::Odometry;
use crate::parts::Parts;
use crate::pi::Pi;
use crate::pilot::{Pilot, Wish};
use crate::ranger::Sight;
use crate::report::{Losses, Summary};
use crate::stop::Stop;
use crate::track::Track;

const PERIOD: Duration = Duration::from_millis(10);
/// Until it drives: by then the brush has beaten, and the gyroscope's bias is known.
const UNTIL_READY: Duration = Duration::from_millis(500);
/// For how many periods it tries to switch the motors off in the end: a bus may be free again in half a second.
const LAST_TRIES: u32 = 50;
/// What is told and drawn goes by these cycles.
const A_TENTH: u64 = 10;
const A_SECOND: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    /// It stands, and will drive then.
    Ready(Time),
    Driving,
    /// It stands, until it is told to go.
    Stopped(Stop),
}

pub struct Rover {
    clock: Arc<dyn Clock>,
    delay: Delay,
    interrupt: Interrupt,
    config: Config,
    /// It goes on by itself when the emergency stop is let go.
    restarts: bool,
    parts: Parts,

    began: Time,
    mode: Mode,
    /// Whether the motors are known to be off by each way that there is, which is tried until it is so.
    is_off: bool,
    duties: [f64; 2],
    controllers: [Pi; 2],
    odometry: Odometry,
    pilot: Pilot,
    summary: Summary,
}

impl Rover {
    /// Takes everything that is configured. Motors are off then.
    pub fn open(board: &Board, config: &Config, restarts: bool) -> Result<Rover, Failure> {
        let clock = board.clock().clone();
        let parts = Parts::open(board, config)?;
        let began = clock.now();
        let controller = Pi::new(1.0 / config.body.fastest, 0.8, 5.0);
        Ok(Rover {
            delay: board.delay(),
            interrupt: board.interrupt()?,
            restarts,
            pilot: Pilot::new(config.pace, parts.ranger.is_some()),
            config: config.clone(),
            parts,
            began,
            mode: Mode::Ready(began + UNTIL_READY),
            is_off: true,
            duties: [0.0; 2],
            controllers: [controller.clone(), controller],
            odometry: Odometry::new(config.body.wheel_distance),
            summary: Summary {
                time: Duration::ZERO,
                distance: 0.0,
                turns: 0.0,
                obstacles: 0,
                jitter: Jitter::new(began, PERIOD),
                losses: Losses::default(),
                is_off: false,
                stops: Vec::new(),
                stops_left_out: 0,
                path: Track::default(),
                seen: Track::default(),
            },
            clock,
        })
    }

    /// Drives until the time is over, or the board is interrupted; for ever, if there is none. In the end
    /// everything is off, or the summary says what is not.
    pub fn run(mut self, seconds: Option<u64>) -> Summary {
        let end = seconds.map(|seconds| self.began + Duration::from_secs(seconds));
        loop {
            let now = self.clock.now();
            self.summary.jitter.begin(now);
            if let Err(stop) = self.cycle(now) {
                self.halt(stop);
            }
            if self.mode != Mode::Driving {
                self.keep_still(now);
            }
            self.tell(now);
            let done = self.clock.now();
            let due = self.summary.jitter.end(now, done);
            if end.is_some_and(|end| end <= done) {
                return self.end(Stop::Ended);
            }
            while let Err(stop) = self.rest(due) {
                if stop.is_final() {
                    return self.end(stop);
                }
                self.halt(stop);
            }
        }
    }

    fn end(mut self, stop: Stop) -> Summary {
        self.halt(stop);
        // Nobody tries after this.
        for _ in 0..LAST_TRIES {
            if self.is_off {
                break;
            }
            self.wait_out(PERIOD);
            self.switch_off();
        }
        self.summed_up()
    }

    /// Waits whether or not somebody has enough of it: that is known already.
    fn wait_out(&mut self, time: Duration) {
        if self.delay.sleep(time).is_err() {
            self.interrupt.clear();
        }
    }

    /// Until the next cycle.
    fn rest(&mut self, due: Time) -> Result<(), Stop> {
        match &mut self.parts.button {
            // One that is gone has stopped the rover already.
            Some(button) if self.mode != Mode::Stopped(Stop::ButtonLost) => {
                button.wait(due, &*self.clock)
            }
            _ => self.clock.sleep_until(due).map_err(|_| Stop::Interrupted),
        }
    }

    fn cycle(&mut self, now: Time) -> Result<(), Stop> {
        let is_let_alone = self.parts.button.as_ref().map_or(Ok(()), Button::check);
        // All of them are looked at, whatever another one says: what stands still must know when it may go on.
        let sensed = [
            is_let_alone,
            self.obey(now, is_let_alone),
            self.feel(now),
            self.look(now),
            self.listen(now),
        ];
        sensed
            .into_iter()
            .collect::<Result<(), Stop>>()
            .or_else(|stop| match self.mode {
                // It stands already, and is told once why.
                Mode::Stopped(_) if !stop.is_wanted() => Ok(()),
                _ => Err(stop),
            })?;
        match self.mode {
            Mode::Ready(time) if time <= now => self.start(now),
            Mode::Ready(_) => Ok(()),
            Mode::Driving => self.steer(now),
            Mode::Stopped(_) => Ok(()),
        }
    }

    /// How far it has gone and turned.
    fn feel(&mut self, now: Time) -> Result<(), Stop> {
        let way = match &mut self.parts.wheels {
            Some(wheels) => wheels.read(),
            // Without encoders it is taken for where it was to go.
            None => Ok(self
                .duties
                .map(|duty| duty * self.config.body.fastest * PERIOD.as_secs_f64())),
        };
        let rolls = self
            .parts
            .wheels
            .as_ref()
            .is_some_and(|wheels| wheels.speeds(now) != [0.0; 2]);
        let stands = self.mode != Mode::Driving && !rolls;
        let turned = self
            .parts
            .imu
            .as_mut()
            .map_or(Ok(None), |imu| imu.read(now, stands));
        // What stands does not turn, whatever noise there is.
        let gyroscope = if stands {
            Some(0.0)
        } else {
            turned.unwrap_or(None)
        };
        self.odometry.go(way.unwrap_or([0.0; 2]), gyroscope);
        way.and(turned.map(|_| ()))
    }

    /// What is ahead.
    fn look(&mut self, now: Time) -> Result<(), Stop> {
        let Some(ranger) = &mut self.parts.ranger else {
            return Ok(());
        };
        let Some(sight) = ranger.look(now).map_err(|_| Stop::RangerLost)? else {
            return Ok(());
        };
        self.pilot.see(now, sight);
        if let (Sight::Metres(metres), Mode::Driving) = (sight, self.mode) {
            self.summary.seen.push(self.odometry.pose().ahead(metres));
        }
        Ok(())
    }

    /// What the brush says.
    fn listen(&mut self, now: Time) -> Result<(), Stop> {
        let Some(brush) = &mut self.parts.brush else {
            return Ok(());
        };
        brush.listen()?;
        match self.mode {
            // It may have been switched on with the rover, and not have beaten yet.
            Mode::Ready(_) => Ok(()),
            _ => brush.check(now),
        }
    }

    /// What the ground station says.
    fn obey(&mut self, now: Time, is_let_alone: Result<(), Stop>) -> Result<(), Stop> {
        let commands = self
            .parts
            .telemetry
            .as_mut()
            .map(|telemetry| telemetry.commands(now));
        for command in commands.unwrap_or_default() {
            match command {
                Command::Stop => return Err(Stop::Ordered),
                Command::Go if is_let_alone.is_ok() => self.get_ready(now)?,
                // It stays where it is, and is told why by the state.
                Command::Go => {}
                Command::Ping(number) => self.say(&Report::Pong(number)),
            }
        }
        if self.restarts && self.mode == Mode::Stopped(Stop::Emergency) && is_let_alone.is_ok() {
            self.get_ready(now)?;
        }
        Ok(())
    }

    /// Has what has failed forget that, and drives in a moment.
    fn get_ready(&mut self, now: Time) -> Result<(), Stop> {
        let Mode::Stopped(_) = self.mode else {
            return Ok(());
        };
        // From here on what fails is told, though it was told before: somebody waits for it.
        self.mode = Mode::Ready(now + UNTIL_READY);
        if let Some(brush) = &mut self.parts.brush {
            brush.clear();
        }
        // It may have been without power since. Some cycles are missed by this, and the motors are off.
        if let Some(imu) = &mut self.parts.imu {
            imu.start(&mut self.delay)?;
        }
        Ok(())
    }

    /// Drives, if all is well.
    fn start(&mut self, now: Time) -> Result<(), Stop> {
        if let Some(brush) = &self.parts.brush {
            brush.check(now)?;
        }
        if let Some(drive) = &mut self.parts.drive {
            self.is_off = false;
            drive.start()?;
        }
        if let Some(wheels) = &mut self.parts.wheels {
            wheels.start(now);
        }
        self.controllers.iter_mut().for_each(Pi::reset);
        self.pilot.start(now);
        self.mode = Mode::Driving;
        tell(format_args!("{:>8.2} s  drives", self.seconds(now)));
        Ok(())
    }

    /// Has the wheels do what the pilot wants.
    fn steer(&mut self, now: Time) -> Result<(), Stop> {
        let Wish { forwards, turn } = self.pilot.wish(now, self.odometry.pose().heading);
        self.pilot.check()?;
        let outwards = turn * self.config.body.wheel_distance / 2.0;
        let targets = [forwards - outwards, forwards + outwards];
        let speeds = self.parts.wheels.as_ref().map(|wheels| wheels.speeds(now));
        for (wheel, target) in targets.into_iter().enumerate() {
            self.duties[wheel] = match speeds {
                Some(speeds) => {
                    self.controllers[wheel].duty(target, speeds[wheel], PERIOD.as_secs_f64())
                }
                None => (target / self.config.body.fastest).clamp(-1.0, 1.0),
            };
        }
        if let Some(drive) = &mut self.parts.drive {
            drive.set(self.duties)?;
            // What stands because nothing drives it is not stuck.
            if let Some(wheels) = &mut self.parts.wheels {
                wheels.check(now, self.duties)?;
            }
        }
        if let Some(brush) = &mut self.parts.brush {
            brush.sweep(now);
        }
        Ok(())
    }

    /// The safe state: motors off, by each way that there is; then the brush; then it is told why.
    fn halt(&mut self, stop: Stop) {
        if self.mode == Mode::Stopped(stop) {
            return;
        }
        self.switch_off();
        // It may be interrupted when its time is over, too.
        if stop.is_final() {
            // What waits for room, if only for no time, would be interrupted as well.
            self.interrupt.clear();
        }
        if let Some(brush) = &mut self.parts.brush {
            brush.rest(self.clock.now());
        }
        self.mode = Mode::Stopped(stop);
        let time = self.clock.now();
        let (seconds, reason) = (self.seconds(time), self.parts.reason(stop));
        tell(format_args!("{seconds:>8.2} s  stands: {stop}{reason}"));
        self.summary.stopped(time.since(self.began), stop);
        let (code, detail) = stop.code();
        self.say(&Report::Stopped { code, detail });
    }

    /// What did not hear it the first time is told again.
    fn keep_still(&mut self, now: Time) {
        if !self.is_off {
            self.switch_off();
        }
        if let Some(brush) = &mut self.parts.brush {
            brush.keep_at_rest(now);
        }
    }

    fn switch_off(&mut self) {
        self.duties = [0.0; 2];
        self.is_off = self
            .parts
            .drive
            .as_mut()
            .is_none_or(|drive| drive.off().is_ok());
    }

    /// Tells the LED, the ground station, and the summary.
    fn tell(&mut self, now: Time) {
        let is_driving = self.mode == Mode::Driving;
        if let Some(led) = &mut self.parts.led {
            led.show(now, is_driving);
        }
        let cycle = self.summary.jitter.cycles;
        if cycle % A_TENTH == 1 {
            let pose = self.odometry.pose();
            self.summary.path.push(pose);
            // What is too large is told as the largest that there is.
            let milli = |number: f64| (number * 1000.0) as i16;
            self.say(&Report::State(codec::State {
                millis: u32::try_from(now.since(self.began).as_millis()).unwrap_or(u32::MAX),
                is_driving,
                x_millimetres: milli(pose.x),
                y_millimetres: milli(pose.y),
                heading_milliradians: milli(pose.heading),
                ahead_millimetres: self.pilot.ahead().map(|metres| (metres * 1000.0) as u16),
            }));
        }
        if cycle % A_SECOND == 0 {
            let losses = self.parts.losses();
            let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            self.say(&Report::Losses(codec::Losses {
                missed_cycles: count(self.summary.jitter.missed),
                edges: count(losses.edges),
                transactions: count(losses.motor_commands + losses.imu_reads),
                echoes: count(losses.echoes),
                messages: count(losses.reports_dropped + losses.commands_damaged),
            }));
        }
        if let Some(telemetry) = &mut self.parts.telemetry {
            telemetry.flush();
        }
    }

    fn say(&mut self, report: &Report) {
        if let Some(telemetry) = &mut self.parts.telemetry {
            telemetry.send(report);
        }
    }

    fn seconds(&self, now: Time) -> f64 {
        now.since(self.began).as_secs_f64()
    }

    fn summed_up(self) -> Summary {
        Summary {
            time: self.clock.now().since(self.began),
            distance: self.odometry.distance(),
            turns: self.odometry.turns(),
            obstacles: self.pilot.obstacles,
            losses: self.parts.losses(),
            is_off: self.parts.drive.as_ref().is_none_or(|drive| drive.is_off),
            ..self.summary.clone()
        }
    }
}

/// Tells whoever is at the terminal. Not println, which panics when nobody is: a rover is not to stop for that.
pub fn tell(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{what}");
}
