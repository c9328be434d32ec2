//! What the plugin knows without a device: numbers, facts, messages; and the real runtime of Debian's package
//! libamdhip64-5, which finds no device and compiles. Launches are in tests/tests/rocm.rs.

mod facts;
mod faults;
mod missing;
mod real;
