//! The bench outside the machine: what somebody would do at a real one with wires and hands.
//!
//! A test asks for it in a line, which `circuits_bench::outside` writes and documents.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::machine::{Machine, SENSORS};
use crate::monitor::{Qmp, Qtest};

/// The registers of the BCM2837's GPIO block ("BCM2835 ARM Peripherals", page 90).
const GPSET: u64 = 0x3f20_001c;
const GPCLR: u64 = 0x3f20_0028;
const GPLEV: u64 = 0x3f20_0034;

/// Chip select 0 of SPI 0.
const CE0: u32 = 8;

/// How long the bench waits for bytes that it was told to expect.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Bench {
    qmp: Qmp,
    qtest: Qtest,
    files: PathBuf,
    ports: HashMap<String, Port>,
    /// How many serial adapters have been plugged in.
    adapters: u32,
}

impl Bench {
    /// Connects to a machine that is stopped, and lets it run.
    pub(crate) fn connect(machine: Machine, files: &Path) -> Result<Bench> {
        let mut bench = Bench {
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
            bench
                .qtest
                .ask("irq_intercept_out /machine/soc/peripherals/gpio")?;
            for sensor in SENSORS {
                bench.set_temperature(sensor, 21_500)?;
            }
            let port = Port::connect(&files.join("ttyAMA0"))?;
            bench.ports.insert("ttyAMA0".into(), port);
        }
        bench.qmp.execute("cont", json!({}))?;
        Ok(bench)
    }

    /// Does what a line asks for and returns the answer.
    pub(crate) fn answer(&mut self, line: &str) -> Result<String> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["drive", line, level] => {
                let order = set_input(line.parse()?, level == "1");
                self.qtest.ask(&order)?;
            }
            ["level", line] => return Ok(self.level(line.parse()?)?.to_string()),
            ["temperature", sensor, milli] => self.set_temperature(sensor, milli.parse()?)?,
            ["plug", name, socket] => self.plug(name, socket.parse()?)?,
            ["unplug", name] => self.unplug(name)?,
            ["send", port, bytes] => self.port(port)?.send(&from_hex(bytes)?)?,
            ["receive", port, count] => {
                return Ok(to_hex(&self.port(port)?.receive(count.parse()?)?));
            }
            _ => bail!("the bench cannot {line:?}"),
        }
        Ok(String::new())
    }

    fn level(&mut self, line: u64) -> Result<u8> {
        let levels = self
            .qtest
            .ask(&format!("readl {:#x}", GPLEV + line / 32 * 4))?;
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
        if self.ports.contains_key(name) {
            bail!("{name} is plugged in already");
        }
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
        let mut port = Port::connect(&path)?;
        port.adapter = Some(id.clone());
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
        let mut port = self.port(name)?.clone();
        let id = port.adapter.take().context("it is not an adapter")?;
        self.ports.remove(name);
        self.qmp.execute("stop", json!({}))?;
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
        self.qmp.execute("cont", json!({}))?;
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
    received: Arc<(Mutex<Vec<u8>>, Condvar)>,
    /// What QEMU calls the adapter, if it is one.
    adapter: Option<String>,
}

impl Port {
    fn connect(socket: &Path) -> Result<Port> {
        let stream = Arc::new(UnixStream::connect(socket)?);
        let received: Arc<(Mutex<Vec<u8>>, Condvar)> = Arc::default();
        let (reader, into) = (stream.clone(), received.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = (&*reader).read(&mut bytes) {
                into.0.lock().unwrap().extend(&bytes[..length]);
                into.1.notify_all();
            }
        });
        Ok(Port {
            stream,
            received,
            adapter: None,
        })
    }

    fn send(&self, bytes: &[u8]) -> Result<()> {
        (&*self.stream).write_all(bytes)?;
        Ok(())
    }

    /// Waits for so many bytes and takes them.
    fn receive(&self, count: usize) -> Result<Vec<u8>> {
        let (received, more) = &*self.received;
        let bytes = received.lock().unwrap();
        let (mut bytes, waited) = more
            .wait_timeout_while(bytes, PATIENCE, |bytes| bytes.len() < count)
            .unwrap();
        if waited.timed_out() {
            bail!("{} of {count} bytes have come", bytes.len());
        }
        Ok(bytes.drain(..count).collect())
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
