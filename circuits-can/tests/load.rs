//! Two minutes through vcan, as fast as it goes, with a reader who is too slow at times: what was received and
//! what was told to be lost is what was sent, and what is missing is missing where that was told.
//! CIRCUITS_TEST_LOAD says when it is built for how many seconds, if not for 120.
#![cfg(target_os = "linux")]

use std::thread;
use std::time::{Duration, Instant};

use circuits_bench::CanLink;
use circuits_can::{Config, Frame, Id, Linux, Received, Socket};
use fastrand::Rng;

/// The longest pause of the reader: some thousand frames.
const PAUSE: Duration = Duration::from_millis(50);

fn numbered(number: u64) -> Frame {
    let id = Id::standard((number % 0x800) as u16).unwrap();
    Frame::new(id, &number.to_be_bytes()).unwrap()
}

fn number(received: &Received) -> u64 {
    u64::from_be_bytes(received.frame().unwrap().data().try_into().unwrap())
}

#[test]
#[ignore = "needs vcan, and two minutes"]
fn what_came_and_what_was_lost_is_what_was_sent() {
    let seconds = option_env!("CIRCUITS_TEST_LOAD").map_or(120, |seconds| seconds.parse().unwrap());
    let link = CanLink::new("load0");
    let open = || Socket::open_on(&Linux::new(), "load0", &Config::new()).unwrap();
    let (here, there) = (open(), open());
    let end = Instant::now() + Duration::from_secs(seconds);
    let (sent, received, lost) = thread::scope(|scope| {
        let sender = scope.spawn(|| send(&there, end));
        let (received, lost) = read(&here, end + PAUSE);
        (sender.join().unwrap(), received, lost)
    });
    // What no frame has told of the socket tells, and so does the next frame.
    let told = here.lost().unwrap();
    there.write(&numbered(sent), None).unwrap();
    let (mut left, mut more) = (0, 0);
    loop {
        let last = here.read(Duration::from_secs(10)).unwrap();
        more += u64::from(last.lost());
        if number(&last) == sent {
            break;
        }
        left += 1;
    }
    println!("{sent} sent, {received} received, {lost} lost and {more} more at the end");
    assert_eq!(received + left + lost + more, sent);
    assert_eq!(told, lost + more);
    assert!(sent >= 100_000 * seconds / 120, "{sent} sent");
    assert!(lost >= 1000 * seconds / 120, "{lost} lost");
    drop(link);
}

fn send(socket: &Socket, end: Instant) -> u64 {
    let (mut rng, mut sent) = (Rng::with_seed(1), 0);
    while Instant::now() < end {
        let burst: Vec<_> = (sent..sent + rng.u64(1..500)).map(numbered).collect();
        socket.write_many(&burst, None).unwrap();
        sent += burst.len() as u64;
        if rng.u8(..4) == 0 {
            thread::sleep(Duration::from_micros(rng.u64(..2000)));
        }
    }
    sent
}

/// Returns how many came, and how many were lost before them.
fn read(socket: &Socket, end: Instant) -> (u64, u64) {
    let (mut rng, mut frames) = (Rng::with_seed(2), vec![Received::empty(); 200]);
    let (mut received, mut lost) = (0, 0);
    while Instant::now() < end {
        // In one way and another.
        let count = match rng.bool() {
            true => socket.read_many(&mut frames, PAUSE),
            false => socket.read(PAUSE).map(|frame| {
                frames[0] = frame;
                1
            }),
        };
        for frame in &frames[..count.unwrap_or(0)] {
            lost += u64::from(frame.lost());
            assert_eq!(number(frame), received + lost);
            received += 1;
        }
        if rng.u8(..200) == 0 {
            thread::sleep(PAUSE.mul_f64(rng.f64()));
        }
    }
    (received, lost)
}
