//! What the fuzzers begin with: what kernels have said, from the recordings, and frames.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use circuits_can::AnyFrame;
use circuits_enumerate::{Recording, Uevent};

use crate::boards;
use crate::framings::Chosen;
use crate::invariants::{STEP, encode};

/// Puts seeds into the corpus of a target, unless there is something in it.
pub fn put(target: &str) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = package.join("corpus").join(target);
    if let Err(error) = put_into(&corpus, target, &package.join("../recordings")) {
        eprintln!("no seeds in {}: {error}", corpus.display());
    }
}

fn put_into(corpus: &Path, target: &str, recordings: &Path) -> io::Result<()> {
    fs::create_dir_all(corpus)?;
    if fs::read_dir(corpus)?.next().is_some() {
        return Ok(());
    }
    let mut number = 0;
    let mut put = |bytes: &[u8]| {
        number += 1;
        fs::write(corpus.join(format!("recorded-{number:03}")), bytes)
    };
    if target == "board_file" {
        return boards::boards().try_for_each(|board| put(board.as_bytes()));
    }
    if target == "can_log" {
        put(LOG.join("\n").as_bytes())?;
        // A line is enough to begin with, and short.
        return LOG.into_iter().try_for_each(|line| put(line.as_bytes()));
    }
    if target == "can_frame" {
        let frames = LOG.iter().flat_map(|line| line.split(' '));
        return frames
            .filter_map(|text| text.parse::<AnyFrame>().ok())
            .try_for_each(|frame| put(frame.to_bytes(&mut [0; AnyFrame::SIZE])));
    }
    if target == "framing" {
        return (0..6)
            .flat_map(|kind| (0..=0xf0).step_by(0x11).map(move |detail| [kind, detail]))
            .try_for_each(|[kind, detail]| put(&frames([kind, detail, 5, 0x42])));
    }
    for file in files(recordings)? {
        let text = fs::read_to_string(file)?;
        let recording = Recording::parse(&text).map_err(io::Error::other)?;
        let datagrams: Vec<&[u8]> = recording.steps().flat_map(|step| step.uevents()).collect();
        let events = datagrams
            .iter()
            .filter_map(|bytes| Uevent::parse(bytes).ok());
        match target {
            "recording" => {
                put(text.as_bytes())?;
                // A section is enough to begin with, and short.
                for section in text.split("\n[").skip(1) {
                    put(format!("[{section}").as_bytes())?;
                }
            }
            "uevent" => {
                for event in events {
                    put(&event.to_bytes())?;
                    put(&event.to_udev_bytes())?;
                }
            }
            _ => {
                let steps: Vec<u8> = events.flat_map(|event| encode(&event)).collect();
                for steps in steps.chunks(10 * STEP) {
                    put(steps)?;
                }
            }
        }
    }
    Ok(())
}

/// CAN frames of each kind in a log, and what else is a text.
const LOG: [&str; 16] = [
    "(1436509052.249713) vcan0 044#2A366C2BBA",
    "(1436509052.449846) vcan0 0F6#7ADFE07BD2 R",
    "(1436509052.650004) vcan0 12345678#1122334455667788_B T",
    "(0.5)  can0  123#R",
    "(0.25) can0 123#R8_F",
    "(1.000000001) can0 00000123#R5",
    "(12.0) can1 5A1#11.2233.44556677.88",
    "(12.1) can1 123##0",
    "(12.2) can1 18FF0001##5112233445566778899AABBCC",
    "(12.3) can1 20000040#0000000000000000",
    "(12.4) can1 2000028C#00148C0A74008001 R",
    "DROPCOUNT: dropped 5 CAN frames on 'can0' socket (total drops 7)",
    "# a comment\r\n",
    "x 123:7FF 12345678~DFFFFFFF 040000123:C00007FF",
    "x bus_off|controller|0x400 none all",
    "x 7FF 1FFFFFFF",
];

/// A few frames, as they go over the wire.
fn frames(choice: [u8; 4]) -> Vec<u8> {
    let mut framing = Chosen::new(choice).framing();
    let mut bytes = choice.to_vec();
    for frame in [&b"a"[..], b"b\xc0\xdb\0\0c", b"", &[7; 20], &[0; 20]] {
        let begin = bytes.len();
        if framing.encode(frame, &mut bytes).is_err() {
            bytes.truncate(begin);
        }
    }
    bytes
}

fn files(recordings: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for machine in fs::read_dir(recordings)? {
        let machine = machine?.path();
        if machine.is_dir() {
            for file in fs::read_dir(machine)? {
                files.push(file?.path());
            }
        }
    }
    files.retain(|file| file.extension().is_some_and(|end| end == "txt"));
    files.sort();
    Ok(files)
}
