//! A machine that is kept: the first program that needs it boots it, those that follow find it
//! running, and it goes when the cargo that ran them all has ended.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::Home;
use crate::guest::{End, Guest, Order};
use crate::machine::Machine;

/// Runs a program in the machine that is kept for `owner`; `out` gets what it prints.
pub(crate) fn run(
    home: &Home,
    machine: Machine,
    owner: Pid,
    order: &Order,
    mut out: impl Write,
) -> Result<End> {
    let folder = folder(home, machine, owner);
    // It may have just ended, because of the program before.
    for _ in 0..3 {
        let mut stream = connect(home, &folder, machine, owner)?;
        writeln!(stream, "{}", serde_json::to_string(order)?)?;
        if let Some(end) = follow(stream, &mut out)? {
            return Ok(end);
        }
    }
    bail!("the machine ended three times, and did not say why")
}

/// Keeps a machine for `owner`.
pub(crate) fn serve(home: &Home, machine: Machine, owner: Pid) -> Result<()> {
    let folder = folder(home, machine, owner);
    let socket = folder.join("socket");
    let listener =
        UnixListener::bind(&socket).with_context(|| format!("cannot make {}", socket.display()))?;
    let owner = pidfd_open(owner, PidfdFlags::empty())?;
    let mut guest = home.image().and_then(|(packages, image)| {
        Guest::boot(machine, &packages, &image, &folder, || !is_ready(&owner))
    });
    loop {
        let mut both = [
            PollFd::new(&listener, PollFlags::IN),
            PollFd::new(&owner, PollFlags::IN),
        ];
        poll(&mut both, None)?;
        if !both[1].revents().is_empty() {
            break;
        }
        let mut stream = listener.accept()?.0;
        let end = match &mut guest {
            Ok(guest) => one(guest, &stream),
            Err(error) => Ok(Some(End::Dead(format!("{error:#}")))),
        };
        match end.unwrap_or_else(|error| Some(End::Dead(format!("{error:#}")))) {
            // One that was killed may have left anything behind.
            Some(end @ End::Exit(..128)) => {
                let _ = frame(&mut stream, END, serde_json::to_string(&end)?.as_bytes());
            }
            end => {
                // All is gone when it is known: who comes next begins anew.
                drop(guest);
                let _ = fs::remove_dir_all(&folder);
                if let Some(end) = end {
                    let _ = frame(&mut stream, END, serde_json::to_string(&end)?.as_bytes());
                }
                return Ok(());
            }
        }
    }
    drop(guest);
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// Carries out one order.
fn one(guest: &mut Guest, stream: &UnixStream) -> Result<Option<End>> {
    let mut order = String::new();
    BufReader::new(stream).read_line(&mut order)?;
    guest.run(&serde_json::from_str(&order)?, |bytes| {
        let mut stream = stream;
        let written = bytes.is_empty() || frame(&mut stream, PRINTED, bytes).is_ok();
        // The other side has nothing more to say: it has hung up.
        written && !is_ready(stream)
    })
}

/// Whether there is something to read, or the end: of a process, that it has ended.
fn is_ready(fd: &impl AsFd) -> bool {
    let mut one = [PollFd::new(fd, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut one, Some(&now)).is_ok_and(|ready| ready > 0)
}

fn folder(home: &Home, machine: Machine, owner: Pid) -> PathBuf {
    let owner = owner.as_raw_nonzero();
    home.join(&format!("running-{}-{owner}", machine.name()))
}

/// Connects to the machine, which is started if it is not there.
fn connect(home: &Home, folder: &Path, machine: Machine, owner: Pid) -> Result<UnixStream> {
    // One starts it, and the others find it.
    let _lock = home.lock("starting")?;
    let socket = folder.join("socket");
    if let Ok(stream) = UnixStream::connect(&socket) {
        return Ok(stream);
    }
    // What is there belonged to a process of the same number.
    let _ = fs::remove_dir_all(folder);
    home.forget_the_dead()?;
    fs::create_dir_all(folder)?;
    let log = folder.join("log");
    let mut server = Command::new(std::env::current_exe()?)
        .args(["serve", machine.name()])
        .arg(owner.as_raw_nonzero().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?)
        // An interrupt from the keyboard is cargo's: when that ends, the machine does.
        .process_group(0)
        .spawn()?;
    loop {
        if let Ok(stream) = UnixStream::connect(&socket) {
            return Ok(stream);
        }
        if server.try_wait()?.is_some() {
            bail!("{}", fs::read_to_string(log)?.trim());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// What the server says is a letter, a length in four bytes, and so many bytes.
const PRINTED: u8 = b'p';
const END: u8 = b'e';

fn frame(mut stream: impl Write, letter: u8, bytes: &[u8]) -> io::Result<()> {
    let mut frame = vec![letter];
    frame.extend((bytes.len() as u32).to_le_bytes());
    frame.extend(bytes);
    stream.write_all(&frame)
}

/// Passes on what comes until the end; `None` if there is none.
fn follow(mut stream: UnixStream, out: &mut impl Write) -> Result<Option<End>> {
    loop {
        let mut head = [0; 5];
        if stream.read_exact(&mut head).is_err() {
            return Ok(None);
        }
        let [letter, length @ ..] = head;
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        stream.read_exact(&mut bytes)?;
        if letter == END {
            return serde_json::from_slice(&bytes).context("an end of another version");
        }
        out.write_all(&bytes)?;
        out.flush()?;
    }
}
