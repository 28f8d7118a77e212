//! What is connected to lines: people press it, turn it, and look at it.

mod button;
mod encoder;
mod led;
mod ranger;
mod wheel_encoder;

pub use button::Button;
pub use encoder::Encoder;
pub use led::Led;
pub use ranger::Ranger;
pub use wheel_encoder::WheelEncoder;
