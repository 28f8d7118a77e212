use std::error::Error;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use circuits_gpio::{Bias, Config, Output};
use circuits_wait::Time;

use crate::Stub;
use crate::chips::{Gps, Mcp3008, ModbusServer, Odrive, Picture, Position, Ssd1306, Tmp102, W25q};
use crate::parts::{Button, Encoder};
use crate::stub::Board;
use crate::{i2c, spi, uart};

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
/// What people look at.
const SCREEN: u8 = 0x3c;
/// Where a motor is.
const MOTOR: &str = "can0";
/// A chip select that is not the controller's.
const SELECT: &str = "GPIO25";
/// What another program takes now and then: a line that no header has.
const OTHER: &str = "gpiochip0:45";

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
    pub fn sample() -> Stub {
        let room =
            |time: Time| 21.5 + 0.5 * (time.as_nanos() as f32 / 60e9 * std::f32::consts::TAU).sin();
        let unnamed = [""; 54 - NAMES.len()];
        let names = NAMES.into_iter().chain(unnamed);
        let stub = Stub::real_time()
            .model("Raspberry Pi 3 Model B, virtual")
            .chip("pinctrl-bcm2835", names)
            .i2c_controller("i2c-1", i2c::Controller::bcm2835())
            .serial_controller("ttyAMA0", uart::Controller::pl011());
        // Nobody else is connected yet.
        let _ = stub.connect_serial();
        // The address is good, and nobody has it yet.
        let _ = stub.plug_i2c("i2c-1", 0x48, Tmp102::following(room));
        let screen = Ssd1306::new_128x64();
        let _ = stub.plug_i2c("i2c-1", SCREEN, screen.clone());
        let board = Arc::downgrade(stub.board());
        let viewer = move || view(&board, &screen);
        if let Err(error) = thread::Builder::new().name("viewer".into()).spawn(viewer) {
            stub.note(format!("nobody looks at the screen: {error}"));
        }
        // So are the names of the nodes.
        let _ = stub.connect_spi();
        let motor = Odrive::new(0);
        let quiet = motor.clone().heartbeat_every(Duration::ZERO);
        // It has wires.
        let _ = stub.plug_can(MOTOR, quiet.estimates_every(Duration::ZERO));
        let board = Arc::downgrade(stub.board());
        let listened = board.clone();
        let heart = thread::Builder::new().name("motor".into());
        if let Err(error) = heart.spawn(move || speak(&listened, &motor)) {
            stub.note(format!("the motor says nothing: {error}"));
        }
        let life = move || while live(&board).is_ok() {};
        if let Err(error) = thread::Builder::new().name("life".into()).spawn(life) {
            stub.note(format!("nobody presses {BUTTON}: {error}"));
        }
        stub
    }

    fn connect_serial(&self) -> crate::Result<()> {
        // Half a metre a second to the north-east.
        let boat = |time: Time| Position {
            latitude: 52.379_2 + 3.2e-6 * time.as_nanos() as f64 / 1e9,
            longitude: 4.899_4 + 5.2e-6 * time.as_nanos() as f64 / 1e9,
            altitude: 0.0,
        };
        let made = self.clock().now();
        let gps = Gps::new(boat(Time::ZERO));
        gps.follow(move |time| boat(Time::ZERO + time.since(made)));
        self.plug_serial("ttyAMA0", gps)?;
        let meter = ModbusServer::new(1);
        meter.set_input(0, 2300);
        meter.set_input(1, 125);
        self.plug_serial("ttyUSB0", meter)
    }

    fn connect_spi(&self) -> crate::Result<()> {
        self.clone()
            .spi_controller("spidev0.0", spi::Controller::bcm2835())?;
        let flash = W25q::w25q32jv();
        flash.set_contents(0, b"The flash memory of the sample board.\n");
        self.plug_spi("spidev0.0", flash)?;
        let adc = Mcp3008::new(3.3);
        // In the middle of a step.
        let eighths = |channel| (128.0 * f32::from(channel) + 0.5) / 1024.0;
        (1..8u8).for_each(|channel| adc.set_volts(channel.into(), 3.3 * eighths(channel)));
        adc.follow(0, |time| {
            1.65 + 1.65 * (time.as_nanos() as f32 / 10e9 * std::f32::consts::TAU).sin()
        });
        self.plug_spi("spidev0.1", adc)?;
        let other = Mcp3008::new(3.3);
        other.set_volts(0, 1.0);
        self.clone()
            .hog("GPIO8", "spi0 CS0")?
            .hog("GPIO7", "spi0 CS1")?
            .pull(SELECT, Bias::PullUp)?
            .spi_device_on("spidev0.0", SELECT, other)?;
        Ok(())
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

/// Has the motor speak while a program listens, for as long as the board is there.
fn speak(board: &Weak<Board>, motor: &Odrive) {
    let mut speaks = false;
    while let Some(board) = board.upgrade() {
        let listens = board.can.is_open(&board, MOTOR);
        if listens != speaks {
            let interval = Duration::from_millis(if listens { 100 } else { 0 });
            let motor = motor.clone().heartbeat_every(interval);
            motor.estimates_every(interval / 2);
            speaks = listens;
        }
        drop(board);
        thread::sleep(Duration::from_millis(50));
    }
}

/// Looks at the screen, for as long as the board is there.
fn view(board: &Weak<Board>, screen: &Ssd1306) {
    let dark = Picture::new(0, 0, |_, _| false);
    let (mut shown, mut when) = (dark.clone(), Instant::now());
    loop {
        thread::sleep(Duration::from_millis(if screen.is_on() { 25 } else { 200 }));
        let Some(board) = board.upgrade() else {
            return;
        };
        // Not a picture that is still being sent, nor more of them than a person can read.
        let rested = board.schedule.now().since(screen.written());
        if rested < Duration::from_millis(25) || when.elapsed() < Duration::from_millis(500) {
            continue;
        }
        let picture = match screen.is_on() {
            true => screen.picture(),
            false => dark.clone(),
        };
        if picture == shown {
            continue;
        }
        let text = match picture == dark {
            true => format!("i2c-1 {SCREEN:#04x} is dark"),
            false => format!(
                "i2c-1 {SCREEN:#04x} shows\n{}",
                picture.to_string().trim_end()
            ),
        };
        Stub::of(board).note(text);
        (shown, when) = (picture, Instant::now());
    }
}

fn button(stub: &Stub) -> crate::Result<Button> {
    Ok(Button::to_ground(stub, BUTTON)?.bouncing(Duration::from_millis(3)))
}
