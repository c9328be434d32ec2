//! How a call reaches the overlay's code: the trait, the macro that exports it, and the panic hook.
//! It never decides anything about a request.

use crate::bindings;
use crate::failure::Failure;
use crate::request::{Reply, Request};

/// What an overlay is: one function from a request to a reply. Each call runs in a fresh instance, so nothing is kept
/// between two of them.
pub trait Overlay {
    /// Answers one call.
    ///
    /// # Errors
    /// The overlay's own refusal; the host reports it as `ok: false` with its code and message.
    fn invoke(request: Request) -> Result<Reply, Failure>;
}

/// Exports a type that implements [`Overlay`] as the component's `invoke`. Outside of wasm32 it only checks the type.
#[macro_export]
macro_rules! export_overlay {
    ($overlay:ty) => {
        const _: () = {
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn($crate::Request) -> Result<$crate::Reply, $crate::Failure> =
                <$overlay as $crate::Overlay>::invoke;

            #[cfg(target_arch = "wasm32")]
            struct Component;

            #[cfg(target_arch = "wasm32")]
            impl $crate::bindings::Guest for Component {
                fn invoke(request: $crate::bindings::Request) -> Result<Vec<u8>, $crate::bindings::Failure> {
                    $crate::entry::answer::<$overlay>(request)
                }
            }

            #[cfg(target_arch = "wasm32")]
    $crate::bindings::export_component!(Component with_types_in $crate::bindings);
        };
    };
}

/// One call, between the generated types and the overlay's.
#[doc(hidden)]
pub fn answer<T: Overlay>(request: bindings::Request) -> Result<Vec<u8>, bindings::Failure> {
    std::panic::set_hook(Box::new(log_panic));
    match T::invoke(Request::from(request)) {
        Ok(reply) => Ok(reply.into_bytes()),
        Err(failure) => Err(failure.into()),
    }
}

/// A panic ends the instance as a bare `unreachable`; this line in the log is all that tells why.
fn log_panic(info: &std::panic::PanicHookInfo<'_>) {
    let text = info.payload_as_str().unwrap_or("a panic without a message");
    let data = match info.location() {
        Some(at) => serde_json::json!({ "message": text, "file": at.file(), "line": at.line() }),
        None => serde_json::json!({ "message": text }),
    };
    crate::log::error("panic", &data);
}
