//! Tells when a button to ground is pressed and let go, once each however its contacts bounce:
//! `cargo run --example button -- --count 4`

use std::time::Duration;

use circuits::gpio::{Bias, Config, Edge, EdgeDetection};
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The line of the button
    #[arg(long, default_value = "GPIO27")]
    line: String,
    /// For how many milliseconds it must rest to count
    #[arg(long, default_value_t = 10)]
    debounce: u64,
    /// How many edges to wait for; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let config = Config::new()
        .bias(Bias::PullUp)
        .active_low(true)
        .debounce(Duration::from_millis(args.debounce))
        .edge_detection(EdgeDetection::Both);
    let mut button = board.input_with(&*args.line, &config)?;
    let start = board.clock().now();
    let edges = (&mut button).into_iter();
    for event in edges.take(args.count.unwrap_or(usize::MAX)) {
        let event = event?;
        let what = match event.edge() {
            Edge::Rising => "pressed",
            Edge::Falling => "let go",
        };
        println!("{:.3} s: {what}", event.time().since(start).as_secs_f32());
    }
    Ok(())
}
