//! The file of the readings.

use std::fs;
use std::time::Duration;

use circuits::wait::Time;

use super::bench::{Disk, Folder};
use crate::clock::{Moment, Source};
use crate::log::{HEADER, Log};
use crate::reading::Reading;

/// A log, the disk that it is on, and what it says.
struct Bench {
    folder: Folder,
    disk: Disk,
    log: Log,
    said: Vec<String>,
    minutes: u64,
}

impl Bench {
    fn new() -> Bench {
        let (folder, disk) = (Folder::new(), Disk::default());
        Bench {
            log: Log::with_append(&folder.log(), disk.append()),
            folder,
            disk,
            said: Vec::new(),
            minutes: 0,
        }
    }

    /// A reading a minute, so many.
    fn read(&mut self, count: usize) {
        for _ in 0..count {
            let now = Time::ZERO + Duration::from_secs(60 * self.minutes);
            let time = std::time::UNIX_EPOCH + Duration::from_secs(60 * self.minutes);
            let moment = Moment {
                source: Source::Clock,
                ..Moment::of_system(time)
            };
            let reading = Reading {
                celsius: self.minutes as f32 / 100.0,
                humidity: Some(50.0),
                pressure: None,
            };
            self.log.add(&moment, &reading);
            self.log.write(now, &mut |text| self.said.push(text.into()));
            self.minutes += 1;
        }
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.log()).unwrap();
        let lines = text.strip_prefix(HEADER).unwrap();
        assert!(lines.is_empty() || lines.ends_with('\n'), "{text}");
        lines.lines().map(str::to_string).collect()
    }
}

#[test]
fn a_line_is_a_reading() {
    let mut bench = Bench::new();
    bench.read(2);
    assert_eq!(
        bench.lines(),
        [
            "1970-01-01T00:00:00Z,ds3231,0.00,50.0,,0",
            "1970-01-01T00:01:00Z,ds3231,0.01,50.0,,0"
        ]
    );
    assert_eq!(
        HEADER.matches(',').count(),
        bench.lines()[0].matches(',').count()
    );
    // Somebody takes the file away, as logrotate does.
    fs::rename(bench.folder.log(), bench.folder.png()).unwrap();
    bench.read(1);
    assert_eq!(bench.lines().len(), 1);
    assert_eq!(bench.said, [""; 0]);
}

#[test]
fn what_a_power_loss_leaves_is_cut_off() {
    let line = "1970-01-01T00:00:00Z,ds3231,0.00,50.0,,0\n";
    let zeros = |count| "\0".repeat(count);
    for (left, whole) in [
        (String::new(), 0),
        (line.into(), 1),
        (line[..40].into(), 0),
        (format!("{line}1970"), 1),
        // Room was made for a line, which was not written; or the end of it alone was.
        (format!("{line}{}", zeros(40)), 1),
        (format!("{line}{}{}", zeros(10), &line[10..]), 1),
        (format!("{line}{}", zeros(4096)), 1),
        (format!("{line}{}\n", zeros(4096)), 1),
        (format!("{}{}", line.repeat(100), &line[..7]), 100),
        (format!("{line}\n"), 1),
        (format!("{line},,,\n"), 1),
    ] {
        let mut bench = Bench::new();
        fs::write(bench.folder.log(), format!("{HEADER}{left}")).unwrap();
        bench.read(1);
        assert_eq!(bench.lines(), vec![line.trim_end(); whole + 1], "{left:?}");
        let is_whole = left.len() == whole * line.len();
        assert_eq!(
            bench.said.is_empty(),
            is_whole,
            "{left:?}: {:?}",
            bench.said
        );
    }
    // A line that was torn anywhere.
    for length in 1..line.len() {
        let mut bench = Bench::new();
        fs::write(bench.folder.log(), format!("{HEADER}{}", &line[..length])).unwrap();
        bench.read(1);
        assert_eq!(bench.lines(), [line.trim_end()]);
        assert!(bench.said[0].ends_with(&format!("is cut off: {:?}", &line[..length])));
    }
    for length in 0..HEADER.len() {
        let mut bench = Bench::new();
        fs::write(bench.folder.log(), &HEADER[..length]).unwrap();
        bench.read(1);
        assert_eq!(bench.lines().len(), 1, "{length} bytes of the header");
    }
    // Room was made for the header, and no more.
    for length in [1, HEADER.len(), 4096] {
        let mut bench = Bench::new();
        fs::write(bench.folder.log(), zeros(length)).unwrap();
        bench.log.begin(Time::ZERO, &mut |_| {}).unwrap();
        bench.read(1);
        assert_eq!(bench.lines(), [line.trim_end()], "{length}");
    }
}

#[test]
fn what_a_person_wrote_is_not_cut_off() {
    let line = "1970-01-01T00:00:00Z,ds3231,0.00,50.0,,0\n";
    let remark = "# The roof was repaired\n";
    for left in [
        format!("{line}{}", remark.repeat(2)),
        format!("{line}{remark}1970-01"),
        // As another system ends its lines.
        line.replace('\n', "\r\n").repeat(3),
        format!("{line}{}", "a long story ".repeat(50)),
    ] {
        let mut bench = Bench::new();
        let text = format!("{HEADER}{left}");
        fs::write(bench.folder.log(), &text).unwrap();
        let error = bench.log.begin(Time::ZERO, &mut |_| {}).unwrap_err();
        let error = format!("{error:?}");
        assert!(error.contains("was it edited?"), "{error}");
        bench.read(3);
        assert_eq!(fs::read_to_string(bench.folder.log()).unwrap(), text);
        assert_eq!(bench.log.waiting(), 3);
    }
}

#[test]
fn another_file_is_left_alone() {
    for text in [
        "root:x:0:0:root:/root:/bin/bash\n",
        "time,celsius\n",
        "t\n",
        "\0\0\0t",
    ] {
        let mut bench = Bench::new();
        fs::write(bench.folder.log(), text).unwrap();
        let error = bench.log.begin(Time::ZERO, &mut |_| {}).unwrap_err();
        let error = format!("{error:?}");
        assert!(
            error.contains("weather.csv: this is no log of this program"),
            "{error}"
        );
        bench.read(3);
        assert_eq!(fs::read_to_string(bench.folder.log()).unwrap(), text);
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let mut bench = Bench::new();
    bench.read(3);
    // Any number of bytes of a line may still fit.
    for room in 0..45 {
        bench.disk.room(room);
        bench.read(3);
        bench.disk.room(None);
        bench.read(1);
    }
    let lines = bench.lines();
    assert_eq!(lines.len(), 3 + 45 * 4);
    assert_eq!((bench.log.waiting(), bench.log.lost()), (0, 0));
    for (minute, line) in lines.iter().enumerate() {
        let celsius = format!(",{:.2},50.0,,0", minute as f32 / 100.0);
        assert!(line.ends_with(&celsius), "{line:?} instead of {celsius}");
    }
    let first = &bench.said[0];
    assert!(
        first.contains("weather.csv: No space left on device"),
        "{first}"
    );
    let back = bench.said.iter().find(|text| text.contains("again"));
    let back = back.expect("it works again");
    assert!(
        back.starts_with("log: works again, after 3 failures in 3 min"),
        "{back}"
    );
    assert!(bench.said.len() < 20, "{:#?}", bench.said);
}

#[test]
fn what_was_written_and_not_synced_is_there_once() {
    let mut bench = Bench::new();
    bench.read(1);
    bench.disk.fails_to_sync(true);
    bench.read(3);
    bench.disk.fails_to_sync(false);
    bench.read(1);
    assert_eq!(bench.lines().len(), 5);
    assert_eq!(bench.log.waiting(), 0);
    // A line that is in the file need not be on the disk.
    let text = fs::read_to_string(bench.folder.log()).unwrap();
    assert_eq!(bench.disk.synced(), text);
}

#[test]
fn a_line_like_the_one_before_is_another() {
    let mut bench = Bench::new();
    bench.read(1);
    // Two within a second, of the same air.
    bench.minutes = 0;
    bench.disk.room(0);
    bench.read(1);
    bench.disk.room(None);
    bench
        .log
        .write(Time::ZERO + Duration::from_secs(60), &mut |_| {});
    assert_eq!(bench.lines().len(), 2);
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let mut bench = Bench::new();
    bench.read(2);
    bench.disk.room(0);
    bench.read(1000);
    assert_eq!((bench.log.waiting(), bench.log.lost()), (720, 280));
    bench.disk.room(None);
    // By and by.
    bench.read(50);
    let lines = bench.lines();
    assert_eq!(lines.len() as u64, 2 + 1000 + 50 - bench.log.lost());
    assert!(lines[1].ends_with(",0.01,50.0,,0"), "{}", lines[1]);
    assert!(lines[2].starts_with("1970-01-01T"), "{}", lines[2]);
    // One more was given up when there was room again, and it was not known yet.
    let lost: Vec<u64> = lines
        .iter()
        .map(|line| line.rsplit(',').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(lost[2], bench.log.lost());
    assert_eq!(lost.iter().sum::<u64>(), bench.log.lost());
    let told = bench.said.last().unwrap();
    assert!(told.ends_with("281 readings are lost"), "{told}");
}
