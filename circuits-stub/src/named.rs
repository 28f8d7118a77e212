//! What somebody may want to have in hand again: chips and parts of a board by names.

use std::any::{Any, type_name};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use crate::{Error, Result, Stub};

/// Chips and parts by their names.
#[derive(Default)]
pub(crate) struct Named(Mutex<BTreeMap<String, Box<dyn Any + Send>>>);

impl Named {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Box<dyn Any + Send>>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}

impl Stub {
    /// Gives a chip or a part a name, by which [`part`](Stub::part) returns it. What had the name has it no more.
    ///
    /// What has a name lasts as long as the board, which it must not keep.
    pub fn name_part<P: Any + Clone + Send>(&self, name: &str, part: P) {
        let mut named = self.board().named.lock();
        named.insert(name.to_owned(), Box::new(part));
    }

    /// Whether anything has a name.
    pub(crate) fn is_part(&self, name: &str) -> bool {
        self.board().named.lock().contains_key(name)
    }

    /// Returns the chip or the part that has a name: by [`name_part`](Stub::name_part), or in the file that the board
    /// is from.
    ///
    /// ```
    /// use circuits_stub::{Stub, chips::Tmp102};
    ///
    /// let stub = Stub::virtual_time();
    /// stub.name_part("outside", Tmp102::new());
    /// stub.part::<Tmp102>("outside")?.set_celsius(-3.5);
    /// let error = stub.part::<Tmp102>("inside").unwrap_err();
    /// assert_eq!(error.to_string(), "the virtual board has no part \"inside\", but \"outside\"");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoPart`]; [`Error::OtherPart`] if it is something else.
    pub fn part<P: Any + Clone + Send>(&self, name: &str) -> Result<P> {
        let named = self.board().named.lock();
        let Some(part) = named.get(name) else {
            let others: Vec<String> = named.keys().map(|name| format!("{name:?}")).collect();
            return Err(Error::NoPart {
                part: name.into(),
                others: match others.is_empty() {
                    true => String::new(),
                    false => format!(", but {}", others.join(", ")),
                },
            });
        };
        part.downcast_ref()
            .cloned()
            .ok_or_else(|| Error::OtherPart {
                part: name.into(),
                wanted: type_name::<P>(),
            })
    }
}
