use std::fmt;

/// What a screen shows: pixels that are lit or dark.
///
/// Shown, it is eight pixels a character (Braille patterns, which are two by four dots, so that 128 by
/// 64 pixels are 64 columns of 16 lines); with `{:#}` two pixels a character (half blocks).
///
/// ```
/// use circuits_stub::chips::Picture;
///
/// let diagonal = Picture::new(8, 4, |x, y| x == y);
/// assert_eq!(diagonal.to_string(), "⠑⢄⠀⠀\n");
/// assert_eq!(format!("{diagonal:#}"), "▀▄      \n  ▀▄    \n");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<bool>,
}

impl Picture {
    /// Makes a picture of pixels, of which `is_lit` tells by their place: counted from the upper left
    /// corner, to the right and down.
    pub fn new(width: usize, height: usize, is_lit: impl Fn(usize, usize) -> bool) -> Picture {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Picture {
            width,
            height,
            pixels: places.map(|(x, y)| is_lit(x, y)).collect(),
        }
    }

    /// Returns how many pixels are beside each other.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns how many pixels are above each other.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Tells whether a pixel is lit. Beyond the picture nothing is.
    pub fn pixel(&self, x: usize, y: usize) -> bool {
        x < self.width && y < self.height && self.pixels[y * self.width + x]
    }

    /// Returns how many pixels are lit.
    pub fn lit(&self) -> usize {
        self.pixels.iter().filter(|is_lit| **is_lit).count()
    }
}

/// The dots of a Braille pattern in the order of their bits (Unicode, U+2800 to U+28FF).
const DOTS: [(usize, usize); 8] = [
    (0, 0),
    (0, 1),
    (0, 2),
    (1, 0),
    (1, 1),
    (1, 2),
    (0, 3),
    (1, 3),
];

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (across, down) = if f.alternate() { (1, 2) } else { (2, 4) };
        for y in (0..self.height).step_by(down) {
            for x in (0..self.width).step_by(across) {
                let character = match f.alternate() {
                    true => match (self.pixel(x, y), self.pixel(x, y + 1)) {
                        (false, false) => ' ',
                        (true, false) => '▀',
                        (false, true) => '▄',
                        (true, true) => '█',
                    },
                    false => {
                        let lit = |(dx, dy)| u32::from(self.pixel(x + dx, y + dy));
                        let bits = DOTS.iter().rev().fold(0, |bits, dot| bits << 1 | lit(*dot));
                        char::from_u32(0x2800 + bits).unwrap_or(' ')
                    }
                };
                write!(f, "{character}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// As it is to be seen, so that tests show it when they fail.
impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {} pixels\n{self}", self.width, self.height)
    }
}
