use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use circuits_bench::CanLink;
use circuits_can::{Config, Frame, Id, Linux, Received, Socket};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socketcan::tokio::CanSocket as TokioSocket;
use socketcan::{CanFrame, CanSocket, EmbeddedFrame, Socket as _, StandardId};
use tokio::runtime::{Builder, Runtime};

use crate::rounds::{Batch, Competitor, Measured, Rounds};

/// How many frames wait to be read at most; more might not fit.
const BACKLOG: u32 = 64;

const ID: u16 = 0x123;
const DATA: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// Measures how fast frames of 8 bytes go through vcan, in one thread. Needs root.
pub(crate) fn measure(rounds: &mut Rounds) -> Result<Vec<Measured>> {
    let measured = vec![
        rounds.measure(
            "write",
            writing(Bare::new("peer0")?),
            writing(Circuits::new("peer1")?),
            vec![Competitor::new(
                "socketcan",
                SocketCan::new("peer2").map(writing),
            )],
        )?,
        rounds.measure(
            "read",
            reading(Bare::new("peer0")?),
            reading(Circuits::new("peer1")?),
            vec![Competitor::new(
                "socketcan",
                SocketCan::new("peer2").map(reading),
            )],
        )?,
        rounds.measure(
            "round trip",
            trip(Bare::new("peer0")?),
            trip(Circuits::new("peer1")?),
            vec![Competitor::new(
                "socketcan",
                SocketCan::new("peer2").map(trip),
            )],
        )?,
        rounds.measure(
            "64 at once",
            burst(Bare::new("peer0")?),
            burst(Circuits::new("peer1")?),
            vec![Competitor::new(
                "socketcan",
                SocketCan::new("peer2").map(burst),
            )],
        )?,
        rounds.measure(
            "async trip",
            trip(Bare::new("peer0")?),
            trip(CircuitsAsync::new("peer1")?),
            vec![Competitor::new(
                "socketcan",
                SocketCanAsync::new("peer2").map(trip),
            )],
        )?,
    ];
    Ok(measured)
}

/// Two sockets on a vcan of their own, from one to the other.
trait Pair: 'static {
    fn write(&mut self) -> Result<()>;

    fn read(&mut self) -> Result<()>;

    fn write_burst(&mut self) -> Result<()> {
        (0..BACKLOG).try_for_each(|_| self.write())
    }

    fn read_burst(&mut self) -> Result<()> {
        (0..BACKLOG).try_for_each(|_| self.read())
    }
}

/// The system calls alone.
struct Bare {
    sender: OwnedFd,
    receiver: OwnedFd,
    /// struct can_frame
    frame: [u8; 16],
    _link: CanLink,
}

impl Bare {
    fn new(name: &str) -> Result<Bare> {
        let link = CanLink::new(name);
        let open = || -> Result<OwnedFd> {
            let socket = CanSocket::open(name)?;
            Ok(socket.as_raw_socket().as_fd().try_clone_to_owned()?)
        };
        let mut frame = [0; 16];
        frame[..4].copy_from_slice(&u32::from(ID).to_ne_bytes());
        frame[4] = DATA.len() as u8;
        frame[8..].copy_from_slice(&DATA);
        Ok(Bare {
            sender: open()?,
            receiver: open()?,
            frame,
            _link: link,
        })
    }
}

impl Pair for Bare {
    fn write(&mut self) -> Result<()> {
        let count = send(&self.sender, &self.frame, SendFlags::empty())?;
        ensure!(count == 16);
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        let mut frame = [0; 16];
        let (count, _) = recv(&self.receiver, &mut frame, RecvFlags::empty())?;
        ensure!(count == 16 && frame[8..] == DATA);
        Ok(())
    }
}

struct Circuits {
    sender: Socket,
    receiver: Socket,
    frame: Frame,
    came: Vec<Received>,
    _link: CanLink,
}

impl Circuits {
    fn new(name: &str) -> Result<Circuits> {
        let link = CanLink::new(name);
        let open = || Socket::open_on(&Linux::new(), name, &Config::new());
        Ok(Circuits {
            sender: open()?,
            receiver: open()?,
            frame: Frame::new(Id::standard(ID)?, &DATA)?,
            came: vec![Received::empty(); BACKLOG as usize],
            _link: link,
        })
    }
}

impl Pair for Circuits {
    fn write(&mut self) -> Result<()> {
        Ok(self.sender.write(&self.frame, None)?)
    }

    fn read(&mut self) -> Result<()> {
        let frame = self.receiver.read_frame(None)?;
        ensure!(frame.data() == DATA);
        Ok(())
    }

    fn write_burst(&mut self) -> Result<()> {
        let frames = [self.frame; BACKLOG as usize];
        Ok(self.sender.write_many(&frames, None)?)
    }

    fn read_burst(&mut self) -> Result<()> {
        let mut count = 0;
        while count < self.came.len() {
            count += self.receiver.read_many(&mut self.came[count..], None)?;
        }
        Ok(())
    }
}

struct SocketCan {
    sender: CanSocket,
    receiver: CanSocket,
    frame: CanFrame,
    _link: CanLink,
}

impl SocketCan {
    fn new(name: &str) -> Result<SocketCan> {
        let link = CanLink::new(name);
        Ok(SocketCan {
            sender: CanSocket::open(name)?,
            receiver: CanSocket::open(name)?,
            frame: socketcan_frame(),
            _link: link,
        })
    }
}

fn socketcan_frame() -> CanFrame {
    let id = StandardId::new(ID).unwrap_or(StandardId::ZERO);
    CanFrame::new(id, &DATA).unwrap_or_default()
}

impl Pair for SocketCan {
    fn write(&mut self) -> Result<()> {
        Ok(self.sender.write_frame(&self.frame)?)
    }

    fn read(&mut self) -> Result<()> {
        ensure!(self.receiver.read_frame()?.data() == DATA);
        Ok(())
    }
}

struct CircuitsAsync {
    pair: Circuits,
    runtime: Runtime,
}

impl CircuitsAsync {
    fn new(name: &str) -> Result<CircuitsAsync> {
        Ok(CircuitsAsync {
            pair: Circuits::new(name)?,
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }
}

impl Pair for CircuitsAsync {
    fn write(&mut self) -> Result<()> {
        Ok(self
            .runtime
            .block_on(self.pair.sender.send(&self.pair.frame))?)
    }

    fn read(&mut self) -> Result<()> {
        let frame = self.runtime.block_on(self.pair.receiver.next_frame())?;
        ensure!(frame.data() == DATA);
        Ok(())
    }
}

struct SocketCanAsync {
    sender: TokioSocket,
    receiver: TokioSocket,
    frame: CanFrame,
    runtime: Runtime,
    _link: CanLink,
}

impl SocketCanAsync {
    fn new(name: &str) -> Result<SocketCanAsync> {
        let link = CanLink::new(name);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let inside = runtime.enter();
        let (sender, receiver) = (TokioSocket::open(name)?, TokioSocket::open(name)?);
        drop(inside);
        Ok(SocketCanAsync {
            sender,
            receiver,
            frame: socketcan_frame(),
            runtime,
            _link: link,
        })
    }
}

impl Pair for SocketCanAsync {
    fn write(&mut self) -> Result<()> {
        Ok(self.runtime.block_on(self.sender.write_frame(self.frame))?)
    }

    fn read(&mut self) -> Result<()> {
        let frame = self.runtime.block_on(self.receiver.read_frame())?;
        ensure!(frame.data() == DATA);
        Ok(())
    }
}

/// What it takes to write a frame, which is read outside of the time.
fn writing(mut pair: impl Pair) -> Batch {
    Box::new(move |calls| {
        in_parts(calls, |count| {
            let start = Instant::now();
            (0..count).try_for_each(|_| pair.write())?;
            let took = start.elapsed();
            (0..count).try_for_each(|_| pair.read())?;
            Ok(took)
        })
    })
}

fn reading(mut pair: impl Pair) -> Batch {
    Box::new(move |calls| {
        in_parts(calls, |count| {
            (0..count).try_for_each(|_| pair.write())?;
            let start = Instant::now();
            (0..count).try_for_each(|_| pair.read())?;
            Ok(start.elapsed())
        })
    })
}

fn trip(mut pair: impl Pair) -> Batch {
    crate::rounds::batch(move || pair.write().and_then(|()| pair.read()))
}

fn burst(mut pair: impl Pair) -> Batch {
    crate::rounds::batch(move || pair.write_burst().and_then(|()| pair.read_burst()))
}

/// No more at once than wait to be read.
fn in_parts(calls: u32, mut part: impl FnMut(u32) -> Result<Duration>) -> Result<Duration> {
    let (mut left, mut took) = (calls, Duration::ZERO);
    while left > 0 {
        let count = left.min(BACKLOG);
        took += part(count)?;
        left -= count;
    }
    Ok(took)
}
