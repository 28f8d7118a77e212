use std::sync::Arc;
use std::task::{Context, Waker};

use embedded_hal_async::spi::{Operation, SpiDevice};

use super::{Bench, JEDEC_ID, READ_STATUS, WRITE_ENABLE, assert_is_flash, flash, id};
use crate::{Device, ErrorKind};

async fn id_async(device: &mut Device) -> [u8; 3] {
    let (mut maker, mut rest) = ([0], [0; 2]);
    let mut operations = [
        Operation::Write(&[JEDEC_ID]),
        Operation::Read(&mut maker),
        Operation::Read(&mut rest),
    ];
    device.transaction(&mut operations).await.unwrap();
    [maker[0], rest[0], rest[1]]
}

pub(super) fn async_does_the_same(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    in_task(&bench, async move {
        assert_is_flash(id_async(&mut device).await);
        let mut bytes = [JEDEC_ID, 0, 0, 0];
        device.transfer_in_place(&mut bytes).await.unwrap();
        assert_is_flash([bytes[1], bytes[2], bytes[3]]);
        let mut answer = [0; 4];
        device.transfer(&mut answer, &[JEDEC_ID]).await.unwrap();
        assert_is_flash([answer[1], answer[2], answer[3]]);
        device.transaction(&mut []).await.unwrap();
        let mut long = vec![0xaa; device.limits().bytes + 1];
        let error = device.read(&mut long).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(long.iter().all(|byte| *byte == 0xaa));
        assert_is_flash(id(&mut device));
    });
}

pub(super) fn futures_of_clones_all_end(bench: Arc<dyn Bench>) {
    let device = flash(&*bench);
    let threads = ["one", "another", "a third"].map(|name| {
        let (mut device, bench) = (device.clone(), bench.clone());
        let future = async move {
            for _ in 0..5 {
                assert_is_flash(id_async(&mut device).await);
            }
        };
        let run: Box<dyn FnOnce() + Send> = Box::new(move || bench.block_on(Box::pin(future)));
        (name, run)
    });
    bench.run(threads.into());
}

/// The write-enable latch says what came last.
pub(super) fn a_dropped_write_is_not_overtaken(bench: Arc<dyn Bench>) {
    const WRITE_DISABLE: u8 = 0x04;
    let mut device = flash(&*bench);
    let mut clone = device.clone();
    in_task(&bench, async move {
        for _ in 0..5 {
            for (command, latch) in [(WRITE_ENABLE, 0b10), (WRITE_DISABLE, 0)] {
                poll_once_and_drop(device.write(&[command]));
                let mut status = [READ_STATUS, 0];
                embedded_hal::spi::SpiDevice::transfer_in_place(&mut clone, &mut status).unwrap();
                assert_eq!(status[1] & 0b10, latch);
            }
        }
    });
}

pub(super) fn a_dropped_read_leaves_its_buffer_alone(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    in_task(&bench, async move {
        for _ in 0..10 {
            let mut bytes = vec![JEDEC_ID, 0, 0, 0];
            poll_once_and_drop(device.transfer_in_place(&mut bytes));
            drop(bytes);
            assert_is_flash(id_async(&mut device).await);
        }
    });
}

fn in_task(bench: &Arc<dyn Bench>, future: impl Future<Output = ()> + Send + 'static) {
    let runner = bench.clone();
    bench.run(vec![(
        "task",
        Box::new(move || runner.block_on(Box::pin(future))),
    )]);
}

/// Polls a future and lets it go, done or not.
fn poll_once_and_drop<F: Future>(future: F) {
    let _ = std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}
