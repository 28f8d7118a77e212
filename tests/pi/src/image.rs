//! What a machine boots: the first file system with its modules, and the Pi's device tree.

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cpio::Cpio;
use crate::packages::{Packages, output};
use crate::udevd;

const INIT: &str = include_str!("../guest/init");
const GET_UDEVD: &str = include_str!("../guest/get-udevd");
const OVERLAY: &str = include_str!("../guest/pi3.dtso");
const TREE: &str = "dtb/broadcom/bcm2837-rpi-3-b.dtb";

/// The modules that are loaded, with their parameters; what they depend on is loaded before.
const MODULES: &[(&str, &str)] = &[
    // What the host writes programs into: memory of the Pi, a disk of the other machine.
    ("of_pmem", ""),
    ("nd_pmem", ""),
    ("virtio_blk", ""),
    // The Pi's controllers.
    ("i2c-bcm2835", ""),
    ("i2c-dev", ""),
    ("spi-bcm2835", ""),
    ("bcm2835_thermal", ""),
    ("pwm-bcm2835", ""),
    // Without it, it cannot restart. (Whoever opens the watchdog restarts it, in QEMU's model.)
    ("bcm2835_wdt", ""),
    // Drivers of what is connected to it.
    ("at24", ""),
    ("lm75", ""),
    ("i2c-mux-pca954x", ""),
    ("leds-gpio", ""),
    ("gpio-sim", ""),
    // USB. A plug that wakes a hub from its sleep would be an interrupt without end in QEMU's dwc2.
    ("usbcore", "autosuspend=-1"),
    ("phy-generic", ""),
    ("dwc2", ""),
    ("ftdi_sio", ""),
    // CAN.
    ("vcan", ""),
    ("can-raw", ""),
    ("can-bcm", ""),
    ("can-isotp", ""),
    ("can-gw", ""),
    ("kvaser_pci", ""),
];

/// The files that QEMU is given.
pub(crate) struct Image {
    pub(crate) kernel: PathBuf,
    pub(crate) initramfs: PathBuf,
    pub(crate) device_tree: PathBuf,
    /// What the guest unpacks if a test asks for it.
    pub(crate) udevd: PathBuf,
}

impl Image {
    /// Finds the image in `folder`, and makes it first if what it is made of has changed.
    pub(crate) fn make(folder: &Path, packages: &Packages) -> Result<Image> {
        let mut of = DefaultHasher::new();
        (INIT, GET_UDEVD, udevd::GROUPS, OVERLAY, MODULES).hash(&mut of);
        packages.versions()?.hash(&mut of);
        let folder = folder.join(format!("image-{:016x}", of.finish()));
        let image = Image {
            kernel: packages.kernel().join("vmlinuz"),
            initramfs: folder.join("initramfs"),
            device_tree: folder.join("pi3.dtb"),
            udevd: folder.join("udevd"),
        };
        // Written last.
        if !image.initramfs.exists() {
            fs::create_dir_all(&folder)?;
            device_tree(packages, &image.device_tree)?;
            fs::write(&image.udevd, udevd::archive(&packages.guest())?)?;
            let unfinished = folder.join(format!("initramfs-{}", std::process::id()));
            fs::write(&unfinished, initramfs(packages)?)?;
            fs::rename(unfinished, &image.initramfs)?;
        }
        Ok(image)
    }
}

/// Debian's device tree of the Pi 3B with our overlay, as `dtoverlay=` in config.txt would apply it.
fn device_tree(packages: &Packages, result: &Path) -> Result<()> {
    let (source, overlay) = (result.with_extension("dtso"), result.with_extension("dtbo"));
    fs::write(&source, OVERLAY)?;
    let mut compile = packages.tool("dtc")?;
    compile.args(["-q", "-@", "-I", "dts", "-O", "dtb", "-o"]);
    output(compile.arg(&overlay).arg(source))?;
    let mut apply = packages.tool("fdtoverlay")?;
    apply.arg("-i").arg(packages.kernel().join(TREE));
    output(apply.arg("-o").arg(result).arg(overlay))?;
    Ok(())
}

fn initramfs(packages: &Packages) -> Result<Vec<u8>> {
    let mut archive = Cpio::new();
    for directory in ["dev", "proc", "sys", "tmp"] {
        archive.directory(directory);
    }
    let busybox = packages.guest().join("bin/busybox");
    archive.file("bin/busybox", &fs::read(busybox)?);
    archive.file("bin/get-udevd", GET_UDEVD.as_bytes());
    archive.file("init", INIT.as_bytes());
    let mut modules = Modules {
        paths: HashMap::new(),
        order: Vec::new(),
        archive,
    };
    modules.find(&packages.kernel().join("kernel"))?;
    for (name, _) in MODULES {
        modules.add(name)?;
    }
    let order = modules.order.join("\n") + "\n";
    modules.archive.file("modules/order", order.as_bytes());
    Ok(modules.archive.finish())
}

struct Modules {
    paths: HashMap<String, PathBuf>,
    order: Vec<String>,
    archive: Cpio,
}

impl Modules {
    /// Notes where each module is.
    fn find(&mut self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.find(&path)?;
            } else if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                if let Some(name) = name.strip_suffix(".ko.xz") {
                    self.paths.insert(name.replace('-', "_"), path.clone());
                }
            }
        }
        Ok(())
    }

    /// Adds a module to the archive, after those that it depends on, which it says itself.
    fn add(&mut self, name: &str) -> Result<()> {
        let key = name.replace('-', "_");
        let with = |(module, _): &&(&str, &str)| module.replace('-', "_") == key;
        let parameters = MODULES.iter().find(with).map_or("", |(_, with)| with);
        let line = format!("{key}.ko {parameters}").trim_end().to_owned();
        if self.order.contains(&line) {
            return Ok(());
        }
        let path = self
            .paths
            .get(&key)
            .with_context(|| format!("the kernel has no module {name}"))?;
        let mut module = Vec::new();
        lzma_rs::xz_decompress(&mut fs::read(path)?.as_slice(), &mut module)
            .with_context(|| format!("cannot unpack {}", path.display()))?;
        for dependency in dependencies(&module) {
            self.add(&dependency)?;
        }
        self.archive.file(&format!("modules/{key}.ko"), &module);
        self.order.push(line);
        Ok(())
    }
}

/// What a module's information (`modinfo`) says of the others that it needs.
fn dependencies(module: &[u8]) -> Vec<String> {
    const FIELD: &[u8] = b"\0depends=";
    let Some(start) = module.windows(FIELD.len()).position(|bytes| bytes == FIELD) else {
        return Vec::new();
    };
    let list = module[start + FIELD.len()..]
        .split(|byte| *byte == 0)
        .next();
    String::from_utf8_lossy(list.unwrap_or_default())
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
