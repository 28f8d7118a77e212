//! What the tests of the board's time open, and what runs them.
#![allow(dead_code, reason = "each test program uses some of it")]

use std::time::Duration;

use circuits_gpio::{Config, EdgeDetection, Input, Output};
use circuits_i2c::Bus;
use circuits_stub::Stub;

pub(crate) type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> =
    std::result::Result<T, E>;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn output(stub: &Stub, line: &str) -> Result<Output> {
    Ok(Output::open_on(
        stub,
        line,
        &Config::new().consumer("test"),
    )?)
}

pub(crate) fn input(stub: &Stub, line: &str) -> Result<Input> {
    let config = Config::new()
        .edge_detection(EdgeDetection::Both)
        .consumer("test");
    Ok(Input::open_on(stub, line, &config)?)
}

pub(crate) fn bus(stub: &Stub) -> Result<Bus> {
    Ok(Bus::open_on(stub, "i2c-1", &circuits_i2c::Config::new())?)
}

/// Runs `test` under executors that poll on this thread and on others.
pub(crate) fn under_tokio(test: impl Fn(&Stub, &tokio::runtime::Runtime) -> Result) -> Result {
    test(
        &Stub::virtual_time(),
        &tokio::runtime::Builder::new_current_thread().build()?,
    )?;
    let mut multi = tokio::runtime::Builder::new_multi_thread();
    test(&Stub::virtual_time(), &multi.worker_threads(2).build()?)
}
