//! The cast of one element, for every pair of types. Rust's `as` from float to integer cuts toward zero, saturates and
//! takes NaN to 0; from integer to float and from float to float it rounds once, to nearest even.

use crate::float::Float;

/// A type that can be cast to `R`.
pub(super) trait Cast<R> {
    /// The value as `R`.
    fn cast(self) -> R;

    /// The same, written so that it goes into vector lanes.
    #[cfg(feature = "cpu")]
    fn lane(self) -> R;
}

macro_rules! cast {
    ($($from:ident to $($to:ident)+, $x:ident => $value:expr;)+) => { $($(
        impl Cast<$to> for $from {
            #[inline(always)]
            fn cast(self) -> $to {
                type Target = $to;
                let $x = self;
                $value
            }

            #[cfg(feature = "cpu")]
            #[inline(always)]
            fn lane(self) -> $to {
                self.cast()
            }
        }
    )+)+ };
}

macro_rules! float_to_integer {
    ($($from:ident to $to:ident by $lane:ident;)+) => { $(
        impl Cast<$to> for $from {
            #[inline(always)]
            fn cast(self) -> $to {
                self.round_ties_even() as $to
            }

            #[cfg(feature = "cpu")]
            #[inline(always)]
            fn lane(self) -> $to {
                super::lane::$lane(f64::from(self))
            }
        }
    )+ };
}

float_to_integer! {
    f32 to i32 by to_i32;
    f32 to u32 by to_u32;
    f32 to i64 by to_i64;
    f64 to i32 by to_i32;
    f64 to u32 by to_u32;
    f64 to i64 by to_i64;
}

cast! {
    f32 to f64, x => (x as Target).canonical();
    f64 to f32, x => (x as Target).canonical();
    i32 to f32 f64, x => x as Target;
    u32 to f32 f64, x => x as Target;
    i64 to f32 f64, x => x as Target;
    i32 to i64, x => Target::from(x);
    u32 to i64, x => Target::from(x);
    i32 to u32, x => x.max(0) as Target;
    u32 to i32, x => x.min(i32::MAX as u32) as Target;
    i64 to i32 u32, x => x.clamp(Target::MIN as i64, Target::MAX as i64) as Target;
}

/// Calls `$each` with the element types of the input and the output of a launch.
macro_rules! for_types {
    ($launch:ident, $each:ident $(, level = $level:ident)?) => {
        for_types!(($launch $(, $level)?), $each, $launch, F32 f32: F64 f64 I32 i32 U32 u32 I64 i64; F64 f64: F32 f32 I32 i32 U32 u32 I64 i64;
            I32 i32: F32 f32 F64 f64 U32 u32 I64 i64; U32 u32: F32 f32 F64 f64 I32 i32 I64 i64;
            I64 i64: F32 f32 F64 f64 I32 i32 U32 u32;)
    };
    ($args:tt, $each:ident, $launch:ident, $($from:ident $x:ident: $($to:ident $out:ident)+;)+) => {
        match ($launch.input_dtype(), $launch.output_dtype()) {
            $($((Dtype::$from, Dtype::$to) => $each::<$x, $out>$args,)+)+
            (from, to) => unreachable!("the catalogue has no cast from {from} to {to}"),
        }
    };
}

pub(super) use for_types;

#[cfg(test)]
mod tests {
    use super::*;

    fn to<R, T: Cast<R>>(x: T) -> R {
        x.cast()
    }

    #[test]
    fn floats_round_to_even_and_saturate() {
        assert_eq!([0.5f32, 1.5, 2.5, -0.5, -1.5, -2.5].map(to::<i32, f32>), [0, 2, 2, 0, -2, -2]);
        assert_eq!([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0].map(to::<i32, f32>), [0, i32::MAX, i32::MIN, 0]);
        assert_eq!([2147483520f32, 2147483648.0, -2147483648.0].map(to::<i32, f32>), [2147483520, i32::MAX, i32::MIN]);
        assert_eq!(
            [2147483646.5f64, 2147483647.5, -2147483648.5, -2147483649.0].map(to::<i32, f64>),
            [2147483646, i32::MAX, i32::MIN, i32::MIN]
        );
        assert_eq!(
            [-0.5f32, -0.51, 4294967040.0, 4294967296.0, 0.5].map(to::<u32, f32>),
            [0, 0, 4294967040, u32::MAX, 0]
        );
        assert_eq!([4294967294.5f64, 4294967295.5].map(to::<u32, f64>), [4294967294, u32::MAX]);
        assert_eq!(
            [9223371487098961920f32, 9223372036854775808.0, -9223372036854775808.0].map(to::<i64, f32>),
            [9223371487098961920, i64::MAX, i64::MIN]
        );
        assert_eq!(
            [4503599627370497.5f64, 9007199254740993.0, f64::MAX, f64::NAN].map(to::<i64, f64>),
            [4503599627370498, 9007199254740992, i64::MAX, 0]
        );
    }

    #[test]
    fn integers_round_once_to_floats() {
        assert_eq!([16777217i32, 16777219, i32::MIN].map(to::<f32, i32>), [16777216.0, 16777220.0, -2147483648.0]);
        assert_eq!([u32::MAX, 4294967167].map(to::<f32, u32>), [4294967296.0, 4294967040.0]);
        // Above the middle of two floats only by a bit that f64 does not hold.
        assert_eq!(to::<f32, i64>((1 << 62) + (1 << 38) + 1).to_bits(), 0x5e80_0001);
        assert_eq!(((1i64 << 62) + (1 << 38) + 1) as f64 as f32, (1u64 << 62) as f32);
        assert_eq!(to::<f64, i64>(i64::MAX), 9223372036854775808.0);
    }

    #[test]
    fn integers_saturate_to_integers() {
        assert_eq!([-1i32, i32::MAX].map(to::<u32, i32>), [0, 2147483647]);
        assert_eq!([u32::MAX, 5].map(to::<i32, u32>), [i32::MAX, 5]);
        assert_eq!([i64::MIN, i64::MAX, -7].map(to::<i32, i64>), [i32::MIN, i32::MAX, -7]);
        assert_eq!([-1i64, i64::MAX, 7].map(to::<u32, i64>), [0, u32::MAX, 7]);
        assert_eq!((to::<i64, u32>(u32::MAX), to::<i64, i32>(-1)), (4294967295, -1));
    }

    #[test]
    fn floats_round_to_floats_with_a_canonical_nan() {
        assert_eq!(to::<f32, f64>(f64::from_bits(0xfff0_0000_0000_0001)).to_bits(), 0x7fc0_0000);
        assert_eq!(to::<f64, f32>(f32::from_bits(0xff80_0001)).to_bits(), 0x7ff8_0000_0000_0000);
        assert_eq!(to::<f32, f64>(1e300), f32::INFINITY);
        assert_eq!(to::<f32, f64>(-1e-300).to_bits(), 0x8000_0000);
        assert_eq!(to::<f32, f64>(1e-45).to_bits(), 1);
        assert_eq!(to::<f64, f32>(f32::from_bits(1)), 2f64.powi(-149));
    }
}
