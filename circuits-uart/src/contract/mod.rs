//! The facts that every backend must show.
