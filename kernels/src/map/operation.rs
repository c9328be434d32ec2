//! The operations of map expressions: their names in formulas and in postfix, how many operands each takes, and which
//! dtypes have it. What each computes is in `step`.

use crate::catalogue::Dtype;

macro_rules! operations {
    ($($(#[$doc:meta])* $operation:ident $name:literal $arity:literal $infix:literal $f64:literal;)+) => {
        /// One operation of a map expression, rounded once; a composition is spelled out in one-rounding steps by the
        /// specification.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operation { $($(#[$doc])* $operation,)+ }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Operation] = &[$(Operation::$operation,)+];

            /// The name in postfix, and in formulas where it is written as a call: `add`, `exp`.
            pub const fn name(self) -> &'static str {
                match self { $(Operation::$operation => $name,)+ }
            }

            /// How many operands it takes, 1 to 3.
            pub const fn arity(self) -> usize {
                match self { $(Operation::$operation => $arity,)+ }
            }

            /// The sign it is written with in formulas; the empty text if it is written as a call.
            pub const fn infix(self) -> &'static str {
                match self { $(Operation::$operation => $infix,)+ }
            }

            /// Whether expressions of f64 have it; those of f32 have all.
            pub const fn is_in_f64(self) -> bool {
                match self { $(Operation::$operation => $f64,)+ }
            }
        }
    };
}

operations! {
    /// -x.
    Neg "neg" 1 "-" true;
    /// x + y.
    Add "add" 2 "+" true;
    /// x - y.
    Sub "sub" 2 "-" true;
    /// x * y.
    Mul "mul" 2 "*" true;
    /// x / y.
    Div "div" 2 "/" true;
    /// 1 where x < y, else +0.
    Lt "lt" 2 "<" true;
    /// 1 where x <= y, else +0.
    Le "le" 2 "<=" true;
    /// 1 where x > y, else +0.
    Gt "gt" 2 ">" true;
    /// 1 where x >= y, else +0.
    Ge "ge" 2 ">=" true;
    /// 1 where x == y, else +0.
    Eq "eq" 2 "==" true;
    /// 1 where x != y, a NaN included, else +0.
    Ne "ne" 2 "!=" true;
    /// x without its sign.
    Abs "abs" 1 "" true;
    /// Square root.
    Sqrt "sqrt" 1 "" true;
    /// The lesser; -0 is less than +0, NaN wins.
    Min "min" 2 "" true;
    /// The greater; -0 is less than +0, NaN wins.
    Max "max" 2 "" true;
    /// x * y + z, rounded once.
    Fma "fma" 3 "" true;
    /// 1 / sqrt(x), rounded once.
    Rsqrt "rsqrt" 1 "" false;
    /// max(x, +0).
    Relu "relu" 1 "" false;
    /// e to the power x.
    Exp "exp" 1 "" false;
    /// 2 to the power x.
    Exp2 "exp2" 1 "" false;
    /// e to the power x, less 1.
    Expm1 "expm1" 1 "" false;
    /// Natural logarithm.
    Log "log" 1 "" false;
    /// Logarithm to base 2.
    Log2 "log2" 1 "" false;
    /// Logarithm to base 10.
    Log10 "log10" 1 "" false;
    /// Natural logarithm of 1 + x.
    Log1p "log1p" 1 "" false;
    /// Sine.
    Sin "sin" 1 "" false;
    /// Cosine.
    Cos "cos" 1 "" false;
    /// Tangent.
    Tan "tan" 1 "" false;
    /// Sine of pi times x.
    Sinpi "sinpi" 1 "" false;
    /// Cosine of pi times x.
    Cospi "cospi" 1 "" false;
    /// Hyperbolic tangent.
    Tanh "tanh" 1 "" false;
    /// Error function.
    Erf "erf" 1 "" false;
    /// 1 / (1 + exp(-x)).
    Sigmoid "sigmoid" 1 "" false;
    /// x * sigmoid(x).
    Silu "silu" 1 "" false;
    /// (0.5 * x) * (1 + erf(x * 0x1.6a09e6p-1)).
    Gelu "gelu" 1 "" false;
}

impl Operation {
    /// The operation called `name` in postfix.
    pub fn from_name(name: &str) -> Option<Operation> {
        Operation::ALL.iter().copied().find(|operation| operation.name() == name)
    }

    /// The operation that formulas call `name`, whatever the dtype.
    pub(super) fn called(name: &str) -> Option<Operation> {
        Operation::from_name(name).filter(|operation| operation.infix().is_empty())
    }

    /// Whether expressions of `dtype` have it.
    pub fn is_in(self, dtype: Dtype) -> bool {
        dtype == Dtype::F32 || self.is_in_f64()
    }
}
