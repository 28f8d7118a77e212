use crate::{BoardFile, Stub};

/// What is on the sample board.
const SAMPLE: &str = include_str!("../boards/sample.toml");

impl Stub {
    /// Makes a sample board in real time: a Raspberry Pi with a TMP102 at 0x48 of `i2c-1` in a room
    /// that warms up and cools down by half a degree a minute, an SSD1306 with 128 by 64 pixels at 0x3c, a
    /// W25Q32JV flash memory with a text at `spidev0.0` and an MCP3008 converter at `spidev0.1` (its channel
    /// 0 goes up and down with a knob that somebody turns, the others have eighths of its 3.3 V), another
    /// converter that `GPIO25` selects, with 1 V at its channel 0, a GPS receiver on a boat at
    /// `ttyAMA0`, a meter at `ttyUSB0` that is unit 1 of Modbus RTU (230.0 V and 1.25 A in its first input
    /// registers, in tenths and hundredths), an ODrive with a motor on the bus of `can0`, which is axis 0 of CANSimple
    /// and speaks while a program listens there (a heartbeat ten times a second, and estimates of its encoder twenty
    /// times), an LED on `GPIO17`, a button from `GPIO27` to
    /// ground that somebody presses every second, and a rotary encoder on `GPIO5` and
    /// `GPIO6` that somebody turns. Its contacts bounce for 3 ms. While a program watches lines,
    /// another one takes line 45 now and then. What the screen shows is put into the trace, twice a second
    /// at most, when it has changed and rests.
    ///
    /// It is a [`BoardFile`], `boards/sample.toml` in this crate: one to begin with.
    pub fn sample() -> Stub {
        let built = BoardFile::parse(SAMPLE).and_then(|file| file.build());
        // It is tested to be one.
        built.unwrap_or_else(|error| {
            let stub = Stub::real_time();
            stub.note(error.to_string());
            stub
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_board() {
        BoardFile::parse(SAMPLE).unwrap().build().unwrap();
    }
}
