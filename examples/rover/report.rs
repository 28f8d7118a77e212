//! What came of a drive.

use std::fmt;
use std::time::Duration;

use crate::jitter::Jitter;
use crate::odometry::Pose;
use crate::stop::Stop;
use crate::track::Track;

#[derive(Clone, Debug)]
pub struct Summary {
    pub time: Duration,
    pub distance: f64,
    pub turns: f64,
    pub obstacles: u32,
    pub jitter: Jitter,
    pub losses: Losses,
    /// Whether the motors are known to be off in the end.
    pub is_off: bool,
    /// When it stood still, and why: the first times, and the last ones.
    pub stops: Vec<(Duration, Stop)>,
    /// How many there were in between.
    pub stops_left_out: u64,
    /// Where it was, as it believes, ten times a second.
    pub path: Track<Pose>,
    /// What the ranger saw.
    pub seen: Track<[f64; 2]>,
}

/// So many of the first stops are kept, and of the last.
const STOPS: usize = 100;

impl Summary {
    /// Notes that it stands. One whose button chatters for weeks keeps no more for that.
    pub fn stopped(&mut self, time: Duration, stop: Stop) {
        if self.stops.len() == 2 * STOPS {
            self.stops.remove(STOPS);
            self.stops_left_out += 1;
        }
        self.stops.push((time, stop));
    }
}

/// What was lost and gone over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    pub edges: u64,
    pub motor_commands: u64,
    pub imu_reads: u64,
    pub echoes: u64,
    pub brush_frames: u64,
    pub reports_dropped: u64,
    pub commands_damaged: u64,
    pub ports_lost: u64,
}

/// As a table.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "time        {:.2} s", self.time.as_secs_f64())?;
        writeln!(
            f,
            "way         {:.2} m, {:.2} turns",
            self.distance, self.turns
        )?;
        writeln!(f, "obstacles   {}", self.obstacles)?;
        writeln!(f, "{}", self.jitter)?;
        writeln!(f, "losses      {}", self.losses)?;
        if !self.is_off {
            writeln!(f, "motors      MAY BE ON: they could not be switched off")?;
        }
        for (index, (time, stop)) in self.stops.iter().enumerate() {
            if index == STOPS && self.stops_left_out > 0 {
                writeln!(f, "stopped     {} times more", self.stops_left_out)?;
            }
            writeln!(f, "stopped     at {:.2} s: {stop}", time.as_secs_f64())?;
        }
        Ok(())
    }
}

/// Those that there are.
impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let losses = [
            (self.edges, "edges"),
            (self.motor_commands, "motor commands"),
            (self.imu_reads, "reads of the IMU"),
            (self.echoes, "echoes"),
            (self.brush_frames, "frames of the brush"),
            (self.reports_dropped, "reports"),
            (self.commands_damaged, "damaged commands"),
            (self.ports_lost, "times the serial port"),
        ];
        let mut there = losses.iter().filter(|(count, _)| *count > 0);
        match there.next() {
            None => return f.write_str("none"),
            Some((count, what)) => write!(f, "{count} {what}")?,
        }
        there.try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

#[cfg(test)]
mod tests {
    use circuits::wait::Time;

    use super::*;

    #[test]
    fn of_many_stops_the_first_and_the_last_are_kept() {
        let mut summary = Summary {
            time: Duration::ZERO,
            distance: 0.0,
            turns: 0.0,
            obstacles: 0,
            jitter: Jitter::new(Time::ZERO, Duration::from_millis(10)),
            losses: Losses::default(),
            is_off: true,
            stops: Vec::new(),
            stops_left_out: 0,
            path: Track::default(),
            seen: Track::default(),
        };
        for second in 0..1000 {
            summary.stopped(Duration::from_secs(second), Stop::Emergency);
        }
        let seconds: Vec<u64> = summary.stops.iter().map(|stop| stop.0.as_secs()).collect();
        assert_eq!(seconds[..100], (0..100).collect::<Vec<_>>());
        assert_eq!(seconds[100..], (900..1000).collect::<Vec<_>>());
        let table = summary.to_string();
        assert!(
            table.contains("stopped     800 times more\nstopped     at 900.00 s"),
            "{table}"
        );
    }
}
