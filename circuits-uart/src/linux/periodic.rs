use std::fmt::{self, Debug};
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use circuits_wait::{Clock, Interrupt, Monotonic, Ready, Time, Timer};

/// Waits for what the kernel does not tell of, by trying again and again.
///
/// It does tell in two ways, `tcdrain` and `TIOCMIWAIT`: both block without a deadline, and nothing but a
/// signal ends them.
pub(super) struct Periodic {
    clock: Monotonic,
    interrupt: Option<Interrupt>,
    /// Until the second try; the times between later ones double, up to the longest.
    first: Duration,
    longest: Duration,
    /// Made by the first future that has to wait. It is taken out while it is used: wakers are dropped
    /// there, and what a waker does then must not find a lock.
    alarm: Mutex<Option<Alarm>>,
}

struct Alarm {
    timer: Box<dyn Timer>,
    /// When the next try is due, and how long after that one the one after it.
    next: Option<(Time, Duration)>,
}

impl Periodic {
    /// Makes a wait on `clock`, whose interrupt ends blocking ones.
    pub(super) fn new(clock: &Monotonic, first: Duration, longest: Duration) -> Periodic {
        Periodic {
            interrupt: clock.interrupt().ok(),
            clock: clock.clone(),
            first,
            longest,
            alarm: Mutex::new(None),
        }
    }

    fn longer(&self, interval: Duration) -> Duration {
        (2 * interval).min(self.longest)
    }

    fn alarm(&self) -> MutexGuard<'_, Option<Alarm>> {
        self.alarm.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Leaves the timer for the next wait.
    fn rest(&self) {
        let alarm = self.alarm().take();
        if let Some(mut alarm) = alarm {
            if alarm.next.take().is_some() {
                alarm.timer.cancel();
            }
            *self.alarm() = Some(alarm);
        }
    }
}

impl Ready for Periodic {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        let mut interval = self.first;
        loop {
            if self.interrupt.as_ref().is_some_and(Interrupt::is_raised) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(|()| true),
            }
            let now = self.clock.now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(false);
            }
            let next = now + interval;
            let next = deadline.map_or(next, |deadline| deadline.min(next));
            self.clock.sleep_until(next)?;
            interval = self.longer(interval);
        }
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        loop {
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    self.rest();
                    return Poll::Ready(done);
                }
            }
            let alarm = self.alarm().take();
            let mut alarm = match alarm {
                Some(alarm) => alarm,
                None => Alarm {
                    timer: self.clock.timer()?,
                    next: None,
                },
            };
            let now = self.clock.now();
            let (next, interval) = match alarm.next {
                // It was woken for something else.
                Some((next, interval)) if now < next => (next, interval),
                Some((_, interval)) => (now + interval, self.longer(interval)),
                None => (now + self.first, self.longer(self.first)),
            };
            alarm.next = Some((next, interval));
            let poll = alarm.timer.poll_until(next, cx);
            *self.alarm() = Some(alarm);
            match poll {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => {}
            }
        }
    }

    fn cancel(&self) {
        self.rest();
    }
}

impl Debug for Periodic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Periodic")
            .field("first", &self.first)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Wake, Waker};
    use std::thread;

    use circuits_bench::{block_on, signal_this_thread};

    use super::*;

    const FIRST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_millis(4);

    fn periodic(clock: &Monotonic) -> Periodic {
        Periodic::new(clock, FIRST, LONGEST)
    }

    /// Succeeds at the last of so many tries, and notes when they were.
    fn after(tries: usize, times: &mut Vec<Time>) -> impl FnMut() -> io::Result<()> {
        move || {
            times.push(Time::monotonic());
            match times.len() {
                count if count < tries => Err(io::ErrorKind::WouldBlock.into()),
                _ => Ok(()),
            }
        }
    }

    fn never() -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    #[track_caller]
    fn intervals_double(times: &[Time]) {
        let shortest = [1, 2, 4, 4].map(Duration::from_millis);
        let pairs: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(pairs.len(), shortest.len());
        for (interval, shortest) in pairs.iter().zip(shortest) {
            assert!(*interval >= shortest, "{pairs:?}");
        }
    }

    #[test]
    fn it_is_tried_less_and_less_often() {
        let periodic = periodic(&Monotonic::new());
        for _ in 0..2 {
            let mut times = Vec::new();
            assert!(periodic.block(None, &mut after(5, &mut times)).unwrap());
            intervals_double(&times);
            let mut times = Vec::new();
            let mut op = after(5, &mut times);
            block_on(std::future::poll_fn(|cx| periodic.poll(cx, &mut op))).unwrap();
            drop(op);
            intervals_double(&times);
        }
    }

    #[test]
    fn a_deadline_ends_it_after_a_last_try() {
        let periodic = periodic(&Monotonic::new());
        let deadline = Time::monotonic() + 10 * FIRST;
        let mut times = Vec::new();
        assert!(
            !periodic
                .block(Some(deadline), &mut after(1000, &mut times))
                .unwrap()
        );
        assert!(times.last() >= Some(&deadline));
        let mut times = Vec::new();
        assert!(
            !periodic
                .block(Some(deadline), &mut after(1000, &mut times))
                .unwrap()
        );
        assert_eq!(times.len(), 1);
    }

    #[test]
    fn a_deadline_is_not_slept_over() {
        let hour = Duration::from_secs(3600);
        let periodic = Periodic::new(&Monotonic::new(), hour, hour);
        let deadline = Time::monotonic() + FIRST;
        assert!(!periodic.block(Some(deadline), &mut never).unwrap());
    }

    #[test]
    fn an_interrupt_ends_it_and_a_signal_does_not() {
        let interrupt = Interrupt::new().unwrap();
        let periodic = periodic(&Monotonic::interrupted_by(interrupt.clone()));
        let signal = signal_this_thread();
        let disturb = thread::spawn(move || {
            for _ in 0..20 {
                thread::sleep(FIRST);
                signal();
            }
            interrupt.raise();
        });
        let start = Time::monotonic();
        let error = periodic.block(None, &mut never).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        assert!(Time::monotonic() - start >= 20 * FIRST);
        let mut tries = Vec::new();
        assert!(periodic.block(None, &mut after(1, &mut tries)).is_err());
        assert_eq!(tries.len(), 0);
        disturb.join().unwrap();
    }

    #[test]
    fn who_has_cancelled_is_not_woken() {
        #[derive(Default)]
        struct Count(AtomicU32);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let (count, periodic) = (Arc::new(Count::default()), periodic(&Monotonic::new()));
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(periodic.poll(&mut cx, &mut never).is_pending());
        periodic.cancel();
        thread::sleep(5 * FIRST);
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        // Nor is it forgotten.
        assert_eq!(Arc::strong_count(&count), 2);
        assert!(periodic.poll(&mut cx, &mut never).is_pending());
        thread::sleep(5 * FIRST);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(matches!(
            periodic.poll(&mut cx, &mut || Ok(())),
            Poll::Ready(Ok(()))
        ));
    }
}
