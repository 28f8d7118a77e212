//! The screen, by its driver.

use circuits::embedded_hal::i2c::I2c;
use ssd1306::Ssd1306;
use ssd1306::mode::BufferedGraphicsMode;
use ssd1306::prelude::*;

use crate::bus::{Bus, Device, Heard};
use crate::config;
use crate::frame::{self, Frame, WIDTH};
use crate::part::Result;

/// A screen of 128 by 64 pixels with an SSD1306.
pub(crate) struct Screen {
    driver:
        Ssd1306<I2CInterface<Device>, DisplaySize128x64, BufferedGraphicsMode<DisplaySize128x64>>,
    heard: Heard,
    /// The same chip, for what the driver does not ask.
    chip: Device,
    address: u8,
    /// Whether the chip tells whether it is on. There are copies that do not.
    tells: bool,
    /// What the chip has in its memory.
    shown: Frame,
}

/// The control byte before data (section 8.1.5.2).
const DATA: u8 = 0x40;
/// Of the chip's status (table 9-2): the display is off.
const OFF: u8 = 1 << 6;

impl Screen {
    pub(crate) fn open(bus: &Bus, config: &config::Screen) -> Result<Screen> {
        let mut screen = Screen::connect(bus, config)?;
        screen.set_up()?;
        screen.tells = !screen.is_off()?;
        Ok(screen)
    }

    /// A screen that is as it is.
    pub(crate) fn connect(bus: &Bus, config: &config::Screen) -> Result<Screen> {
        let (device, chip) = (bus.device(config.address)?, bus.device(config.address)?);
        let heard = device.heard();
        let interface = I2CInterface::new(device, config.address, DATA);
        let driver = Ssd1306::new(interface, DisplaySize128x64, DisplayRotation::Rotate0);
        Ok(Screen {
            driver: driver.into_buffered_graphics_mode(),
            heard,
            chip,
            address: config.address,
            tells: true,
            shown: Frame::new(),
        })
    }

    /// Tells the chip all that it must know, and clears its memory, which is full of noise after a loss of power.
    fn set_up(&mut self) -> Result<()> {
        let driver = &mut self.driver;
        let done = driver
            .init()
            // Dark until there is something to see.
            .and_then(|()| driver.set_display_on(false))
            .and_then(|()| driver.flush())
            .and_then(|()| driver.set_display_on(true));
        self.shown = Frame::new();
        done.map_err(|error| self.heard.instead_of(error))
    }

    fn is_off(&mut self) -> Result<bool> {
        let mut status = [0];
        let heard = self.chip.heard();
        let read = self.chip.read(self.address, &mut status);
        read.map_err(|error| heard.instead_of(error))?;
        Ok(status[0] & OFF != 0)
    }

    /// Has the screen show a picture. Only what is another is sent.
    ///
    /// # Errors
    /// Also when the chip has had no power since: it acknowledges everything then, and shows nothing.
    pub(crate) fn show(&mut self, frame: &Frame) -> Result<()> {
        if self.tells && self.is_off()? {
            return Err("it is off, and so has lost its power and all that it was told".into());
        }
        let bytes = frame.data().iter().zip(self.shown.data());
        for (number, (new, old)) in bytes.enumerate().filter(|(_, (new, old))| new != old) {
            for bit in (0..8).filter(|bit| (new ^ old) & (0x80 >> bit) != 0) {
                let (x, y) = (number * 8 % WIDTH + bit, number * 8 / WIDTH);
                self.driver
                    .set_pixel(x as u32, y as u32, frame::is_lit(frame, x, y));
            }
        }
        let flushed = self.driver.flush();
        flushed.map_err(|error| self.heard.instead_of(error))?;
        self.shown.data_mut().copy_from_slice(frame.data());
        Ok(())
    }

    /// The same from the beginning, if the chip does not tell that it lost its power: at times one must be sure.
    pub(crate) fn show_anew(&mut self, frame: &Frame) -> Result<()> {
        if !self.tells {
            self.set_up()?;
        }
        self.show(frame)
    }

    /// Makes the screen dark.
    pub(crate) fn turn_off(&mut self) -> Result<()> {
        let off = self.driver.set_display_on(false);
        off.map_err(|error| self.heard.instead_of(error))
    }
}
