use std::fs;
use std::os::fd::AsRawFd;

use gpiocdev::Chip;
use gpiocdev::line::{Bias, Direction, Drive};
use socketcan::CanInterface;
use spidev::Spidev;

use crate::snapshot::Group;

/// What a device node or a CAN interface says of itself.
pub(crate) fn ask(subsystem: &str, name: &str) -> Option<(String, Group)> {
    let node = format!("/dev/{name}");
    let answers = match subsystem {
        "gpio" => chip(&node)?,
        "i2c-dev" => i2c(&node)?,
        "spidev" => spi(&node)?,
        "net" => return Some((format!("link {name}"), link(name)?)),
        "tty" => Group::new(),
        _ => return None,
    };
    fs::exists(&node).unwrap().then_some((node, answers))
}

/// `GPIO_GET_CHIPINFO_IOCTL` and `GPIO_V2_GET_LINEINFO_IOCTL`.
fn chip(node: &str) -> Option<Group> {
    let chip = Chip::from_path(node).ok()?;
    let info = chip.info().unwrap();
    let mut group = Group::new();
    group.insert("name".into(), quoted(info.name.as_bytes()));
    group.insert("label".into(), quoted(info.label.as_bytes()));
    group.insert("lines".into(), format!("= {}", info.num_lines));
    for offset in 0..info.num_lines {
        let line = chip.line_info(offset).unwrap();
        let mut words = quoted(line.name.as_bytes());
        if line.used {
            words += &format!(" used by \"{}\"", line.consumer.as_bytes().escape_ascii());
        }
        words += match line.direction {
            Direction::Input => " input",
            Direction::Output => " output",
        };
        if line.active_low {
            words += " active-low";
        }
        words += match line.bias {
            Some(Bias::PullUp) => " pull-up",
            Some(Bias::PullDown) => " pull-down",
            Some(Bias::Disabled) => " bias-disabled",
            None => "",
        };
        words += match line.drive {
            Some(Drive::OpenDrain) => " open-drain",
            Some(Drive::OpenSource) => " open-source",
            Some(Drive::PushPull) | None => "",
        };
        group.insert(format!("line {offset:2}"), words);
    }
    Some(group)
}

/// `I2C_FUNCS`.
fn i2c(node: &str) -> Option<Group> {
    const I2C_FUNCS: libc::Ioctl = 0x0705;
    let node = fs::File::options().read(true).write(true).open(node).ok()?;
    let mut functions: libc::c_ulong = 0;
    // SAFETY: the kernel writes an unsigned long.
    #[allow(unsafe_code)]
    let done = unsafe { libc::ioctl(node.as_raw_fd(), I2C_FUNCS, &mut functions) };
    assert_eq!(done, 0);
    Some([("functions".into(), format!("= {functions:#010x}"))].into())
}

/// `SPI_IOC_RD_MODE` and the others that read.
fn spi(node: &str) -> Option<Group> {
    let options = Spidev::open(node).ok()?.query_configuration().unwrap();
    let mode = options.spi_mode.map_or(0, |mode| mode.bits());
    let mut group = Group::new();
    group.insert("mode".into(), format!("= {mode:#x}"));
    group.insert(
        "bits per word".into(),
        format!("= {}", options.bits_per_word.unwrap_or_default()),
    );
    group.insert(
        "speed".into(),
        format!("= {} Hz", options.max_speed_hz.unwrap_or_default()),
    );
    Some(group)
}

/// What route netlink says of a CAN interface (`IFLA_INFO_DATA`).
fn link(name: &str) -> Option<Group> {
    let details = CanInterface::open(name).ok()?.details().ok()?;
    let mut group = Group::new();
    let mut tell = |what: &str, value: Option<String>| {
        group.insert(what.into(), format!("= {}", value.unwrap_or("-".into())));
    };
    let can = details.can;
    tell("up", Some(details.is_up.to_string()));
    tell("mtu", details.mtu.map(|mtu| format!("{mtu:?}")));
    tell("state", can.state.map(|state| format!("{state:?}")));
    let timing = can.bit_timing.map(|t| (t.bitrate, t.sample_point));
    tell("bit rate", timing.map(|(rate, _)| format!("{rate} bit/s")));
    tell("sample point", timing.map(|(_, at)| format!("{at} ‰")));
    tell("clock", can.clock.map(|hertz| format!("{} Hz", hertz.freq)));
    tell("restart", can.restart_ms.map(|time| format!("{time} ms")));
    tell(
        "error counters",
        can.berr_counter
            .map(|count| format!("tx {} rx {}", count.txerr, count.rxerr)),
    );
    tell("modes", can.ctrl_mode.map(|modes| format!("{modes:?}")));
    Some(group)
}

fn quoted(bytes: &[u8]) -> String {
    format!("= \"{}\"", bytes.escape_ascii())
}
