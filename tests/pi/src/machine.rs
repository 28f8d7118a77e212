//! The machines: which devices there are, and how QEMU is told.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::image::Image;
use crate::packages::Packages;

/// A machine that is emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// A Raspberry Pi 3B with things connected to it.
    Pi,
    /// One with a PCI bus and two CAN controllers: no model of a Pi has one.
    Can,
}

/// What is connected to the Pi. `bus=` says where, `id=` how the bench calls it.
const DEVICES: &[&str] = &[
    // Drivers in user space have these; those of the kernel have those with a node in pi3.dtso.
    "tmp105,bus=i2c-bus.1,address=0x48,id=tmp105-48",
    "at24c-eeprom,bus=i2c-bus.1,address=0x50,rom-size=4096",
    "pca9552,bus=i2c-bus.1,address=0x60",
    "tmp423,bus=i2c-bus.1,address=0x4c",
    // A multiplexer, for tests that tell the kernel of it.
    "pca9548,bus=i2c-bus.1,address=0x70",
    "tmp105,bus=i2c-bus.1,address=0x49,id=tmp105-49",
    "at24c-eeprom,bus=i2c-bus.1,address=0x51,rom-size=4096",
    "ds1338,bus=i2c-bus.1,address=0x68",
    "w25q80bl,bus=spi,drive=flash,id=flash",
];

/// The sensors, which measure 21.5 °C until somebody says otherwise.
pub(crate) const SENSORS: [&str; 2] = ["tmp105-48", "tmp105-49"];

/// The test programs that need the CAN controllers, by the beginnings of their names.
const CAN_PROGRAMS: [&str; 1] = ["can_controllers"];

const MEGABYTE: u64 = 1 << 20;

impl Machine {
    /// How much room there is for programs; udevd comes after it (see guest/get-udevd).
    pub(crate) const PROGRAMS: u64 = 192 * MEGABYTE;

    /// Finds a machine by its name.
    pub(crate) fn called(name: &str) -> Result<Machine> {
        let mut all = [Machine::Pi, Machine::Can].into_iter();
        all.find(|machine| machine.name() == name)
            .context("there are the machines pi and can")
    }

    /// Returns the machine that a program is for.
    pub(crate) fn of(program: &Path) -> Machine {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let can = CAN_PROGRAMS.iter().any(|start| name.starts_with(start));
        if can { Machine::Can } else { Machine::Pi }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Machine::Pi => "pi",
            Machine::Can => "can",
        }
    }

    /// Returns the size of what the host can write into: the memory of the Pi, a disk of the other.
    pub(crate) fn memory(self) -> u64 {
        match self {
            // All of it; the kernel is told to leave the upper half alone.
            Machine::Pi => 1024 * MEGABYTE,
            Machine::Can => 256 * MEGABYTE,
        }
    }

    /// Returns where programs go in there, which is `/dev/pmem0` or `/dev/vda` in the guest.
    pub(crate) fn programs(self) -> u64 {
        match self {
            Machine::Pi => 512 * MEGABYTE,
            Machine::Can => 0,
        }
    }

    /// Returns the command that starts it, stopped, with its sockets in `files`: `console`, `qmp`,
    /// `qtest` and `ttyAMA0`. `memory` is the path of what the host can
    /// write into.
    pub(crate) fn command(
        self,
        packages: &Packages,
        image: &Image,
        files: &Path,
        memory: &str,
    ) -> Result<Command> {
        let socket = |name| format!("unix:{},server=on,wait=off", files.join(name).display());
        let mut command = packages.tool("qemu-system-aarch64")?;
        command
            .args(["-S", "-no-reboot", "-display", "none", "-nic", "none"])
            // With a thread for each processor a boot takes three times as long.
            .args(["-accel", "tcg,thread=single", "-monitor", "none"])
            .args(["-qmp", &socket("qmp"), "-qtest", &socket("qtest")])
            .args(["-qtest-log", "none"])
            .arg("-L")
            .arg(packages.firmware())
            .arg("-kernel")
            .arg(&image.kernel)
            .arg("-initrd")
            .arg(&image.initramfs);
        // Messages of the kernel could come in the middle of a line of ours.
        let parameters = "maxcpus=1 panic=-1 quiet loglevel=3";
        match self {
            Machine::Pi => {
                let ram = format!("size={},mem-path={memory},share=on", self.memory());
                let flash = files.join("flash");
                std::fs::write(&flash, vec![0xff; MEGABYTE as usize])?;
                command
                    .arg("-object")
                    .arg(format!("memory-backend-file,id=ram,{ram}"))
                    .args(["-machine", "raspi3b,memory-backend=ram"])
                    .arg("-dtb")
                    .arg(&image.device_tree)
                    .arg("-append")
                    .arg(format!("console=ttyS1,115200 mem=512M {parameters}"))
                    .args(["-serial", &socket("ttyAMA0"), "-serial", &socket("console")])
                    .arg("-drive")
                    .arg(format!(
                        "if=none,id=flash,format=raw,file={}",
                        flash.display()
                    ));
                for device in DEVICES {
                    command.args(["-device", device]);
                }
            }
            Machine::Can => {
                let disk = "if=none,id=programs,format=raw,read-only=on";
                command
                    .args(["-machine", "virt", "-cpu", "cortex-a53"])
                    .args(["-m", "512M"])
                    .arg("-drive")
                    .arg(format!("{disk},file={memory},file.locking=off"))
                    .args(["-device", "virtio-blk-pci,drive=programs"])
                    .arg("-append")
                    .arg(format!("console=ttyAMA0 {parameters}"))
                    .args(["-serial", &socket("console")])
                    .args(["-object", "can-bus,id=bus"])
                    .args(["-device", "kvaser_pci,canbus=bus"])
                    .args(["-device", "kvaser_pci,canbus=bus"]);
            }
        }
        Ok(command)
    }
}
