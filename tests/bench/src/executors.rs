use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};
use std::thread;

/// Runs a future to its end.
type Run = fn(Pin<Box<dyn Future<Output = ()> + Send>>);

/// One of several that have nothing in common, to run the same futures.
#[derive(Clone, Copy)]
pub struct Executor {
    name: &'static str,
    run: Run,
    was_used: &'static AtomicBool,
}

impl Executor {
    /// Returns all of them.
    pub fn all() -> [Executor; 4] {
        let all: [(&str, Run); 4] = [
            ("block_on", |future| block_on(future)),
            ("tokio", tokio),
            ("tokio, several threads", tokio_multi),
            ("smol", smol),
        ];
        all.map(|(name, run)| Executor {
            name,
            run,
            was_used: Box::leak(Box::default()),
        })
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Runs a future to its end.
    pub fn run(self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.was_used.store(true, Ordering::SeqCst);
        (self.run)(future);
    }

    /// Tells whether it has run anything.
    pub fn was_used(self) -> bool {
        self.was_used.load(Ordering::SeqCst)
    }
}

/// A name, and what to run.
pub type Thread = (&'static str, Box<dyn FnOnce() + Send>);

/// Runs all at the same time, each in a thread of its own, until all are done.
pub fn run_threads(threads: Vec<Thread>) {
    let spawn = |(name, f): Thread| thread::Builder::new().name(name.into()).spawn(f).unwrap();
    let threads: Vec<_> = threads.into_iter().map(spawn).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Runs a future by the ten lines that are enough.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let (waker, mut future) = (Arc::new(Unpark(thread::current())).into(), pin!(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Without tokio's I/O and time drivers: they are not needed.
fn tokio(future: Pin<Box<dyn Future<Output = ()> + Send>>) {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future);
}

/// The future on a worker, not on the thread that waits for it.
fn tokio_multi(future: Pin<Box<dyn Future<Output = ()> + Send>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(future).await.unwrap() });
}

/// smol's executor.
fn smol(future: Pin<Box<dyn Future<Output = ()> + Send>>) {
    let executor = async_executor::Executor::new();
    futures_lite::future::block_on(executor.run(executor.spawn(future)));
}
