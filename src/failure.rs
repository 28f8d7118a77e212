use std::error::Error;
use std::fmt;

/// An error on its way out of `main`: shown as a person reads it, with its causes, on one line.
///
/// `main` shows errors by [`Debug`](fmt::Debug), which is for programmers. This one's is for the
/// person at the bench.
///
/// ```
/// use circuits::stub::Stub;
/// use circuits::{Board, Failure};
///
/// fn main() -> Result<(), Failure> {
///     let board = Board::from(&Stub::virtual_time().lines(["GPIO17"]));
///     let failure = Failure::from(board.output("GPIO77").unwrap_err());
///     assert_eq!(
///         format!("{failure:?}"),
///         r#"there is no line "GPIO77" (gpioinfo lists the lines of all GPIO chips)"#
///     );
///     Ok(())
/// }
/// ```
pub struct Failure(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.into())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        if let Some(hint) = hint(&*self.0) {
            f.write_str(hint)?;
        }
        Ok(())
    }
}

/// What to do where nothing is there at all: the one thing that the bus crates cannot know.
fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut absent = false;
    #[cfg(feature = "gpio")]
    if let Some(circuits_gpio::Error::NoChip { chip, .. }) = error.downcast_ref() {
        absent |= &**chip == "/dev/gpiochip*";
    }
    #[cfg(feature = "i2c")]
    if let Some(error) = error.downcast_ref::<circuits_i2c::Error>() {
        absent |= error.kind() == circuits_i2c::ErrorKind::NotFound && no_buses();
    }
    #[cfg(feature = "spi")]
    if let Some(circuits_spi::Error::NotFound { absence, .. }) = error.downcast_ref() {
        absent |= *absence == circuits_spi::Absence::NoController;
    }
    #[cfg(feature = "can")]
    if let Some(circuits_can::Error::NotFound { .. }) = error.downcast_ref() {
        absent |= circuits_can::list().is_ok_and(|names| names.is_empty());
    }
    absent |= matches!(
        error.downcast_ref::<crate::Error>(),
        Some(crate::Error::NotLinux)
    );
    let unset = std::env::var_os(crate::board::VARIABLE).is_none();
    let hint = " (CIRCUITS_BACKEND=stub runs it on a virtual board)";
    (absent && unset && cfg!(feature = "stub")).then_some(hint)
}

#[cfg(feature = "i2c")]
fn no_buses() -> bool {
    let nodes = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut names = nodes.map(|node| node.file_name());
    !names.any(|name| name.as_encoded_bytes().starts_with(b"i2c-"))
}
