use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_core::Stream;

use super::{Bench, pause, sleep};
use crate::{
    Change, ChangeKind, Chip, Config, Direction, ErrorKind, Input, LineInfo, LineSpec, Lines,
    Output, Watch,
};

pub(super) fn who_watches_is_told_of_changes(bench: Arc<dyn Bench>) {
    let line = &bench.inputs()[0];
    let mut watch = Watch::open_on(bench.backend(), [line]).unwrap();
    let clock = bench.backend().clock();
    let before = clock.now();
    let config = Config::new().active_low(true).consumer("watched");
    let mut input = Input::open_on(bench.backend(), line, &config).unwrap();
    input.configure(&Config::new()).unwrap();
    drop(input);
    let kinds = [
        ChangeKind::Requested,
        ChangeKind::Reconfigured,
        ChangeKind::Released,
    ];
    let offset = line.find_on(bench.backend()).unwrap().1;
    for (number, kind) in kinds.into_iter().enumerate() {
        let change = next(&mut watch);
        let info = change.info();
        assert_eq!((change.kind(), change.overflowed()), (kind, false));
        assert_eq!(info.offset(), offset);
        let consumer = Some("watched").filter(|_| number < 2);
        assert_eq!(info.consumer(), consumer, "{change:?}");
        assert_eq!(info.config().is_active_low(), number == 0, "{change:?}");
        assert!((before..=clock.now()).contains(&change.time()));
    }
    assert_nothing(&mut watch);
}

pub(super) fn who_watches_holds_nothing(bench: Arc<dyn Bench>) {
    let lines = || [bench.output(), bench.inputs()[0].clone()];
    let mut watches = [(); 2].map(|()| Watch::open_on(bench.backend(), lines()).unwrap());
    let output = Output::open_on(bench.backend(), bench.output(), &Config::new()).unwrap();
    output.set(true).unwrap();
    assert!(bench.level());
    for watch in &mut watches {
        let change = next(watch);
        assert_eq!(change.kind(), ChangeKind::Requested);
        assert_eq!(change.info().config().direction(), Direction::Output);
        // Levels are no change.
        assert_nothing(watch);
    }
}

pub(super) fn what_is_not_watched_is_not_told(bench: Arc<dyn Bench>) {
    let mut watch = Watch::open_on(bench.backend(), [&bench.inputs()[1]]).unwrap();
    drop(Output::open_on(bench.backend(), bench.output(), &Config::new()).unwrap());
    assert_nothing(&mut watch);
    let info = LineInfo::of_on(bench.backend(), &bench.inputs()[1]).unwrap();
    assert!(!info.is_used());

    let chip = bench.output().find_on(bench.backend()).unwrap().0;
    let chip = Chip::open_on(bench.backend(), &chip).unwrap();
    let mut watch = chip.watch().unwrap();
    drop(Output::open_on(bench.backend(), bench.output(), &Config::new()).unwrap());
    assert_eq!(next(&mut watch).kind(), ChangeKind::Requested);
    assert_eq!(next(&mut watch).kind(), ChangeKind::Released);
}

pub(super) fn all_lines_of_a_group_are_told(bench: Arc<dyn Bench>) {
    let mut watch = Watch::open_on(bench.backend(), bench.inputs()).unwrap();
    let lines = bench.inputs().map(|line| (line, Config::input()));
    let mut lines = Lines::open_on(bench.backend(), lines).unwrap();
    lines
        .configure(0, &Config::input().active_low(true))
        .unwrap();
    drop(lines);
    let offsets = bench
        .inputs()
        .map(|line| line.find_on(bench.backend()).unwrap().1);
    for kind in [
        ChangeKind::Requested,
        ChangeKind::Reconfigured,
        ChangeKind::Released,
    ] {
        let changes = [(); 2].map(|()| next(&mut watch));
        assert_eq!(changes.each_ref().map(Change::kind), [kind; 2]);
        assert_eq!(
            changes.each_ref().map(|change| change.info().offset()),
            offsets
        );
    }
    assert_nothing(&mut watch);
}

/// 32 changes are kept at least; those that are lost are the newest, and it is told.
pub(super) fn a_watch_that_overflows_tells(bench: Arc<dyn Bench>) {
    let line = &bench.inputs()[0];
    let mut watch = Watch::open_on(bench.backend(), [line]).unwrap();
    let take = || drop(Input::open_on(bench.backend(), line, &Config::new()).unwrap());
    (0..15).for_each(|_| take());
    for number in 0..30 {
        assert!(!next(&mut watch).overflowed(), "{number}");
    }
    assert_nothing(&mut watch);

    const TAKEN: usize = 400;
    (0..TAKEN).for_each(|_| take());
    // A kernel tells of them a moment later.
    pause(&*bench);
    let (mut kept, mut overflowed) = (0, false);
    while let Some(change) = watch.wait_change(Duration::from_millis(50)).unwrap() {
        assert!(!overflowed, "{kept} changes: those after it are lost");
        let kind = [ChangeKind::Requested, ChangeKind::Released][kept % 2];
        assert_eq!(change.kind(), kind);
        (kept, overflowed) = (kept + 1, change.overflowed());
    }
    assert!(overflowed && (32..2 * TAKEN).contains(&kept), "{kept} kept");
    take();
    assert_eq!(next(&mut watch).kind(), ChangeKind::Requested);
    assert!(!next(&mut watch).overflowed());
}

pub(super) fn a_watch_ends_with_the_change(bench: Arc<dyn Bench>) {
    let line = bench.inputs()[0].clone();
    let mut watch = Watch::open_on(bench.backend(), [&line]).unwrap();
    let future = async move {
        let mut changes = watch.changes();
        let change = changes.next_change().await.unwrap();
        assert_eq!(change.kind(), ChangeKind::Requested);
        let change = changes.next_change().await.unwrap();
        assert_eq!(change.kind(), ChangeKind::Released);
    };
    let mut watch = Watch::open_on(bench.backend(), [&line]).unwrap();
    let blocked = move || {
        let kinds = (&mut watch).into_iter().take(2);
        let kinds: Vec<_> = kinds.map(|change| change.unwrap().kind()).collect();
        assert_eq!(kinds, [ChangeKind::Requested, ChangeKind::Released]);
    };
    let (runner, other) = (bench.clone(), bench.clone());
    let runner = move || runner.block_on(Box::pin(future));
    let other = move || {
        pause(&*other);
        let input = Input::open_on(other.backend(), line, &Config::new()).unwrap();
        pause(&*other);
        drop(input);
    };
    bench.run(vec![
        ("watcher", Box::new(runner)),
        ("blocked", Box::new(blocked)),
        ("other", Box::new(other)),
    ]);
}

pub(super) fn a_dropped_future_has_taken_no_change(bench: Arc<dyn Bench>) {
    struct Counts(AtomicU32);
    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let line = bench.inputs()[0].clone();
    let mut watch = Watch::open_on(bench.backend(), [&line]).unwrap();
    let inner = bench.clone();
    let future = async move {
        let counts = Arc::new(Counts(AtomicU32::new(0)));
        let waker = Waker::from(counts.clone());
        let mut poll = |is_dropped: bool| {
            let mut changes = watch.changes();
            let change = Pin::new(&mut changes).poll_next(&mut Context::from_waker(&waker));
            if !is_dropped {
                // Its waker stays.
                std::mem::forget(changes);
            }
            change
        };
        for is_dropped in [true, false] {
            assert!(poll_fn(|_| Poll::Ready(poll(is_dropped).is_pending())).await);
            let input = Input::open_on(inner.backend(), &line, &Config::new()).unwrap();
            sleep(&*inner, Duration::from_millis(50));
            assert_eq!(counts.0.load(Ordering::SeqCst), u32::from(!is_dropped));
            let change = poll_fn(|_| Poll::Ready(poll(true))).await;
            let Poll::Ready(Some(Ok(change))) = change else {
                panic!("{change:?}")
            };
            assert_eq!(change.kind(), ChangeKind::Requested);
            drop(input);
            sleep(&*inner, Duration::from_millis(50));
            assert!(poll_fn(|_| Poll::Ready(poll(true).is_ready())).await);
        }
    };
    let runner = bench.clone();
    bench.run(vec![(
        "runner",
        Box::new(move || runner.block_on(Box::pin(future))),
    )]);
}

pub(super) fn a_watch_refuses_what_makes_no_sense(bench: Arc<dyn Bench>) {
    let line = bench.inputs()[0].clone();
    let kind = |lines: Vec<LineSpec>| Watch::open_on(bench.backend(), lines).unwrap_err().kind();
    assert_eq!(kind(Vec::new()), ErrorKind::Invalid);
    assert_eq!(kind(vec![line.clone(), line.clone()]), ErrorKind::Invalid);
    assert_eq!(kind(vec!["no such line".into()]), ErrorKind::NotFound);
    let (chip, _) = line.find_on(bench.backend()).unwrap();
    let lines = bench.backend().chip_info(&chip).unwrap().lines();
    let error = bench.backend().watch(&chip, &[lines]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    bench.backend().watch("gpiochip987", &[0]).unwrap_err();
}

fn next(watch: &mut Watch) -> Change {
    let change = watch.wait_change(Duration::from_secs(10)).unwrap();
    change.expect("a change")
}

fn assert_nothing(watch: &mut Watch) {
    assert_eq!(watch.wait_change(Duration::from_millis(20)).unwrap(), None);
}

pub(super) fn a_watch_times_out(bench: Arc<dyn Bench>) {
    let mut watch = Watch::open_on(bench.backend(), [&bench.inputs()[0]]).unwrap();
    let clock = bench.backend().clock();
    for millis in [0, 1, 30] {
        let (start, timeout) = (clock.now(), Duration::from_millis(millis));
        assert_eq!(watch.wait_change(timeout).unwrap(), None);
        assert!(clock.now() - start >= timeout);
    }
}
