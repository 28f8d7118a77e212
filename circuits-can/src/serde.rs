//! Values as their text: files that hold them are read by people.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::log::Entry;
use crate::{AnyFrame, ErrorMask, Filter, Frame, Id};

macro_rules! as_text {
    ($($type:ty: $format:literal),+ $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&format_args!($format, self))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

as_text! {
    Id: "{}",
    Frame: "{}",
    AnyFrame: "{}",
    Filter: "{}",
    ErrorMask: "{}",
    // Nothing of its time is left out.
    Entry: "{:.9}",
}
