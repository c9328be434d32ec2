//! Arrays on the call's device; needs the grant `tensor`. An array lives with the host: what is read or written here
//! is copied, and floats cross as bytes, so no bit of a NaN changes.

use crate::bindings::clamp::overlay::tensor;
use crate::bindings::clamp::overlay::types::Bits64;
use crate::failure::HostError;

/// Element types. Little endian wherever bytes cross.
pub use crate::bindings::clamp::overlay::types::Dtype;

/// How much crosses in one call of [`Tensor::read`] or [`Tensor::write`], below the host's limit for one call.
pub(crate) const CHUNK_BYTES: u32 = 1 << 20;

/// A Rust number that is an element type.
pub trait Element: Copy {
    /// Its element type.
    const DTYPE: Dtype;
    /// The pattern in the low bytes.
    fn to_bits64(self) -> u64;
    /// Appends the little-endian bytes.
    fn put(self, bytes: &mut Vec<u8>);
    /// Reads `chunk`, exactly one element's bytes.
    fn get(chunk: &[u8]) -> Self;
}

macro_rules! element {
    ($($number:ty => $dtype:ident as $unsigned:ty),* $(,)?) => {$(
        impl Element for $number {
            const DTYPE: Dtype = Dtype::$dtype;

            fn to_bits64(self) -> u64 {
                u64::from(<$unsigned>::from_le_bytes(self.to_le_bytes()))
            }

            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn get(chunk: &[u8]) -> Self {
                let mut raw = [0; size_of::<$number>()];
                raw.copy_from_slice(chunk);
                Self::from_le_bytes(raw)
            }
        }
    )*};
}

element! {
    f32 => F32 as u32, f64 => F64 as u64, i8 => I8 as u8, u8 => U8 as u8,
    i32 => I32 as u32, u32 => U32 as u32, i64 => I64 as u64, u64 => U64 as u64,
}

/// A C-contiguous array. Dropping it gives the memory back.
#[derive(Debug)]
pub struct Tensor(tensor::Tensor);

impl Tensor {
    /// An array with every element `value`.
    ///
    /// # Errors
    /// `invalid` for a shape with more than 8 dimensions, `limit` when the call's memory does not allow it.
    pub fn full<E: Element>(shape: &[u64], value: E) -> Result<Self, HostError> {
        let bits = value.to_bits64();
        let halves = Bits64 { lo: bits as u32, hi: (bits >> 32) as u32 };
        tensor::Tensor::full(E::DTYPE, shape, halves).map(Self)
    }

    /// An array of zeros.
    ///
    /// # Errors
    /// As [`Tensor::full`].
    pub fn zeros(dtype: Dtype, shape: &[u64]) -> Result<Self, HostError> {
        tensor::Tensor::full(dtype, shape, Bits64 { lo: 0, hi: 0 }).map(Self)
    }

    /// An array of these values in C order.
    ///
    /// # Errors
    /// `invalid` when `shape` does not hold exactly `values.len()` elements, and as [`Tensor::full`].
    pub fn from_slice<E: Element>(values: &[E], shape: &[u64]) -> Result<Self, HostError> {
        if elements(shape) != Some(values.len() as u64) {
            let text = format!("{} values do not fill the shape {shape:?}", values.len());
            return Err(HostError::Invalid(text));
        }
        let array = Self::zeros(E::DTYPE, shape)?;
        array.write(0, values)?;
        Ok(array)
    }

    /// The element type.
    pub fn dtype(&self) -> Dtype {
        self.0.dtype()
    }

    /// The sizes of the dimensions; none for a scalar.
    pub fn shape(&self) -> Vec<u64> {
        self.0.shape()
    }

    /// Another shape over the same memory, from element `first` on; what is written to one is seen in the other.
    ///
    /// # Errors
    /// `invalid` when the view would reach beyond the array.
    pub fn view(&self, first: u64, shape: &[u64]) -> Result<Self, HostError> {
        self.0.view(first, shape).map(Self)
    }

    /// Overwrites the elements from `first` on.
    ///
    /// # Errors
    /// `invalid` when `E` is not the array's type or the values reach beyond its end.
    pub fn write<E: Element>(&self, first: u64, values: &[E]) -> Result<(), HostError> {
        self.check::<E>()?;
        let width = size_of::<E>();
        let mut bytes = Vec::with_capacity(width * values.len().min(CHUNK_BYTES as usize / width));
        let mut offset = first.saturating_mul(width as u64);
        for chunk in values.chunks(CHUNK_BYTES as usize / width) {
            bytes.clear();
            chunk.iter().for_each(|value| value.put(&mut bytes));
            self.0.write(offset, &bytes)?;
            offset = offset.saturating_add(bytes.len() as u64);
        }
        Ok(())
    }

    /// All elements in C order. Waits for the queued work.
    ///
    /// # Errors
    /// `invalid` when `E` is not the array's type, `data` when earlier work failed on its values.
    pub fn read<E: Element>(&self) -> Result<Vec<E>, HostError> {
        self.check::<E>()?;
        let width = size_of::<E>() as u64;
        let total = elements(&self.shape())
            .and_then(|count| count.checked_mul(width))
            .filter(|bytes| usize::try_from(*bytes).is_ok())
            .ok_or_else(|| HostError::Limit("the array is larger than an overlay can hold".to_owned()))?;
        let mut values = Vec::with_capacity((total / width) as usize);
        let mut offset = 0;
        while offset < total {
            let len = (total - offset).min(u64::from(CHUNK_BYTES));
            let bytes = self.0.read(offset, len as u32)?;
            values.extend(bytes.chunks_exact(width as usize).map(E::get));
            offset += len;
        }
        Ok(values)
    }

    /// The only element of an array of one. Waits for the queued work.
    ///
    /// # Errors
    /// As [`Tensor::read`], and `invalid` when there is not exactly one.
    pub fn read_scalar<E: Element>(&self) -> Result<E, HostError> {
        match self.read::<E>()?.as_slice() {
            [value] => Ok(*value),
            values => Err(HostError::Invalid(format!("a scalar was asked for, the array has {}", values.len()))),
        }
    }

    /// SHA-256 of the elements' bytes, without handing them out. Waits for the queued work.
    ///
    /// # Errors
    /// `data` when earlier work failed on its values.
    pub fn digest(&self) -> Result<Vec<u8>, HostError> {
        self.0.digest()
    }

    pub(crate) fn from_raw(raw: tensor::Tensor) -> Self {
        Self(raw)
    }

    pub(crate) fn raw(&self) -> &tensor::Tensor {
        &self.0
    }

    fn check<E: Element>(&self) -> Result<(), HostError> {
        let dtype = self.dtype();
        if dtype == E::DTYPE {
            return Ok(());
        }
        Err(HostError::Invalid(format!("the array holds {dtype:?}, not {:?}", E::DTYPE)))
    }
}

/// How many elements the shape holds; `None` beyond 64 bits.
fn elements(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |count, size| count.checked_mul(*size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_every_bit() {
        let nan = f32::from_bits(0xffa0_0001);
        let mut bytes = Vec::new();
        nan.put(&mut bytes);
        assert_eq!(bytes, [0x01, 0x00, 0xa0, 0xff]);
        assert_eq!(f32::get(&bytes).to_bits(), nan.to_bits());
        assert_eq!(nan.to_bits64(), 0xffa0_0001);
        assert_eq!((-1_i8).to_bits64(), 0xff);
        assert_eq!((-1_i64).to_bits64(), u64::MAX);
    }

    #[test]
    fn a_scalar_has_one_element_and_overflow_is_noticed() {
        assert_eq!(elements(&[]), Some(1));
        assert_eq!(elements(&[3, 0, 7]), Some(0));
        assert_eq!(elements(&[u64::MAX, 2]), None);
    }

    #[test]
    fn a_wrong_length_is_refused_before_the_host_is_asked() {
        let error = Tensor::from_slice(&[1.0_f32, 2.0], &[3]).expect_err("two values, three places");
        assert!(matches!(error, HostError::Invalid(text) if text.contains("2 values")));
    }
}
