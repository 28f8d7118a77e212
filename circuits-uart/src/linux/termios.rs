//! Configurations as the kernel's `struct termios2` (termios(3)).

use std::io;

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OutputModes, SpecialCodeIndex, Termios,
};

use crate::{Config, FlowControl, Parity, StopBits};

/// What marks in the input where a byte was damaged or a break came.
const MARKS: InputModes = InputModes::INPCK.union(InputModes::PARMRK);
const SOFTWARE: InputModes = InputModes::IXON.union(InputModes::IXOFF);
const MARK: ControlModes = ControlModes::CMSPAR.union(ControlModes::PARODD);

/// Sets all that a terminal does to bytes, which is nothing, and how they go over the wire.
pub(super) fn set(termios: &mut Termios, config: &Config) -> io::Result<()> {
    termios.input_modes = InputModes::empty();
    termios.output_modes = OutputModes::empty();
    termios.local_modes = LocalModes::empty();
    // A read waits for one byte. With 0 an empty buffer would be the end of the file.
    termios.special_codes[SpecialCodeIndex::VMIN] = 1;
    termios.special_codes[SpecialCodeIndex::VTIME] = 0;

    // No carrier is waited for.
    let mut control = ControlModes::CREAD | ControlModes::CLOCAL;
    control |= match config.character_bits() {
        5 => ControlModes::CS5,
        6 => ControlModes::CS6,
        7 => ControlModes::CS7,
        _ => ControlModes::CS8,
    };
    control |= match config.parity_bit() {
        Parity::None => ControlModes::empty(),
        Parity::Even => ControlModes::PARENB,
        Parity::Odd => ControlModes::PARENB | ControlModes::PARODD,
        Parity::Mark => ControlModes::PARENB | MARK,
        Parity::Space => ControlModes::PARENB | ControlModes::CMSPAR,
    };
    control.set(ControlModes::CSTOPB, config.stop() == StopBits::Two);
    control.set(ControlModes::HUPCL, config.hangs_up());
    match config.flow() {
        FlowControl::None => {}
        FlowControl::Hardware => control |= ControlModes::CRTSCTS,
        FlowControl::Software => {
            termios.input_modes |= SOFTWARE;
            termios.special_codes[SpecialCodeIndex::VSTART] = 0x11;
            termios.special_codes[SpecialCodeIndex::VSTOP] = 0x13;
        }
    }
    termios.control_modes = control;
    termios.input_modes.set(MARKS, config.reports_errors());
    termios.set_speed(config.baud_rate())?;
    Ok(())
}

/// Leaves the marks as another terminal has them: what it reads is not for this one.
pub(super) fn keep_marks(termios: &mut Termios, before: &Termios) {
    termios.input_modes.remove(MARKS);
    termios.input_modes |= before.input_modes & MARKS;
}

/// Tells what a terminal is set up for.
pub(super) fn config(termios: &Termios) -> Config {
    let (input, control) = (termios.input_modes, termios.control_modes);
    let bits = match control & ControlModes::CSIZE {
        ControlModes::CS5 => 5,
        ControlModes::CS6 => 6,
        ControlModes::CS7 => 7,
        _ => 8,
    };
    let parity = match control & MARK {
        _ if !control.contains(ControlModes::PARENB) => Parity::None,
        MARK => Parity::Mark,
        ControlModes::CMSPAR => Parity::Space,
        ControlModes::PARODD => Parity::Odd,
        _ => Parity::Even,
    };
    let stop = match control.contains(ControlModes::CSTOPB) {
        true => StopBits::Two,
        false => StopBits::One,
    };
    let flow = if control.contains(ControlModes::CRTSCTS) {
        FlowControl::Hardware
    } else if input.contains(SOFTWARE) {
        FlowControl::Software
    } else {
        FlowControl::None
    };
    Config::new()
        .baud(termios.output_speed())
        .data_bits(bits)
        .parity(parity)
        .stop_bits(stop)
        .flow_control(flow)
        .report_errors(input.contains(MARKS))
        .hang_up(control.contains(ControlModes::HUPCL))
}
