//! Reads a meter by Modbus RTU: `cargo run --example modbus -- --count 3`

use std::time::Duration;

use circuits::uart::{Bursts, Config, Parity};
use circuits::{Board, Failure};
use clap::Parser;
use rmodbus::ModbusProto;
use rmodbus::client::ModbusRequest;

#[derive(Parser)]
struct Args {
    /// The port that the line is connected to
    #[arg(long, default_value = "ttyUSB0")]
    port: String,
    /// The address of the meter
    #[arg(long, default_value_t = 1)]
    unit: u8,
    /// How often to read it; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    // Modbus's default.
    let config = Config::new().baud(19_200).parity(Parity::Even);
    let mut line = Bursts::modbus(board.serial_port(&args.port, &config)?);
    let mut request = Vec::new();
    for reading in 0..args.count.unwrap_or(usize::MAX) {
        if reading > 0 {
            board.delay().sleep(Duration::from_secs(1))?;
        }
        let mut meter = ModbusRequest::new(args.unit, ModbusProto::Rtu);
        request.clear();
        // Tenths of volts, hundredths of amperes.
        meter.generate_get_inputs(0, 2, &mut request)?;
        // A master asks again for what was damaged on the line, or came in two parts to a busy machine.
        let mut values = Vec::new();
        for tries in 1..=3 {
            values.clear();
            let answer = line.transaction(&request, Duration::from_millis(500))?;
            match meter.parse_u16(answer, &mut values) {
                Err(_) if tries < 3 => line.discard()?,
                parsed => {
                    parsed?;
                    break;
                }
            }
        }
        if let [volts, amperes] = values[..] {
            println!(
                "{:.1} V {:.2} A",
                f32::from(volts) / 10.0,
                f32::from(amperes) / 100.0
            );
        }
    }
    Ok(())
}
