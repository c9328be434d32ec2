//! Write a Clamp overlay in a few lines of Rust: implement [`Overlay`], name the type in [`export_overlay!`], and build
//! the crate as a `cdylib` for `wasm32-unknown-unknown`.
//!
//! An interface of the host becomes an import of the component only when the overlay calls it, so a crate that uses
//! nothing but [`log`](mod@log) asks for nothing else. Calls into the host exist only inside a component; on other targets the
//! crate compiles, so that the logic of an overlay can be tested there, and a host call panics.
//!
//! ```
//! use clamp_overlay_sdk::{Failure, Overlay, Reply, Request, export_overlay, json};
//!
//! struct Greeter;
//!
//! impl Overlay for Greeter {
//!     fn invoke(request: Request) -> Result<Reply, Failure> {
//!         let name = request.object()?.get("name").and_then(|name| name.as_str().map(str::to_owned));
//!         let name = name.ok_or_else(|| Failure::new("bad-input", "the input needs a text `name`"))?;
//!         Reply::json(&json!({ "greeting": format!("Hello, {name}") }))
//!     }
//! }
//!
//! export_overlay!(Greeter);
//! # fn main() {}
//! ```

pub mod artifacts;
pub mod assets;
#[doc(hidden)]
pub mod bindings;
pub mod clock;
pub mod compute;
pub mod config;
pub mod context;
pub mod entry;
pub mod failure;
pub mod hints;
pub mod http;
pub mod log;
pub mod random;
pub mod request;
pub mod store;
pub mod tensor;

pub use compute::Kernel;
pub use entry::Overlay;
pub use failure::{Failure, HostError};
pub use request::{Phase, Reply, Request};
pub use serde_json::{self, Value, json};
pub use tensor::{Dtype, Element, Tensor};
