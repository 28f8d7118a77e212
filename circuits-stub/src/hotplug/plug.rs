//! What a test puts on the board, or takes away, as a kernel would tell of it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use circuits_enumerate::{Action, Tree, Uevent};
use circuits_i2c::Address;

use super::Hotplug;
use crate::Stub;
use crate::stub::Board;

/// ARPHRD_CAN, include/uapi/linux/if_arp.h.
pub(super) const CAN: &str = "280\n";

impl Hotplug {
    /// A GPIO chip was put there.
    pub(crate) fn chip_came(&self, board: &Board, name: &str, label: &str, lines: usize) {
        // A name is no path (`kobject_set_name_vargs`, lib/kobject.c).
        let driver = label.replace('/', "!");
        let parent = self.free_platform_device(&driver);
        let number = name.trim_start_matches("gpiochip");
        let old = format!("{parent}/gpio/chip{number}");
        self.tree
            .file(format!("/sys{old}/label"), format!("{label}\n"));
        self.tree
            .file(format!("/sys{old}/ngpio"), format!("{lines}\n"));
        let alias = format!("platform:{driver}");
        self.came(
            board,
            name,
            vec![
                uevent(Action::Add, &parent, "platform").with("MODALIAS", &alias),
                uevent(Action::Add, &format!("{parent}/{name}"), "gpio")
                    .with("MAJOR", "254")
                    .with("MINOR", number)
                    .with("DEVNAME", name)
                    .with("DEVTYPE", "gpio_chip"),
                uevent(Action::Add, &old, "gpio"),
                uevent(Action::Bind, &parent, "platform")
                    .with("DRIVER", &driver)
                    .with("MODALIAS", &alias),
            ],
        );
    }

    /// An I2C bus was put there.
    pub(crate) fn bus_came(&self, board: &Board, name: &str) {
        let parent = self.free_platform_device("i2c-stub");
        let adapter = format!("{parent}/{name}");
        let number = name.trim_start_matches("i2c-");
        self.tree
            .file(format!("/sys{adapter}/name"), "virtual board\n");
        // The kernel tells of the node before the adapter (`i2c_register_adapter`).
        self.came(
            board,
            name,
            vec![
                uevent(Action::Add, &parent, "platform").with("MODALIAS", "platform:i2c-stub"),
                uevent(Action::Add, &format!("{adapter}/i2c-dev/{name}"), "i2c-dev")
                    .with("MAJOR", "89")
                    .with("MINOR", number)
                    .with("DEVNAME", name),
                uevent(Action::Add, &adapter, "i2c"),
                uevent(Action::Bind, &parent, "platform")
                    .with("DRIVER", "i2c-stub")
                    .with("MODALIAS", "platform:i2c-stub"),
            ],
        );
    }

    /// A node of an SPI controller was put there: the driver spidev got a device.
    pub(crate) fn spi_came(&self, board: &Board, controller: u32, select: u32) {
        let (driver, alias) = ("spi-stub", "platform:spi-stub");
        let parent = format!("/devices/platform/{driver}.{controller}");
        let master = format!("{parent}/spi_master/spi{controller}");
        let device = format!("{master}/spi{controller}.{select}");
        let node = format!("spidev{controller}.{select}");
        // Controllers and chip selects stay when a driver goes.
        let mut events = Vec::new();
        if self.is_new(&parent) {
            events.extend([
                uevent(Action::Add, &parent, "platform").with("MODALIAS", alias),
                uevent(Action::Add, &master, "spi_master"),
                uevent(Action::Bind, &parent, "platform")
                    .with("DRIVER", driver)
                    .with("MODALIAS", alias),
            ]);
        }
        if self.is_new(&device) {
            events.push(uevent(Action::Add, &device, "spi").with("MODALIAS", "spi:stub"));
        }
        let add = uevent(Action::Add, &format!("{device}/spidev/{node}"), "spidev")
            .with("MAJOR", "153")
            .with("MINOR", select.to_string())
            .with("DEVNAME", &node);
        let bind = uevent(Action::Bind, &device, "spi")
            .with("DRIVER", "spidev")
            .with("MODALIAS", "spi:stub");
        events.extend([add.clone(), bind.clone()]);
        for event in events {
            self.happen(board, event);
        }
        // The driver takes its node away before it lets go of the device.
        self.lock().plugged.insert(node, vec![bind, add]);
    }

    /// A serial port was put there.
    pub(crate) fn serial_came(&self, board: &Board, name: &str) {
        let (driver, alias) = ("serial-stub", "platform:serial-stub");
        let parent = self.free_platform_device(driver);
        let device = format!("{parent}/tty/{name}");
        // Any but PORT_UNKNOWN (include/uapi/linux/serial_core.h).
        self.tree.file(format!("/sys{device}/type"), "1\n");
        let kind = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
        let number: u32 = name[kind.len()..].parse().unwrap_or_default();
        // Documentation/admin-guide/devices.txt
        let (major, first) = match kind {
            "ttyS" => ("4", 64),
            "ttyUSB" => ("188", 0),
            "ttyACM" => ("166", 0),
            _ => ("204", 64),
        };
        let minor = number.saturating_add(first).to_string();
        self.came(
            board,
            name,
            vec![
                uevent(Action::Add, &parent, "platform").with("MODALIAS", alias),
                uevent(Action::Add, &device, "tty")
                    .with("MAJOR", major)
                    .with("MINOR", minor)
                    .with("DEVNAME", name),
                uevent(Action::Bind, &parent, "platform")
                    .with("DRIVER", driver)
                    .with("MODALIAS", alias),
            ],
        );
    }

    /// A CAN interface was put there, which has this number.
    pub(crate) fn can_came(&self, board: &Board, name: &str, index: u32, is_virtual: bool) {
        let index = index.to_string();
        let of = |parent: &str| {
            let device = format!("{parent}/net/{name}");
            self.tree.file(format!("/sys{device}/type"), CAN);
            let number = format!("{index}\n");
            self.tree.file(format!("/sys{device}/ifindex"), number);
            let queue = |queue| {
                let path = format!("{device}/queues/{queue}");
                uevent(Action::Add, &path, "queues")
            };
            // The kernel tells of the queues before the interface (`netdev_register_kobject`).
            let add = uevent(Action::Add, &device, "net")
                .with("INTERFACE", name)
                .with("IFINDEX", &index);
            vec![queue("rx-0"), queue("tx-0"), add]
        };
        if is_virtual {
            return self.came(board, name, of("/devices/virtual"));
        }
        let (driver, alias) = ("can-stub", "platform:can-stub");
        let parent = self.free_platform_device(driver);
        let mut events = vec![uevent(Action::Add, &parent, "platform").with("MODALIAS", alias)];
        events.extend(of(&parent));
        events.push(
            uevent(Action::Bind, &parent, "platform")
                .with("DRIVER", driver)
                .with("MODALIAS", alias),
        );
        self.came(board, name, events);
    }

    fn is_new(&self, path: &str) -> bool {
        let uevent = format!("/sys{path}/uevent");
        self.tree.read(Path::new(&uevent)).is_err()
    }

    /// A driver of the kernel's has a device of a bus.
    pub(crate) fn client_came(&self, board: &Board, bus: &str, address: Address, driver: &str) {
        // `i2c_dev_set_name`, drivers/i2c/i2c-core-base.c
        let number = match address {
            Address::TenBit(address) => address | 0xa000,
            address => address.number(),
        };
        let name = format!("{}-{number:04x}", bus.trim_start_matches("i2c-"));
        let Ok(file) = self.adapter_file(bus) else {
            return;
        };
        let folder = file.with_file_name(name);
        self.tree.file(folder.join("name"), format!("{driver}\n"));
        let path = folder.strip_prefix("/sys").unwrap_or(&folder);
        let path = format!("/{}", path.display());
        let alias = format!("i2c:{driver}");
        let events = [
            uevent(Action::Add, &path, "i2c").with("MODALIAS", &alias),
            uevent(Action::Bind, &path, "i2c")
                .with("DRIVER", driver)
                .with("MODALIAS", &alias),
        ];
        let mut state = self.lock();
        // It goes with the bus, and before it.
        if let Some(plugged) = state.plugged.get_mut(bus) {
            plugged.extend(events.iter().cloned());
        }
        drop(state);
        for event in events {
            self.happen(board, event);
        }
    }

    /// What the adapter of a bus is called.
    pub(crate) fn adapter(&self, bus: &str) -> io::Result<String> {
        let name = self.tree.read(&self.adapter_file(bus)?)?;
        let name = name.strip_suffix(b"\n").unwrap_or(&name);
        Ok(String::from_utf8_lossy(name).into_owned())
    }

    /// Calls the adapter of a bus something else.
    pub(crate) fn call_adapter(&self, bus: &str, name: &str) {
        if let Ok(file) = self.adapter_file(bus) {
            self.tree.file(file, format!("{name}\n"));
        }
    }

    /// Where it says so: its node's device is two levels below it.
    fn adapter_file(&self, bus: &str) -> io::Result<PathBuf> {
        let state = self.lock();
        let node = state.nodes.get(&Path::new("/dev").join(bus));
        let adapter = node.and_then(|node| node.devpath.ancestors().nth(2));
        let adapter = adapter.ok_or(io::ErrorKind::NotFound)?;
        let adapter = adapter.strip_prefix("/").unwrap_or(adapter);
        Ok(Path::new("/sys").join(adapter).join("name"))
    }

    fn came(&self, board: &Board, name: &str, events: Vec<Uevent>) {
        self.lock().plugged.insert(name.into(), events.clone());
        for event in events {
            self.happen(board, event);
        }
    }

    /// A chip or a bus was taken away.
    pub(crate) fn node_went(&self, board: &Board, name: &str) {
        let mut state = self.lock();
        let plugged = state.plugged.remove(name);
        let node = state.nodes.get(&Path::new("/dev").join(name));
        let devpath = node.map(|node| node.devpath.clone());
        let interface = state.interfaces.remove(name);
        drop(state);
        if let Some(events) = plugged {
            for event in events.iter().rev() {
                self.happen(board, undone(event));
            }
        } else if let Some(devpath) = interface {
            let went = uevent(Action::Remove, &devpath.to_string_lossy(), "net");
            self.tree.remove_can_link(name);
            self.happen(board, went.with("INTERFACE", name));
        } else if let Some(devpath) = devpath {
            // It came by a uevent, which told of this device alone.
            let subsystem = match name {
                chip if chip.starts_with("gpiochip") => "gpio",
                node if node.starts_with("spidev") => "spidev",
                bus if bus.starts_with("i2c-") => "i2c-dev",
                _ => "tty",
            };
            let went = uevent(Action::Remove, &devpath.to_string_lossy(), subsystem);
            self.happen(board, went.with("DEVNAME", name));
        }
    }

    /// A path for a platform device of this name, with the first number that is free.
    fn free_platform_device(&self, name: &str) -> String {
        let mut paths = (0..).map(|number| format!("/devices/platform/{name}.{number}"));
        let is_free = |path: &String| self.tree.list(Path::new(&format!("/sys{path}"))).is_err();
        paths.find(is_free).unwrap_or_default()
    }
}

fn uevent(action: Action, path: &str, subsystem: &str) -> Uevent {
    Uevent::new(action, path, subsystem)
}

/// What tells that it is no longer so.
fn undone(event: &Uevent) -> Uevent {
    let action = match event.action() {
        Action::Bind => Action::Unbind,
        _ => Action::Remove,
    };
    let subsystem = event.subsystem().unwrap_or_default();
    let mut undone = Uevent::new(action, event.devpath(), subsystem);
    for (key, value) in event.fields() {
        let is_new = undone.field(&key.to_string_lossy()).is_none();
        if is_new && key != "DRIVER" {
            undone = undone.with(key, value);
        }
    }
    undone
}

impl Stub {
    /// Says what machine the board is: `Raspberry Pi 3 Model B`.
    pub fn model(self, name: &str) -> Stub {
        let tree = &self.board().hotplug.tree;
        tree.file("/sys/firmware/devicetree/base/model", format!("{name}\0"));
        self
    }

    /// Has programs wait for the nodes of what comes from now on: they may open them only after this
    /// time, as on a machine whose udevd sets permissions a moment after the kernel told of a device.
    pub fn nodes_after(self, grace: Duration) -> Stub {
        self.board().hotplug.lock().grace = grace;
        self
    }

    /// Sets how many bytes of uevents wait for a program that does not read them (1 MiB otherwise);
    /// what is more is lost, and the program told so.
    pub fn uevent_queue(self, bytes: usize) -> Stub {
        self.board().hotplug.lock().queue = bytes;
        self
    }
}
