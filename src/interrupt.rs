use circuits_wait::Interrupt as One;

/// Ends the blocking waits of a [`Board`](crate::Board), on all of its buses, from another thread
/// or from a signal handler.
///
/// From [`raise`](Interrupt::raise) to [`clear`](Interrupt::clear) every blocking wait returns an
/// error of the kind `Interrupted`. What it waited for is not lost. Delays by `DelayNs` are not cut
/// short, and futures are not interrupted but dropped.
#[derive(Clone, Debug)]
pub struct Interrupt(Box<[One]>);

impl Interrupt {
    pub(crate) fn new(all: impl IntoIterator<Item = One>) -> Interrupt {
        Interrupt(all.into_iter().collect())
    }

    /// Interrupts every blocking wait until [`clear`](Interrupt::clear). May be called in a signal
    /// handler.
    pub fn raise(&self) {
        self.0.iter().for_each(One::raise);
    }

    /// Lets waits wait again.
    pub fn clear(&self) {
        self.0.iter().for_each(One::clear);
    }

    /// Tells whether waits are interrupted now.
    pub fn is_raised(&self) -> bool {
        self.0.iter().any(One::is_raised)
    }
}
