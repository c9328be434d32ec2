//! The stable contract of Clamp: what backend authors, overlay authors and the host agree on.
//!
//! `abi` (feature `abi`) is the backend plugin's side, `manifest` the overlay's, `WIT` the interfaces that a guest may
//! import. Nothing here runs anything; nothing here depends on an engine or a GPU library.

#[cfg(feature = "abi")]
pub mod abi;
pub mod manifest;

/// The WIT package `clamp:overlay@1.0.0` as text; host and SDK generate their bindings from the same file.
pub const WIT: &str = include_str!("../wit/overlay.wit");
