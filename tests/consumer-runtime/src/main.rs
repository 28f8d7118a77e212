//! Stands for an init that owns the kernel's uevents and feeds them to another program. Its uevents
//! come from recordings.

mod feed;
mod recording;
mod table;

use recording::Step;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use table::Table;

const USAGE: &str = "\
usage: consumer-runtime [OPTION...] COLD-PLUG.txt [STORY.txt ...]
  --steps STEP,...   send only these steps of the stories
  --lose STEP,...    lose these steps, and tell of the gap; those in a row are one gap
  --pace MS          wait so long before each datagram of the stories
  --step-by-step     wait for a line on standard input before each step
  --stay             keep the feed open after the last step until standard input ends
A STEP is its name, or STORY:STEP where stories (files without .txt) have steps of the same name.";

#[derive(Default)]
struct Options {
    files: Vec<PathBuf>,
    steps: Option<Vec<String>>,
    lose: Vec<String>,
    pace: Duration,
    step_by_step: bool,
    stay: bool,
}

impl Options {
    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Options, String> {
        let mut options = Options::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next().and_then(|value| value.into_string().ok());
                value.ok_or_else(|| format!("{} needs a value", argument.to_string_lossy()))
            };
            let list = |value: String| value.split(',').map(str::to_string).collect();
            match argument.to_str() {
                Some("--steps") => options.steps = Some(list(value()?)),
                Some("--lose") => options.lose = list(value()?),
                Some("--pace") => {
                    let ms = value()?.parse().map_err(|_| "--pace needs milliseconds")?;
                    options.pace = Duration::from_millis(ms);
                }
                Some("--step-by-step") => options.step_by_step = true,
                Some("--stay") => options.stay = true,
                Some(other) if other.starts_with('-') => return Err(format!("what is {other}?")),
                _ => options.files.push(argument.into()),
            }
        }
        Ok(options)
    }
}

struct Plan {
    cold_plug: Vec<Vec<u8>>,
    /// The steps that are to happen, and whether each is lost.
    steps: Vec<(Step, bool)>,
}

impl Plan {
    /// Reads everything first, so that what is wrong is found before anything is fed.
    fn read(options: &Options) -> Result<Plan, String> {
        let (first, stories) = options.files.split_first().ok_or(USAGE)?;
        let cold_plug: Vec<_> = read(first)?
            .into_iter()
            .flat_map(|step| step.datagrams)
            .collect();
        let added = |datagram: &Vec<u8>| table::field(datagram, "ACTION") == Some(b"add");
        if cold_plug.is_empty() || !cold_plug.iter().all(added) {
            return Err(format!("{}: not a cold-plug", first.display()));
        }
        let (mut steps, mut named) = (Vec::new(), Vec::new());
        for path in stories {
            let story = path.file_stem().unwrap_or_default().to_string_lossy();
            for step in read(path)? {
                let names = [step.name.clone(), format!("{story}:{}", step.name)];
                let among = |list: &[String]| list.iter().any(|step| names.contains(step));
                if options.steps.as_deref().is_none_or(among) {
                    steps.push((step, among(&options.lose)));
                    named.extend(names);
                }
            }
        }
        let mut asked = options.steps.iter().flatten().chain(&options.lose);
        match asked.find(|step| !named.contains(step)) {
            Some(step) => Err(format!("no step {step:?} is to be sent")),
            None => Ok(Plan { cold_plug, steps }),
        }
    }

    fn run(
        &self,
        options: &Options,
        input: &mut impl BufRead,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut table = Table::default();
        feed::cold_plug(out)?;
        for datagram in &self.cold_plug {
            table.apply(datagram);
            feed::send(out, datagram)?;
        }
        feed::live(out)?;
        let mut steps = self.steps.iter().peekable();
        while let Some((step, lost)) = steps.next() {
            // Nobody who could ask for the next step: the feed ends here.
            if options.step_by_step && input.skip_until(b'\n')? == 0 {
                return Ok(());
            }
            for datagram in &step.datagrams {
                table.apply(datagram);
                if !lost {
                    std::thread::sleep(options.pace);
                    feed::send(out, datagram)?;
                }
            }
            if *lost && !steps.peek().is_some_and(|(_, lost)| *lost) {
                feed::cold_plug(out)?;
                for datagram in table.cold_plug() {
                    feed::send(out, &datagram)?;
                }
                feed::live(out)?;
            }
        }
        if options.stay {
            while input.skip_until(b'\n')? != 0 {}
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<Step>, String> {
    fs::read_to_string(path)
        .map_err(|error| error.to_string())
        .and_then(|text| recording::read(&text))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// 2 if what was asked for cannot be done, 1 if the feed broke off: the reader has gone, perhaps.
fn main() -> ExitCode {
    let asked = Options::parse(std::env::args_os().skip(1));
    let planned = asked.and_then(|options| Ok((Plan::read(&options)?, options)));
    let (message, status) = match planned {
        Err(error) => (error, 2),
        Ok((plan, options)) => {
            // Not `Stdout`, which holds back what has no newline and cuts at those there are.
            let out = io::stdout().as_fd().try_clone_to_owned().map(File::from);
            match out.and_then(|mut out| plan.run(&options, &mut io::stdin().lock(), &mut out)) {
                Ok(()) => return ExitCode::SUCCESS,
                Err(error) => (format!("the feed broke off: {error}"), 1),
            }
        }
    };
    // Not `eprintln`, which panics where standard error is closed as well.
    let _ = writeln!(io::stderr(), "consumer-runtime: {message}");
    ExitCode::from(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uevent(action: &str, path: &str) -> Vec<u8> {
        format!("{action}@{path}\0ACTION={action}\0DEVPATH={path}\0").into_bytes()
    }

    /// The first lines of what is fed, and the marks.
    fn fed(steps: &[(&str, &str, bool)], arguments: &[&str], mut input: &[u8]) -> String {
        let step = |&(action, path, lost)| {
            let datagrams = vec![uevent(action, path)];
            let name = action.to_string();
            (Step { name, datagrams }, lost)
        };
        let steps = steps.iter().map(step).collect();
        let plan = Plan {
            cold_plug: vec![uevent("add", "/devices/a")],
            steps,
        };
        let options = Options::parse(arguments.iter().map(OsString::from)).unwrap();
        let mut out = Vec::new();
        plan.run(&options, &mut input, &mut out).unwrap();
        let (mut lines, mut rest) = (Vec::new(), out.as_slice());
        while let Some((length, after)) = rest.split_first_chunk() {
            let (datagram, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            let line = datagram.split(|byte| *byte == 0).next().unwrap();
            lines.push(std::str::from_utf8(line).unwrap());
            rest = after;
        }
        lines.join(" ")
    }

    #[test]
    fn the_cold_plug_its_end_and_what_happens() {
        let steps = [
            ("add", "/devices/b", false),
            ("remove", "/devices/b", false),
        ];
        let whole = "cold-plug add@/devices/a live add@/devices/b remove@/devices/b";
        assert_eq!(fed(&steps, &[], b""), whole);
        assert_eq!(fed(&steps, &["--step-by-step"], b"\n\n"), whole);
        assert_eq!(
            fed(&steps, &["--step-by-step"], b"\n"),
            "cold-plug add@/devices/a live add@/devices/b"
        );
    }

    #[test]
    fn steps_lost_in_a_row_are_one_gap() {
        let (a, b) = (("remove", "/devices/a", true), ("add", "/devices/b", true));
        let then = ("bind", "/devices/b", false);
        let told = "cold-plug add@/devices/a live cold-plug add@/devices/b live bind@/devices/b";
        assert_eq!(fed(&[a, b, then], &[], b""), told);
        assert_eq!(
            fed(&[a], &[], b""),
            "cold-plug add@/devices/a live cold-plug live"
        );
    }

    #[test]
    fn an_unknown_option_is_an_error() {
        for wrong in [["--what"].as_slice(), &["--pace"], &["--pace", "soon"]] {
            assert!(
                Options::parse(wrong.iter().map(OsString::from)).is_err(),
                "{wrong:?}"
            );
        }
    }
}
