//! Who multiplies: Clamp's kernel through the crate's own door, and the crate gemm.

use anyhow::{Context, Result};
use clamp_kernels::catalogue::{self, Dtype, Given};
use clamp_kernels::{Data, Input, Kernel, Launch, Output};
use gemm::Parallelism;

use crate::shape::{Problem, Shape};

/// Computes out = a times b.
pub trait Contender {
    fn multiply(&self, problem: &Problem, out: &mut [f32], threads: usize) -> Result<()>;
}

/// matmul.f32.v1 at the best level of this CPU, on the threads of the current pool.
pub struct Clamp {
    kernel: Kernel,
    shapes: [catalogue::Shape; 3],
}

impl Clamp {
    pub fn open(shape: &Shape) -> Result<Clamp> {
        let spec = catalogue::find("matmul.f32.v1").context("the catalogue has no matmul.f32.v1")?;
        let flags = [("transpose_a", Given::Flag(shape.transpose_a)), ("transpose_b", Given::Flag(shape.transpose_b))];
        let kernel = Kernel::open(spec.id, &spec.fixed_params(&flags)?)?;
        let Shape { m, k, n, .. } = *shape;
        let stored = |transposed: bool, rows: usize, columns: usize| {
            let (rows, columns) = if transposed { (columns, rows) } else { (rows, columns) };
            catalogue::Shape::new(&[rows as u64, columns as u64])
        };
        let shapes = [stored(shape.transpose_a, m, k)?, stored(shape.transpose_b, k, n)?, stored(false, m, n)?];
        Ok(Clamp { kernel, shapes })
    }
}

impl Contender for Clamp {
    fn multiply(&self, problem: &Problem, out: &mut [f32], _threads: usize) -> Result<()> {
        let inputs = [Some(input(self.shapes[0], &problem.a)), Some(input(self.shapes[1], &problem.b)), None];
        let output = Output { dtype: Dtype::F32, shape: self.shapes[2], data: bytemuck::cast_slice_mut(out) };
        self.kernel.run(&mut Launch { inputs: &inputs, outputs: &mut [output], params: &[], present: 0 })?;
        Ok(())
    }
}

/// The crate gemm, with AVX-512.
pub struct Gemm;

impl Contender for Gemm {
    fn multiply(&self, problem: &Problem, out: &mut [f32], threads: usize) -> Result<()> {
        let Shape { m, k, n, transpose_a, transpose_b, .. } = problem.shape;
        let strides = |transposed: bool, rows: usize, columns: usize| {
            if transposed { (rows as isize, 1) } else { (1, columns as isize) }
        };
        let ((a_column, a_row), (b_column, b_row)) = (strides(transpose_a, m, k), strides(transpose_b, k, n));
        let parallelism = if threads == 1 { Parallelism::None } else { Parallelism::Rayon(threads) };
        let (a, b) = (problem.a.as_ptr(), problem.b.as_ptr());
        // SAFETY: the strides are those of matrices with these extents, which the three slices hold exactly.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out.as_mut_ptr(),
                1,
                n as isize,
                false,
                a,
                a_column,
                a_row,
                b,
                b_column,
                b_row,
                0.0,
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
        Ok(())
    }
}

fn input(shape: catalogue::Shape, values: &[f32]) -> Input<'_> {
    Input { dtype: Dtype::F32, shape, data: Data::Bytes(bytemuck::cast_slice(values)) }
}
