/// How a bus is to be opened. There is nothing to choose yet; its speed is the adapter's (a
/// Raspberry Pi: `dtparam=i2c_arm_baudrate`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    _private: (),
}

impl Config {
    /// Makes the default configuration.
    pub fn new() -> Config {
        Config::default()
    }
}
