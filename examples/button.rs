//! Tells when a button to ground is pressed and let go: `cargo run --example button -- --count 4`

use circuits::gpio::{Bias, Config, Edge, Input};
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The line of the button
    #[arg(long, default_value = "GPIO27")]
    line: String,
    /// How many edges to wait for; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let config = Config::new().bias(Bias::PullUp).active_low(true);
    let mut button = Input::open_on(board.gpio(), &args.line, &config)?;
    let start = board.clock().now();
    for _ in 0..args.count.unwrap_or(usize::MAX) {
        let Some(event) = button.wait_edge(None)? else {
            break;
        };
        let what = match event.edge() {
            Edge::Rising => "pressed",
            Edge::Falling => "let go",
        };
        println!("{:.3} s: {what}", event.time().since(start).as_secs_f32());
    }
    Ok(())
}
