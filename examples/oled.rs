//! Shows a name and a robot that drives to and fro on a screen with an SSD1306, by other people's
//! driver and graphics: `cargo run --example oled -- --count 50`
//!
//! The virtual board has such a screen, and shows in the terminal what is on it:
//! `CIRCUITS_BACKEND=stub cargo run --example oled`

use std::time::Duration;

use circuits::prelude::*;
use clap::Parser;
use embedded_graphics::mono_font::{MonoTextStyle, ascii::FONT_10X20};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{Circle, PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Baseline, Text};
use ssd1306::prelude::*;
use ssd1306::{I2CDisplayInterface, Ssd1306};

#[derive(Parser)]
struct Args {
    /// The bus of the screen, which is at address 0x3c and has 128 by 64 pixels
    #[arg(long, default_value = "i2c-1")]
    bus: String,
    /// What it shows
    #[arg(long, default_value = "Circuits")]
    text: String,
    /// How many pictures, ten a second; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

const ROBOT: Size = Size::new(20, 16);
const STEP: i32 = 4;

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let mut bus = board.i2c_bus(&args.bus)?;
    // The driver tells that something went wrong, and not what: a command that does nothing does.
    bus.write(0x3c, &[0x00, 0xe3])?;
    let interface = I2CDisplayInterface::new(bus);
    let mut screen = Ssd1306::new(interface, DisplaySize128x64, DisplayRotation::Rotate0)
        .into_buffered_graphics_mode();
    let failed = |error| format!("the screen does not go on: {error:?}");
    screen.init().map_err(failed)?;

    let style = MonoTextStyle::new(&FONT_10X20, BinaryColor::On);
    let text = Text::with_baseline(&args.text, Point::new(4, 4), style, Baseline::Top);
    text.draw(&mut screen).map_err(failed)?;
    let ground = screen.bounding_box().size.height as i32 - ROBOT.height as i32;
    let way = screen.bounding_box().size.width as i32 - ROBOT.width as i32;
    for picture in 0..args.count.unwrap_or(usize::MAX) {
        // To the right end and back.
        let driven = (picture as i32).wrapping_mul(STEP).rem_euclid(2 * way);
        let at = Point::new(driven.min(2 * way - driven), ground);
        robot(&mut screen, at, BinaryColor::On).map_err(failed)?;
        screen.flush().map_err(failed)?;
        board.delay().sleep(Duration::from_millis(100))?;
        robot(&mut screen, at, BinaryColor::Off).map_err(failed)?;
    }
    Ok(())
}

/// Two wheels, a body, and an eye.
fn robot<D: DrawTarget<Color = BinaryColor>>(
    screen: &mut D,
    at: Point,
    color: BinaryColor,
) -> Result<(), D::Error> {
    let fill = PrimitiveStyle::with_fill(color);
    let hole = PrimitiveStyle::with_fill(BinaryColor::Off);
    Rectangle::new(at, Size::new(20, 10))
        .into_styled(fill)
        .draw(screen)?;
    Circle::new(at + Point::new(12, 2), 4)
        .into_styled(hole)
        .draw(screen)?;
    for wheel in [1, 12] {
        Circle::new(at + Point::new(wheel, 9), 7)
            .into_styled(fill)
            .draw(screen)?;
    }
    Ok(())
}
