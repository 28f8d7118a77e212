//! A board with all that the station has, a hand that does things to it, and what came of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use circuits::stub::chips::{Ds3231, Ssd1306};
use circuits::stub::parts::{Button, Led};
use circuits::stub::{BoardFile, Stub};
use circuits::{Board, Failure};

use crate::config::Config;
use crate::log::{Append, HEADER, Log};
use crate::station::{Options, Outside, Station};

pub(crate) const BUS: &str = "i2c-1";
pub(crate) const SENSOR: u8 = 0x76;
pub(crate) const SCREEN: u8 = 0x3c;
pub(crate) const CLOCK: u8 = 0x68;

/// When the day of the file begins: seconds since 1970.
const MIDNIGHT: u64 = 1_365_134_400;

/// A board, and what a test has in hand of it. A field that is set before the station is run is what it is run with.
pub(crate) struct Bench {
    pub(crate) stub: Stub,
    pub(crate) clock: Ds3231,
    pub(crate) screen: Ssd1306,
    pub(crate) button: Button,
    pub(crate) led: Led,
    pub(crate) folder: Folder,
    pub(crate) disk: Disk,
    pub(crate) config: Config,
    pub(crate) interval: Duration,
    pub(crate) count: Option<u64>,
    pub(crate) sets_clock: bool,
    pub(crate) out: Out,
    said: Shared<Vec<String>>,
}

pub(crate) type Shared<T> = Arc<Mutex<T>>;

impl Bench {
    /// Makes a board on which all is there, and the day of `day.csv` goes by as it did.
    pub(crate) fn new() -> Bench {
        Bench::on(include_str!("board.toml"))
    }

    /// Makes a board of a file.
    pub(crate) fn on(file: &str) -> Bench {
        let folder = Folder::new();
        // For on a device there are no other files than the test.
        fs::write(folder.0.join("day.csv"), include_str!("../day.csv")).unwrap();
        let file = BoardFile::parse(file).unwrap();
        let stub = file.base(&folder.0).virtual_time().build().unwrap();
        Bench {
            screen: stub.part("screen").unwrap(),
            clock: stub.part("clock").unwrap(),
            button: stub.part("button").unwrap(),
            led: stub.part("led").unwrap(),
            stub,
            folder,
            disk: Disk::default(),
            config: Config::full(),
            interval: Duration::from_secs(60),
            count: None,
            sets_clock: false,
            said: Shared::default(),
            out: Out::default(),
        }
    }

    /// Runs the station, with a hand beside it, until it ends.
    pub(crate) fn run(&self, hand: impl FnOnce(&Hand<'_>)) -> Result<(), Failure> {
        let board = Board::from(&self.stub);
        // Of the run before.
        board.interrupt().unwrap().clear();
        let (config, append) = (self.config.clone(), self.disk.append());
        let (said, out) = (self.said.clone(), self.out.clone());
        let (log, clock) = (self.folder.log(), self.stub.clock());
        let options = Options {
            interval: self.interval,
            count: self.count,
            png: Some(self.folder.png()),
            sets_clock: self.sets_clock,
        };
        self.stub.run(|| {
            let of_station = board.clone();
            let station = board.spawn("station", move || {
                let outside = Outside {
                    // Three minutes fast.
                    system_time: Box::new(move || {
                        let passed = Duration::from_nanos(clock.now().as_nanos());
                        UNIX_EPOCH + Duration::from_secs(MIDNIGHT + 180) + passed
                    }),
                    out: Box::new(out),
                    say: Box::new(move |text| said.lock().unwrap().push(text.into())),
                };
                let log = Log::with_append(&log, append);
                // Who is killed comes to no end.
                let run = || Station::new(&of_station, config, options, log, outside).run();
                catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("killed".into()))
            });
            let hand_of = Hand { bench: self, board };
            hand(&hand_of);
            station.unwrap().join().unwrap()
        })
    }

    /// Runs the station for so long, and ends it by Ctrl-C.
    pub(crate) fn run_for(&self, time: Duration) {
        let ended = self.run(|hand| {
            hand.wait(time);
            hand.interrupt();
        });
        ended.unwrap();
    }

    /// What was told.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// What was printed, a line each.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.out.text().lines().map(str::to_string).collect()
    }

    /// The lines of the log after its header, which must be whole.
    pub(crate) fn logged(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.log()).unwrap();
        let lines = text.strip_prefix(HEADER).expect("a header");
        assert!(lines.is_empty() || lines.ends_with('\n'), "{text}");
        let lines: Vec<String> = lines.lines().map(str::to_string).collect();
        for line in &lines {
            assert_eq!(line.matches(',').count(), 5, "{line:?} in {text}");
        }
        lines
    }

    /// A column of the log.
    pub(crate) fn column(&self, name: &str) -> Vec<String> {
        let number = HEADER
            .trim_end()
            .split(',')
            .position(|column| column == name);
        let cell = |line: &String| line.split(',').nth(number.unwrap()).unwrap().to_string();
        self.logged().iter().map(cell).collect()
    }
}

/// Who does things to the board while the station runs.
pub(crate) struct Hand<'a> {
    bench: &'a Bench,
    board: Board,
}

impl Hand<'_> {
    pub(crate) fn wait(&self, time: Duration) {
        self.bench.stub.delay().sleep(time).unwrap();
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        // From outside: the hand itself waits no more.
        self.board.interrupt().unwrap().raise();
    }

    /// Presses the button, and lets go of it.
    pub(crate) fn press(&self) {
        self.bench.button.press().unwrap();
        self.wait(Duration::from_millis(150));
        self.bench.button.release().unwrap();
        self.wait(Duration::from_millis(150));
    }
}

/// A test that fails ends the station, too: time would fly for it for ever.
impl Drop for Hand<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.interrupt();
        }
    }
}

/// A disk that may be full.
#[derive(Clone, Default)]
pub(crate) struct Disk(Shared<State>);

#[derive(Default)]
struct State {
    /// How many bytes of a write there is room for.
    room: Option<usize>,
    /// How many bytes of this line are written before the program is killed.
    kills: Option<(usize, usize)>,
    fails_to_sync: bool,
    lines: usize,
    /// What is on the disk for certain: what a sync that failed was for is not.
    synced: Vec<u8>,
}

impl Disk {
    /// There is room for so many bytes of each write, or for all.
    pub(crate) fn room(&self, bytes: impl Into<Option<usize>>) {
        self.lock().room = bytes.into();
    }

    /// What is written is not certain to be on the disk.
    pub(crate) fn fails_to_sync(&self, fails: bool) {
        self.lock().fails_to_sync = fails;
    }

    /// What is on the disk for certain.
    pub(crate) fn synced(&self) -> String {
        String::from_utf8_lossy(&self.lock().synced).into()
    }

    /// The program is killed when it has written so many bytes of a line, counted from the header.
    pub(crate) fn kills(&self, line: usize, bytes: usize) {
        self.lock().kills = Some((line, bytes));
    }

    /// Whoever is killed has it in hand.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// How a log writes to it.
    pub(crate) fn append(&self) -> Append {
        let disk = self.clone();
        Box::new(move |file, bytes| disk.lock().write(file, bytes))
    }
}

impl State {
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if let Some((line, written)) = self.kills {
            if line == self.lines {
                file.write_all(&bytes[..written.min(bytes.len())])?;
                self.kills = None;
                // A panic of which nobody is told.
                std::panic::resume_unwind(Box::new("killed"));
            }
        }
        self.lines += 1;
        if let Some(room) = self.room {
            let fits = bytes.len().min(room);
            file.write_all(&bytes[..fits])?;
            if fits < bytes.len() {
                // ENOSPC, include/uapi/asm-generic/errno-base.h
                return Err(io::Error::from_raw_os_error(28));
            }
        } else {
            file.write_all(bytes)?;
        }
        match self.fails_to_sync {
            true => Err(io::Error::from_raw_os_error(5)),
            false => {
                self.synced.extend(bytes);
                Ok(())
            }
        }
    }
}

/// A folder for the files of a test, which goes with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("weather_station-{}-{number}", process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("weather.csv")
    }

    pub(crate) fn png(&self) -> PathBuf {
        self.0.join("page.png")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What is printed.
#[derive(Clone, Default)]
pub(crate) struct Out {
    text: Shared<Vec<u8>>,
    fails: Arc<AtomicBool>,
}

impl Out {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into()
    }

    /// Nobody reads it any more.
    pub(crate) fn fails(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.fails.load(Ordering::Relaxed) {
            // EPIPE, include/uapi/asm-generic/errno-base.h
            true => Err(io::Error::from_raw_os_error(32)),
            false => self.text.lock().unwrap().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
