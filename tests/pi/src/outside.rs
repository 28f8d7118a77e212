//! The bench outside the machine: what somebody would do at a real one with wires and hands.
//!
//! A test asks for it in a line, which `circuits_bench::Outside` writes and documents; the words are
//! in [`Outside::answer`].

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::machine::{Machine, SENSORS};
use crate::monitor::{Qmp, Qtest};

/// The registers of the BCM2837's GPIO block ("BCM2835 ARM Peripherals", page 90).
const GPSET: u64 = 0x3f20_001c;
const GPCLR: u64 = 0x3f20_0028;
const GPLEV: u64 = 0x3f20_0034;

/// Chip select 0 of SPI 0.
const CE0: u32 = 8;

pub(crate) struct Outside {
    machine: Machine,
    qmp: Qmp,
    qtest: Qtest,
    files: PathBuf,
    ports: HashMap<String, Port>,
    /// How many serial adapters have been plugged in.
    adapters: u32,
}

impl Outside {
    /// Connects to a machine that is stopped, and lets it run.
    pub(crate) fn connect(machine: Machine, files: &Path) -> Result<Outside> {
        let mut outside = Outside {
            machine,
            qmp: Qmp::connect(&files.join("qmp"))?,
            // QEMU's board leaves it unconnected.
            qtest: Qtest::connect(&files.join("qtest"), |line, high| {
                let flash = "/machine/peripheral/flash ssi-gpio-cs 0";
                (line == CE0).then(|| format!("set_irq_in {flash} {}", u8::from(high)))
            })?,
            files: files.into(),
            ports: HashMap::new(),
            adapters: 0,
        };
        if machine == Machine::Pi {
            outside
                .qtest
                .ask("irq_intercept_out /machine/soc/peripherals/gpio")?;
            for sensor in SENSORS {
                outside.set_temperature(sensor, 21_500)?;
            }
            // As QEMU calls the first of its serial ports.
            let port = Port::connect(&files.join("ttyAMA0"), "serial0")?;
            outside.ports.insert("ttyAMA0".into(), port);
        }
        outside.qmp.execute("cont", json!({}))?;
        Ok(outside)
    }

    /// Does what a line asks for and returns the answer.
    pub(crate) fn answer(&mut self, line: &str) -> Result<String> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["drive", line, level] => {
                let order = set_input(self.line(line)?, level == "1");
                self.qtest.ask(&order)?;
            }
            ["level", line] => {
                let line = self.line(line)?;
                return Ok(self.level(line)?.to_string());
            }
            ["temperature", sensor, milli] => self.set_temperature(sensor, milli.parse()?)?,
            ["plug", name, socket] => self.plug(name, socket.parse()?)?,
            ["unplug", name] => self.unplug(name)?,
            ["send", port, bytes] => self.port(port)?.send(&from_hex(bytes)?)?,
            ["break", port] => {
                let order = json!({ "id": self.port(port)?.id });
                self.qmp.execute("chardev-send-break", order)?;
            }
            ["received", port] => return Ok(self.port(port)?.received().to_string()),
            ["take", port, count] => return Ok(to_hex(&self.port(port)?.take(count.parse()?))),
            _ => bail!("the bench cannot {line:?}"),
        }
        Ok(String::new())
    }

    /// A line of the Pi that is an input or an output of its GPIO block.
    fn line(&self, line: &str) -> Result<u32> {
        let line = line.parse()?;
        ensure!(
            self.machine == Machine::Pi && line < 54,
            "there is no such line"
        );
        Ok(line)
    }

    fn level(&mut self, line: u32) -> Result<u8> {
        let levels = self
            .qtest
            .ask(&format!("readl {:#x}", GPLEV + u64::from(line) / 32 * 4))?;
        let levels = u64::from_str_radix(levels.trim_start_matches("0x"), 16)?;
        Ok((levels >> (line % 32) & 1) as u8)
    }

    fn set_temperature(&mut self, sensor: &str, milli: i32) -> Result<()> {
        let path = format!("/machine/peripheral/{sensor}");
        let to = json!({ "path": path, "property": "temperature", "value": milli });
        self.qmp.execute("qom-set", to)?;
        Ok(())
    }

    /// Plugs a serial adapter into a socket of the Pi's hub.
    fn plug(&mut self, name: &str, socket: u32) -> Result<()> {
        ensure!(
            !self.ports.contains_key(name),
            "{name} is plugged in already"
        );
        ensure!(
            (2..=5).contains(&socket),
            "the board has sockets 2 to 5, and no {socket}"
        );
        // Not before somebody needs it: a hub is a thousand interrupts a second.
        if self.adapters == 0 {
            let hub = json!({ "driver": "usb-hub", "bus": "usb-bus.0", "port": "1" });
            self.qmp.execute("device_add", hub)?;
        }
        self.adapters += 1;
        // QEMU may need a moment to forget the last one of this name.
        let id = format!("adapter{}", self.adapters);
        let path = self.files.join(&id);
        let address = json!({ "type": "unix", "data": { "path": path } });
        let data = json!({ "addr": address, "server": true, "wait": false });
        let backend = json!({ "type": "socket", "data": data });
        let chardev = json!({ "id": id, "backend": backend });
        self.qmp.execute("chardev-add", chardev)?;
        let port = Port::connect(&path, &id)?;
        let device = json!({
            "driver": "usb-serial", "id": id, "chardev": id, "serial": name,
            "bus": "usb-bus.0", "port": format!("1.{socket}"),
        });
        self.qmp.execute("device_add", device)?;
        self.ports.insert(name.into(), port);
        Ok(())
    }

    /// Pulls a serial adapter out, also while it is open.
    ///
    /// QEMU's controller aborts when a device goes while a transfer waits for its input. So those
    /// are ended first: each by a break, which carries no data, and a byte that wakes the
    /// controller and is never delivered, because the machine stands still.
    fn unplug(&mut self, name: &str) -> Result<()> {
        let port = self.port(name)?.clone();
        let id = port.id.clone();
        ensure!(id.starts_with("adapter"), "it is not an adapter");
        self.qmp.execute("stop", json!({}))?;
        let pulled = self.pull(&port, &id);
        self.qmp.execute("cont", json!({}))?;
        pulled?;
        self.ports.remove(name);
        Ok(())
    }

    fn pull(&mut self, port: &Port, id: &str) -> Result<()> {
        for _ in 0..16 {
            let order = json!({ "id": id });
            self.qmp.execute("chardev-send-break", order)?;
            port.send(b"!")?;
            // Each is a turn of QEMU's main loop.
            for _ in 0..4 {
                self.qmp.execute("query-status", json!({}))?;
            }
        }
        self.qmp.execute("device_del", json!({ "id": id }))?;
        Ok(())
    }

    fn port(&mut self, name: &str) -> Result<&mut Port> {
        self.ports
            .get_mut(name)
            .with_context(|| format!("there is no {name} to hold the other end of"))
    }
}

/// The order that moves an input: QEMU's model takes writes to the output registers for inputs, too.
fn set_input(line: u32, high: bool) -> String {
    let register = if high { GPSET } else { GPCLR };
    let (word, bit) = (u64::from(line) / 32 * 4, line % 32);
    format!("writel {:#x} {:#x}", register + word, 1_u32 << bit)
}

/// The far end of a serial line.
#[derive(Clone)]
struct Port {
    stream: Arc<UnixStream>,
    received: Arc<Mutex<Vec<u8>>>,
    /// What QEMU calls it, and the adapter if it is one.
    id: String,
}

impl Port {
    fn connect(socket: &Path, id: &str) -> Result<Port> {
        let stream = Arc::new(UnixStream::connect(socket)?);
        let received: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (reader, into) = (stream.clone(), received.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = (&*reader).read(&mut bytes) {
                into.lock().unwrap().extend(&bytes[..length]);
            }
        });
        Ok(Port {
            stream,
            received,
            id: id.into(),
        })
    }

    fn send(&self, bytes: &[u8]) -> Result<()> {
        (&*self.stream).write_all(bytes)?;
        Ok(())
    }

    /// How many bytes have come. Who waits for more asks again: others may want something meanwhile.
    fn received(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    fn take(&self, count: usize) -> Vec<u8> {
        let mut received = self.received.lock().unwrap();
        let count = count.min(received.len());
        received.drain(..count).collect()
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Result<Vec<u8>> {
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| {
            let pair = digits.get(at..at + 2).context("an odd digit")?;
            Ok(u8::from_str_radix(pair, 16)?)
        })
        .collect()
}
