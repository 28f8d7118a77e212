//! Several who read from one socket, on a backend that tells of what comes and of nothing else, as a kernel does:
//! a pair of sockets, which is the smallest backend there is.
#![cfg(target_os = "linux")]

use std::io;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use circuits_bench::block_on;
use circuits_can::{AnyFrame, Backend, Config, Frame, Handle, Id, Interest, Received, Socket};
use circuits_wait::{Clock, Delay, Fd, Monotonic, Ready, Time};

#[derive(Debug)]
struct Pair(UnixDatagram);

#[derive(Debug)]
struct End {
    input: Slow,
    output: Fd<UnixDatagram>,
}

/// It takes its time between a try that is in vain and the wait: what comes then must not be missed.
#[derive(Debug)]
struct Slow(Fd<UnixDatagram>);

impl Slow {
    fn slowly(op: &mut dyn FnMut() -> io::Result<()>) -> impl FnMut() -> io::Result<()> + '_ {
        move || op().inspect_err(|_| thread::sleep(Duration::from_micros(200)))
    }
}

impl Ready for Slow {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        self.0.block(deadline, &mut Slow::slowly(op))
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        self.0.poll(cx, &mut Slow::slowly(op))
    }

    fn cancel(&self) {
        self.0.cancel();
    }
}

impl Backend for Pair {
    fn open(&self, _: &str, _: &Config) -> io::Result<Box<dyn Handle>> {
        let clock = Monotonic::new();
        self.0.set_nonblocking(true)?;
        Ok(Box::new(End {
            input: Slow(Fd::new(self.0.try_clone()?, &clock)),
            output: Fd::to_write(self.0.try_clone()?, &clock),
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(Monotonic::new())
    }
}

impl Handle for End {
    fn read(&self, frames: &mut [Received]) -> io::Result<usize> {
        let mut bytes = [0; AnyFrame::SIZE];
        let mut count = 0;
        while count < frames.len() {
            match self.input.0.get_ref().recv(&mut bytes) {
                Ok(length) => {
                    let frame = AnyFrame::from_bytes(&bytes[..length]).unwrap();
                    frames[count] = Received::new(frame, Time::monotonic());
                    count += 1;
                }
                Err(error) if count == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(count)
    }

    fn write(&self, frames: &[Frame]) -> io::Result<usize> {
        let mut bytes = [0; AnyFrame::SIZE];
        for frame in frames {
            self.output.get_ref().send(frame.to_bytes(&mut bytes))?;
        }
        Ok(frames.len())
    }

    fn ready(&self, interest: Interest) -> &dyn Ready {
        match interest {
            Interest::Read => &self.input,
            Interest::Write => &self.output,
        }
    }

    fn configure(&self, _: &Config) -> io::Result<()> {
        Ok(())
    }

    fn config(&self) -> io::Result<Config> {
        Ok(Config::new())
    }

    fn lost(&self) -> io::Result<u64> {
        Ok(0)
    }
}

const ROUNDS: usize = 200;
const LONG: Duration = Duration::from_secs(5);

/// Sends as many frames as there are who read, and the next ones when each of them has one.
struct Feed {
    readers: usize,
    came: AtomicUsize,
}

impl Feed {
    fn new(readers: usize) -> Feed {
        let came = AtomicUsize::new(0);
        Feed { readers, came }
    }

    fn send(&self, there: &Socket) {
        let frame = Frame::new(Id::standard(1).unwrap(), b"one each").unwrap();
        for round in 0..ROUNDS {
            there.write_many(&vec![frame; self.readers], LONG).unwrap();
            self.wait(round);
        }
    }

    /// Who has one is busy with it for a while: one that was left behind is nobody's.
    fn took(&self, round: usize) {
        self.came.fetch_add(1, Ordering::SeqCst);
        self.wait(round);
    }

    fn wait(&self, round: usize) {
        let start = Instant::now();
        while self.came.load(Ordering::SeqCst) < self.readers * (round + 1) {
            assert!(start.elapsed() < LONG, "in round {round} somebody has none");
            thread::yield_now();
        }
    }

    fn block(&self, here: &Socket) {
        for round in 0..ROUNDS {
            here.read(LONG).unwrap();
            self.took(round);
        }
    }
}

fn ends() -> (Socket, Socket) {
    let (here, there) = UnixDatagram::pair().unwrap();
    let open = |end| Socket::open_on(&Pair(end), "pair", &Config::new()).unwrap();
    (open(here), open(there))
}

#[test]
fn several_threads_have_one_each() {
    let (here, there) = ends();
    let feed = Feed::new(3);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| feed.block(&here));
        }
        feed.send(&there);
    });
}

#[test]
fn a_thread_and_a_future_have_one_each() {
    let (here, there) = ends();
    let feed = Feed::new(2);
    let (mut reader, writer) = here.split();
    thread::scope(|scope| {
        scope.spawn(|| feed.block(writer.socket()));
        scope.spawn(|| {
            let mut delay = Delay::new(Arc::new(Monotonic::new()));
            let reads = async {
                for round in 0..ROUNDS {
                    match round % 2 {
                        0 => drop(reader.next_received().await.unwrap()),
                        _ => drop(reader.next_frame().await.unwrap()),
                    }
                    feed.took(round);
                }
            };
            block_on(delay.timeout(4 * LONG, reads)).expect("the future has one each time");
        });
        feed.send(&there);
    });
}
