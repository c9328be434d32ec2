//! The backend through its own table, on the first OpenCL device that is here. Without one, each test says that it is
//! skipped.

#[expect(dead_code, reason = "the kernels' own tests use all of it")]
#[path = "../../../../kernels/tests/kernels/arrays.rs"]
mod arrays;
mod bits;
mod errors;
mod functions;
mod moves;
mod numbers;
mod orders;
mod queue;
mod session;

/// Ends a test that has no device to run on, with a line that says so.
macro_rules! session_or_skip {
    () => {
        session_or_skip!(&[])
    };
    ($settings:expr) => {
        match $crate::tests::session::Session::open_with($settings) {
            Ok(session) => session,
            Err(missing) => {
                clamp_test_skip::skip(&missing);
                return;
            }
        }
    };
}

pub(crate) use session_or_skip;
