use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_wait::Time;

type Eye = Arc<dyn Fn(bool, Time) + Send + Sync>;

/// Parts that see lines change, and act on it.
#[derive(Default)]
pub(super) struct Eyes(Mutex<Vec<(usize, Eye)>>);

impl Eyes {
    fn lock(&self) -> MutexGuard<'_, Vec<(usize, Eye)>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub(super) fn add(&self, line: usize, eye: impl Fn(bool, Time) + Send + Sync + 'static) {
        self.lock().push((line, Arc::new(eye)));
    }

    /// Has each part see what its line did. What it does about it may be seen by others, and so on.
    pub(super) fn see(&self, changes: &[(usize, bool, Time)]) {
        for (line, level, time) in changes {
            let eyes = self.lock();
            let of_line = eyes.iter().filter(|(of, _)| of == line);
            let seeing: Vec<Eye> = of_line.map(|(_, eye)| eye.clone()).collect();
            drop(eyes);
            seeing.iter().for_each(|eye| eye(*level, *time));
        }
    }
}

impl fmt::Debug for Eyes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eyes").finish_non_exhaustive()
    }
}
