//! A machine that has booted, and runs one program after another.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};

use crate::console::{Console, Part};
use crate::cpio::Cpio;
use crate::image::Image;
use crate::machine::Machine;
use crate::outside::Outside;
use crate::packages::Packages;

/// A boot takes some fifteen seconds on an idle machine.
const BOOT: Duration = Duration::from_secs(180);

/// How often it is looked whether somebody is still interested.
const LOOK: Duration = Duration::from_millis(200);

/// A program to run.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) seconds: u64,
}

/// How it ended.
#[derive(Serialize, Deserialize)]
pub(crate) enum End {
    /// With this exit status.
    Exit(u8),
    /// Not at all: the machine hung, or stopped. The text is for people.
    Dead(String),
}

pub(crate) struct Guest {
    machine: Machine,
    booted: Instant,
    qemu: Child,
    files: PathBuf,
    memory: File,
    console: Console,
    outside: Outside,
}

impl Guest {
    /// Boots a machine, with its files in a folder of its own.
    pub(crate) fn boot(
        machine: Machine,
        packages: &Packages,
        image: &Image,
        files: &Path,
        wanted: impl Fn() -> bool,
    ) -> Result<Guest> {
        // Without CLOEXEC: QEMU opens it by its number.
        let memory = File::from(memfd_create("circuits-pi", MemfdFlags::empty())?);
        memory.set_len(machine.memory())?;
        memory.write_all_at(
            &fs::read(&image.udevd)?,
            machine.programs() + Machine::PROGRAMS,
        )?;
        let path = format!("/dev/fd/{}", memory.as_raw_fd());
        let errors = files.join("errors");
        let mut qemu = dies_with_us(machine.command(packages, image, files, &path)?)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors)?)
            .spawn()
            .context("cannot run QEMU")?;
        let console = loop {
            if let Ok(stream) = UnixStream::connect(files.join("console")) {
                break Console::new(stream);
            }
            if qemu.try_wait()?.is_some() {
                bail!("QEMU: {}", fs::read_to_string(&errors)?.trim());
            }
            thread::sleep(Duration::from_millis(10));
        };
        let outside = Outside::connect(machine, files).with_context(|| {
            format!("QEMU: {}", fs::read_to_string(&errors).unwrap_or_default())
        })?;
        let mut guest = Guest {
            machine,
            booted: Instant::now(),
            qemu,
            files: files.into(),
            memory,
            console,
            outside,
        };
        let deadline = Instant::now() + BOOT;
        loop {
            match guest.console.read(LOOK)? {
                Some(parts) if parts.iter().any(is_up) => return Ok(guest),
                Some(_) if !wanted() => bail!("nobody wants the machine any more"),
                Some(_) if Instant::now() < deadline => (),
                _ => bail!("the machine did not boot.{}", guest.report()),
            }
        }
    }

    /// Runs a program; `print` gets what it prints, or nothing now and then, and says whether
    /// somebody is still interested. `None`: nobody is.
    pub(crate) fn run(
        &mut self,
        order: &Order,
        mut print: impl FnMut(&[u8]) -> bool,
    ) -> Result<Option<End>> {
        let archive = archive(order)?;
        let megabytes = archive.len().div_ceil(1 << 20);
        let fits = archive.len() as u64 <= Machine::PROGRAMS;
        ensure!(fits, "the program is too large");
        self.memory
            .write_all_at(&archive, self.machine.programs())?;
        self.console.forget();
        // What no program can know, and so say in our name.
        let token = Instant::now().duration_since(self.booted).as_nanos();
        self.console.say(&format!("run {megabytes} {token}"))?;
        let exit = format!("exit {token} ");
        let deadline = Instant::now() + Duration::from_secs(order.seconds);
        loop {
            let Some(parts) = self.console.read(LOOK)? else {
                let died = format!("the machine stopped.{}", self.report());
                return Ok(Some(End::Dead(died)));
            };
            for part in parts {
                match part {
                    Part::Printed(bytes) => {
                        print(&bytes);
                    }
                    Part::Ours(line) => {
                        if let Some(status) = line.strip_prefix(&exit) {
                            return Ok(Some(End::Exit(status.parse().unwrap_or(u8::MAX))));
                        }
                        let answer = match self.outside.answer(&line) {
                            Ok(value) => format!("ok {value}"),
                            Err(error) => format!("error {error:#}"),
                        };
                        self.console.say(&answer)?;
                    }
                }
            }
            if !print(b"") {
                return Ok(None);
            }
            if Instant::now() > deadline {
                let seconds = order.seconds;
                let hung = format!("no end after {seconds} s.{}", self.report());
                return Ok(Some(End::Dead(hung)));
            }
        }
    }

    /// What is known of a machine that is no good.
    fn report(&self) -> String {
        let mut report = format!(" The last lines of its console:\n{}", self.console.last());
        if let Ok(errors) = fs::read_to_string(self.files.join("errors")) {
            if !errors.trim().is_empty() {
                report += &format!("\nand of QEMU:\n{}", errors.trim());
            }
        }
        report
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn is_up(part: &Part) -> bool {
    matches!(part, Part::Ours(line) if line.starts_with("up "))
}

/// Has the kernel end a command when we end, however that is.
fn dies_with_us(command: Command) -> Command {
    let mut with = Command::new("setpriv");
    with.args(["--pdeathsig", "KILL"]);
    with.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        with.env(name, value.unwrap_or_default());
    }
    with
}

/// The program, and the script that starts it.
fn archive(order: &Order) -> Result<Vec<u8>> {
    let name = order.program.file_name().context("it has no name")?;
    let name = name.to_string_lossy();
    let program = fs::read(&order.program)
        .with_context(|| format!("cannot read {}", order.program.display()))?;
    // For circuits_bench::Outside.
    let mut start = "export CIRCUITS_TEST_OUTSIDE=1\n".to_owned();
    for (variable, value) in &order.environment {
        start += &format!("export {variable}={}\n", quoted(value));
    }
    // Not `exec`: who leads a session gets a signal when a terminal that it opened goes.
    start += &quoted(&format!("./{name}"));
    for argument in &order.arguments {
        start += &format!(" {}", quoted(argument));
    }
    let mut archive = Cpio::new();
    archive.file(&name, &program);
    archive.file("start", format!("{start}\n").as_bytes());
    Ok(archive.finish())
}

/// A word of the shell's.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
