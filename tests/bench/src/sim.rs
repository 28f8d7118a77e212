use std::fs::File;
use std::os::unix::fs::FileExt;

use gpiosim::{Bank, Sim};

/// Two lines of the kernel's gpio-sim: an input at offset 0, an output at offset 1. Needs the module
/// and root.
pub struct SimLines {
    sim: Sim,
    pull: File,
}

impl SimLines {
    /// Returns a chip of its own.
    #[allow(clippy::new_without_default)]
    pub fn new() -> SimLines {
        let sim = gpiosim::builder()
            .with_bank(&Bank::new(2, "circuits"))
            .live()
            .unwrap();
        let chip = &sim.chips()[0];
        let pull = format!(
            "/sys/devices/platform/{}/{}/sim_gpio0/pull",
            chip.dev_name, chip.chip_name
        );
        let pull = File::options().write(true).open(pull).unwrap();
        SimLines { sim, pull }
    }

    /// Returns the name of the input.
    pub fn input(&self) -> String {
        format!("{}:0", self.sim.chips()[0].chip_name)
    }

    /// Returns the name of the output.
    pub fn output(&self) -> String {
        format!("{}:1", self.sim.chips()[0].chip_name)
    }

    /// Moves the input, without an allocation.
    pub fn drive(&self, high: bool) {
        let pull = if high { "pull-up" } else { "pull-down" };
        self.pull.write_all_at(pull.as_bytes(), 0).unwrap();
    }
}
