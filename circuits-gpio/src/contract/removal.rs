use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;

use super::{Bench, Thread, drive, input, next, output, pause};
use crate::{
    Config, EdgeDetection, Error, ErrorKind, Input, LineInfo, Lines, Output, Result, Watch,
};

pub(super) fn a_chip_that_is_removed_is_told(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let (mut input, output) = (input(&*bench, 0, &config), output(&*bench, &Config::new()));
    let other = [(bench.inputs()[1].clone(), config)];
    let mut lines = Lines::open_on(bench.backend(), other).unwrap();
    let mut watch = Watch::open_on(bench.backend(), [&bench.inputs()[0]]).unwrap();
    drive(&*bench, 0, true);
    bench.remove();
    for _ in 0..2 {
        assert_removed(input.get());
        assert_removed(input.configure(&Config::new()));
        assert_removed(input.wait_edge(None));
        assert_removed(output.set(true));
        assert_removed(output.get());
        assert_removed(lines.get());
        assert_removed(lines.wait_edge(Duration::from_secs(10)));
        assert_removed(watch.wait_change(None));
        assert_removed(input.try_edge());
        assert_removed(watch.try_change());
    }
    let kind = |error: Error| error.kind();
    for line in [&bench.inputs()[1], &bench.output()] {
        let opened = Input::open_on(bench.backend(), line, &Config::new());
        assert_eq!(opened.map_err(kind).unwrap_err(), ErrorKind::NotFound);
        let looked = LineInfo::of_on(bench.backend(), line);
        assert_eq!(looked.map_err(kind).unwrap_err(), ErrorKind::NotFound);
    }
    // Nobody is there to be told.
    drop((input, output, lines, watch));
}

pub(super) fn waits_end_with_the_chip(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let mut blocked = input(&*bench, 0, &config);
    let mut awaited = input(&*bench, 1, &config);
    let lines = [bench.output()];
    let mut watch = Watch::open_on(bench.backend(), lines.clone()).unwrap();
    let mut changes = Watch::open_on(bench.backend(), lines).unwrap();
    drive(&*bench, 1, true);
    next(&mut awaited);
    let runners = [bench.clone(), bench.clone()];
    let remover = bench.clone();
    let [first, second] = runners;
    let threads: Vec<Thread> = vec![
        (
            "blocked",
            Box::new(move || {
                let edges: Vec<_> = (&mut blocked).into_iter().collect();
                assert_removed(edges.into_iter().next_back().unwrap());
            }),
        ),
        (
            "awaiting",
            Box::new(move || {
                first.block_on(Box::pin(async move {
                    assert_removed(last(awaited.edges()).await);
                    assert_removed(awaited.edges().next_event().await);
                }));
            }),
        ),
        (
            "watching",
            Box::new(move || {
                let changes: Vec<_> = (&mut watch).into_iter().collect();
                assert_removed(changes.into_iter().next_back().unwrap());
                assert_removed(watch.wait_change(None));
            }),
        ),
        (
            "watching, async",
            Box::new(move || {
                second.block_on(Box::pin(async move {
                    assert_removed(last(changes.changes()).await);
                    assert_removed(changes.changes().next_change().await);
                }));
            }),
        ),
        (
            "remover",
            Box::new(move || {
                pause(&*remover);
                remover.remove();
            }),
        ),
    ];
    bench.run(threads);
}

pub(super) fn who_may_not_is_told_what_to_do(bench: Arc<dyn Bench>) {
    let (output, inputs) = (bench.output(), bench.inputs());
    let place = inputs[1].find_on(bench.backend()).unwrap();
    bench.forbidden(&mut |backend| {
        for line in [
            output.clone(),
            format!("{}:{}", place.0, place.1).as_str().into(),
        ] {
            let error = Output::open_on(backend, &line, &Config::new()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            assert!(error.to_string().contains("group"), "{error}");
            let error = LineInfo::of_on(backend, &line).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            let error = Watch::open_on(backend, [&line]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        }
    });
    super::output(&*bench, &Config::new());
}

/// The last that comes of a stream, which must end.
async fn last<T>(mut stream: impl Stream<Item = T> + Unpin) -> T {
    let mut last = None;
    while let Some(item) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
        last = Some(item);
    }
    last.expect("it said nothing")
}

fn assert_removed<T: std::fmt::Debug>(result: Result<T>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
}
