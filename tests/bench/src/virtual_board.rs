use std::pin::Pin;

use circuits_stub::Stub;

use crate::executors::{Executor, Thread};

/// A virtual board, and who runs futures on it: what benches of contracts have in common.
pub struct VirtualBoard {
    /// The board.
    pub stub: Stub,
    executor: Executor,
}

impl VirtualBoard {
    /// Puts a board on a bench.
    pub fn new(stub: Stub, executor: Executor) -> VirtualBoard {
        VirtualBoard { stub, executor }
    }

    /// Runs all at the same time, in threads that take part in the board's time, until all are done.
    pub fn run(&self, threads: Vec<Thread>) {
        self.stub.run(|| {
            let spawn = |(name, f): Thread| self.stub.spawn(name, f).unwrap();
            let threads: Vec<_> = threads.into_iter().map(spawn).collect();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        });
    }

    /// Runs a future in one of these threads.
    pub fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let executor = self.executor;
        self.stub
            .block_on_with(|task| executor.run(Box::pin(task)), future);
    }
}
