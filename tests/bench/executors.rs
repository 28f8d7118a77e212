//! Executors that have nothing in common, to run the same futures.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake};
use std::thread::{self, Thread};

pub(crate) type Run = fn(Pin<Box<dyn Future<Output = ()> + Send>>);

pub(crate) const EXECUTORS: [(&str, Run); 4] = [
    ("block_on", block_on),
    ("tokio", tokio),
    ("tokio_multi", tokio_multi),
    ("smol", smol),
];

/// The ten lines that are enough.
fn block_on(future: Pin<Box<dyn Future<Output = ()> + Send>>) {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let (waker, mut future) = (Arc::new(Unpark(thread::current())).into(), pin!(future));
    while future
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        thread::park();
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
