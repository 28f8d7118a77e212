use super::{COLUMNS, LINES, PAGES};

/// Where the next byte goes (0x20).
#[derive(Clone, Copy, PartialEq)]
enum Addressing {
    Horizontal,
    Vertical,
    Page,
}

/// What commands set, but for the memory.
#[derive(Clone)]
pub(super) struct Registers {
    addressing: Addressing,
    pub(super) column: usize,
    pub(super) page: usize,
    /// First and last.
    columns: (usize, usize),
    pages: (usize, usize),
    /// Where a page starts in page addressing.
    page_column: usize,
    start_line: usize,
    pub(super) is_remapped: bool,
    multiplex: usize,
    scans_down: bool,
    offset: usize,
    com_pins: u8,
    pub(super) contrast: u8,
    pub(super) charge_pump: bool,
    pub(super) entire_on: bool,
    pub(super) is_inverse: bool,
    pub(super) is_on: bool,
}

/// Of the command 0xda.
const ALTERNATIVE: u8 = 1 << 4;
const LEFT_RIGHT: u8 = 1 << 5;

impl Registers {
    pub(super) fn after_reset() -> Registers {
        Registers {
            addressing: Addressing::Page,
            column: 0,
            page: 0,
            columns: (0, COLUMNS - 1),
            pages: (0, PAGES - 1),
            page_column: 0,
            start_line: 0,
            is_remapped: false,
            multiplex: LINES,
            scans_down: false,
            offset: 0,
            com_pins: ALTERNATIVE,
            contrast: 0x7f,
            charge_pump: false,
            entire_on: false,
            is_inverse: false,
            is_on: false,
        }
    }

    pub(super) fn command(&mut self, command: &[u8]) {
        let argument = |number: usize| usize::from(command.get(number).copied().unwrap_or(0));
        let low = usize::from(command[0]) & 0x0f;
        match command[0] {
            0x00..=0x0f => self.set_page_column(self.page_column & !0x0f | low),
            0x10..=0x1f => self.set_page_column(self.page_column & 0x0f | low << 4),
            0x20 => match argument(1) & 0b11 {
                0b00 => self.addressing = Addressing::Horizontal,
                0b01 => self.addressing = Addressing::Vertical,
                0b10 => self.addressing = Addressing::Page,
                // Invalid.
                _ => {}
            },
            0x21 => {
                self.columns = (argument(1) % COLUMNS, argument(2) % COLUMNS);
                self.column = self.columns.0;
            }
            0x22 => {
                self.pages = (argument(1) % PAGES, argument(2) % PAGES);
                self.page = self.pages.0;
            }
            0x40..=0x7f => self.start_line = usize::from(command[0]) % LINES,
            0x81 => self.contrast = command[1],
            0x8d => self.charge_pump = argument(1) & 1 << 2 != 0,
            0xa0 | 0xa1 => self.is_remapped = low == 1,
            0xa4 | 0xa5 => self.entire_on = low == 5,
            0xa6 | 0xa7 => self.is_inverse = low == 7,
            0xa8 => match argument(1) % LINES {
                // Invalid.
                0..=14 => {}
                ratio => self.multiplex = ratio + 1,
            },
            0xae | 0xaf => self.is_on = low == 0xf,
            0xb0..=0xb7 => self.page = low,
            0xc0..=0xcf => self.scans_down = low & 1 << 3 != 0,
            0xd3 => self.offset = argument(1) % LINES,
            0xda => self.com_pins = command[1],
            _ => {}
        }
    }

    fn set_page_column(&mut self, column: usize) {
        self.page_column = column % COLUMNS;
        self.column = self.page_column;
    }

    /// Goes on to the next byte of the memory.
    pub(super) fn advance(&mut self) {
        match self.addressing {
            Addressing::Page if self.column == COLUMNS - 1 => self.column = self.page_column,
            Addressing::Page => self.column += 1,
            Addressing::Horizontal => {
                if step(&mut self.column, self.columns, COLUMNS) {
                    step(&mut self.page, self.pages, PAGES);
                }
            }
            Addressing::Vertical => {
                if step(&mut self.page, self.pages, PAGES) {
                    step(&mut self.column, self.columns, COLUMNS);
                }
            }
        }
    }

    /// Which line of the memory is on a COM pin, as tables 10-1 to 10-3 have it.
    pub(super) fn line_at(&self, pin: usize) -> Option<usize> {
        let pin = match self.com_pins & LEFT_RIGHT {
            0 => pin,
            _ => (pin + LINES / 2) % LINES,
        };
        let position = match self.com_pins & ALTERNATIVE {
            0 => pin,
            _ => pin % (LINES / 2) * 2 + pin / (LINES / 2),
        };
        let row = match self.scans_down {
            false => position + self.offset,
            true => self.multiplex + LINES - 1 - position + self.offset,
        };
        let row = row % LINES;
        (row < self.multiplex).then_some((row + self.start_line) % LINES)
    }
}

/// Steps within a range; says whether it is at the beginning again.
fn step(position: &mut usize, (first, last): (usize, usize), count: usize) -> bool {
    let is_last = *position == last;
    *position = if is_last {
        first
    } else {
        (*position + 1) % count
    };
    is_last
}

/// How many bytes come after a command's first.
pub(super) fn arguments(command: u8) -> usize {
    match command {
        0x20 | 0x81 | 0x8d | 0xa8 | 0xd3 | 0xd5 | 0xd9 | 0xda | 0xdb => 1,
        // Of later revisions: fading, the source of the current, zooming in.
        0x23 | 0xad | 0xd6 => 1,
        0x21 | 0x22 | 0xa3 => 2,
        0x29 | 0x2a => 5,
        0x26 | 0x27 => 6,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables 10-1 and 10-2, with sequential pins.
    #[test]
    fn lines_are_on_the_pins_of_the_tables() {
        let lines = |multiplex, offset, start_line, scans_down, pins: [usize; 4]| {
            let registers = Registers {
                multiplex,
                offset,
                start_line,
                scans_down,
                com_pins: 0x02,
                ..Registers::after_reset()
            };
            pins.map(|pin| registers.line_at(pin))
        };
        let table = [
            (64, 0, 0, [Some(0), Some(47), Some(56), Some(63)]),
            (64, 8, 0, [Some(8), Some(55), Some(0), Some(7)]),
            (64, 0, 8, [Some(8), Some(55), Some(0), Some(7)]),
            (56, 0, 0, [Some(0), Some(47), None, None]),
            (56, 8, 0, [Some(8), Some(55), Some(0), Some(7)]),
            (56, 0, 8, [Some(8), Some(55), None, None]),
        ];
        for (multiplex, offset, start, expected) in table {
            let this = lines(multiplex, offset, start, false, [0, 47, 56, 63]);
            assert_eq!(this, expected, "{multiplex} {offset} {start}");
        }
        let table = [
            (64, 0, 0, [Some(63), Some(55), Some(16), Some(0)]),
            (64, 8, 0, [Some(7), Some(63), Some(24), Some(8)]),
            (64, 0, 8, [Some(7), Some(63), Some(24), Some(8)]),
            (48, 0, 0, [Some(47), Some(39), Some(0), None]),
            (48, 8, 0, [None, Some(47), Some(8), None]),
        ];
        for (multiplex, offset, start, expected) in table {
            let this = lines(multiplex, offset, start, true, [0, 8, 47, 63]);
            assert_eq!(this, expected, "{multiplex} {offset} {start}, remapped");
        }
    }

    /// Table 10-3.
    #[test]
    fn pins_are_configured_as_in_the_table() {
        let pins = |com_pins| {
            let registers = Registers {
                com_pins,
                ..Registers::after_reset()
            };
            [0, 1, 31, 32, 63].map(|pin| registers.line_at(pin).unwrap())
        };
        assert_eq!(pins(0x02), [0, 1, 31, 32, 63]);
        assert_eq!(pins(0x22), [32, 33, 63, 0, 31]);
        assert_eq!(pins(0x12), [0, 2, 62, 1, 63]);
        assert_eq!(pins(0x32), [1, 3, 63, 0, 62]);
    }
}
