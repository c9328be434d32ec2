//! The kernels through the crate's door: what the specification says of single cases, fast code against the reference,
//! known answers, and refusals word by word.
#![cfg(feature = "cpu")]

mod agree;
mod arrays;
mod exact;
mod meaning;
mod philox;
mod products;
mod reductions;
mod refusals;
mod rows;
