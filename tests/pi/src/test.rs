//! All tests that need a kernel, and whether this would notice if they failed.

use std::env;
use std::io::{self, Read, Write};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};

use crate::DEAD;

pub(crate) const TARGET: &str = "aarch64-unknown-linux-musl";

/// Runs the tests that are marked as ignored, for they are those that need a kernel.
pub(crate) fn run(arguments: &[String]) -> Result<u8> {
    add_target()?;
    let mut cargo = cargo("test");
    let end = arguments.iter().position(|argument| argument == "--");
    let (of_cargo, of_tests) = arguments.split_at(end.unwrap_or(arguments.len()));
    let given = |options: &[&str]| {
        let is = |argument: &String| options.iter().any(|option| argument.starts_with(option));
        of_cargo.iter().any(is)
    };
    if !given(&["-p", "--package", "--workspace"]) {
        cargo.args(["--workspace", "--exclude", "circuits-pi"]);
        // There is no libudev for a static program.
        cargo.args(["--exclude", "circuits-enumerate-udev"]);
    }
    if !given(&[
        "--test",
        "--lib",
        "--bin",
        "--example",
        "--all-targets",
        "--doc",
    ]) {
        cargo.arg("--tests");
    }
    cargo.arg("--no-fail-fast").args(of_cargo).arg("--");
    if !of_tests
        .iter()
        .any(|argument| argument == "--include-ignored")
    {
        cargo.arg("--ignored");
    }
    cargo.args(of_tests.iter().skip(1));

    let mut tests = cargo.stdout(Stdio::piped()).spawn()?;
    let mut output = tests.stdout.take().context("it has an output")?;
    let counted = pass_on(&mut output, &mut io::stdout());
    let ended = tests.wait()?;
    let (passed, mut failed) = counted?;
    if !ended.success() && failed == 0 {
        println!("\ncargo or a test program did not come to a good end: see above");
        failed = 1;
    } else if passed + failed == 0 {
        println!("\nno test ran");
        failed = 1;
    }
    println!("\n{passed} passed, {failed} failed");
    Ok(u8::from(failed > 0))
}

/// Passes on what comes as it comes, and counts the tests that passed and failed.
fn pass_on(from: &mut impl Read, to: &mut impl Write) -> Result<(u32, u32)> {
    let (mut passed, mut failed) = (0, 0);
    let (mut bytes, mut line) = ([0; 4096], Vec::new());
    loop {
        let length = from.read(&mut bytes)?;
        if length == 0 {
            return Ok((passed, failed));
        }
        to.write_all(&bytes[..length])?;
        to.flush()?;
        for byte in &bytes[..length] {
            line.push(*byte);
            if *byte == b'\n' {
                if let Some((ok, bad)) = result(&String::from_utf8_lossy(&line)) {
                    passed += ok;
                    failed += bad;
                }
                line.clear();
            }
        }
    }
}

/// Runs programs that must be seen not to come to a good end.
pub(crate) fn check() -> Result<u8> {
    add_target()?;
    let (mut passed, mut failed) = (0, 0);
    for (program, status, words) in [
        ("fails", 101, ["it fails,", "as it should"]),
        ("hangs", DEAD, ["no end after 10 s", "what it printed last"]),
        (
            "stops",
            DEAD,
            ["the machine stopped", "what it printed before"],
        ),
    ] {
        let output = self_check(program)?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let ended = output.status.code() == Some(status.into());
        if ended && words.iter().all(|words| said.contains(words)) {
            passed += 1;
            println!("caught: a program that {program}:\n{said}");
        } else {
            failed += 1;
            let status = output.status;
            println!("not caught: a program that {program}, but {status} and:\n{said}");
        }
    }
    println!("\n{passed} passed, {failed} failed");
    Ok(u8::from(failed > 0))
}

fn self_check(what: &str) -> Result<Output> {
    let mut cargo = cargo("run");
    cargo.args(["--quiet", "--package", "circuits-bench", "--example"]);
    cargo.args(["self_check", "--", what]);
    Ok(cargo.env("CIRCUITS_PI_TIMEOUT", "10").output()?)
}

pub(crate) fn cargo(verb: &str) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args([verb, "--target", TARGET]);
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    cargo
}

pub(crate) fn add_target() -> Result<()> {
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    // Without rustup it is the distribution's, and cargo says what is missing.
    if installed.is_ok_and(|list| !String::from_utf8_lossy(&list.stdout).contains(TARGET)) {
        Command::new("rustup")
            .args(["target", "add", TARGET])
            .status()
            .context("cannot run rustup")?;
    }
    Ok(())
}

/// How many passed and failed, in the line that a test program ends with.
fn result(line: &str) -> Option<(u32, u32)> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |what: &str| {
        let mut each = counts.split("; ");
        each.find_map(|part| part.strip_suffix(what)?.parse().ok())
    };
    Some((count(" passed")?, count(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 4 ignored; 0 measured; 0 filtered out";
        assert_eq!(result(line), Some((12, 3)));
        assert_eq!(result("test lines ... ok"), None);
        let output = [
            b"not text: \xff\n",
            line.as_bytes(),
            b"\n",
            line.as_bytes(),
            b"\n",
        ]
        .concat();
        let mut passed_on = Vec::new();
        let counts = pass_on(&mut &output[..], &mut passed_on).unwrap();
        assert_eq!((counts, passed_on), ((24, 6), output));
    }
}
