//! A device on the wires, and what the bits before have left in it.

use circuits_spi::Mode;
use circuits_wait::Time;

use super::Device;

/// A device, wherever its chip select is.
pub(super) struct Chip {
    pub(super) device: Box<dyn Device>,
    skew: Skew,
}

/// The bytes before, of a device that takes data at the wrong edge.
#[derive(Default)]
struct Skew {
    sent: u8,
    came: u8,
}

impl Chip {
    pub(super) fn new(device: Box<dyn Device>) -> Chip {
        Chip {
            device,
            skew: Skew::default(),
        }
    }

    pub(super) fn select(&mut self, time: Time) {
        self.skew = Skew::default();
        self.device.select(time);
    }

    pub(super) fn exchange(&mut self, byte: u8, mode: Mode) -> u8 {
        if self.device.understands(mode) {
            return self.device.transfer(byte);
        }
        // The last bit of the byte before comes first.
        let answer = self.device.transfer(self.skew.sent << 7 | byte >> 1);
        let came = self.skew.came << 7 | answer >> 1;
        self.skew = Skew {
            sent: byte,
            came: answer,
        };
        came
    }
}

/// A device whose chip select is a line.
pub(super) struct OnLine {
    pub(super) line: usize,
    pub(super) chip: Chip,
    pub(super) is_selected: bool,
}

impl OnLine {
    pub(super) fn see(&mut self, level: bool, time: Time) {
        let selected = level == self.chip.device.is_active_high();
        // Before the device is told, which may panic.
        match (std::mem::replace(&mut self.is_selected, selected), selected) {
            (false, true) => self.chip.select(time),
            (true, false) => self.chip.device.deselect(time),
            _ => {}
        }
    }
}

/// The device on a node's chip select, and those whose lines are active.
pub(super) struct Selected<'a> {
    pub(super) node: Option<&'a mut Chip>,
    pub(super) on_lines: &'a mut [OnLine],
}

impl Selected<'_> {
    pub(super) fn chips(&mut self) -> impl Iterator<Item = &mut Chip> {
        let on_lines = self.on_lines.iter_mut().filter(|on| on.is_selected);
        let node = self.node.iter_mut().map(|chip| &mut **chip);
        node.chain(on_lines.map(|on| &mut on.chip))
    }
}
