use std::sync::Arc;
use std::task::{Context, Waker};

use embedded_hal_async::i2c::{I2c, Operation};

use super::blocking::read;
use super::{Bench, HIGH, LOW, NOBODY, SENSOR, bus};
use crate::ErrorKind;

pub(super) fn async_does_the_same(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    in_task(&bench, async move {
        for value in [[0x4b, 0x00], [0x2a, 0x80]] {
            let (first, second) = ([HIGH, value[0]], [value[1]]);
            let mut parts = [Operation::Write(&first), Operation::Write(&second)];
            bus.transaction(SENSOR, &mut parts).await.unwrap();
            let mut back = [0; 2];
            bus.write_read(SENSOR, &[HIGH], &mut back).await.unwrap();
            assert_eq!(back, value);
        }
        let error = bus.write(NOBODY, &[0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
        let error = bus.transaction(SENSOR, &mut []).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    });
}

pub(super) fn futures_of_clones_all_end(bench: Arc<dyn Bench>) {
    let bus = bus(&*bench);
    let threads = [("low", LOW), ("high", HIGH), ("another", HIGH)].map(|(name, register)| {
        let (mut bus, bench) = (bus.clone(), bench.clone());
        let future = async move {
            for _ in 0..20 {
                bus.write_read(SENSOR, &[register], &mut [0; 2])
                    .await
                    .unwrap();
            }
        };
        let run: Box<dyn FnOnce() + Send> = Box::new(move || bench.block_on(Box::pin(future)));
        (name, run)
    });
    bench.run(threads.into());
}

pub(super) fn a_dropped_write_is_not_overtaken(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    let mut clone = bus.clone();
    in_task(&bench, async move {
        for round in 0..100 {
            let value = [HIGH, round, 0x80];
            poll_once_and_drop(bus.write(SENSOR, &value));
            assert_eq!(read(&mut clone, HIGH), [round, 0x80]);
            poll_once_and_drop(bus.write(SENSOR, &[HIGH, 0x40, 0x00]));
            let mut back = [0; 2];
            bus.write_read(SENSOR, &[HIGH], &mut back).await.unwrap();
            assert_eq!(back, [0x40, 0x00]);
        }
    });
}

pub(super) fn a_dropped_read_leaves_its_buffer_alone(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    in_task(&bench, async move {
        bus.write(SENSOR, &[HIGH, 0x50, 0x00]).await.unwrap();
        bus.write(SENSOR, &[LOW, 0x20, 0x00]).await.unwrap();
        for _ in 0..100 {
            let mut buffer = vec![0xaa; 2];
            if !poll_once_and_drop(bus.write_read(SENSOR, &[HIGH], &mut buffer)) {
                assert_eq!(buffer, [0xaa; 2]);
            }
            drop(buffer);
            let mut back = [0; 2];
            bus.write_read(SENSOR, &[LOW], &mut back).await.unwrap();
            assert_eq!(back, [0x20, 0x00]);
        }
    });
}

pub(super) fn in_task(bench: &Arc<dyn Bench>, future: impl Future<Output = ()> + Send + 'static) {
    let runner = bench.clone();
    bench.run(vec![(
        "task",
        Box::new(move || runner.block_on(Box::pin(future))),
    )]);
}

/// Polls a future and lets it go; says whether it was done.
fn poll_once_and_drop<F: Future>(future: F) -> bool {
    let future = std::pin::pin!(future);
    future
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}
