//! All that is on the rover.

use circuits::{Board, Failure};

use crate::brush::Brush;
use crate::button::Button;
use crate::config::Config;
use crate::drive::Drive;
use crate::imu::Imu;
use crate::led::Led;
use crate::ranger::Ranger;
use crate::report::Losses;
use crate::stop::Stop;
use crate::telemetry::Telemetry;
use crate::wheel::Wheels;

/// What is not configured is not there.
pub struct Parts {
    pub drive: Option<Drive>,
    pub wheels: Option<Wheels>,
    pub ranger: Option<Ranger>,
    pub imu: Option<Imu>,
    pub button: Option<Button>,
    pub led: Option<Led>,
    pub telemetry: Option<Telemetry>,
    pub brush: Option<Brush>,
}

impl Parts {
    /// Takes everything that is configured. Motors are off then.
    pub fn open(board: &Board, config: &Config) -> Result<Parts, Failure> {
        let diameter = config.body.wheel_diameter;
        Ok(Parts {
            // First: from here on they are off, and are when another one cannot be opened.
            drive: there(&config.drive, |drive| Drive::open(board, drive))?,
            wheels: there(&config.encoders, |encoders| {
                Wheels::open(board, encoders, diameter)
            })?,
            ranger: there(&config.ranger, |ranger| Ranger::open(board, ranger))?,
            imu: there(&config.imu, |imu| Imu::open(board, imu))?,
            button: there(&config.emergency_stop, |line| Button::open(board, line))?,
            led: there(&config.led, |line| Led::open(board, line))?,
            telemetry: there(&config.telemetry, |port| Telemetry::open(board, port))?,
            brush: there(&config.brush, |brush| Brush::open(board, brush))?,
        })
    }

    /// What was lost so far, and gone over.
    pub fn losses(&self) -> Losses {
        let telemetry = self.telemetry.as_ref();
        Losses {
            edges: self.wheels.as_ref().map_or(0, |wheels| wheels.lost),
            motor_commands: self.drive.as_ref().map_or(0, |drive| drive.losses),
            imu_reads: self.imu.as_ref().map_or(0, |imu| imu.lost),
            echoes: self.ranger.as_ref().map_or(0, |ranger| ranger.lost),
            brush_frames: self.brush.as_ref().map_or(0, |brush| brush.lost),
            reports_dropped: telemetry.map_or(0, |telemetry| telemetry.dropped),
            commands_damaged: telemetry.map_or(0, |telemetry| telemetry.damaged),
            ports_lost: telemetry.map_or(0, |telemetry| telemetry.lost),
        }
    }

    /// What the system said when something was lost, for the person at the bench.
    pub fn reason(&self, stop: Stop) -> String {
        let error = match stop {
            Stop::MotorsLost => self.drive.as_ref().and_then(|drive| match &drive.error {
                Some(pwm_pca9685::Error::I2C(error)) => Some(error),
                _ => None,
            }),
            Stop::ImuLost => self.imu.as_ref().and_then(|imu| imu.error.as_ref()),
            _ => None,
        };
        error.map_or(String::new(), |error| format!(" ({error})"))
    }
}

/// Opens what is configured.
fn there<C, P>(
    config: &Option<C>,
    open: impl FnOnce(&C) -> Result<P, Failure>,
) -> Result<Option<P>, Failure> {
    config.as_ref().map(open).transpose()
}
