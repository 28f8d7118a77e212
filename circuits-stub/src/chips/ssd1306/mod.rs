mod registers;
mod shown;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_wait::Time;

use self::registers::{Registers, arguments};
use self::shown::Viewer;
use super::Picture;
use crate::Pin;
use crate::i2c::{Acknowledge, Device, Transfer};
use crate::spi;

/// Solomon Systech's SSD1306 controller with an OLED panel (datasheet SSD1306, rev. 1.1): on I2C at
/// 0x3c or 0x3d, and on 4-wire SPI.
///
/// The panels are wired as the usual modules are: the picture is upright after 0xa1 and 0xc8, a panel
/// of 64 lines wants the alternative COM pins and one of 32 the sequential ones, and nothing is lit
/// before the charge pump is on (0x8d). The memory is full of noise in the beginning. Segment remap
/// is for what is written after it, and a COM scan direction for what is shown, as the datasheet says.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Ssd1306};
/// use embedded_hal::i2c::I2c;
///
/// let screen = Ssd1306::new_128x64();
/// let stub = Stub::virtual_time().i2c_device("i2c-1", 0x3c, screen.clone())?;
/// let mut bus = Bus::open_on(&stub, "i2c-1", &Config::new())?;
/// bus.write(0x3c, &[0x00, 0xa1, 0xc8, 0x8d, 0x14, 0xaf])?;
/// bus.write(0x3c, &[0x40, 0b0000_0101])?;
/// assert_eq!([0, 1, 2].map(|y| screen.pixel(0, y)), [true, false, true]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Scrolling is taken and does not happen; contrast can be asked for and is in no picture. The clock,
/// the periods of a line and the levels of the COM pins are taken and change nothing. The pin RES# is
/// the method [`reset`](Ssd1306::reset). Neither 3-wire SPI nor a parallel bus is there. When it has lost its
/// [power](crate::Stub::power_i2c) it is dark, as after a reset, and its memory is noise again.
///
/// Clones are the same chip.
#[derive(Clone)]
pub struct Ssd1306(Arc<Mutex<Chip>>);

struct Chip {
    panel: Panel,
    data_command: Option<Pin>,
    /// By page and segment: a bit a line, the lowest at the top.
    memory: [[u8; COLUMNS]; PAGES],
    registers: Registers,
    /// The bytes of a command whose end has not come.
    command: Vec<u8>,
    /// What the byte to come on I2C is.
    expects: Expects,
    viewer: Option<Viewer>,
}

/// How the glass is wired to the chip.
#[derive(Clone, Copy, Debug)]
struct Panel {
    lines: usize,
    /// Neighbouring lines go to pins on either side of the chip.
    is_alternative: bool,
}

#[derive(Clone, Copy)]
enum Expects {
    Control,
    /// One byte, and then a control byte.
    One {
        is_data: bool,
    },
    /// Nothing else until the stop.
    Stream {
        is_data: bool,
    },
}

const COLUMNS: usize = 128;
const PAGES: usize = 8;
const LINES: usize = 64;

/// The control byte (section 8.1.5.2): only data bytes follow, if it is not set.
const CONTINUATION: u8 = 1 << 7;
const DATA: u8 = 1 << 6;
/// The status that is read (table 9-2).
const STATUS_OFF: u8 = 1 << 6;

impl Ssd1306 {
    /// Makes a screen of 128 by 64 pixels, off as after a reset.
    pub fn new_128x64() -> Ssd1306 {
        Ssd1306::new(Panel {
            lines: 64,
            is_alternative: true,
        })
    }

    /// Makes a screen of 128 by 32 pixels, off as after a reset.
    pub fn new_128x32() -> Ssd1306 {
        Ssd1306::new(Panel {
            lines: 32,
            is_alternative: false,
        })
    }

    fn new(panel: Panel) -> Ssd1306 {
        Ssd1306(Arc::new(Mutex::new(Chip {
            panel,
            data_command: None,
            memory: noise(),
            registers: Registers::after_reset(),
            command: Vec::new(),
            expects: Expects::Control,
            viewer: None,
        })))
    }

    /// Connects the pin D/C#, which tells commands (low) from data (high) on SPI. Default: to ground.
    pub fn data_command(self, pin: Pin) -> Ssd1306 {
        self.lock().data_command = Some(pin);
        self
    }

    /// Resets the chip, as a low level at RES# does: the memory stays.
    pub fn reset(&self) {
        let mut chip = self.lock();
        chip.registers = Registers::after_reset();
        chip.command.clear();
    }

    /// Tells whether a pixel is lit, as somebody sees it who looks at the screen; counted from the
    /// upper left corner. Beyond the screen nothing is lit.
    pub fn pixel(&self, x: usize, y: usize) -> bool {
        self.lock().pixel(x, y)
    }

    /// Returns what is to be seen.
    pub fn picture(&self) -> Picture {
        let chip = self.lock();
        Picture::new(COLUMNS, chip.panel.lines, |x, y| chip.pixel(x, y))
    }

    /// Tells whether the display is on (0xaf), whatever it shows.
    pub fn is_on(&self) -> bool {
        self.lock().registers.is_on
    }

    /// Returns the contrast: 0 to 255. Default: 127.
    pub fn contrast(&self) -> u8 {
        self.lock().registers.contrast
    }

    fn lock(&self) -> MutexGuard<'_, Chip> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// What is in a memory that was just powered.
fn noise() -> [[u8; COLUMNS]; PAGES] {
    let mut noise = 1_u32;
    let mut byte = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    [(); PAGES].map(|()| [(); COLUMNS].map(|()| byte()))
}

impl Chip {
    fn take(&mut self, is_data: bool, byte: u8) {
        let registers = &mut self.registers;
        if is_data {
            let segment = match registers.is_remapped {
                false => registers.column,
                true => COLUMNS - 1 - registers.column,
            };
            self.memory[registers.page][segment] = byte;
            registers.advance();
            return;
        }
        self.command.push(byte);
        if self.command.len() > arguments(self.command[0]) {
            registers.command(&self.command);
            self.command.clear();
        }
    }

    fn pixel(&self, x: usize, y: usize) -> bool {
        let registers = &self.registers;
        let is_lit = registers.is_on && registers.charge_pump;
        if x >= COLUMNS || y >= self.panel.lines || !is_lit {
            return false;
        }
        // The glass is upside down to the chip.
        let wire = self.panel.lines - 1 - y;
        let pin = match self.panel.is_alternative {
            false => wire,
            true => wire / 2 + wire % 2 * (LINES / 2),
        };
        let Some(line) = registers.line_at(pin) else {
            return false;
        };
        let byte = self.memory[line / 8][COLUMNS - 1 - x];
        registers.entire_on || (byte >> (line % 8) & 1 != 0) != registers.is_inverse
    }
}

impl Device for Ssd1306 {
    fn start(&mut self, _: Transfer, _: Time) -> Acknowledge {
        self.lock().expects = Expects::Control;
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut chip = self.lock();
        match chip.expects {
            Expects::Control => {
                let is_data = byte & DATA != 0;
                chip.expects = match byte & CONTINUATION {
                    0 => Expects::Stream { is_data },
                    _ => Expects::One { is_data },
                };
            }
            Expects::One { is_data } => {
                chip.take(is_data, byte);
                chip.expects = Expects::Control;
            }
            Expects::Stream { is_data } => chip.take(is_data, byte),
        }
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        if self.is_on() { 0 } else { STATUS_OFF }
    }

    fn stop(&mut self, time: Time) {
        self.lock().rests_from(time);
    }

    fn power(&mut self, _: bool, time: Time) {
        self.reset();
        let mut chip = self.lock();
        chip.memory = noise();
        // What is to be seen is another picture.
        chip.rests_from(time);
    }
}

impl spi::Device for Ssd1306 {
    fn transfer(&mut self, byte: u8) -> u8 {
        let pin = self.lock().data_command.clone();
        // Without the lock: the board has its own.
        let is_data = pin.is_some_and(|pin| pin.level());
        self.lock().take(is_data, byte);
        // It has no output.
        0xff
    }

    fn deselect(&mut self, time: Time) {
        self.lock().rests_from(time);
    }
}

impl fmt::Debug for Ssd1306 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chip = self.lock();
        f.debug_struct("Ssd1306")
            .field("panel", &chip.panel)
            .field("is_on", &chip.registers.is_on)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Stub;

    /// All in one write.
    fn send(screen: &mut Ssd1306, bytes: &[u8]) {
        screen.start(Transfer::Write, Time::ZERO);
        for byte in bytes {
            assert_eq!(Device::write(screen, *byte), Acknowledge::Yes);
        }
        screen.stop(Time::ZERO);
    }

    fn commands(screen: &mut Ssd1306, bytes: &[u8]) {
        send(screen, &[&[0x00], bytes].concat());
    }

    /// Lit and upright, with nothing in its memory.
    fn on(mut screen: Ssd1306) -> Ssd1306 {
        screen.lock().memory = [[0; COLUMNS]; PAGES];
        commands(&mut screen, &[0xa1, 0xc8, 0x8d, 0x14, 0xaf]);
        screen
    }

    /// Where bytes are in the memory as the program sees it: by page and column.
    fn written(screen: &Ssd1306) -> Vec<(usize, usize, u8)> {
        let chip = screen.lock();
        let places = (0..PAGES).flat_map(|page| (0..COLUMNS).map(move |column| (page, column)));
        let bytes = places.map(|(page, column)| (page, column, chip.memory[page][127 - column]));
        bytes.filter(|(.., byte)| *byte != 0).collect()
    }

    /// Sections 10.1.1 to 10.1.5: the end of each range, and what comes after it.
    #[test]
    fn addresses_go_on_as_the_figures_show() {
        let mut screen = on(Ssd1306::new_128x64());
        // Page addressing is the default.
        commands(&mut screen, &[0xb2, 0x0e, 0x17]);
        send(&mut screen, &[0x40, 1, 2, 3]);
        assert_eq!(written(&screen), [(2, 126, 3), (2, 127, 2)]);

        // As figure 10-5: columns 2 to 125, pages 1 to 6.
        let range = [0x21, 2, 125, 0x22, 1, 6];
        let mut screen = on(Ssd1306::new_128x64());
        commands(&mut screen, &[&[0x20, 0], &range[..]].concat());
        let bytes = [
            vec![0x40, 1],
            vec![0; 122],
            vec![2, 3],
            vec![0; 123 + 4 * 124 - 1],
        ]
        .concat();
        send(&mut screen, &[&bytes[..], &[4]].concat());
        assert_eq!(
            written(&screen),
            [(1, 2, 1), (1, 125, 2), (2, 2, 3), (6, 125, 4)]
        );
        send(&mut screen, &[0x40, 5]);
        assert_eq!(written(&screen)[0], (1, 2, 5), "from the beginning");

        let mut screen = on(Ssd1306::new_128x64());
        commands(&mut screen, &[&[0x20, 1], &range[..]].concat());
        send(&mut screen, &[0x40, 1, 2, 3, 4, 5, 6, 7]);
        let down = [
            (1, 2, 1),
            (1, 3, 7),
            (2, 2, 2),
            (3, 2, 3),
            (4, 2, 4),
            (5, 2, 5),
            (6, 2, 6),
        ];
        assert_eq!(written(&screen), down);
    }

    #[test]
    fn a_viewer_sees_what_is_set_up() {
        let mut screen = on(Ssd1306::new_128x64());
        // A dot on the left, in the second line.
        send(&mut screen, &[0x40, 0b10]);
        let at = |screen: &Ssd1306| {
            let places = (0..64).flat_map(|y| (0..128).map(move |x| (x, y)));
            places
                .filter(|(x, y)| screen.pixel(*x, *y))
                .collect::<Vec<_>>()
        };
        assert_eq!(at(&screen), [(0, 1)]);
        commands(&mut screen, &[0xc0]);
        assert_eq!(at(&screen), [(0, 62)], "upside down");
        commands(&mut screen, &[0xc8, 0x43]);
        assert_eq!(at(&screen), [(0, 62)], "the fourth line is the first");
        commands(&mut screen, &[0x40, 0xd3, 0x10]);
        assert_eq!(at(&screen), [(0, 49)], "16 lines up");
        commands(&mut screen, &[0xd3, 0, 0xa0]);
        assert_eq!(at(&screen), [(0, 1)], "what was written stays");
        commands(&mut screen, &[0xb0, 0x00, 0x10]);
        send(&mut screen, &[0x40, 0b10]);
        assert_eq!(at(&screen), [(0, 1), (127, 1)]);
        commands(&mut screen, &[0xa7]);
        assert_eq!(screen.picture().lit(), 128 * 64 - 2);
        commands(&mut screen, &[0xa6, 0xa5]);
        assert_eq!(screen.picture().lit(), 128 * 64);
        commands(&mut screen, &[0xa4, 0xae]);
        assert_eq!(at(&screen), []);
        commands(&mut screen, &[0xaf, 0x8d, 0x10]);
        assert_eq!(at(&screen), [], "without the charge pump it is dark");
        commands(&mut screen, &[0x8d, 0x14, 0xda, 0x02]);
        assert_eq!(at(&screen), [(0, 2), (127, 2)], "wired the other way");
    }

    #[test]
    fn a_screen_of_32_lines_shows_half_of_the_memory() {
        let mut screen = on(Ssd1306::new_128x32());
        commands(&mut screen, &[0xa8, 31, 0xda, 0x02]);
        send(&mut screen, &[0x40, 0b1]);
        commands(&mut screen, &[0xb3, 0x00, 0x10]);
        send(&mut screen, &[0x40, 0x80]);
        commands(&mut screen, &[0xb4, 0x00, 0x10]);
        send(&mut screen, &[0x40, 0x80]);
        let picture = Picture::new(128, 32, |x, y| x == 0 && (y == 0 || y == 31));
        assert_eq!(screen.picture(), picture);
    }

    #[test]
    fn resets_as_the_datasheet_says() {
        let mut screen = Ssd1306::new_128x64();
        assert_eq!((screen.is_on(), screen.contrast()), (false, 0x7f));
        assert_eq!(Device::read(&mut screen), 0x40);
        commands(&mut screen, &[0x81, 0x20, 0x8d, 0x14, 0xaf, 0x81]);
        assert_eq!((screen.is_on(), screen.contrast()), (true, 0x20));
        assert_eq!(Device::read(&mut screen), 0);
        assert!((1000..7000).contains(&screen.picture().lit()), "noise");
        screen.reset();
        commands(&mut screen, &[0xaf]);
        assert_eq!((screen.is_on(), screen.contrast()), (true, 0x7f));
    }

    /// Section 8.1.5.2, and commands whose bytes come one by one.
    #[test]
    fn control_bytes_say_what_comes() {
        let mut screen = on(Ssd1306::new_128x64());
        send(
            &mut screen,
            &[
                0x80, 0x81, 0x80, 0x33, 0xc0, 0xff, 0x80, 0xb1, 0x40, 0x81, 7,
            ],
        );
        assert_eq!(screen.contrast(), 0x33);
        assert_eq!(written(&screen), [(0, 0, 0xff), (1, 1, 0x81), (1, 2, 7)]);
        for command in [0x81, 0x44] {
            commands(&mut screen, &[command]);
        }
        assert_eq!(screen.contrast(), 0x44);
    }

    #[test]
    fn on_spi_a_pin_tells_commands_from_data() {
        let stub = Stub::virtual_time().lines(["DC"]);
        let mut screen = on(Ssd1306::new_128x64()).data_command(stub.pin("DC").unwrap());
        let mut send = |level, bytes: &[u8]| {
            stub.drive("DC", level).unwrap();
            spi::Device::select(&mut screen, Time::ZERO);
            for byte in bytes {
                spi::Device::transfer(&mut screen, *byte);
            }
            spi::Device::deselect(&mut screen, Time::ZERO + Duration::from_micros(8));
        };
        send(false, &[0x81, 0x55, 0xb1]);
        send(true, &[0xa5, 0x81]);
        assert_eq!(screen.contrast(), 0x55);
        assert_eq!(written(&screen), [(1, 0, 0xa5), (1, 1, 0x81)]);
    }
}
