//! A picture of the size of the screen, in memory.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use circuits::Failure;
use embedded_graphics::framebuffer::{Framebuffer, buffer_size};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::pixelcolor::raw::{BigEndian, RawU1};

pub(crate) const WIDTH: usize = 128;
pub(crate) const HEIGHT: usize = 64;

/// What is drawn before it is sent to the screen: a bit a pixel, a row after the other, the left one first.
pub(crate) type Frame = Framebuffer<
    BinaryColor,
    RawU1,
    BigEndian,
    WIDTH,
    HEIGHT,
    { buffer_size::<BinaryColor>(WIDTH, HEIGHT) },
>;

/// Whether a pixel is lit.
pub(crate) fn is_lit(frame: &Frame, x: usize, y: usize) -> bool {
    let byte = frame.data().get(y * WIDTH / 8 + x / 8);
    byte.is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
}

/// A pixel of the screen is so many on a side in a file: nobody sees one.
const SCALE: usize = 4;

/// Writes a picture as PNG. Who looks at the file sees the picture before, or this one, and never half of it.
pub(crate) fn write_png(frame: &Frame, path: &Path) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = path.with_file_name(name);
    let (width, height) = ((WIDTH * SCALE) as u32, (HEIGHT * SCALE) as u32);
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(&new)?), width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut rows = Vec::with_capacity(WIDTH * SCALE / 8 * HEIGHT * SCALE);
    for y in 0..HEIGHT * SCALE {
        for byte in 0..WIDTH * SCALE / 8 {
            let bits = (0..8).map(|bit| is_lit(frame, (byte * 8 + bit) / SCALE, y / SCALE));
            rows.push(bits.fold(0, |byte, is_lit| byte << 1 | u8::from(is_lit)));
        }
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rows)?;
    writer.finish()?;
    fs::rename(new, path)?;
    Ok(())
}
