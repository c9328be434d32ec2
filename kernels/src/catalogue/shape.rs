//! Shapes: up to eight dimensions, C order, sizes that never overflow. It knows nothing of strides: there are none.

use std::fmt;

use super::Dtype;

/// The most dimensions an array may have.
pub const MAX_DIMS: usize = 8;

/// The most elements an array may have.
pub const MAX_ELEMENTS: u64 = 1 << 40;

/// The extents of a C-contiguous array; no dimensions at all is one element.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [u64; MAX_DIMS],
    ndim: u8,
}

/// Why some extents are no [`Shape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// More than [`MAX_DIMS`] dimensions.
    #[error("{0} dimensions are more than the {MAX_DIMS} allowed")]
    Dims(usize),
    /// The extents other than 0 multiply to more than [`MAX_ELEMENTS`].
    #[error("the extents multiply to more than {MAX_ELEMENTS} (2^40) elements")]
    Elements,
}

impl Shape {
    /// The shape of one element, with no dimensions.
    pub const SCALAR: Shape = Shape { dims: [0; MAX_DIMS], ndim: 0 };

    /// A shape with these extents, outermost first. An extent of 0 leaves the others limited as if it were 1, so that
    /// products over some of the extents cannot overflow either.
    pub fn new(dims: &[u64]) -> Result<Shape, ShapeError> {
        if dims.len() > MAX_DIMS {
            return Err(ShapeError::Dims(dims.len()));
        }
        let product = dims.iter().filter(|&&dim| dim != 0).try_fold(1u64, |product, &dim| product.checked_mul(dim));
        if product.is_none_or(|product| product > MAX_ELEMENTS) {
            return Err(ShapeError::Elements);
        }
        let mut shape = Shape { dims: [0; MAX_DIMS], ndim: dims.len() as u8 };
        shape.dims[..dims.len()].copy_from_slice(dims);
        Ok(shape)
    }

    /// The extents, outermost first.
    pub fn dims(&self) -> &[u64] {
        &self.dims[..usize::from(self.ndim)]
    }

    /// How many dimensions.
    pub fn ndim(&self) -> usize {
        usize::from(self.ndim)
    }

    /// How many elements, at most [`MAX_ELEMENTS`].
    pub fn elements(&self) -> u64 {
        self.dims().iter().product()
    }

    /// How many bytes as `dtype`.
    pub fn bytes(&self, dtype: Dtype) -> u64 {
        self.elements() * dtype.size()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (position, dim) in self.dims().iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{dim}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_writes() {
        let shape = Shape::new(&[2, 3]).expect("shape");
        assert_eq!((shape.ndim(), shape.elements(), shape.bytes(Dtype::F64)), (2, 6, 48));
        assert_eq!(shape.to_string(), "[2, 3]");
        assert_eq!(Shape::SCALAR.to_string(), "[]");
        assert_eq!(Shape::SCALAR.elements(), 1);
        assert_eq!(Shape::new(&[]).expect("shape"), Shape::SCALAR);
        assert_eq!(Shape::new(&[5, 0]).expect("shape").elements(), 0);
    }

    #[test]
    fn limits_hold_without_overflow() {
        assert_eq!(Shape::new(&[1; 9]), Err(ShapeError::Dims(9)));
        assert!(Shape::new(&[MAX_ELEMENTS]).is_ok());
        assert_eq!(Shape::new(&[MAX_ELEMENTS + 1]), Err(ShapeError::Elements));
        assert_eq!(Shape::new(&[1 << 32, 1 << 32]), Err(ShapeError::Elements));
        assert_eq!(Shape::new(&[0, u64::MAX, 2]), Err(ShapeError::Elements));
        assert_eq!(ShapeError::Elements.to_string(), "the extents multiply to more than 1099511627776 (2^40) elements");
    }
}
