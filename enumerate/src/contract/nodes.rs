use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Bench, LONG, pause};
use crate::{ErrorKind, ready, wait_ready};

pub(super) fn a_node_is_there_or_is_not(bench: Arc<dyn Bench>) {
    let plugged = bench.plug();
    wait_ready(bench.backend(), plugged.node(), LONG).unwrap();
    // And at once.
    wait_ready(bench.backend(), plugged.node(), Duration::ZERO).unwrap();
    let nowhere = Path::new("/dev/circuits-nowhere");
    let error = wait_ready(bench.backend(), nowhere, super::PAUSE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().contains("circuits-nowhere"), "{error}");
}

/// A node has the name of the one before, so it is known before it is there.
fn node_to_come(bench: &dyn Bench) -> std::path::PathBuf {
    bench.plug().node()
}

pub(super) fn a_node_is_waited_for(bench: Arc<dyn Bench>) {
    let node = node_to_come(&*bench);
    let (waiter, plugger) = (bench.clone(), bench.clone());
    let wait = move || wait_ready(waiter.backend(), node, LONG).unwrap();
    let plug = move || {
        pause(&*plugger);
        let plugged = plugger.plug();
        pause(&*plugger);
        drop(plugged);
    };
    bench.run(vec![
        ("waiter", Box::new(wait)),
        ("plugger", Box::new(plug)),
    ]);
}

pub(super) fn a_node_is_awaited(bench: Arc<dyn Bench>) {
    let node = node_to_come(&*bench);
    let (waiter, plugger) = (bench.clone(), bench.clone());
    let wait = move || {
        let inner = waiter.clone();
        waiter.block_on(Box::pin(async move {
            ready(inner.backend(), node).await.unwrap();
        }));
    };
    let plug = move || {
        pause(&*plugger);
        let plugged = plugger.plug();
        pause(&*plugger);
        drop(plugged);
    };
    bench.run(vec![
        ("waiter", Box::new(wait)),
        ("plugger", Box::new(plug)),
    ]);
}

pub(super) fn a_wait_for_a_node_is_interrupted(bench: Arc<dyn Bench>) {
    let interrupt = bench.backend().clock().interrupt().unwrap();
    let (waiter, interrupter, raised) = (bench.clone(), bench.clone(), interrupt.clone());
    let wait = move || {
        let error = wait_ready(waiter.backend(), "/dev/circuits-nowhere", None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    };
    let raise = move || {
        pause(&*interrupter);
        raised.raise();
    };
    bench.run(vec![
        ("waiter", Box::new(wait)),
        ("interrupter", Box::new(raise)),
    ]);
    interrupt.clear();
}
