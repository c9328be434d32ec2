//! Which operation an id stands for, so that the rooms dispatch on values and never take names apart.
//! It says nothing about shapes or bits.

/// The operation of one kernel; its element types are those of the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// One operand, element by element.
    Unary(Unary),
    /// Two operands, element by element.
    Binary(Binary),
    /// x*y+z with one rounding.
    Fma,
    /// Between the parameters lo and hi.
    Clamp,
    /// y where x is not 0, else z.
    Select,
    /// 1 or 0 for each pair.
    Compare(Relation),
    /// To the output's dtype from the input's.
    Cast,
    /// All elements, or those of each row, to one value.
    Reduce(Reduction),
    /// A matrix product.
    Matmul,
    /// Rows that sum to 1.
    Softmax,
    /// Rows less their mean, over their standard deviation.
    LayerNorm,
    /// Rows over the root of their mean square.
    RmsNorm,
    /// Rows of v weighted by the softmax of q times k.
    Attention,
    /// Rows of a table by index.
    GatherRows,
    /// Words of Philox4x32-10, as they are or uniform in [0, 1).
    Philox,
    /// A function of one variable, correctly rounded or composed of such.
    Function(Function),
    /// The sums of all elements up to each.
    Scan,
    /// A formula, element by element.
    Map,
    /// A table with some rows replaced.
    ScatterRows,
    /// The last two extents exchanged.
    Transpose,
    /// Arrays one behind the other.
    Concat,
    /// Anchors' seeds and states, and a word for each.
    Mirror,
    /// Ascending.
    Sort,
    /// The places of the elements, ascending.
    Argsort,
    /// Counts between edges.
    Histogram,
    /// Normal numbers from words of Philox4x32-10.
    PhiloxNormal,
}

/// An elementwise operation of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Copy,
    Neg,
    Abs,
    Sqrt,
    Rsqrt,
    Relu,
}

/// An elementwise operation of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
}

/// A relation between two floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Lt,
    Le,
    Eq,
    Ne,
    Gt,
    Ge,
}

/// A reduction: in the order of the specification, exact, or to an extreme or its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    Sum,
    Dot,
    SumSq,
    Mean,
    Var,
    Norm2,
    Min,
    Max,
    ArgMin,
    ArgMax,
    SumExact,
    DotExact,
}

/// A function of one variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Exp,
    Log,
    Exp2,
    Expm1,
    Log2,
    Log10,
    Log1p,
    Sin,
    Cos,
    Tan,
    Sinpi,
    Cospi,
    Tanh,
    Erf,
    Sigmoid,
    Silu,
    Gelu,
}
