mod cable;
mod pi;
mod pty;

use std::sync::Arc;

use circuits_bench::Suite;
use circuits_uart::Linux;
use circuits_uart::contract::{Bench, FACTS};
use circuits_wait::{Interrupt, Monotonic};

pub(crate) fn main() {
    let pty = |side: pty::Side| {
        move |check: fn(Arc<dyn Bench>), executor| {
            check(Arc::new(pty::PtyBench::new(side, executor)));
        }
    };
    let suite = Suite::new()
        .on_limited("pty", pty::EXCUSED, FACTS, pty(pty::Side::Slave))
        .on_limited(
            "pty, the controlling side",
            pty::EXCUSED_CONTROLLING,
            FACTS,
            pty(pty::Side::Master),
        );
    // Where a cable is there is no bench outside.
    let suite = match cable::ports() {
        Some(ports) => suite.on_kernel("cable", cable::EXCUSED, FACTS, move |check, executor| {
            let _one = cable::lock();
            check(Arc::new(cable::CableBench::new(ports.clone(), executor)));
        }),
        None => suite
            .on_kernel("ttyAMA0", pi::EXCUSED, FACTS, |check, executor| {
                let _one = pi::lock();
                check(Arc::new(pi::PiBench::board(executor)));
            })
            .on_kernel("ttyUSB0", pi::EXCUSED_USB, FACTS, |check, executor| {
                let _one = pi::lock();
                check(Arc::new(pi::PiBench::adapter(executor)));
            }),
    };
    suite.main()
}

/// The machine's ports, with waits that can be interrupted.
fn linux() -> Linux {
    let interrupt = Interrupt::new().unwrap();
    Linux::with_clock(Monotonic::interrupted_by(interrupt))
}
