//! Shapes as they are written, and the arrays of one product.

use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use clamp_kernels::random::philox_words;

/// The extents of a product and how its factors are stored.
#[derive(Clone, Debug)]
pub struct Shape {
    /// As it was written.
    pub name: String,
    pub m: usize,
    pub k: usize,
    pub n: usize,
    pub transpose_a: bool,
    pub transpose_b: bool,
}

impl FromStr for Shape {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Shape> {
        let (extents, layout) = name.split_once(':').unwrap_or((name, ""));
        ensure!(["", "ta", "tb", "tatb"].contains(&layout), "{name}: after the colon comes ta, tb or tatb");
        let extents = extents.split('x').map(str::parse).collect::<Result<Vec<usize>, _>>();
        let extents = extents.with_context(|| format!("{name}: a shape is MxKxN"))?;
        let [m, k, n] = extents[..] else { anyhow::bail!("{name}: a shape is MxKxN") };
        ensure!(m * k * n > 0, "{name}: nothing to measure");
        let (transpose_a, transpose_b) = (layout.contains("ta"), layout.contains("tb"));
        Ok(Shape { name: name.to_owned(), m, k, n, transpose_a, transpose_b })
    }
}

impl Shape {
    pub fn flops(&self) -> f64 {
        2.0 * self.m as f64 * self.k as f64 * self.n as f64
    }
}

/// A shape with its factors.
pub struct Problem {
    pub shape: Shape,
    pub a: Vec<f32>,
    pub b: Vec<f32>,
}

impl Problem {
    pub fn new(shape: &Shape) -> Problem {
        let Shape { m, k, n, .. } = *shape;
        Problem { shape: shape.clone(), a: uniform(m * k, 1), b: uniform(k * n, 2) }
    }

    pub fn out_len(&self) -> usize {
        self.shape.m * self.shape.n
    }
}

/// Floats in [-1, 1).
fn uniform(len: usize, seed: u64) -> Vec<f32> {
    let mut words = vec![0u32; len];
    philox_words(seed, 0, 0, &mut words);
    words.into_iter().map(|word| word as i32 as f32 / 2_147_483_648.0).collect()
}
