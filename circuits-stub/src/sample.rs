use std::error::Error;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use circuits_gpio::{Config, Output};
use circuits_wait::Time;

use crate::Stub;
use crate::chips::Tmp102;
use crate::i2c::Controller;
use crate::parts::{Button, Encoder};
use crate::stub::Board;

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

/// What people handle on the sample board.
const BUTTON: &str = "GPIO27";
const KNOB: [&str; 2] = ["GPIO5", "GPIO6"];
/// What another program takes now and then: a line that no header has.
const OTHER: &str = "gpiochip0:45";

impl Stub {
    /// Makes a sample board in real time: a Raspberry Pi with a TMP102 at 0x48 of `i2c-1` in a room
    /// that warms up and cools down by half a degree a minute, an LED on `GPIO17`, a button from
    /// `GPIO27` to ground that somebody presses every second, and a rotary encoder on `GPIO5` and
    /// `GPIO6` that somebody turns. Its contacts bounce for 3 ms. While a program watches lines,
    /// another one takes line 45 now and then.
    pub fn sample() -> Stub {
        let room =
            |time: Time| 21.5 + 0.5 * (time.as_nanos() as f32 / 60e9 * std::f32::consts::TAU).sin();
        let unnamed = [""; 54 - NAMES.len()];
        let names = NAMES.into_iter().chain(unnamed);
        let stub = Stub::real_time()
            .model("Raspberry Pi 3 Model B, virtual")
            .chip("pinctrl-bcm2835", names)
            .i2c_controller("i2c-1", Controller::bcm2835());
        // The address is good, and nobody has it yet.
        let _ = stub.plug_i2c("i2c-1", 0x48, Tmp102::following(room));
        let board = Arc::downgrade(stub.board());
        let life = move || while live(&board).is_ok() {};
        if let Err(error) = thread::Builder::new().name("life".into()).spawn(life) {
            stub.note(format!("nobody presses {BUTTON}: {error}"));
        }
        stub
    }

    fn is_used(&self, line: &str) -> bool {
        matches!(self.consumer(line), Ok(Some(_)))
    }
}

/// A second on the sample board. Nobody handles what no program looks at.
fn live(board: &Weak<Board>) -> Result<(), Box<dyn Error>> {
    // For as long as the board is there, and not for longer: nothing here keeps it.
    let board = || board.upgrade().map(Stub::of).ok_or("it is gone");
    let pressed = board()?.is_used(BUTTON);
    if pressed {
        button(&board()?)?.press()?;
    }
    if board()?.is_used(KNOB[0]) {
        Encoder::new(&board()?, KNOB[0], KNOB[1])?.turn(3)?;
    }
    let other = match board()?.is_watched() {
        true => {
            let config = Config::new().consumer("another program");
            Some(Output::open_on(&board()?, OTHER, &config))
        }
        false => None,
    };
    thread::sleep(Duration::from_millis(200));
    drop(other);
    if pressed {
        button(&board()?)?.release()?;
    }
    thread::sleep(Duration::from_millis(300));
    if board()?.is_used(KNOB[0]) {
        Encoder::new(&board()?, KNOB[0], KNOB[1])?.turn(-1)?;
    }
    thread::sleep(Duration::from_millis(500));
    Ok(())
}

fn button(stub: &Stub) -> crate::Result<Button> {
    Ok(Button::to_ground(stub, BUTTON)?.bouncing(Duration::from_millis(3)))
}
