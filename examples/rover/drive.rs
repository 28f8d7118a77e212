//! The motors: an H-bridge whose inputs are outputs of a PCA9685, or lines.

use std::time::Duration;

use circuits::gpio::{self, Lines, Output, Release};
use circuits::i2c::{self, Device};
use circuits::{Board, Failure};
use pwm_pca9685::{Channel, Pca9685};

use crate::config;
use crate::stop::Stop;

/// One that does not answer for so many cycles is not there any more. Until then the motors do what they were told last.
const GIVE_UP: u32 = 5;

/// A bus that somebody holds keeps a call for this long, instead of the second that is usual: the loop must go on.
pub const BUS_TIMEOUT: Duration = Duration::from_millis(10);

/// 25 MHz, divided by 4096 counts and by 6: 1017 Hz, the nearest to a kilohertz.
const PRESCALE: u8 = 5;

pub struct Drive {
    enable: Option<Output>,
    bridge: Bridge,
    failed: u32,
    /// Whether the motors are off by one way at least, as far as it is known.
    pub is_off: bool,
    /// How often it was told something in vain.
    pub losses: u64,
    /// What it said when it did not answer.
    pub error: Option<pwm_pca9685::Error<i2c::Error>>,
}

/// Forwards and backwards of the left motor, then of the right one. Both off is coasting.
enum Bridge {
    Pca9685 {
        chip: Pca9685<Device>,
        channels: [Channel; 4],
        /// What each channel has, as far as it is known: what changes goes over the bus.
        counts: [Option<u16>; 4],
        /// One of them goes over it in any case. So a chip that is gone is noticed, and one that has forgotten is told.
        next: usize,
    },
    /// A line is on or off for a whole cycle. So a half is every other cycle: 50 Hz, at which a motor hums; a tenth is
    /// 10 Hz, at which it jerks. It gets a rover over the floor, and no more.
    Lines {
        lines: Lines,
        /// What of each duty was not put out yet.
        owed: [f64; 4],
    },
}

impl Drive {
    /// Takes what the motors are at, and switches them off, whatever they did.
    pub fn open(board: &Board, config: &config::Drive) -> Result<Drive, Failure> {
        // So it is left by an error and a panic. It is not by SIGKILL, an abort or a kernel that hangs: the kernel may leave a
        // line as it was driven, against which no resistor wins. A hardware watchdog, which resets all, is for these.
        let off = gpio::Config::new().on_release(Release::Level(false));
        let enable = match &config.enable {
            Some(line) => Some(board.output_with(line.as_str(), &off)?),
            None => None,
        };
        let bridge = match (&config.pca9685, &config.lines) {
            (Some(pca9685), _) => {
                let timeout = i2c::Config::new().timeout(BUS_TIMEOUT);
                let bus = board.i2c_bus_with(&pca9685.bus, &timeout)?;
                let device = bus.device(pca9685.address)?;
                let chip = Pca9685::new(device, pca9685.address)
                    .map_err(|_| format!("no PCA9685 has the address {:#x}", pca9685.address))?;
                Bridge::Pca9685 {
                    chip,
                    channels: pca9685
                        .channels
                        .map(|channel| Channel::try_from(channel).unwrap_or(Channel::All)),
                    counts: [None; 4],
                    next: 0,
                }
            }
            (None, Some(lines)) => {
                let off = gpio::Config::output().on_release(Release::Level(false));
                let lines = lines.iter().map(|line| (line.as_str(), off.clone()));
                Bridge::Lines {
                    lines: board.lines(lines)?,
                    owed: [0.0; 4],
                }
            }
            (None, None) => return Err("the drive has neither a PCA9685 nor lines".into()),
        };
        let mut drive = Drive {
            enable,
            bridge,
            failed: 0,
            is_off: false,
            losses: 0,
            error: None,
        };
        // A program that was killed has left a PCA9685 going, which nothing but its bus may stop.
        match drive.off() {
            Ok(()) => Ok(drive),
            Err(stop) => Err(match drive.error.take() {
                Some(error) => format!("{stop} ({error})").into(),
                None => stop.into(),
            }),
        }
    }

    /// Sets everything up, whatever it was before, and lets the bridge work.
    pub fn start(&mut self) -> Result<(), Stop> {
        self.is_off = false;
        let begun = self.bridge.start();
        self.count(begun).map_err(|_| Stop::MotorsLost)?;
        match &self.enable {
            Some(enable) => enable.set(true).map_err(|_| Stop::MotorsLost),
            None => Ok(()),
        }
    }

    /// Sets the duties of the left and the right motor, from -1 to 1. What fails is tried again with the next ones, for some
    /// cycles.
    pub fn set(&mut self, duties: [f64; 2]) -> Result<(), Stop> {
        let [left, right] = duties;
        let set = self.bridge.set([
            left.max(0.0),
            (-left).max(0.0),
            right.max(0.0),
            (-right).max(0.0),
        ]);
        match self.count(set) {
            Err(failed) if failed >= GIVE_UP => Err(Stop::MotorsLost),
            _ => Ok(()),
        }
    }

    /// Has the motors stand still, by each way that there is, whether or not another one fails.
    pub fn off(&mut self) -> Result<(), Stop> {
        // The line first: it takes a microsecond, and a bus that is dead its time-out.
        let line = self.enable.as_ref().map(|enable| enable.set(false));
        let bridge = self.bridge.off();
        let told = self.count(bridge).map_err(|_| Stop::MotorsLost);
        self.is_off = told.is_ok() || matches!(line, Some(Ok(())));
        match line {
            Some(Err(_)) => Err(Stop::MotorsLost),
            _ => told,
        }
    }

    /// Notes how something went; or how often that is that it failed.
    fn count(
        &mut self,
        done: Result<(), Option<pwm_pca9685::Error<i2c::Error>>>,
    ) -> Result<(), u32> {
        match done {
            Ok(()) => {
                self.failed = 0;
                Ok(())
            }
            Err(error) => {
                self.failed += 1;
                self.losses += 1;
                self.error = error;
                Err(self.failed)
            }
        }
    }
}

/// After an error or a panic motors do not go on by themselves. Who is killed drops nothing, and a PCA9685 goes on with what
/// it was told last: what stops that is `open`, of the next program.
impl Drop for Drive {
    fn drop(&mut self) {
        let _ = self.off();
    }
}

/// What a bridge at the bus says; one at lines has nothing to say.
type Done = Result<(), Option<pwm_pca9685::Error<i2c::Error>>>;

impl Bridge {
    fn start(&mut self) -> Done {
        match self {
            Bridge::Pca9685 { chip, counts, .. } => {
                *counts = [None; 4];
                // It takes a prescaler only while it sleeps, and may be awake from the program before.
                chip.disable()?;
                chip.set_channel_full_off(Channel::All)?;
                chip.set_prescale(PRESCALE)?;
                chip.enable()?;
            }
            Bridge::Lines { owed, .. } => *owed = [0.0; 4],
        }
        Ok(())
    }

    fn set(&mut self, duties: [f64; 4]) -> Done {
        match self {
            Bridge::Pca9685 {
                chip,
                channels,
                counts,
                next,
            } => {
                *next = (*next + 1) % 4;
                counts[*next] = None;
                for ((channel, held), duty) in channels.iter().zip(counts).zip(duties) {
                    let wanted = (duty.clamp(0.0, 1.0) * 4095.0).round() as u16;
                    // Not known until it is told without an error.
                    if held.take() != Some(wanted) {
                        match wanted {
                            // Both counts alike are forbidden.
                            0 => chip.set_channel_full_off(*channel)?,
                            _ => chip.set_channel_on_off(*channel, 0, wanted)?,
                        }
                    }
                    *held = Some(wanted);
                }
                Ok(())
            }
            Bridge::Lines { lines, owed } => {
                let mut levels = 0;
                for (line, (owed, duty)) in owed.iter_mut().zip(duties).enumerate() {
                    *owed = if duty > 0.0 { *owed + duty } else { 0.0 };
                    if *owed >= 1.0 {
                        *owed -= 1.0;
                        levels |= 1 << line;
                    }
                }
                lines.set(levels).map_err(|_| None)
            }
        }
    }

    fn off(&mut self) -> Done {
        match self {
            Bridge::Pca9685 { chip, counts, .. } => {
                *counts = [None; 4];
                Ok(chip.set_channel_full_off(Channel::All)?)
            }
            Bridge::Lines { lines, .. } => lines.set(0).map_err(|_| None),
        }
    }
}
