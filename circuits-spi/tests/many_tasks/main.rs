//! A hundred tasks on one device, some of whose futures are dropped, and some of whose calls block: all
//! come to an end, in the order of their calls, with the data that is theirs.

mod echo;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use circuits_spi::{Backend, Config, Device, Error, Operation};
use circuits_stub::Stub;
use embedded_hal::spi::SpiDevice as Blocking;
use embedded_hal_async::spi::SpiDevice as Async;
use tokio::runtime::Runtime;

use echo::{Echo, Slow};

const TASKS: usize = 100;

/// So many calls a task.
const CALLS: u16 = 40;

/// Numbers that look drawn, and are the same at each run (xorshift32).
struct Drawn(u32);

impl Drawn {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % end
    }
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    /// It was this message for the device.
    Done(u32),
    /// Its future was polled, and dropped.
    Dropped,
    /// Its future was dropped before that.
    NotBegun,
}

/// What a task sends in a call, and has of it.
struct Message {
    task: u8,
    number: u8,
    /// Which message it is for the device, by the device.
    count: [u8; 4],
    body: Vec<u8>,
    read: Vec<u8>,
}

/// What is in a buffer that nothing was read into.
const UNREAD: u8 = 0xa5;

impl Message {
    fn new(task: u8, number: u8, drawn: &mut Drawn) -> Message {
        Message {
            task,
            number,
            count: [UNREAD; 4],
            body: vec![task; drawn.below(20) as usize],
            read: vec![UNREAD; drawn.below(20) as usize],
        }
    }

    /// Has `f` see it as operations: as it goes to the backend, or to be joined.
    async fn as_operations<T>(&mut self, f: impl AsyncFnOnce(&mut [Operation<'_, u8>]) -> T) -> T {
        let head = [self.task, self.number, self.body.len() as u8, self.task];
        let half = self.body.len() / 2;
        let is_short = self.body.is_empty();
        let (left, right) = self.body.split_at_mut(half);
        let mut joined = [
            Operation::Transfer(&mut self.count, &head),
            Operation::TransferInPlace(left),
            Operation::TransferInPlace(right),
            Operation::Read(&mut self.read),
        ];
        match is_short {
            true => f(&mut joined[..1]).await,
            false => f(&mut joined).await,
        }
    }

    /// Nothing has come, not even in part.
    fn assert_untouched(&self) {
        assert_eq!(self.count, [UNREAD; 4]);
        assert!(self.body.iter().all(|byte| *byte == self.task));
        assert!(self.read.iter().all(|byte| *byte == UNREAD));
    }

    /// All that has come is the answer to this, and returns which message it was.
    fn assert_answered(&self) -> u32 {
        let count = u32::from_le_bytes(self.count);
        if self.body.is_empty() {
            // What would have followed was not sent.
            assert!(self.read.iter().all(|byte| *byte == UNREAD));
            return count;
        }
        let sent = vec![self.task; self.body.len()];
        let sent = sent.into_iter().chain(vec![0; self.read.len()]);
        let expected = sent.enumerate();
        let expected = expected.map(|(at, byte)| echo::answer(count, 4 + at, byte));
        let came: Vec<u8> = self.body.iter().chain(&self.read).copied().collect();
        assert_eq!(came, expected.collect::<Vec<_>>());
        count
    }
}

/// Polls a future so often at most, each time the task is, and drops it then.
async fn poll_and_drop<T>(future: impl Future<Output = T>, times: u32) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Makes calls in every way, and returns what became of them.
async fn user(mut device: Device, task: usize) -> Vec<Call> {
    let mut drawn = Drawn(0x9e37_79b9 ^ (task as u32 + 1));
    let (mut calls, mut last) = (Vec::new(), None);
    for number in 0..CALLS {
        let mut message = Message::new(task as u8, number as u8, &mut drawn);
        let way = drawn.below(5);
        let times = drawn.below(4);
        let device = &mut device;
        let result: Option<Result<(), Error>> = message
            .as_operations(async |operations| match way {
                0 => Some(Blocking::transaction(device, operations)),
                1 | 2 => Some(Async::transaction(device, operations).await),
                _ => poll_and_drop(Async::transaction(device, operations), times).await,
            })
            .await;
        calls.push(match result {
            Some(result) => {
                result.unwrap();
                let count = message.assert_answered();
                assert!(last < Some(count), "{count} came before {last:?}");
                last = Some(count);
                Call::Done(count)
            }
            None => {
                message.assert_untouched();
                match times {
                    0 => Call::NotBegun,
                    _ => Call::Dropped,
                }
            }
        });
    }
    calls
}

/// Every call that was begun was a message, in the order of its task.
fn check(echo: &Echo, calls: &[Vec<Call>]) {
    let log = echo.log();
    for (task, calls) in calls.iter().enumerate() {
        let numbered = log.iter().enumerate();
        let messages = numbered.filter(|(_, message)| usize::from(message.task) == task);
        let messages: Vec<(usize, usize)> = messages
            .map(|(at, message)| (at, message.number.into()))
            .collect();
        let begun = calls.iter().enumerate();
        let begun = begun.filter(|(_, call)| **call != Call::NotBegun);
        let begun: Vec<usize> = begun.map(|(number, _)| number).collect();
        let order: Vec<usize> = messages.iter().map(|(_, number)| *number).collect();
        assert_eq!(order, begun, "the calls of task {task}");
        for (at, number) in messages {
            if let Call::Done(count) = calls[number] {
                assert_eq!(count as usize, at, "call {number} of task {task}");
            }
        }
    }
    let ways = |is: fn(&Call) -> bool| calls.iter().flatten().filter(|call| is(call)).count();
    let done = ways(|call| matches!(call, Call::Done(_)));
    let dropped = ways(|call| *call == Call::Dropped);
    println!(
        "{done} done, {dropped} dropped on the way, of {}",
        log.len()
    );
    assert_eq!(done + dropped, log.len());
}

/// Runs `f`, which has come to an end long before this is over, if there is one.
fn within<T: Send + 'static>(time: Duration, f: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = f();
        let _ = tell.send(());
        result
    });
    if told.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("nothing moves any more");
    }
    thread.join().unwrap()
}

const LONG: Duration = Duration::from_secs(60);

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Runs tasks at the same time, on several threads.
fn run<T: Send + 'static>(tasks: Vec<Task<T>>) -> Vec<T> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.worker_threads(4).build().unwrap();
    runtime.block_on(all(tasks))
}

async fn all<T: Send + 'static>(tasks: Vec<Task<T>>) -> Vec<T> {
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

fn open(backend: &dyn Backend) -> Device {
    let config = Config::new().speed_hz(1_000_000);
    Device::open_on(backend, "spidev0.0", &config).unwrap()
}

fn users(device: &Device) -> Vec<Task<Vec<Call>>> {
    let user = |task| Box::pin(user(device.clone(), task)) as Task<_>;
    (0..TASKS).map(user).collect()
}

#[test]
fn on_a_backend_that_blocks() {
    within(LONG, || {
        let slow = Slow::default();
        let mut device = open(&slow);
        let calls = run(users(&device));
        // After all that were dropped.
        Blocking::write(&mut device, &[0xff; 4]).unwrap();
        let last = slow.echo.forget_last();
        assert_eq!(last.task, 0xff);
        check(&slow.echo, &calls);
    });
}

#[test]
fn on_the_virtual_board_in_real_time() {
    within(LONG, || {
        let echo = Echo::default();
        let stub = Stub::real_time().spi_device("spidev0.0", echo.clone());
        let calls = run(users(&open(&stub.unwrap())));
        check(&echo, &calls);
    });
}

#[test]
fn on_the_virtual_board_in_virtual_time() {
    let run = || {
        let echo = Echo::default();
        let stub = Stub::virtual_time().spi_device("spidev0.0", echo.clone());
        let stub = stub.unwrap();
        let runtime: Runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let tasks = users(&open(&stub)).into_iter();
        let task = |(number, task)| Box::pin(stub.task(&format!("task {number}"), task)) as Task<_>;
        let calls = stub.run(|| {
            let tasks = tasks.enumerate().map(task).collect();
            stub.block_on_with(|future| runtime.block_on(future), all(tasks))
        });
        check(&echo, &calls);
        (stub.clock().now(), echo.log())
    };
    within(LONG, move || {
        assert!(run() == run(), "each run is the same");
    });
}

/// The memory of a W25Q answers with what is in it: each task reads where it likes.
#[cfg(target_os = "linux")]
mod kernel {
    use super::*;

    /// Where the memory is written to, and how much.
    const START: u32 = 0x1000;
    const LEN: u32 = 0x400;

    /// Each takes 70 ms on the emulated Pi.
    const CALLS: u32 = 3;

    fn content(address: u32) -> u8 {
        (address.wrapping_mul(0x9e37_79b1) >> 24) as u8
    }

    fn write(device: &mut Device, command: &[u8], bytes: &[u8]) {
        Blocking::write(device, &[0x06]).unwrap();
        let mut operations = [Operation::Write(command), Operation::Write(bytes)];
        Blocking::transaction(device, &mut operations).unwrap();
        let mut status = [1];
        while status[0] & 1 == 1 {
            let mut operations = [Operation::Write(&[0x05]), Operation::Read(&mut status)];
            Blocking::transaction(device, &mut operations).unwrap();
        }
    }

    /// Erases a sector, and programs some pages (W25Q16JV, 8.2.14 and 8.2.17).
    fn fill(device: &mut Device) {
        let at = |command: u8, address: u32| {
            let [_, a, b, c] = address.to_be_bytes();
            [command, a, b, c]
        };
        write(device, &at(0x20, START), &[]);
        for page in (START..START + LEN).step_by(256) {
            let bytes: Vec<u8> = (page..page + 256).map(content).collect();
            write(device, &at(0x02, page), &bytes);
        }
    }

    async fn reader(mut device: Device, task: usize) -> u32 {
        let (mut drawn, mut done) = (Drawn(0x9e37_79b9 ^ (task as u32 + 1)), 0);
        for _ in 0..CALLS {
            let address = START + drawn.below(LEN - 64);
            let mut bytes = vec![UNREAD; 1 + drawn.below(60) as usize];
            let [_, a, b, c] = address.to_be_bytes();
            let (way, times) = (drawn.below(5), drawn.below(4));
            let command = [0x03, a, b, c];
            let mut operations = [Operation::Write(&command), Operation::Read(&mut bytes)];
            let result = match way {
                0 => Some(Blocking::transaction(&mut device, &mut operations)),
                1 | 2 => Some(Async::transaction(&mut device, &mut operations).await),
                _ => {
                    let transaction = Async::transaction(&mut device, &mut operations);
                    poll_and_drop(transaction, times).await
                }
            };
            match result {
                Some(result) => {
                    result.unwrap();
                    let expected = (address..).take(bytes.len()).map(content);
                    assert_eq!(bytes, expected.collect::<Vec<_>>(), "task {task}");
                    done += 1;
                }
                None => assert!(bytes.iter().all(|byte| *byte == UNREAD)),
            }
        }
        done
    }

    #[test]
    #[ignore = "needs spidev0.0 with a W25Q flash"]
    fn on_the_kernel() {
        within(LONG, || {
            let mut device = open(&circuits_spi::Linux::new());
            fill(&mut device);
            let reader = |task| Box::pin(reader(device.clone(), task)) as Task<_>;
            let done: u32 = run((0..TASKS).map(reader).collect()).into_iter().sum();
            // After all that were dropped.
            let mut id = [0; 3];
            let mut operations = [Operation::Write(&[0x9f]), Operation::Read(&mut id)];
            Blocking::transaction(&mut device, &mut operations).unwrap();
            assert_eq!(id[..2], [0xef, 0x40]);
            println!("{done} reads of {} done", TASKS as u32 * CALLS);
        });
    }
}
