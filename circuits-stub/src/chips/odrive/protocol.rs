//! What is said, and how: the table of messages of ODrive's CANSimple (firmware 0.6).

use circuits_can::{Frame, Id};

/// Which message it is: the last five bits of an identifier.
pub(super) mod command {
    pub(crate) const GET_VERSION: u8 = 0x00;
    pub(crate) const HEARTBEAT: u8 = 0x01;
    pub(crate) const ESTOP: u8 = 0x02;
    pub(crate) const GET_ERROR: u8 = 0x03;
    pub(crate) const SET_AXIS_STATE: u8 = 0x07;
    pub(crate) const GET_ENCODER_ESTIMATES: u8 = 0x09;
    pub(crate) const SET_CONTROLLER_MODE: u8 = 0x0b;
    pub(crate) const SET_INPUT_POS: u8 = 0x0c;
    pub(crate) const SET_INPUT_VEL: u8 = 0x0d;
    pub(crate) const SET_INPUT_TORQUE: u8 = 0x0e;
    pub(crate) const SET_LIMITS: u8 = 0x0f;
    pub(crate) const GET_IQ: u8 = 0x14;
    pub(crate) const GET_TEMPERATURE: u8 = 0x15;
    pub(crate) const REBOOT: u8 = 0x16;
    pub(crate) const GET_BUS_VOLTAGE_CURRENT: u8 = 0x17;
    pub(crate) const CLEAR_ERRORS: u8 = 0x18;
    pub(crate) const SET_ABSOLUTE_POSITION: u8 = 0x19;
    pub(crate) const GET_TORQUES: u8 = 0x1c;
}

/// What a controller is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Message {
    Estop,
    SetAxisState(u32),
    SetControllerMode {
        control: u32,
        input: u32,
    },
    SetInputPos {
        position: f32,
        velocity: f32,
        torque: f32,
    },
    SetInputVel {
        velocity: f32,
        torque: f32,
    },
    SetInputTorque(f32),
    SetLimits {
        velocity: f32,
        current: f32,
    },
    Reboot,
    ClearErrors,
    SetAbsolutePosition(f32),
}

/// Returns the axis and the message that a frame is for.
pub(super) fn address(frame: &Frame) -> Option<(u8, u8)> {
    let id = frame.id();
    let raw = id.raw();
    (!id.is_extended()).then_some(((raw >> 5) as u8, (raw & 0x1f) as u8))
}

/// Returns the identifier of a message of an axis.
pub(super) fn id(axis: u8, command: u8) -> Option<Id> {
    Id::standard(u16::from(axis) << 5 | u16::from(command)).ok()
}

/// Reads a message. One that is too short is none.
pub(super) fn read(command: u8, data: &[u8]) -> Option<Message> {
    let word = |at: usize| Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?));
    let float = |at| word(at).map(f32::from_bits).filter(|value| !value.is_nan());
    // In thousandths.
    let short = |at: usize| {
        let bytes = data.get(at..at + 2)?.try_into().ok()?;
        Some(f32::from(i16::from_le_bytes(bytes)) / 1000.0)
    };
    Some(match command {
        command::ESTOP => Message::Estop,
        command::SET_AXIS_STATE => Message::SetAxisState(word(0)?),
        command::SET_CONTROLLER_MODE => Message::SetControllerMode {
            control: word(0)?,
            input: word(4)?,
        },
        command::SET_INPUT_POS => Message::SetInputPos {
            position: float(0)?,
            velocity: short(4)?,
            torque: short(6)?,
        },
        command::SET_INPUT_VEL => Message::SetInputVel {
            velocity: float(0)?,
            torque: float(4)?,
        },
        command::SET_INPUT_TORQUE => Message::SetInputTorque(float(0)?),
        command::SET_LIMITS => Message::SetLimits {
            velocity: float(0)?,
            current: float(4)?,
        },
        command::REBOOT => Message::Reboot,
        command::CLEAR_ERRORS => Message::ClearErrors,
        command::SET_ABSOLUTE_POSITION => Message::SetAbsolutePosition(float(0)?),
        _ => return None,
    })
}

/// Two numbers, as most of the answers have.
pub(super) fn pair(first: f32, second: f32) -> [u8; 8] {
    words(first.to_bits(), second.to_bits())
}

pub(super) fn words(first: u32, second: u32) -> [u8; 8] {
    (u64::from(second) << 32 | u64::from(first)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As an independent implementation of the protocol has it in its documentation.
    #[test]
    fn messages_are_as_others_write_them() {
        let data = [0x00, 0x00, 0x20, 0xc0, 0x00, 0x00, 0x80, 0x3e];
        let frame = Frame::new(id(1, command::SET_INPUT_VEL).unwrap(), &data).unwrap();
        assert_eq!(frame.id().raw(), 0x02d);
        assert_eq!(address(&frame), Some((1, command::SET_INPUT_VEL)));
        let message = Message::SetInputVel {
            velocity: -2.5,
            torque: 0.25,
        };
        assert_eq!(read(command::SET_INPUT_VEL, &data), Some(message));
        assert_eq!(pair(-2.5, 0.25), data);
    }

    #[test]
    fn feed_forward_of_a_position_is_in_thousandths() {
        let data = [0, 0, 0x40, 0x3f, 0xe8, 0x03, 0x06, 0xff];
        let message = Message::SetInputPos {
            position: 0.75,
            velocity: 1.0,
            torque: -0.25,
        };
        assert_eq!(read(command::SET_INPUT_POS, &data), Some(message));
    }

    #[test]
    fn what_is_too_short_or_no_number_is_nothing() {
        assert_eq!(read(command::SET_AXIS_STATE, &[8, 0, 0]), None);
        assert_eq!(read(command::SET_INPUT_VEL, &[0; 7]), None);
        assert_eq!(read(command::SET_INPUT_TORQUE, &[0, 0, 0xc0, 0x7f]), None);
        assert_eq!(read(0x1f, &[0; 8]), None);
        let extended = Frame::new(Id::extended(0x02d).unwrap(), &[]).unwrap();
        assert_eq!(address(&extended), None);
    }
}
