//! The recordings: how devices look, come and go, on each machine, as text.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::Home;
use crate::machine::Machine;
use crate::test::{add_target, cargo};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../recordings");

/// Has the recorder run on each machine, and writes down what it prints.
pub(crate) fn record(home: &Home) -> Result<()> {
    home.image()?;
    add_target()?;
    for machine in [Machine::Pi, Machine::Can] {
        let mut recorder = cargo("run");
        recorder.args(["--package", "circuits-bench", "--example", "record"]);
        recorder.env("CIRCUITS_PI_MACHINE", machine.name());
        let told = recorder.stderr(Stdio::inherit()).output()?;
        ensure!(told.status.success(), "the recorder failed");
        let told = String::from_utf8(told.stdout)?;
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
