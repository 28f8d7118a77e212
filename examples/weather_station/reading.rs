//! What the air is like.

use std::fmt;

/// What a sensor has measured. Not every sensor measures all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Degrees Celsius.
    pub(crate) celsius: f32,
    /// Relative humidity in per cent.
    pub(crate) humidity: Option<f32>,
    /// Hectopascals.
    pub(crate) pressure: Option<f32>,
}

/// `17.80 °C   14.0 %  1007.2 hPa`.
impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:6.2} °C", self.celsius)?;
        if let Some(humidity) = self.humidity {
            write!(f, "  {humidity:5.1} %")?;
        }
        if let Some(pressure) = self.pressure {
            write!(f, "  {pressure:6.1} hPa")?;
        }
        Ok(())
    }
}
