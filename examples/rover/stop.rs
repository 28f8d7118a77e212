//! Why the rover stands still.

use std::fmt;

/// A wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

pub const SIDES: [Side; 2] = [Side::Left, Side::Right];

/// As it reads in a sentence.
impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Left => "left",
            Side::Right => "right",
        })
    }
}

/// Why the rover stands still. All but those with which the program ends are left by `go`, if what was wrong is not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("the emergency stop is pressed, or its wire is broken")]
    Emergency,
    #[error("the emergency stop cannot be read")]
    ButtonLost,
    #[error("the motors' controller does not answer")]
    MotorsLost,
    #[error(
        "the {0} wheel is driven and does not turn that way, or its encoder does not tell, or its lines are swapped"
    )]
    EncoderStuck(Side),
    #[error("the encoders cannot be read")]
    EncodersLost,
    #[error("the IMU does not answer")]
    ImuLost,
    #[error("it is tilted, or lies on its side")]
    Tilted,
    #[error("it turns and gets nowhere: its wheels slip, or something holds it")]
    Wedged,
    #[error("the ranger's lines are gone")]
    RangerLost,
    #[error("the brush sends no heartbeat")]
    BrushSilent,
    #[error("the brush has errors: {0:#x}")]
    BrushFault(u32),
    #[error("the CAN controller is bus-off")]
    BusOff,
    #[error("the CAN interface is gone, or down")]
    CanLost,
    #[error("the ground station says so")]
    Ordered,
    #[error("its time is over")]
    Ended,
    #[error("it was interrupted")]
    Interrupted,
}

impl Stop {
    /// How the ground station is told: which, and what more there is to say.
    pub fn code(self) -> (u8, u32) {
        match self {
            Stop::Emergency => (1, 0),
            Stop::ButtonLost => (2, 0),
            Stop::MotorsLost => (3, 0),
            Stop::EncoderStuck(side) => (4, side as u32),
            Stop::EncodersLost => (5, 0),
            Stop::ImuLost => (6, 0),
            Stop::RangerLost => (7, 0),
            Stop::BrushSilent => (8, 0),
            Stop::BrushFault(errors) => (9, errors),
            Stop::BusOff => (10, 0),
            Stop::CanLost => (11, 0),
            Stop::Ordered => (12, 0),
            Stop::Ended => (13, 0),
            Stop::Interrupted => (14, 0),
            Stop::Tilted => (15, 0),
            Stop::Wedged => (16, 0),
        }
    }

    /// Whether the program ends with it.
    pub fn is_final(self) -> bool {
        matches!(self, Stop::Ended | Stop::Interrupted)
    }

    /// Whether somebody wants it so: that counts while it stands for something else, too.
    pub fn is_wanted(self) -> bool {
        self.is_final() || matches!(self, Stop::Emergency | Stop::Ordered)
    }
}
