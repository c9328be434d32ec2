//! sin and cos: x less its nearest multiple of pi, in three parts, and a polynomial; every other multiple turns the sign.

use super::turns::{LARGEST, far};
use super::wide::{MAGIC, Wide};
use super::{Curve, NAN, named};

/// Sine of x.
pub(crate) struct Sin;
/// Cosine of x.
pub(crate) struct Cos;

/// 1/pi.
pub(super) const INVERSE: f64 = std::f64::consts::FRAC_1_PI;
/// -pi in three parts, the first of 29 bits.
pub(super) const LESS_PI: [f64; 3] = [-3.141592651605606, -1.984187159361081e-9, -3.2892513872648515e-26];

/// (sin(r) - r) / r^3 in r^2 for |r| <= pi/2, through Chebyshev's points; the highest power first.
pub(super) const POLYNOMIAL: [f64; 8] = [
    2.731428986122616e-15,
    -7.643969031052769e-13,
    1.6058977272815506e-10,
    -2.5052107616384595e-8,
    2.755731921915843e-6,
    -0.00019841269841254955,
    0.008333333333333316,
    -0.16666666666666666,
];

/// The input below [`LARGEST`] whose sine lies too near the middle of two floats for the arithmetic here.
const HARD: f64 = 9_830.398_437_5;
/// It and its negative, and their sines.
pub(super) const SIN_HARD: [(u32, u32); 2] = [(0x4619_9998, 0xbeb1_fa5d), (0xc619_9998, 0x3eb1_fa5d)];
/// Such inputs from [`LARGEST`] on, and their cosines.
pub(super) const COS_HARD: [(u32, u32); 3] =
    [(0x5f18_b878, 0x3f7f_14bb), (0x6115_cb11, 0x3f78_142f), (0x7908_cd73, 0x3f79_8bb5)];

/// x less `whole` times pi.
#[inline(always)]
fn rest<V: Wide>(x: V, whole: V) -> V {
    let rest = whole.step_by(LESS_PI[0], x);
    let rest = whole.step_by(LESS_PI[1], rest);
    whole.step_by(LESS_PI[2], rest)
}

/// sin(r) for |r| <= pi/2.
#[inline(always)]
fn sine<V: Wide>(r: V) -> V {
    let square = r.mul(r);
    square.mul(r).fma(square.polynomial(&POLYNOMIAL), r)
}

impl Curve for Sin {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        let shifted = x.step(INVERSE, MAGIC);
        let r = rest(x, shifted.sub(x.of(MAGIC)));
        let y = sine(r).xor(shifted.shift_up::<63>());
        // The steps above lose the sign of a zero.
        let y = V::select(x.equals(x.of(0.0)), x, y);
        let size = x.magnitude();
        (y, V::either(size.equals(x.of(HARD)), size.not_below(x.of(LARGEST))))
    }

    #[inline(always)]
    fn rare(x: f32, y: f32) -> f32 {
        if x.abs() < LARGEST as f32 {
            return named(&SIN_HARD, x, y);
        }
        match far(x, 0, 0) {
            Some((odd, r)) => {
                let y = sine(super::Lone(r)).0 as f32;
                if odd { -y } else { y }
            }
            None => NAN,
        }
    }
}

impl Curve for Cos {
    #[inline(always)]
    fn main<V: Wide>(x: V) -> (V, V::Mask) {
        // The sine of x + pi/2: of its nearest multiple of pi, half of one is taken back.
        let shifted = x.step(INVERSE, 0.5).add(x.of(MAGIC));
        let r = rest(x, shifted.sub(x.of(MAGIC)).sub(x.of(0.5)));
        let y = sine(r).xor(shifted.shift_up::<63>());
        (y, x.magnitude().not_below(x.of(LARGEST)))
    }

    #[inline(always)]
    fn rare(x: f32, y: f32) -> f32 {
        if x.abs() < LARGEST as f32 {
            return y;
        }
        match far(x.abs(), 0, 1 << 62) {
            Some((odd, r)) => {
                let y = sine(super::Lone(r)).0 as f32;
                named(&COS_HARD, x.abs(), if odd { -y } else { y })
            }
            None => NAN,
        }
    }
}
