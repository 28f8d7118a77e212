use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use circuits_uart::{Config, Error, ErrorKind, Parity, Port};
use rustix::process::geteuid;
use rustix::termios::{Termios, tcgetattr};

use crate::pty;

/// How a terminal is set up, to the last flag.
fn setup(path: &str) -> String {
    let termios: Termios = tcgetattr(File::open(path).unwrap()).unwrap();
    format!("{termios:?}")
}

/// Whether a program opens it that knows of no locks, and is not root's.
fn opens_for_others(path: &str) -> bool {
    if !geteuid().is_root() {
        return File::open(path).is_ok();
    }
    fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec < {path}")]).uid(65534);
    let output = shell.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || error.contains("busy"), "{error}");
    output.status.success()
}

#[test]
fn a_port_that_is_held_names_its_holder() {
    let (_controlling, path) = pty();
    let held = Port::open(&path, &Config::new()).unwrap();
    let error = Port::open(&path, &Config::new()).unwrap_err();
    let Error::InUse { holder, .. } = &error else {
        panic!("{error}");
    };
    let pid = format!("(pid {})", std::process::id());
    assert!(holder.as_ref().unwrap().ends_with(&pid), "{error}");
    drop(held);
    Port::open(&path, &Config::new()).unwrap();
}

#[test]
fn who_shares_and_who_does_not_keep_each_other_out() {
    let (_controlling, path) = pty();
    let (alone, shared) = (Config::new(), Config::new().exclusive(false));
    for (first, second) in [(&alone, &shared), (&shared, &alone), (&alone, &alone)] {
        let held = Port::open(&path, first).unwrap();
        let error = Port::open(&path, second).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InUse);
        drop(held);
    }
    let mut one = Port::open(&path, &shared).unwrap();
    let mut other = Port::open(&path, &shared).unwrap();
    one.write_all(b"one").unwrap();
    other.write_all(b"other").unwrap();
    let mut said = [0; 8];
    File::from(_controlling).read_exact(&mut said).unwrap();
    assert_eq!(&said, b"oneother");
}

#[test]
fn programs_that_know_of_no_locks_are_kept_out() {
    let (_controlling, path) = pty();
    let alone = Port::open(&path, &Config::new()).unwrap();
    assert!(!opens_for_others(&path));
    drop(alone);
    assert!(opens_for_others(&path));
    let shared = Port::open(&path, &Config::new().exclusive(false)).unwrap();
    assert!(opens_for_others(&path));
    // Who is refused leaves no lock behind.
    Port::open(&path, &Config::new()).unwrap_err();
    assert!(opens_for_others(&path));
    drop(shared);
}

#[test]
fn who_is_refused_changes_nothing() {
    let (_controlling, path) = pty();
    let shared = Config::new().exclusive(false).baud(4800);
    let _held = Port::open(&path, &shared).unwrap();
    let before = setup(&path);
    let error = Port::open(&path, &Config::new().baud(9600)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert_eq!(setup(&path), before);
}

/// A terminal as it is for people: lines, echo, signals. All of that comes back.
#[test]
fn settings_that_are_not_granted_change_nothing() {
    let (_controlling, path) = pty();
    let before = setup(&path);
    for refused in [
        Config::new().data_bits(7),
        Config::new().baud(1200).parity(Parity::Even),
        Config::new().low_latency(true),
        Config::new().dtr(false),
    ] {
        let error = Port::open(&path, &refused).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(setup(&path), before);
    }
}
