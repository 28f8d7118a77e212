//! Circuits beside its peers, and beside the bare system call. See README.md beside this.

#[cfg(target_os = "linux")]
mod can;
#[cfg(target_os = "linux")]
mod enumerate;
#[cfg(target_os = "linux")]
mod gpio;
#[cfg(target_os = "linux")]
mod i2c;
#[cfg(target_os = "linux")]
mod ratio;
#[cfg(target_os = "linux")]
mod rounds;
#[cfg(target_os = "linux")]
mod spi;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod uart;

/// Measures Circuits beside its peers.
#[cfg(target_os = "linux")]
#[derive(clap::Parser)]
struct Args {
    /// What is measured.
    bus: Bus,
    /// How many rounds count.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many calls everybody makes in a round. Default: as many as take some 10 ms; for SPI 2.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    calls: Option<u32>,
}

#[cfg(target_os = "linux")]
#[derive(Clone, clap::ValueEnum)]
enum Bus {
    /// Frames through vcan.
    Can,
    /// Listings of devices.
    Enumerate,
    /// Lines of gpio-sim.
    Gpio,
    /// Transactions on i2c-1.
    I2c,
    /// A device of spidev.
    Spi,
    /// Pseudo-terminals.
    Uart,
}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    let args: Args = clap::Parser::parse();
    let mut rounds = rounds::Rounds::new(args.rounds, args.calls);
    match args.bus {
        Bus::Can => table::print(&can::measure(&mut rounds)?),
        Bus::Enumerate => enumerate::measure(&mut rounds)?,
        Bus::Gpio => table::print(&gpio::measure(&mut rounds)?),
        Bus::I2c => table::print(&i2c::measure(&mut rounds)?),
        Bus::Spi => {
            let few = args.calls.or(Some(spi::CALLS));
            let mut slow = rounds::Rounds::new(args.rounds, few);
            table::print(&spi::measure(&mut slow, &mut rounds)?);
        }
        Bus::Uart => {
            table::print(&uart::measure(&mut rounds)?);
            uart::ends()?;
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("what is measured here is on Linux alone");
    std::process::exit(1);
}
