use std::sync::Arc;
use std::thread;
use std::time::Duration;

use circuits_wait::Time;

use crate::Stub;
use crate::chips::Tmp102;

/// The lines of a Raspberry Pi 3's header as its device tree names them (bcm2837-rpi-3-b.dts), and
/// the rest of its chip's.
const NAMES: [&str; 28] = [
    "ID_SDA",
    "ID_SCL",
    "SDA1",
    "SCL1",
    "GPIO_GCLK",
    "GPIO5",
    "GPIO6",
    "SPI_CE1_N",
    "SPI_CE0_N",
    "SPI_MISO",
    "SPI_MOSI",
    "SPI_SCLK",
    "GPIO12",
    "GPIO13",
    "TXD1",
    "RXD1",
    "GPIO16",
    "GPIO17",
    "GPIO18",
    "GPIO19",
    "GPIO20",
    "GPIO21",
    "GPIO22",
    "GPIO23",
    "GPIO24",
    "GPIO25",
    "GPIO26",
    "GPIO27",
];

/// The button of the sample board.
const BUTTON: &str = "GPIO27";

impl Stub {
    /// Makes a sample board in real time: a Raspberry Pi with a TMP102 at 0x48 of `i2c-1` in a room
    /// that warms up and cools down by half a degree a minute, an LED on `GPIO17`, and a button
    /// from `GPIO27` to ground that somebody presses every second.
    pub fn sample() -> Stub {
        let room =
            |time: Time| 21.5 + 0.5 * (time.as_nanos() as f32 / 60e9 * std::f32::consts::TAU).sin();
        let unnamed = [""; 54 - NAMES.len()];
        let names = NAMES.into_iter().chain(unnamed);
        let stub = Stub::real_time().chip("pinctrl-bcm2835", names);
        // The address is good, and nobody has it yet.
        let _ = stub
            .board()
            .buses
            .attach("i2c-1", 0x48.into(), Box::new(Tmp102::following(room)));
        stub.press_the_button();
        stub
    }

    /// Has a thread press it, for as long as the board is there.
    fn press_the_button(&self) {
        let board = Arc::downgrade(self.board());
        let finger = move || {
            for pressed in [true, false].into_iter().cycle() {
                thread::sleep(Duration::from_millis(if pressed { 800 } else { 200 }));
                let Some(board) = board.upgrade() else { return };
                let stub = Stub::of(board);
                // Nobody presses a button that no program looks at.
                if !matches!(stub.consumer(BUTTON), Ok(Some(_))) {
                    continue;
                }
                let done = match pressed {
                    true => stub.drive(BUTTON, false),
                    false => stub.let_go(BUTTON),
                };
                if done.is_err() {
                    return;
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("finger".into()).spawn(finger) {
            self.note(format!("nobody presses {BUTTON}: {error}"));
        }
    }
}
