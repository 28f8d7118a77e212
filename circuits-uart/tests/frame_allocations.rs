//! Frames take nothing from the heap once the buffers have grown, by `Framed` and by `Codec`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::io::Write;

use circuits_uart::framing::{
    Cobs, Codec, Delimiter, Fixed, Framed, Framing, LengthPrefix, Lines, Slip,
};
use tokio_util::bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

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
fn assert_none(what: &str, mut f: impl FnMut()) {
    (0..ROUNDS / 10).for_each(|_| f());
    let before = ALLOCATIONS.get();
    (0..ROUNDS).for_each(|_| f());
    let taken = ALLOCATIONS.get() - before;
    assert_eq!(taken, 0, "{what}: {taken} allocations in {ROUNDS} rounds");
}

fn framings() -> [(&'static str, Box<dyn Framing>); 6] {
    [
        ("lines", Box::new(Lines::new())),
        ("delimiter", Box::new(Delimiter::new("\r\n>").unwrap())),
        ("fixed", Box::new(Fixed::new(200).unwrap())),
        ("length", Box::new(LengthPrefix::u16_be())),
        ("cobs", Box::new(Cobs::new())),
        ("slip", Box::new(Slip::new())),
    ]
}

/// With what is escaped by one framing or another.
fn frame() -> Vec<u8> {
    b"\ra\0\xc0\xdb".repeat(40)
}

#[test]
fn framed() {
    for (what, framing) in framings() {
        let frame = frame();
        let mut framed = Framed::new(VecDeque::new(), framing);
        assert_none(what, || {
            for _ in 0..3 {
                framed.write_frame(&frame[..200]).unwrap();
            }
            for _ in 0..3 {
                assert_eq!(framed.read_frame().unwrap().unwrap().len(), 200);
            }
            assert!(framed.read_frame().unwrap().is_none());
        });
    }
}

#[test]
fn frames_that_are_wrong() {
    let mut framed = Framed::new(VecDeque::new(), Lines::new().max_length(100));
    assert_none("too long", || {
        framed.get_mut().write_all(&[b'x'; 200]).unwrap();
        assert!(framed.read_frame().is_err());
        framed.get_mut().write_all(b"\nx\n").unwrap();
        assert!(framed.read_frame().unwrap().is_some());
        assert!(framed.read_frame().unwrap().is_none());
    });
}

#[test]
fn codec() {
    for (what, framing) in framings() {
        let frame = Bytes::from(frame());
        let mut codec = Codec::new(framing);
        let mut wire = BytesMut::with_capacity(4096);
        assert_none(what, || {
            for _ in 0..3 {
                codec.encode(&frame[..], &mut wire).unwrap();
            }
            for _ in 0..3 {
                let decoded = codec.decode(&mut wire).unwrap().unwrap();
                assert_eq!(decoded.unwrap(), frame);
            }
            assert!(codec.decode(&mut wire).unwrap().is_none());
        });
    }
}
