//! The same station on a kernel, with what is there.

use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use circuits::Board;
use circuits_bench::{Outside as Pi, SimLines};

use super::bench::{Folder, Out};
use crate::config::Config;
use crate::log::{HEADER, Log};
use crate::station::{Options, Outside, Station};

#[test]
#[ignore = "needs the emulated Pi"]
fn it_runs_with_what_the_pi_has() {
    let (board, pi, lines) = (Board::linux().unwrap(), Pi::here(), SimLines::new());
    lines.drive(true);
    pi.set_temperature(0x48, 21_500);
    let chip = lines.input().replace(":0", "");
    let text = include_str!("pi.toml").replace("LINE", &chip);
    let config = Config::parse(&text).unwrap();
    let (folder, printed) = (Folder::new(), Out::default());
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let end = board.interrupt().unwrap();

    let options = Options {
        interval: Duration::from_millis(500),
        count: None,
        png: Some(folder.png()),
        sets_clock: false,
    };
    let (path, out, heard) = (folder.log(), printed.clone(), said.clone());
    let station = thread::spawn(move || {
        let outside = Outside {
            system_time: Box::new(SystemTime::now),
            out: Box::new(out),
            say: Box::new(move |text| heard.lock().unwrap().push(text.into())),
        };
        Station::new(&board, config, options, Log::new(&path), outside).run()
    });
    thread::sleep(Duration::from_millis(1700));
    assert!(!folder.png().exists());
    // Pressed, and let go.
    lines.drive(false);
    thread::sleep(Duration::from_millis(200));
    lines.drive(true);
    thread::sleep(Duration::from_millis(500));
    assert!(folder.png().exists(), "the picture of the first page");
    pi.set_temperature(0x48, -3_000);
    thread::sleep(Duration::from_millis(1200));
    end.raise();
    station.join().unwrap().unwrap();

    let log = fs::read_to_string(folder.log()).unwrap();
    let lines: Vec<&str> = log.strip_prefix(HEADER).unwrap().lines().collect();
    assert!(lines.len() >= 5, "{log}");
    assert!(lines[0].ends_with("Z,system,21.50,,,0"), "{log}");
    assert!(
        lines.last().unwrap().ends_with("Z,system,-3.00,,,0"),
        "{log}"
    );
    assert!(printed.text().contains("-3.00 °C  (the system's time)"));
    let said = said.lock().unwrap();
    assert!(
        said[0].starts_with("clock: 0x68 on i2c-1 is in use: the kernel's driver"),
        "{said:?}"
    );
    assert_eq!(said.len(), 1, "{said:?}");
}
