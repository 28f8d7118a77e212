//! The emulated Raspberry Pi: gets it, boots it, and runs the tests that need a kernel in it. See
//! README.md beside this.

mod apt;
mod console;
mod cpio;
mod guest;
mod image;
mod kept;
mod machine;
mod monitor;
mod outside;
mod packages;
mod record;
mod test;
mod udevd;

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, getpid, getppid};

use crate::apt::NoDownload;
use crate::guest::{End, Order};
use crate::image::Image;
use crate::machine::Machine;
use crate::packages::Packages;

/// What `timeout(1)` ends with, too.
const DEAD: u8 = 124;

/// `EX_TEMPFAIL` of `sysexits.h`.
const NO_DOWNLOAD: u8 = 75;

/// The emulated Raspberry Pi in which the tests that need a kernel run.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Gets all that is needed, if it is not there. Ends with 75 if a download could not be had.
    SetUp,
    /// Runs a program and ends with its status, or with 124 if the machine hung or stopped.
    Run {
        /// How many seconds it may take.
        #[arg(long, env = "CIRCUITS_PI_TIMEOUT", default_value_t = 180)]
        timeout: u64,
        /// In which machine, pi or can: that of its name, if it is not said.
        #[arg(long, env = "CIRCUITS_PI_MACHINE")]
        machine: Option<String>,
        /// A static program for aarch64, or a shell script, and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Sets up and runs all tests that need a kernel.
    Test {
        /// Runs a program that fails, one that hangs and one that stops the machine instead; ends
        /// with 0 if all are caught.
        #[arg(long)]
        self_check: bool,
        /// Further arguments of `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Makes the recordings in tests/recordings anew.
    Record,
    /// Keeps a machine until a process ends.
    #[command(hide = true)]
    Serve { machine: String, owner: i32 },
}

fn main() -> ExitCode {
    match Cli::parse().what.carry_out() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("pi: {error:#}");
            let offline = error.downcast_ref::<NoDownload>().is_some();
            ExitCode::from(if offline { NO_DOWNLOAD } else { 1 })
        }
    }
}

impl What {
    fn carry_out(self) -> Result<u8> {
        let home = Home::find()?;
        match self {
            What::SetUp => {
                test::add_target()?;
                let (packages, _) = home.image()?;
                println!("Linux {} in {}", packages.release(), home.0.display());
                Ok(0)
            }
            What::Run {
                timeout,
                machine,
                command,
            } => run(&home, timeout, machine, &command),
            What::Test {
                self_check: true, ..
            } => {
                home.image()?;
                test::check()
            }
            What::Test { arguments, .. } => {
                home.image()?;
                test::run(&arguments)
            }
            What::Record => {
                record::record(&home)?;
                Ok(0)
            }
            What::Serve { machine, owner } => {
                let machine = Machine::called(&machine)?;
                let owner = Pid::from_raw(owner).context("no such process")?;
                kept::serve(&home, machine, owner)?;
                Ok(0)
            }
        }
    }
}

fn run(home: &Home, seconds: u64, machine: Option<String>, command: &[OsString]) -> Result<u8> {
    let text = |text: &OsString| {
        let text = text.to_str().map(str::to_owned);
        text.context("arguments are text in UTF-8")
    };
    let (program, arguments) = command.split_first().context("there is no program")?;
    let program = fs::canonicalize(program)
        .with_context(|| format!("cannot find {}", program.to_string_lossy()))?;
    is_for_the_guest(&program)?;
    let machine = match machine {
        Some(name) => Machine::called(&name)?,
        None => Machine::of(&program),
    };
    // Not in the background, where nobody would see it.
    home.image()?;
    let ours = |name: &str| name.starts_with("CIRCUITS_") && !name.starts_with("CIRCUITS_PI_");
    let order = Order {
        environment: env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| ours(name) || name.starts_with("RUST"))
            .collect(),
        program,
        arguments: arguments.iter().map(text).collect::<Result<_>>()?,
        seconds,
    };
    match kept::run(home, machine, owner()?, &order, io::stdout().lock())? {
        End::Exit(status) => Ok(status),
        End::Dead(why) => {
            let program = order.program.display();
            eprintln!("pi: {program}: {why}");
            Ok(DEAD)
        }
    }
}

/// It is a script, or a program for aarch64: not one of this machine, by mistake.
fn is_for_the_guest(program: &Path) -> Result<()> {
    let mut head = Vec::new();
    let file = File::open(program);
    let file = file.with_context(|| format!("cannot read {}", program.display()))?;
    file.take(20).read_to_end(&mut head)?;
    // EM_AARCH64 of elf.h, where the header has the machine.
    let aarch64 = head.starts_with(b"\x7fELF") && head.get(18..20) == Some(&[183, 0]);
    ensure!(
        aarch64 || head.starts_with(b"#!"),
        "{} is neither a program for aarch64 nor a script",
        program.display()
    );
    Ok(())
}

/// The cargo that runs one program after another, or else this process.
fn owner() -> Result<Pid> {
    let mut process = getppid();
    while let Some(candidate) = process {
        let status = format!("/proc/{}/status", candidate.as_raw_nonzero());
        let status = fs::read_to_string(status)?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        if field("Name:").is_some_and(|name| name.trim().starts_with("cargo")) {
            return Ok(candidate);
        }
        let parent = field("PPid:").and_then(|id| id.trim().parse().ok());
        process = parent.and_then(Pid::from_raw);
    }
    Ok(getpid())
}

/// The folder that all is kept in, which is the only one that is written to.
pub(crate) struct Home(PathBuf);

impl Home {
    fn find() -> Result<Home> {
        let path = match (
            env::var_os("CIRCUITS_PI_DIR"),
            env::var_os("XDG_CACHE_HOME"),
        ) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(cache)) => Path::new(&cache).join("circuits/pi"),
            (None, None) => {
                let home = env::var_os("HOME").context("set CIRCUITS_PI_DIR, or HOME")?;
                Path::new(&home).join(".cache/circuits/pi")
            }
        };
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Home(fs::canonicalize(path)?))
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Waits until nobody else does this, and lets nobody until the file is closed.
    pub(crate) fn lock(&self, what: &str) -> Result<File> {
        let lock = File::create(self.join(what))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        Ok(lock)
    }

    /// Removes the folders of machines whose owners have ended, and that could not do it.
    pub(crate) fn forget_the_dead(&self) -> Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let owner = name
                .strip_prefix("running-")
                .and_then(|name| name.rsplit_once('-'));
            if owner.is_some_and(|(_, owner)| !Path::new("/proc").join(owner).exists()) {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    /// Returns what a machine boots, which is got and made first if it is not there.
    pub(crate) fn image(&self) -> Result<(Packages, Image)> {
        let _lock = self.lock("setting-up")?;
        let packages = Packages::fetch(&self.join("packages"))?;
        let image = Image::make(&self.0, &packages)?;
        Ok((packages, image))
    }
}
