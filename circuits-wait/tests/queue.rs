//! The line at a bus that blocks: nobody overtakes, nobody is forgotten, and nobody's panic is another's.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use circuits_bench::block_on;
use circuits_wait::{Job, Queue, Request};

/// An interpreter that looks at every access takes its time.
const MANY: u32 = if cfg!(miri) { 6 } else { 300 };

/// A bus that hears numbers, one at a time. At 13 it panics.
#[derive(Debug, Default)]
struct Heard {
    busy: AtomicBool,
    numbers: Mutex<Vec<u32>>,
    /// Says so when it is gone.
    end: Option<mpsc::Sender<()>>,
}

impl Heard {
    fn hear(&self, number: u32) -> usize {
        assert!(!self.busy.swap(true, Ordering::Relaxed), "two at once");
        if number % 4 == 0 {
            thread::yield_now();
        }
        self.busy.store(false, Ordering::Relaxed);
        assert_ne!(number, 13, "as it should");
        let mut numbers = self.numbers.lock().unwrap();
        numbers.push(number);
        numbers.len()
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        let _ = self.end.take().map(|end| end.send(()));
    }
}

/// Says a number.
#[derive(Debug, Default)]
struct Say(Vec<u32>);

impl Job for Say {
    type Handle = Heard;
    type Done = usize;

    fn run(&mut self, heard: &Heard) -> usize {
        self.0
            .iter()
            .map(|number| heard.hear(*number))
            .max()
            .unwrap_or(0)
    }
}

type Line = Arc<Queue<Say>>;

fn line() -> Line {
    Arc::new(Queue::new(Box::default(), "queue-test"))
}

fn submit(line: &Line, number: u32) -> Arc<Request<Say>> {
    let request = Arc::<Request<Say>>::default();
    request.load(|say| say.0 = vec![number]);
    line.submit(&request).unwrap();
    request
}

fn wait(request: &Request<Say>) -> io::Result<usize> {
    block_on(std::future::poll_fn(|cx| request.poll(cx)))
}

/// Runs `f` while somebody else has the bus.
fn while_busy<T>(line: &Line, f: impl FnOnce() -> T) -> T {
    let (go, may_go) = mpsc::channel();
    let (busy, is_busy) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            line.run(|_| {
                busy.send(()).unwrap();
                may_go.recv().unwrap();
            });
        });
        is_busy.recv().unwrap();
        let result = f();
        go.send(()).unwrap();
        result
    })
}

/// Closes a line whose worker has come to its end then, and returns what was heard.
fn end(line: Line) -> Vec<u32> {
    line.close();
    let mut line = line;
    let queue = loop {
        match Arc::try_unwrap(line) {
            Ok(queue) => break queue,
            Err(again) => line = again,
        }
        thread::yield_now();
    };
    queue.handle().numbers.lock().unwrap().clone()
}

#[test]
fn first_come_first_served() {
    let line = line();
    let mut requests = Vec::new();
    for number in (100..100 + MANY).step_by(3) {
        requests.push(submit(&line, number));
        line.run(|heard| heard.hear(number + 1));
        requests.push(submit(&line, number + 2));
    }
    let last = wait(requests.last().unwrap()).unwrap();
    assert_eq!(last, 3 * (MANY as usize).div_ceil(3));
    let numbers = end(line);
    assert_eq!(numbers, (100..100 + last as u32).collect::<Vec<_>>());
}

#[test]
fn everybody_is_served_once_and_in_the_order_of_his_own_calls() {
    let line = line();
    let callers = if cfg!(miri) { 3 } else { 16 };
    thread::scope(|scope| {
        for caller in 0..callers {
            let line = &line;
            scope.spawn(move || {
                let request = Arc::<Request<Say>>::default();
                for number in (0..MANY).map(|number| 1000 * (caller + 1) + number) {
                    match number % 3 {
                        0 => drop(line.run(|heard| heard.hear(number))),
                        1 => drop(submit(line, number)),
                        // The same request, again and again.
                        _ => {
                            request.load(|say| say.0 = vec![number]);
                            line.submit(&request).unwrap();
                            wait(&request).unwrap();
                            assert_eq!(request.store(|say| say.0.clone()), [number]);
                        }
                    }
                }
            });
        }
    });
    let numbers = end(line);
    for caller in 0..callers {
        let own = numbers
            .iter()
            .filter(|number| **number / 1000 == caller + 1);
        let own: Vec<u32> = own.map(|number| number % 1000).collect();
        assert_eq!(own, (0..MANY).collect::<Vec<_>>());
    }
}

#[test]
fn a_request_that_nobody_waits_for_is_run() {
    let line = line();
    for number in 100..100 + MANY {
        let request = submit(&line, number);
        // Polled or not.
        if number % 2 == 0 {
            let _ = request.poll(&mut Context::from_waker(Waker::noop()));
        }
    }
    assert_eq!(end(line), (100..100 + MANY).collect::<Vec<_>>());
}

#[test]
fn who_polled_last_is_woken() {
    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let line = line();
    let (first, last) = (Arc::<Count>::default(), Arc::<Count>::default());
    while_busy(&line, || {
        // The worker comes to its end after it has woken.
        let request = submit(&line, 1);
        for count in [&first, &last, &last] {
            let waker = count.clone().into();
            assert!(request.poll(&mut Context::from_waker(&waker)).is_pending());
        }
    });
    assert_eq!(end(line), [1]);
    let counts = [&first, &last].map(|count| count.0.load(Ordering::SeqCst));
    assert_eq!(counts, [0, 1]);
}

#[test]
fn a_handle_that_panics_stops_nobody_else() {
    let line = line();
    let panics = AssertUnwindSafe(|| line.run(|heard| heard.hear(13)));
    assert!(catch_unwind(panics).is_err());
    let (bad, good) = (submit(&line, 13), submit(&line, 2));
    assert_eq!(wait(&bad).unwrap_err().to_string(), "the backend panicked");
    assert_eq!(wait(&good).unwrap(), 1);
    // Its request can be used again.
    bad.load(|say| say.0 = vec![3]);
    line.submit(&bad).unwrap();
    assert_eq!(wait(&bad).unwrap(), 2);
    line.run(|heard| heard.hear(4));
    drop((bad, good));
    assert_eq!(end(line), [2, 3, 4]);
}

#[test]
fn a_waker_that_panics_stops_nobody_else() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("as it should");
        }
    }
    let line = line();
    let waker = Arc::new(Panics).into();
    for number in 100..100 + MANY {
        let request = submit(&line, number);
        let _ = request.poll(&mut Context::from_waker(&waker));
    }
    assert_eq!(wait(&submit(&line, 1)).unwrap(), MANY as usize + 1);
    end(line);
}

#[test]
fn what_was_submitted_is_done_when_the_line_is_closed() {
    let line = line();
    let requests = while_busy(&line, || {
        let requests = (100..100 + MANY).map(|number| submit(&line, number));
        let requests: Vec<_> = requests.collect();
        line.close();
        // The worker sees that it is closed, and not yet its turn.
        thread::sleep(Duration::from_millis(20));
        requests
    });
    let done: Vec<usize> = requests
        .iter()
        .map(|request| wait(request).unwrap())
        .collect();
    assert_eq!(done, (1..=MANY as usize).collect::<Vec<_>>());
    // Blocking calls go on for ever, and futures with a worker that is still there or not.
    line.run(|heard| heard.hear(1));
    drop(requests);
    assert_eq!(end(line).len(), MANY as usize + 1);
}

#[test]
fn the_handle_goes_with_the_last_who_needs_it() {
    let (tell, told) = mpsc::channel();
    let heard = Heard {
        busy: AtomicBool::default(),
        numbers: Mutex::default(),
        end: Some(tell),
    };
    let line: Line = Arc::new(Queue::new(Box::new(heard), "queue-test"));
    let request = submit(&line, 1);
    line.close();
    drop(line);
    told.recv().unwrap();
    assert_eq!(wait(&request).unwrap(), 1);
}

#[test]
fn a_request_that_was_never_submitted_is_pending() {
    let request = Request::<Say>::default();
    let poll = request.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(poll, Poll::Pending));
}
