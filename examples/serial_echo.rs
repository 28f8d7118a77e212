//! Says what it hears on a serial port, also after the port was away. `cargo run --example serial_echo` plays a
//! story on the virtual board; `… -- run ttyUSB0` echoes on this machine.

use std::io::{self, Read, Write};
use std::time::Duration;

use circuits::enumerate::Identity;
use circuits::stub::Stub;
use circuits::uart::{Config, Port};
use circuits::{Board, Failure};
use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// An adapter is pulled out, and comes back under another name
    Story,
    /// Echoes on a port of this machine
    Run {
        /// Its name: ttyUSB0
        port: String,
    },
}

fn main() -> Result<(), Failure> {
    match Args::parse().what {
        None | Some(What::Story) => story(),
        Some(What::Run { port }) => {
            let board = Board::from_env()?;
            let adapter = identity(&board, &port)?;
            echo(&board, &adapter)
        }
    }
}

/// By what a port is known when it comes back.
fn identity(board: &Board, name: &str) -> Result<Identity, Failure> {
    let mut ports = board.devices()?.serial_ports().into_iter();
    let port = ports.find(|port| port.name == name);
    Ok(port.ok_or(format!("there is no port {name}"))?.identity)
}

/// An application: it has its port back when the adapter is back.
fn echo(board: &Board, adapter: &Identity) -> Result<(), Failure> {
    let mut buffer = [0; 256];
    loop {
        // Under whatever name it has, now or when it comes.
        let timeout = Duration::from_secs(60);
        let mut port = board.reconnect(adapter, timeout, |name| {
            println!("{}  listening on {name}", board.clock().now());
            board.serial_port(name, &Config::new())
        })?;
        let error = loop {
            let heard = port.read(&mut buffer);
            if let Err(error) = heard.and_then(|count| port.write_all(&buffer[..count])) {
                break error;
            }
        };
        println!("{}  {error}", board.clock().now());
        // What Removed is to std.
        if error.kind() != io::ErrorKind::NotConnected {
            return Err(error.into());
        }
    }
}

/// What happens outside, in virtual time: it is over at once.
fn story() -> Result<(), Failure> {
    let stub = Stub::virtual_time().serial_cable("ttyUSB0", "ttyAMA0")?;
    let board = Board::from(&stub);
    let adapter = identity(&board, "ttyUSB0")?;
    let config = Config::new().timeout(Duration::from_secs(1));
    let far = board.serial_port("ttyAMA0", &config)?;
    stub.run(|| {
        let application = board.clone();
        let application = board.spawn("application", move || echo(&application, &adapter))?;
        call(&stub, &far, "hello")?;
        stub.remove_serial_port("ttyUSB0")?;
        stub.delay().sleep(Duration::from_secs(3))?;
        stub.plug_serial_cable("ttyUSB1", "ttyAMA0")?;
        stub.delay().sleep(Duration::from_secs(1))?;
        call(&stub, &far, "hello again")?;
        board.interrupt()?.raise();
        // It was interrupted.
        let _ = application.join()?;
        Ok(())
    })
}

/// Somebody at the other end.
fn call(stub: &Stub, mut far: &Port, words: &str) -> Result<(), Failure> {
    far.write_all(words.as_bytes())?;
    let mut answer = vec![0; words.len()];
    far.read_exact(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    println!("{}  the echo is {answer:?}", stub.clock().now());
    Ok(())
}
