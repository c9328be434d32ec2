//! OpenCL as its headers declare it: types, numbers and the functions of the library, found at run time. Nothing here is
//! safe and nothing decides anything.

mod codes;
mod library;
mod numbers;

pub(crate) use codes::name_of;
pub(crate) use library::Library;
pub(crate) use numbers::*;
