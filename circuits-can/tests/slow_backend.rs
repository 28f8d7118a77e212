//! A deadline holds on a backend that takes frames one by one, and its time for each: it never has to be waited for.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use circuits_can::{Backend, Config, Error, Frame, Handle, Id, Interest, Received, Socket};
use circuits_stub::Stub;
use circuits_wait::{Clock, Ready, Time};

const EACH: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
struct Slow(Arc<dyn Clock>);

impl Backend for Slow {
    fn open(&self, _: &str, _: &Config) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(self.clone()))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.0.clone()
    }
}

impl Handle for Slow {
    fn read(&self, _: &mut [Received]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&self, _: &[Frame]) -> io::Result<usize> {
        self.0.sleep_until(self.0.now() + EACH)?;
        Ok(1)
    }

    fn ready(&self, _: Interest) -> &dyn Ready {
        self
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

impl Ready for Slow {
    fn block(&self, _: Option<Time>, op: &mut dyn FnMut() -> io::Result<()>) -> io::Result<bool> {
        op().map(|()| true)
    }

    fn poll(
        &self,
        _: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(op())
    }

    fn cancel(&self) {}
}

#[test]
fn a_burst_ends_in_time() {
    let clock = Stub::virtual_time().clock();
    let socket = Socket::open_on(&Slow(clock.clone()), "can0", &Config::new()).unwrap();
    let frames = [Frame::new(Id::standard(1).unwrap(), &[]).unwrap(); 100];
    for (timeout, expected) in [(10 * EACH, 10), (Duration::ZERO, 1)] {
        let start = clock.now();
        match socket.write_many(&frames, timeout) {
            Err(Error::TimedOut { written, .. }) => assert_eq!(written, expected),
            other => panic!("{other:?}"),
        }
        assert_eq!(clock.now() - start, expected as u32 * EACH);
    }
    // What is done when the time is over is done.
    socket.write_many(&frames[..10], 10 * EACH).unwrap();
    socket.write_many(&frames, None).unwrap();
}
