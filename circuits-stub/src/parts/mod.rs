//! What is connected to lines: people press it, turn it, and look at it.

mod button;
mod encoder;
mod led;

pub use button::Button;
pub use encoder::Encoder;
pub use led::Led;
