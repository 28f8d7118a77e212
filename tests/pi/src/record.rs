//! The recordings: how devices look, come and go, on each machine, as text.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::getpid;

use crate::Home;
use crate::guest::{End, Order};
use crate::kept;
use crate::machine::Machine;
use crate::tier::{TARGET, add_target, cargo};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../recordings");
const RECORDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target");

/// Has the recorder run on each machine, and writes down what it prints.
pub(crate) fn record(home: &Home) -> Result<()> {
    home.image()?;
    add_target()?;
    let mut build = cargo("build");
    build.args(["--package", "circuits-bench", "--example", "record"]);
    ensure!(build.status()?.success(), "the recorder does not build");
    for machine in [Machine::Pi, Machine::Can] {
        let order = Order {
            program: Path::new(RECORDER)
                .join(TARGET)
                .join("debug/examples/record"),
            arguments: Vec::new(),
            environment: Vec::new(),
            seconds: 180,
        };
        let mut told = Vec::new();
        match kept::run(home, machine, getpid(), &order, &mut told)? {
            End::Exit(0) => (),
            End::Exit(_) => bail!("the recorder failed: {}", String::from_utf8_lossy(&told)),
            End::Dead(why) => bail!("the recorder did not end: {why}"),
        }
        let told = String::from_utf8(told)?;
        let folder = Path::new(FOLDER).join(machine.name());
        fs::create_dir_all(&folder)?;
        for story in told.split("=== ").skip(1) {
            let (name, text) = story.split_once('\n').context("a story without a name")?;
            fs::write(folder.join(name), text)?;
            println!("{}/{name}: {} lines", machine.name(), text.lines().count());
        }
    }
    Ok(())
}
