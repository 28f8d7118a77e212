//! Our words and the kernel's (include/uapi/linux/gpio.h).

use std::io;
use std::time::Duration;

use gpiocdev_uapi::v2::Offsets;
use gpiocdev_uapi::v2::{self, LineAttributeValue, LineFlags, LineValues};
use gpiocdev_uapi::{Error, Name};

use crate::backend::Request;
use crate::{Bias, Config, Direction, Drive, EdgeDetection, EventClock, LineInfo};

/// Gives the error number back.
pub(super) fn to_io(error: Error) -> io::Error {
    match error {
        Error::Os(errno) => io::Error::from_raw_os_error(errno.0),
        Error::UnderRead(error) => io::Error::other(error),
    }
}

/// A name of the kernel's, which is in no encoding.
pub(super) fn text(name: &Name) -> String {
    String::from_utf8_lossy(&name.0[..name.strlen()]).into_owned()
}

pub(super) fn request(request: &Request) -> v2::LineRequest {
    let offsets: Vec<u32> = request.lines.iter().map(|(offset, _)| *offset).collect();
    let configs: Vec<Config> = request
        .lines
        .iter()
        .map(|(_, config)| config.clone())
        .collect();
    v2::LineRequest {
        offsets: Offsets::from_slice(&offsets),
        // Cut between characters.
        consumer: Name::from_bytes(request.consumer.as_bytes()),
        config: config(&configs),
        num_lines: offsets.len() as u32,
        // For one it has no memory (`__kfifo_alloc`, lib/kfifo.c).
        event_buffer_size: request.event_buffer.max(2),
        ..v2::LineRequest::default()
    }
}

/// The flags of the first line are those of all, but for those that have others. `limits` in
/// `held.rs` has seen to it that the attributes are enough.
pub(super) fn config(configs: &[Config]) -> v2::LineConfig {
    let lines_with = |has: &dyn Fn(&Config) -> bool| {
        let set = (0..64).zip(configs).filter(|(_, config)| has(config));
        set.fold(0, |mask, (line, _)| mask | 1_u64 << line)
    };
    let mut kernel = v2::LineConfig {
        flags: configs.first().map(flags).unwrap_or_default(),
        ..v2::LineConfig::default()
    };
    let mut told = vec![kernel.flags];
    let mut periods = vec![0];
    for config in configs {
        let (flags_of, period_of) = (flags(config), period(config));
        if !told.contains(&flags_of) {
            told.push(flags_of);
            kernel.add_flags(flags_of, lines_with(&|other| flags(other) == flags_of));
        }
        if !periods.contains(&period_of) {
            periods.push(period_of);
            kernel.add_debounce(period_of, lines_with(&|other| period(other) == period_of));
        }
    }
    let bits = lines_with(&Config::initial_level);
    if bits != 0 {
        let mask = lines_with(&|config| config.direction() == Direction::Output);
        kernel.add_values(&LineValues { bits, mask });
    }
    kernel
}

pub(super) fn invalid() -> io::Error {
    // EINVAL of include/uapi/asm-generic/errno-base.h
    io::Error::from_raw_os_error(22)
}

/// Refuses what cannot be told to the kernel.
pub(super) fn check(configs: &[Config]) -> io::Result<()> {
    let is_too_long = |config: &Config| config.debounce_period().as_micros() > u32::MAX.into();
    let is_count = (1..=gpiocdev_uapi::NUM_LINES_MAX).contains(&configs.len());
    match is_count && !configs.iter().any(is_too_long) {
        true => Ok(()),
        false => Err(invalid()),
    }
}

/// What lines are set up as before they detect edges, if they were debounced without: not debounced.
/// Kernels before 6.10 would queue their edges where there is no memory for them (ee0166b637a5,
/// *gpiolib: cdev: fix uninitialised kfifo*).
pub(super) fn before_edges(before: &[Config], configs: &[Config]) -> Option<Vec<Config>> {
    let detects = |config: &Config| config.detected_edges() != EdgeDetection::Off;
    let is_debounced = |config: &Config| !config.debounce_period().is_zero();
    let begins = |before: &Config, config: &Config| {
        is_debounced(before) && !detects(before) && is_debounced(config) && detects(config)
    };
    let mut pairs = before.iter().zip(configs);
    if !pairs.any(|(before, config)| begins(before, config)) {
        return None;
    }
    let first = before.iter().zip(configs).map(|(before, config)| {
        let config = config.clone();
        match begins(before, &config) {
            true => config.debounce(Duration::ZERO),
            false => config,
        }
    });
    Some(first.collect())
}

/// In microseconds.
fn period(config: &Config) -> u32 {
    config.debounce_period().as_micros() as u32
}

fn flags(config: &Config) -> LineFlags {
    let mut flags = match config.direction() {
        Direction::Input => LineFlags::INPUT,
        Direction::Output => LineFlags::OUTPUT,
    };
    flags.set(LineFlags::ACTIVE_LOW, config.is_active_low());
    flags |= match config.line_bias() {
        None => LineFlags::empty(),
        Some(Bias::Disabled) => LineFlags::BIAS_DISABLED,
        Some(Bias::PullUp) => LineFlags::BIAS_PULL_UP,
        Some(Bias::PullDown) => LineFlags::BIAS_PULL_DOWN,
    };
    flags |= match config.line_drive() {
        Drive::PushPull => LineFlags::empty(),
        Drive::OpenDrain => LineFlags::OPEN_DRAIN,
        Drive::OpenSource => LineFlags::OPEN_SOURCE,
    };
    flags |= match config.detected_edges() {
        EdgeDetection::Off => LineFlags::empty(),
        EdgeDetection::Rising => LineFlags::EDGE_RISING,
        EdgeDetection::Falling => LineFlags::EDGE_FALLING,
        EdgeDetection::Both => LineFlags::EDGE_RISING | LineFlags::EDGE_FALLING,
    };
    let realtime = config.times_of() == EventClock::Realtime;
    flags.set(LineFlags::EVENT_CLOCK_REALTIME, realtime);
    flags
}

pub(super) fn info(info: &v2::LineInfo) -> LineInfo {
    let has = |flag| info.flags.contains(flag);
    let direction = match has(LineFlags::OUTPUT) {
        true => Direction::Output,
        false => Direction::Input,
    };
    let mut config = Config::new()
        .towards(direction)
        .active_low(has(LineFlags::ACTIVE_LOW))
        .drive(match () {
            () if has(LineFlags::OPEN_DRAIN) => Drive::OpenDrain,
            () if has(LineFlags::OPEN_SOURCE) => Drive::OpenSource,
            () => Drive::PushPull,
        })
        .edge_detection(
            match (has(LineFlags::EDGE_RISING), has(LineFlags::EDGE_FALLING)) {
                (false, false) => EdgeDetection::Off,
                (true, false) => EdgeDetection::Rising,
                (false, true) => EdgeDetection::Falling,
                (true, true) => EdgeDetection::Both,
            },
        )
        .event_clock(match has(LineFlags::EVENT_CLOCK_REALTIME) {
            true => EventClock::Realtime,
            false => EventClock::Monotonic,
        });
    for (flag, bias) in [
        (LineFlags::BIAS_DISABLED, Bias::Disabled),
        (LineFlags::BIAS_PULL_UP, Bias::PullUp),
        (LineFlags::BIAS_PULL_DOWN, Bias::PullDown),
    ] {
        if has(flag) {
            config = config.bias(bias);
        }
    }
    for attribute in 0..(info.num_attrs as usize).min(v2::NUM_ATTRS_MAX) {
        if let Some(LineAttributeValue::DebouncePeriod(period)) = info.attr(attribute).to_value() {
            config = config.debounce(Duration::from_micros(period.into()));
        }
    }
    let consumer = has(LineFlags::USED).then(|| text(&info.consumer));
    LineInfo::new(info.offset, text(&info.name), consumer, config)
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    #[test]
    fn lines_detect_edges_before_they_are_debounced() {
        let slow = Config::input().debounce(Duration::from_millis(5));
        let both = slow.clone().edge_detection(EdgeDetection::Both);
        let fast = both.clone().debounce(Duration::ZERO);
        let other = Config::output();
        let first = before_edges(
            &[slow.clone(), other.clone()],
            &[both.clone(), other.clone()],
        );
        assert_eq!(first, Some(vec![fast.clone(), other.clone()]));
        for before in [&both, &fast, &other] {
            assert_eq!(before_edges(from_ref(before), from_ref(&both)), None);
        }
        assert_eq!(before_edges(&[slow], &[fast]), None);
    }

    #[test]
    fn what_the_kernel_has_no_number_for_is_refused() {
        let longest = Duration::from_micros(u32::MAX.into());
        check(&[Config::input().debounce(longest)]).unwrap();
        let longer = Config::input().debounce(longest + Duration::from_nanos(1));
        for configs in [vec![longer], vec![], vec![Config::new(); 65]] {
            assert_eq!(check(&configs).unwrap_err().raw_os_error(), Some(22));
        }
    }

    #[test]
    fn lines_that_differ_are_told_apart() {
        let input = Config::input().edge_detection(EdgeDetection::Both);
        let slow = input.clone().debounce(Duration::from_millis(5));
        let output = Config::output();
        let kernel = config(&[input, output.clone(), slow, output.initial(true)]);
        assert_eq!(kernel.num_attrs, 3);
        let attributes: Vec<_> = (0..3).map(|index| kernel.attr(index)).collect();
        let values: Vec<_> = attributes
            .iter()
            .map(|one| (one.mask, one.attr.to_value()))
            .collect();
        let expected = [
            (0b1010, Some(LineAttributeValue::Flags(LineFlags::OUTPUT))),
            (0b0100, Some(LineAttributeValue::DebouncePeriod(5000))),
            (0b1010, Some(LineAttributeValue::Values(0b1000))),
        ];
        assert_eq!(values, expected);
    }
}
