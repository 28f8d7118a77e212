//! Tells how far a rotary encoder was turned, by a decoder that knows nothing of this crate:
//! `cargo run --example encoder -- --count 4`

use circuits::gpio::{Bias, Config, Edge, EdgeDetection};
use circuits::{Board, Failure};
use clap::Parser;
use rotary_encoder_embedded::Direction;
use rotary_encoder_embedded::quadrature::QuadratureTableMode;

#[derive(Parser)]
struct Args {
    /// The lines of its contacts; turned clockwise, the first closes first
    #[arg(long, value_delimiter = ',', default_values = ["GPIO5", "GPIO6"])]
    lines: Vec<String>,
    /// How many clicks to wait for; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let contact = Config::input()
        .bias(Bias::PullUp)
        .active_low(true)
        .edge_detection(EdgeDetection::Both);
    let mut contacts = board.lines(args.lines.iter().map(|line| (line, contact.clone())))?;
    let (mut closed, mut position, mut clicks) = (contacts.get()?, 0, 0);
    // Four changes of the contacts are a click.
    let mut decoder = QuadratureTableMode::new(4);
    for event in &mut contacts {
        let event = event?;
        // As it was at the edge, which the level of now may no longer be.
        match event.edge() {
            Edge::Rising => closed |= 1 << event.line(),
            Edge::Falling => closed &= !(1 << event.line()),
        }
        if event.lost() > 0 {
            eprintln!("turned too fast: {} changes are lost", event.lost());
        }
        match decoder.update(closed & 0b01 != 0, closed & 0b10 != 0) {
            Direction::None => continue,
            Direction::Clockwise => position += 1,
            Direction::Anticlockwise => position -= 1,
        }
        println!("{position}");
        clicks += 1;
        if Some(clicks) == args.count {
            break;
        }
    }
    Ok(())
}
