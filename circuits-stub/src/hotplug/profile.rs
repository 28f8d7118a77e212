use std::fmt;
use std::sync::Arc;

use circuits_enumerate::{Device, Devices, Filter};
use circuits_i2c::Address;

use crate::gpio::GrownLine;
use crate::{can, i2c, spi, uart};

/// What a device of some kind grows into when a uevent tells the virtual board that it came: the
/// kernel says that there is a chip, and not what is on it.
///
/// ```
/// use circuits_enumerate::Filter;
/// use circuits_gpio::{Config, Output};
/// use circuits_stub::{Profile, Stub};
///
/// let adapter = Filter::new().property("PRODUCT", "403/6014/900");
/// let stub = Stub::virtual_time().profile(Profile::new(adapter).lines("ft232h", ["AD0", "AD1"]));
/// stub.feed(b"add@/devices/usb1/1-1\0SUBSYSTEM=usb\0PRODUCT=403/6014/900\0")?;
/// stub.feed(
///     b"add@/devices/usb1/1-1/gpiochip4\0SUBSYSTEM=gpio\0DEVTYPE=gpio_chip\0DEVNAME=gpiochip4\0",
/// )?;
/// Output::open_on(&stub, "AD1", &Config::new())?.set(true)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Profile {
    filter: Filter,
    label: String,
    lines: Vec<String>,
    devices: Vec<(Address, MakeDevice)>,
    /// What is on its chip select.
    selected: Option<MakeSelected>,
    /// What is at the other end of its line.
    on_line: Option<MakeOnLine>,
    /// What is on its CAN bus.
    on_bus: Option<MakeOnBus>,
}

type MakeDevice = Arc<dyn Fn() -> Box<dyn i2c::Device> + Send + Sync>;
type MakeSelected = Arc<dyn Fn() -> Box<dyn spi::Device> + Send + Sync>;
type MakeOnBus = Arc<dyn Fn() -> Box<dyn can::Node> + Send + Sync>;
type MakeOnLine = Arc<dyn Fn() -> Box<dyn uart::Device> + Send + Sync>;

impl Profile {
    /// Makes a profile of the devices that the filter lets through, or that hang on such a device.
    pub fn new(filter: Filter) -> Profile {
        Profile {
            filter,
            label: String::new(),
            lines: Vec::new(),
            devices: Vec::new(),
            selected: None,
            on_line: None,
            on_bus: None,
        }
    }

    /// Its GPIO chip has this label, and lines of these names; an empty name is none.
    pub fn lines<N: Into<String>>(
        mut self,
        label: &str,
        names: impl IntoIterator<Item = N>,
    ) -> Profile {
        self.label = label.into();
        self.lines = names.into_iter().map(Into::into).collect();
        self
    }

    /// On its I2C bus is a device, which is made each time that the bus comes.
    pub fn i2c_device<D: i2c::Device + 'static>(
        mut self,
        address: impl Into<Address>,
        make: impl Fn() -> D + Send + Sync + 'static,
    ) -> Profile {
        let make: MakeDevice = Arc::new(move || Box::new(make()));
        self.devices.push((address.into(), make));
        self
    }

    /// On its chip select of an SPI controller is a device, which is made each time that it comes.
    pub fn spi_device<D: spi::Device + 'static>(
        mut self,
        make: impl Fn() -> D + Send + Sync + 'static,
    ) -> Profile {
        self.selected = Some(Arc::new(move || Box::new(make())));
        self
    }

    /// At the other end of its serial port is a device, which is made each time that the port comes.
    pub fn serial_device<D: uart::Device + 'static>(
        mut self,
        make: impl Fn() -> D + Send + Sync + 'static,
    ) -> Profile {
        self.on_line = Some(Arc::new(move || Box::new(make())));
        self
    }

    /// On the bus of its CAN interface is a node, which is made each time that the interface comes.
    pub fn can_node<N: can::Node + 'static>(
        mut self,
        make: impl Fn() -> N + Send + Sync + 'static,
    ) -> Profile {
        self.on_bus = Some(Arc::new(move || Box::new(make())));
        self
    }

    pub(super) fn fits(&self, device: &Device, devices: &Devices) -> bool {
        let mut above = devices.above(device.path());
        self.filter.matches(device) || above.any(|device| self.filter.matches(device))
    }

    pub(super) fn chip(&self) -> Option<(String, Vec<GrownLine>)> {
        let line = |name: &String| GrownLine {
            name: name.clone(),
            holder: None,
        };
        let lines: Vec<GrownLine> = self.lines.iter().map(line).collect();
        (!lines.is_empty()).then(|| (self.label.clone(), lines))
    }

    pub(super) fn devices(&self) -> impl Iterator<Item = (Address, Box<dyn i2c::Device>)> {
        self.devices
            .iter()
            .map(|(address, make)| (*address, make()))
    }

    pub(super) fn selected(&self) -> Option<Box<dyn spi::Device>> {
        self.selected.as_ref().map(|make| make())
    }

    pub(super) fn on_bus(&self) -> Option<Box<dyn can::Node>> {
        self.on_bus.as_ref().map(|make| make())
    }

    pub(super) fn on_line(&self) -> Option<Box<dyn uart::Device>> {
        self.on_line.as_ref().map(|make| make())
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.devices.iter().map(|(address, _)| address);
        f.debug_struct("Profile")
            .field("filter", &self.filter)
            .field("label", &self.label)
            .field("lines", &self.lines)
            .field("addresses", &addresses.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
