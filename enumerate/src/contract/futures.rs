use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::{Bench, pause};
use crate::{ChangeKind, Filter, Watch};

fn chips(bench: &dyn Bench) -> Watch {
    let filter = Filter::new().property("DEVTYPE", "gpio_chip");
    Watch::open_on(bench.backend(), filter).unwrap()
}

pub(super) fn a_stream_has_all_changes(bench: Arc<dyn Bench>) {
    let mut watch = chips(&*bench);
    let inner = bench.clone();
    let future = async move {
        let mut changes = watch.changes();
        for _ in 0..3 {
            let plugged = inner.plug();
            let path = plugged.path();
            drop(plugged);
            let mut told = Vec::new();
            while told.last() != Some(&ChangeKind::Removed) {
                let change = changes.next_change().await.unwrap();
                if change.path() == path {
                    told.push(change.kind());
                }
            }
            told.retain(|kind| !matches!(kind, ChangeKind::Bound | ChangeKind::Unbound));
            assert_eq!(told, [ChangeKind::Added, ChangeKind::Removed]);
        }
    };
    run(bench, future);
}

pub(super) fn a_future_is_woken(bench: Arc<dyn Bench>) {
    let mut watch = chips(&*bench);
    let (waiter, plugger) = (bench.clone(), bench.clone());
    let wait = move || {
        waiter.block_on(Box::pin(async move {
            let mut changes = watch.changes();
            while changes.next_change().await.unwrap().kind() != ChangeKind::Added {}
        }));
    };
    let plug = move || {
        pause(&*plugger);
        let plugged = plugger.plug();
        pause(&*plugger);
        drop(plugged);
    };
    bench.run(vec![("watch", Box::new(wait)), ("plugger", Box::new(plug))]);
}

pub(super) fn a_dropped_future_has_taken_nothing(bench: Arc<dyn Bench>) {
    let mut watch = chips(&*bench);
    let inner = bench.clone();
    let future = async move {
        {
            let mut changes = watch.changes();
            let future = pin!(changes.next_change());
            let _ = future.poll(&mut Context::from_waker(Waker::noop()));
        }
        let plugged = inner.plug();
        let path = plugged.path();
        while watch.changes().next_change().await.unwrap().path() != path {}
        // And blocking.
        drop(plugged);
        while watch.devices().get(&path).is_some() {
            watch.wait_change(super::LONG).unwrap().expect("a change");
        }
    };
    run(bench, future);
}

fn run(bench: Arc<dyn Bench>, future: impl Future<Output = ()> + Send + 'static) {
    let runner = bench.clone();
    let body = move || runner.block_on(Box::pin(future));
    bench.run(vec![("runner", Box::new(body))]);
}
