//! Frames, what error frames tell of, and logs take nothing from the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{self, BufReader, Read, Write};

use circuits_can::log::{Entry, Reader};
use circuits_can::{AnyFrame, ErrorFrame, Filter};

struct Counting;

thread_local! {
    /// Of this thread alone: tests run beside each other.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: it is the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: usize = 1000;

/// Runs something a few times, then often, and asserts that it takes no memory then.
#[track_caller]
fn assert_none(mut f: impl FnMut()) {
    (0..ROUNDS / 10).for_each(|_| f());
    let before = ALLOCATIONS.get();
    (0..ROUNDS).for_each(|_| f());
    let taken = ALLOCATIONS.get() - before;
    assert_eq!(taken, 0, "{taken} allocations in {ROUNDS} rounds");
}

const FRAMES: [&str; 4] = [
    "123#DEADBEEF",
    "12345678##5112233445566778899AABBCC",
    "123#R8_F",
    "2000028C#00148C0A74008001",
];

#[test]
fn frames() {
    assert_none(|| {
        for text in FRAMES {
            let frame: AnyFrame = text.parse().expect("it is a frame");
            let mut buffer = [0; AnyFrame::SIZE];
            assert_eq!(AnyFrame::from_bytes(frame.to_bytes(&mut buffer)), Ok(frame));
            write!(io::sink(), "{frame}").expect("there is room");
        }
        let filter: Filter = "123~7FF".parse().expect("it is a filter");
        write!(io::sink(), "{filter}").expect("there is room");
        assert!("123#1G".parse::<AnyFrame>().is_err());
    });
}

#[test]
fn what_error_frames_tell_of() {
    let Ok(AnyFrame::Error(error)) = FRAMES[3].parse() else {
        panic!("it is one");
    };
    assert_none(|| {
        assert_eq!(error.causes().collect::<ErrorFrame>(), error);
        write!(io::sink(), "{error}").expect("there is room");
    });
}

/// A line, again and again.
struct Endless(usize);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const LINE: &[u8] = b"(1436509052.249713) vcan0 044#2A366C2BBA R\n";
        self.0 %= LINE.len();
        let count = (&LINE[self.0..]).read(buffer)?;
        self.0 += count;
        Ok(count)
    }
}

#[test]
fn logs() {
    let mut reader = Reader::new(BufReader::new(Endless(0)));
    assert_none(|| {
        let entry: Entry = reader.next().expect("there is more").expect("it is one");
        writeln!(io::sink(), "{entry}").expect("there is room");
    });
}
