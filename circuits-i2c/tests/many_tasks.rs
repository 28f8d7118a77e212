//! A hundred tasks on one bus, whose futures are dropped at random: nobody waits for ever, what each
//! does comes in its order, and nobody's memory is touched but one's own.

mod memory;

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use circuits_i2c::contract::MEMORY;
use circuits_i2c::{Address, Backend, Bus, Config, Done, Handle, Operation};
use circuits_stub::Stub;
use circuits_stub::i2c::Controller;
use circuits_wait::Clock;
use embedded_hal_async::i2c::I2c;
use fastrand::Rng;
use memory::Memory;
use tokio::runtime::Runtime;

const TASKS: u8 = 100;
const ROUNDS: u8 = 20;

/// What a task does on its page of the memory. The bytes that it writes are its own, and each round
/// has another one.
async fn task(number: u8, mut bus: Bus, mut rng: Rng) {
    let page = (u16::from(number) * 32).to_be_bytes();
    for round in 0..ROUNDS {
        let bytes = |version: u8| [page[0], page[1], number, round, version, !number];
        let (first, second, last) = (bytes(1), bytes(2), bytes(3));
        some_polls(bus.write(MEMORY, &first), rng.u32(0..3)).await;
        some_polls(bus.write(MEMORY, &second), rng.u32(0..3)).await;
        bus.write(MEMORY, &last).await.unwrap();
        // Whoever is dropped reads nothing any more into what is here afterwards.
        let mut gone = [0xaa; 8];
        let read = some_polls(bus.write_read(MEMORY, &page, &mut gone), rng.u32(0..3));
        if read.await.is_none() {
            assert_eq!(gone, [0xaa; 8]);
        }
        let mut back = [0; 4];
        bus.write_read(MEMORY, &page, &mut back).await.unwrap();
        assert_eq!(back, last[2..], "task {number}, round {round}");
    }
}

/// Polls a future so often, and lets it go then if it is not done.
async fn some_polls<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        while left > 0 {
            left -= 1;
            match future.as_mut().poll(cx) {
                Poll::Ready(done) => return Poll::Ready(Some(done)),
                // Half of them are polled again at once, which is nobody's fault.
                Poll::Pending if left % 2 == 0 => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(None)
    })
    .await
}

/// All tasks, each spawned as `spawn` says.
async fn all<T: Future<Output = ()> + Send + 'static>(
    bus: Bus,
    seed: u64,
    spawn: impl Fn(u8, Bus, Rng) -> T,
) {
    let mut rng = Rng::with_seed(seed);
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| tokio::spawn(spawn(number, bus.clone(), rng.fork())))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(3).enable_time().build().unwrap()
}

fn in_real_time(bus: Bus, seed: u64) {
    let limit = Duration::from_secs(100);
    runtime()
        .block_on(async { tokio::time::timeout(limit, all(bus, seed, task)).await })
        .expect("somebody waits for ever");
}

fn stub(stub: Stub) -> Stub {
    stub.i2c_controller("i2c-1", Controller::new().frequency(20_000_000))
        .i2c_device("i2c-1", MEMORY, Memory::writing_for(Duration::ZERO))
        .unwrap()
}

fn open(backend: &dyn Backend) -> Bus {
    Bus::open_on(backend, "i2c-1", &Config::new()).unwrap()
}

#[test]
fn in_virtual_time() {
    for seed in 1..=5 {
        let stub = stub(Stub::virtual_time());
        let (bus, runtime, board) = (open(&stub), runtime(), stub.clone());
        let all = all(bus, seed, move |number, bus, rng| {
            board.task(&format!("task {number}"), task(number, bus, rng))
        });
        stub.block_on_with(|all| runtime.block_on(all), all);
    }
}

#[test]
fn on_a_wire_in_real_time() {
    for seed in 1..=3 {
        in_real_time(open(&stub(Stub::real_time())), seed);
    }
}

/// A board whose calls block, as the kernel's do: futures go by the worker.
#[derive(Debug)]
struct Blocking(Stub);

impl Backend for Blocking {
    fn open(&self, name: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        let (stub, bus) = (self.0.clone(), Backend::open(&self.0, name, config)?);
        Ok(Box::new(BlockingBus { stub, bus }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock()
    }
}

#[derive(Debug)]
struct BlockingBus {
    stub: Stub,
    bus: Box<dyn Handle>,
}

impl Handle for BlockingBus {
    fn transaction(&self, address: Address, operations: &mut [Operation<'_>]) -> Done {
        let done = self.bus.transaction(address, operations);
        if let Some(time) = done.busy_until {
            self.stub.clock().delay_until(time);
        }
        Done::at_once(done.result)
    }

    fn blocks(&self) -> bool {
        true
    }
}

#[test]
fn by_a_worker() {
    for seed in 1..=3 {
        in_real_time(open(&Blocking(stub(Stub::real_time()))), seed);
    }
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs a 24C32 at 0x50 of i2c-1 that writes at once, as QEMU's does"]
fn on_the_kernel() {
    in_real_time(Bus::open("i2c-1").unwrap(), 1);
}
