//! Tells where it is, by a GPS receiver on a serial port: `cargo run --example gps -- --count 3`

use std::time::Duration;

use circuits::uart::Config;
use circuits::uart::framing::{Framed, Lines};
use circuits::{Board, Failure};
use clap::Parser;
use nmea::Nmea;

#[derive(Parser)]
struct Args {
    /// The port of the receiver
    #[arg(long, default_value = "ttyAMA0")]
    port: String,
    /// How fast it speaks
    #[arg(long, default_value_t = 9600)]
    baud: u32,
    /// How many fixes to tell; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    // It speaks once a second; what is silent for longer is not there.
    let config = Config::new()
        .baud(args.baud)
        .timeout(Duration::from_secs(5));
    let port = board.serial_port(&args.port, &config)?;
    let mut sentences = Framed::new(port, Lines::new());
    let (mut receiver, mut fixes) = (Nmea::default(), 0);
    while fixes < args.count.unwrap_or(usize::MAX) {
        let Some(sentence) = sentences.read_frame()? else {
            break;
        };
        // The first one may have begun before this listened.
        let sentence = String::from_utf8_lossy(sentence).into_owned();
        if receiver.parse(&sentence).is_err() || !sentence.contains("GGA") {
            continue;
        }
        if let (Some(latitude), Some(longitude)) = (receiver.latitude, receiver.longitude) {
            let time = receiver.fix_time.map(|time| time.to_string());
            println!("{} {latitude:.5} {longitude:.5}", time.unwrap_or_default());
            fixes += 1;
        }
    }
    Ok(())
}
