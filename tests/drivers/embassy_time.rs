//! embassy-time, as drivers use it, by a board's clock: of the board whose future the thread runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use circuits::stub::Stub;
use circuits::wait::{Clock, Time};
use embassy_time_driver::{Driver, TICK_HZ};

struct BoardTime;

embassy_time_driver::time_driver_impl!(static DRIVER: BoardTime = BoardTime);

#[derive(Default)]
struct Timers {
    clock: Option<Arc<dyn Clock>>,
    /// Who is woken, in ticks.
    due: BTreeMap<u64, Vec<Waker>>,
}

thread_local! {
    static TIMERS: RefCell<Timers> = RefCell::default();
}

const NANOS: u64 = 1_000_000_000 / TICK_HZ;

impl Driver for BoardTime {
    fn now(&self) -> u64 {
        TIMERS.with_borrow(|timers| {
            let clock = timers.clock.as_ref().expect("no board");
            clock.now().as_nanos() / NANOS
        })
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        TIMERS.with_borrow_mut(|timers| {
            timers.due.entry(at).or_default().push(waker.clone());
        });
    }
}

/// Runs a future to its end, as [`Stub::block_on`].
pub(crate) fn block_on<F: Future>(stub: &Stub, future: F) -> F::Output {
    let timers = Timers {
        clock: Some(stub.clock()),
        ..Timers::default()
    };
    TIMERS.set(timers);
    let mut future = pin!(future);
    let mut timer = stub.clock().timer().unwrap();
    let result = stub.block_on(poll_fn(|cx| {
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            // What it waits for was set now.
            let Some(first) = TIMERS.with_borrow(|timers| timers.due.keys().next().copied()) else {
                return Poll::Pending;
            };
            let time = Time::from_nanos(first.saturating_mul(NANOS));
            match timer.poll_until(time, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(ready) => ready.unwrap(),
            }
            let wakers = TIMERS.with_borrow_mut(|timers| timers.due.remove(&first));
            wakers.into_iter().flatten().for_each(Waker::wake);
        }
    }));
    TIMERS.set(Timers::default());
    result
}
