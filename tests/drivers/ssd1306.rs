use std::fmt::Write;

use circuits::stub::chips::{Picture, Ssd1306};
use embedded_graphics::mono_font::{MonoTextStyle, ascii::FONT_6X10};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Baseline, Text};
use ssd1306::mode::DisplayConfigAsync;
use ssd1306::prelude::*;
use ssd1306::{I2CDisplayInterface, Ssd1306 as Driver, Ssd1306Async};

use crate::deaf::on_i2c;

/// A rectangle that is at no edge, and in the middle of nothing.
fn rectangle() -> impl Drawable<Color = BinaryColor, Output = ()> {
    let style = PrimitiveStyle::with_fill(BinaryColor::On);
    Rectangle::new(Point::new(3, 5), Size::new(20, 13)).into_styled(style)
}

fn in_rectangle(x: usize, y: usize) -> bool {
    (3..23).contains(&x) && (5..18).contains(&y)
}

#[test]
fn driver_ssd1306_draws() {
    let screen = Ssd1306::new_128x64();
    on_i2c(0x3c, screen.clone(), |_, bus| {
        let interface = I2CDisplayInterface::new(bus);
        let mut driver = Driver::new(interface, DisplaySize128x64, DisplayRotation::Rotate0)
            .into_buffered_graphics_mode();
        driver.init().unwrap();
        driver.flush().unwrap();
        assert_eq!(screen.picture(), Picture::new(128, 64, |_, _| false));
        rectangle().draw(&mut driver).unwrap();
        assert_eq!(screen.picture().lit(), 0, "not before it is sent");
        driver.flush().unwrap();
        assert_eq!(screen.picture(), Picture::new(128, 64, in_rectangle));

        driver.set_invert(true).unwrap();
        assert_eq!(
            screen.picture(),
            Picture::new(128, 64, |x, y| !in_rectangle(x, y))
        );
        driver.set_invert(false).unwrap();
        driver.set_mirror(true).unwrap();
        driver.clear_buffer();
        rectangle().draw(&mut driver).unwrap();
        driver.flush().unwrap();
        let mirrored = Picture::new(128, 64, |x, y| in_rectangle(127 - x, y));
        assert_eq!(screen.picture(), mirrored);

        driver.set_brightness(Brightness::BRIGHTEST).unwrap();
        assert_eq!(screen.contrast(), 0xff);
        driver.set_display_on(false).unwrap();
        assert_eq!((screen.is_on(), screen.picture().lit()), (false, 0));
    });
}

#[test]
fn driver_ssd1306_rotates() {
    let screen = Ssd1306::new_128x64();
    type Seen = fn(usize, usize) -> bool;
    let rotations: [(DisplayRotation, Seen); 4] = [
        (DisplayRotation::Rotate0, in_rectangle),
        (DisplayRotation::Rotate90, |x, y| in_rectangle(y, 127 - x)),
        (DisplayRotation::Rotate180, |x, y| {
            in_rectangle(127 - x, 63 - y)
        }),
        (DisplayRotation::Rotate270, |x, y| in_rectangle(63 - y, x)),
    ];
    for (rotation, seen) in rotations {
        on_i2c(0x3d, screen.clone(), |_, bus| {
            let interface = I2CDisplayInterface::new_alternate_address(bus);
            let mut driver =
                Driver::new(interface, DisplaySize128x64, rotation).into_buffered_graphics_mode();
            driver.init().unwrap();
            rectangle().draw(&mut driver).unwrap();
            driver.flush().unwrap();
            assert_eq!(
                screen.picture(),
                Picture::new(128, 64, seen),
                "{rotation:?}"
            );
        });
    }
}

#[test]
fn driver_ssd1306_of_32_lines() {
    let screen = Ssd1306::new_128x32();
    on_i2c(0x3c, screen.clone(), |_, bus| {
        let interface = I2CDisplayInterface::new(bus);
        let mut driver = Driver::new(interface, DisplaySize128x32, DisplayRotation::Rotate0)
            .into_buffered_graphics_mode();
        driver.init().unwrap();
        let style = MonoTextStyle::new(&FONT_6X10, BinaryColor::On);
        Text::with_baseline("Pi", Point::zero(), style, Baseline::Top)
            .draw(&mut driver)
            .unwrap();
        driver.flush().unwrap();
        let picture = screen.picture();
        let rows: Vec<String> = (0..10)
            .map(|y| {
                (0..12)
                    .map(|x| if picture.pixel(x, y) { '#' } else { '.' })
                    .collect()
            })
            .collect();
        let letters = [
            "............",
            "####....#...",
            "#...#.......",
            "#...#..##...",
            "####....#...",
            "#.......#...",
            "#.......#...",
            "#......###..",
            "............",
            "............",
        ];
        assert_eq!(rows, letters);
        assert_eq!(picture.lit(), letters.concat().matches('#').count());
    });
}

#[test]
fn driver_ssd1306_writes_text() {
    let screen = Ssd1306::new_128x64();
    on_i2c(0x3c, screen.clone(), |_, bus| {
        let interface = I2CDisplayInterface::new(bus);
        let mut driver = Driver::new(interface, DisplaySize128x64, DisplayRotation::Rotate0)
            .into_terminal_mode();
        driver.init().unwrap();
        driver.clear().unwrap();
        assert_eq!(screen.picture().lit(), 0);
        driver.write_str("|").unwrap();
        driver.set_position(15, 7).unwrap();
        driver.write_str("|").unwrap();
        let picture = screen.picture();
        let cell = |left, top| Picture::new(8, 8, |x, y| picture.pixel(left + x, top + y));
        assert!(cell(0, 0).lit() > 4);
        assert_eq!(cell(120, 56), cell(0, 0));
        assert_eq!(picture.lit(), 2 * cell(0, 0).lit(), "and nothing else");
    });
}

#[test]
fn driver_ssd1306_async() {
    let screen = Ssd1306::new_128x64();
    on_i2c(0x3c, screen.clone(), |stub, bus| {
        stub.block_on(async {
            let interface = I2CDisplayInterface::new(bus);
            let mut driver =
                Ssd1306Async::new(interface, DisplaySize128x64, DisplayRotation::Rotate0)
                    .into_buffered_graphics_mode();
            driver.init().await.unwrap();
            rectangle().draw(&mut driver).unwrap();
            driver.flush().await.unwrap();
            assert_eq!(screen.picture(), Picture::new(128, 64, in_rectangle));
            driver.set_brightness(Brightness::DIM).await.unwrap();
            assert_eq!(screen.contrast(), 0x2f);
        });
    });
}
