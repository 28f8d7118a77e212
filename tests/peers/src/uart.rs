use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use circuits_uart::{Config, Linux, Port};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

use crate::rounds::{Batch, Competitor, Measured, Rounds};

/// How many bytes a call reads or writes; the kernel's buffer has as many.
const CHUNK: usize = 4096;

/// How many bytes go there and back.
const FEW: usize = 16;

const BAUD: u32 = 115_200;

/// Measures how fast bytes go through pseudo-terminals, whose controlling sides a thread here reads and
/// writes: 4096 bytes one way, and 16 there and back. Needs nothing that is not on every Linux.
pub(crate) fn measure(rounds: &mut Rounds) -> Result<Vec<Measured>> {
    let serialport = |path: &str| {
        let port = serialport::new(path, BAUD).timeout(Duration::from_secs(10));
        Ok(port.open_native()?)
    };
    let serial2 = |path: &str| Ok(serial2::SerialPort::open(path, BAUD)?);
    let mut measured = Vec::new();
    measured.push(rounds.measure(
        "read",
        reading(bare)?,
        reading(circuits)?,
        vec![
            Competitor::new("serialport", reading(serialport)),
            Competitor::new("serial2", reading(serial2)),
        ],
    )?);
    measured.push(rounds.measure(
        "write",
        writing(bare)?,
        writing(circuits)?,
        vec![
            Competitor::new("serialport", writing(serialport)),
            Competitor::new("serial2", writing(serial2)),
        ],
    )?);
    measured.push(rounds.measure(
        "round trip",
        trip(bare)?,
        trip(circuits)?,
        vec![
            Competitor::new("serialport", trip(serialport)),
            Competitor::new("serial2", trip(serial2)),
        ],
    )?);
    let tokio_serial = |path: &str| {
        use tokio_serial::SerialPortBuilderExt;
        Ok(tokio_serial::new(path, BAUD).open_native_async()?)
    };
    let serial2_tokio = |path: &str| Ok(serial2_tokio::SerialPort::open(path, BAUD)?);
    measured.push(rounds.measure(
        "async read",
        reading(bare)?,
        reading_async(circuits)?,
        vec![
            Competitor::new("tokio-serial", reading_async(tokio_serial)),
            Competitor::new("serial2-tokio", reading_async(serial2_tokio)),
        ],
    )?);
    measured.push(rounds.measure(
        "async write",
        writing(bare)?,
        writing_async(circuits)?,
        vec![
            Competitor::new("tokio-serial", writing_async(tokio_serial)),
            Competitor::new("serial2-tokio", writing_async(serial2_tokio)),
        ],
    )?);
    measured.push(rounds.measure(
        "async trip",
        trip(bare)?,
        trip_async(circuits)?,
        vec![
            Competitor::new("tokio-serial", trip_async(tokio_serial)),
            Competitor::new("serial2-tokio", trip_async(serial2_tokio)),
        ],
    )?);
    Ok(measured)
}

/// Says how much everybody reads of a thousand bytes that came before the other end of a pseudo-terminal was
/// closed, and what comes then.
pub(crate) fn ends() -> Result<()> {
    println!("\nof 1000 bytes before a hang-up:");
    let say =
        |name: &str, (count, end): (usize, String)| println!("{name:<18} {count:>4}, then {end}");
    say("bare", read_to_the_end(File::from(hung_up()?)));
    let port = Port::from_fd(&Linux::new(), hung_up()?, &Config::new())?;
    say("circuits", read_to_the_end(port));
    say("serialport", read_to_the_end(tty_port(hung_up()?)));
    let port = serial2::SerialPort::from(hung_up()?);
    say("serial2", read_to_the_end(port));
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let read = runtime.block_on(async {
        let mut port = tokio_serial::SerialStream::try_from(tty_port(hung_up()?))?;
        let (mut count, mut buffer) = (0, [0; 100]);
        loop {
            match AsyncReadExt::read(&mut port, &mut buffer).await {
                Ok(0) => return anyhow::Ok((count, "0 bytes".into())),
                Ok(more) => count += more,
                Err(error) => return Ok((count, error.to_string())),
            }
        }
    });
    say("tokio-serial", read?);
    Ok(())
}

fn read_to_the_end(mut port: impl Read) -> (usize, String) {
    let (mut count, mut buffer) = (0, [0; 100]);
    loop {
        match port.read(&mut buffer) {
            Ok(0) => return (count, "0 bytes".into()),
            Ok(more) => count += more,
            Err(error) => return (count, error.to_string()),
        }
    }
}

/// The controlling side of a pseudo-terminal whose other end has sent something, and closed.
fn hung_up() -> Result<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let path = ptsname(&master, Vec::new())?.into_string()?;
    let mut other = bare(&path)?;
    other.write_all(&[7; 1000])?;
    // What was written is on its way for a moment.
    thread::sleep(Duration::from_millis(20));
    Ok(master)
}

fn tty_port(fd: OwnedFd) -> serialport::TTYPort {
    // SAFETY: it is open, and nobody else's.
    #[allow(unsafe_code)]
    unsafe {
        serialport::TTYPort::from_raw_fd(fd.into_raw_fd())
    }
}

fn circuits(path: &str) -> Result<Port> {
    Ok(Port::open_on(&Linux::new(), path, &Config::new())?)
}

/// The descriptor alone, set up as everybody sets it up.
fn bare(path: &str) -> Result<File> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let port = rustix::fs::open(path, flags, Mode::empty())?;
    let mut settings = tcgetattr(&port)?;
    settings.make_raw();
    tcsetattr(&port, OptionalActions::Now, &settings)?;
    Ok(port.into())
}

/// The controlling side of a pseudo-terminal, and a thread that does with it as it is told.
struct Far {
    path: String,
    tell: Sender<Order>,
    done: Receiver<()>,
}

enum Order {
    Send(usize),
    Receive(usize),
    /// Sends back what comes, a few bytes at a time, so often.
    Echo(usize),
}

impl Far {
    fn new() -> Result<Far> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master: OwnedFd = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let path = ptsname(&master, Vec::new())?.into_string()?;
        let (tell, told) = channel();
        let (is_done, done) = channel();
        thread::spawn(move || {
            let mut master = File::from(master);
            for order in told {
                if obey(&mut master, &order).is_err() || is_done.send(()).is_err() {
                    return;
                }
            }
        });
        Ok(Far { path, tell, done })
    }

    fn tell(&self, order: Order) -> Result<()> {
        self.tell.send(order).context("the other end is gone")
    }

    fn wait(&self) -> Result<()> {
        self.done.recv().context("the other end is gone")
    }
}

fn obey(master: &mut File, order: &Order) -> std::io::Result<()> {
    let mut buffer = [0x55; CHUNK];
    match *order {
        Order::Send(count) => {
            for _ in 0..count / CHUNK {
                master.write_all(&buffer)?;
            }
        }
        Order::Receive(count) => {
            let mut received = 0;
            while received < count {
                received += master.read(&mut buffer)?;
            }
        }
        Order::Echo(times) => {
            for _ in 0..times {
                master.read_exact(&mut buffer[..FEW])?;
                master.write_all(&buffer[..FEW])?;
            }
        }
    }
    Ok(())
}

fn reading<P: Read + 'static>(open: impl Fn(&str) -> Result<P>) -> Result<Batch> {
    let far = Far::new()?;
    let (mut port, mut buffer) = (open(&far.path)?, [0; CHUNK]);
    Ok(Box::new(move |calls| {
        let mut left = calls as usize * CHUNK;
        let start = Instant::now();
        far.tell(Order::Send(left))?;
        while left > 0 {
            left -= port.read(&mut buffer)?;
        }
        let took = start.elapsed();
        far.wait()?;
        Ok(took)
    }))
}

fn writing<P: Write + 'static>(open: impl Fn(&str) -> Result<P>) -> Result<Batch> {
    let far = Far::new()?;
    let (mut port, buffer) = (open(&far.path)?, [0x55; CHUNK]);
    Ok(Box::new(move |calls| {
        let start = Instant::now();
        far.tell(Order::Receive(calls as usize * CHUNK))?;
        for _ in 0..calls {
            port.write_all(&buffer)?;
        }
        far.wait()?;
        Ok(start.elapsed())
    }))
}

fn trip<P: Read + Write + 'static>(open: impl Fn(&str) -> Result<P>) -> Result<Batch> {
    let far = Far::new()?;
    let (mut port, mut buffer) = (open(&far.path)?, [0x55; FEW]);
    Ok(Box::new(move |calls| {
        far.tell(Order::Echo(calls as usize))?;
        let start = Instant::now();
        for _ in 0..calls {
            port.write_all(&buffer)?;
            port.read_exact(&mut buffer)?;
        }
        let took = start.elapsed();
        far.wait()?;
        Ok(took)
    }))
}

/// Opens a port where tokio's reactor is to be had, for those who need it.
fn open_async<P>(open: impl Fn(&str) -> Result<P>) -> Result<(Runtime, Far, P)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let far = Far::new()?;
    let entered = runtime.enter();
    let port = open(&far.path)?;
    drop(entered);
    Ok((runtime, far, port))
}

fn reading_async<P: AsyncRead + Unpin + 'static>(
    open: impl Fn(&str) -> Result<P>,
) -> Result<Batch> {
    let (runtime, far, mut port) = open_async(open)?;
    let mut buffer = [0; CHUNK];
    Ok(Box::new(move |calls| {
        let mut left = calls as usize * CHUNK;
        let start = Instant::now();
        far.tell(Order::Send(left))?;
        runtime.block_on(async {
            while left > 0 {
                left -= port.read(&mut buffer).await?;
            }
            anyhow::Ok(())
        })?;
        let took = start.elapsed();
        far.wait()?;
        Ok(took)
    }))
}

fn writing_async<P: AsyncWrite + Unpin + 'static>(
    open: impl Fn(&str) -> Result<P>,
) -> Result<Batch> {
    let (runtime, far, mut port) = open_async(open)?;
    let buffer = [0x55; CHUNK];
    Ok(Box::new(move |calls| {
        let start = Instant::now();
        far.tell(Order::Receive(calls as usize * CHUNK))?;
        runtime.block_on(async {
            for _ in 0..calls {
                port.write_all(&buffer).await?;
            }
            anyhow::Ok(())
        })?;
        far.wait()?;
        Ok(start.elapsed())
    }))
}

fn trip_async<P: AsyncRead + AsyncWrite + Unpin + 'static>(
    open: impl Fn(&str) -> Result<P>,
) -> Result<Batch> {
    let (runtime, far, mut port) = open_async(open)?;
    let mut buffer = [0x55; FEW];
    Ok(Box::new(move |calls| {
        far.tell(Order::Echo(calls as usize))?;
        let start = Instant::now();
        runtime.block_on(async {
            for _ in 0..calls {
                port.write_all(&buffer).await?;
                port.read_exact(&mut buffer).await?;
            }
            anyhow::Ok(())
        })?;
        let took = start.elapsed();
        far.wait()?;
        Ok(took)
    }))
}
