//! Guides, whose examples run.

/// How an application is tested on the virtual board.
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

/// What is called what, for those who know other libraries.
#[doc = include_str!("../docs/coming-from.md")]
pub mod coming_from {}

/// What goes wrong, bus by bus, and what a program sees of it.
#[doc = include_str!("../docs/faults.md")]
pub mod faults {}
