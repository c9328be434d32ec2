//! Matrix products on devices, in tiles: large ones for large products, small ones where large tiles would be few. The
//! order along k is the same in both.

use crate::catalogue::{Dtype, KernelSpec, ParamValue, rule};
use crate::device::{Arg, Call, Plan, Source, Target};

const PRODUCT: &str = include_str!("device.c");

/// A tile's form: items beside and below each other, elements of each, and how deep a tile of the factors is.
#[derive(Clone, Copy, Debug)]
struct Tile {
    entry: &'static str,
    items: [u32; 2],
    elements: [u32; 2],
    defines: &'static str,
}

impl Tile {
    fn rows(&self) -> u64 {
        u64::from(self.items[1] * self.elements[1])
    }

    fn columns(&self) -> u64 {
        u64::from(self.items[0] * self.elements[0])
    }
}

macro_rules! tile {
    ($entry:literal, $tx:literal x $ty:literal, $tn:literal x $tm:literal, $bk:literal) => {
        Tile {
            entry: $entry,
            items: [$tx, $ty],
            elements: [$tn, $tm],
            defines: concat!(
                "#undef PRODUCT\n#undef TX\n#undef TY\n#undef TN\n#undef TM\n#undef BK\n#define PRODUCT ",
                $entry,
                "\n#define TX ",
                stringify!($tx),
                "\n#define TY ",
                stringify!($ty),
                "\n#define TN ",
                stringify!($tn),
                "\n#define TM ",
                stringify!($tm),
                "\n#define BK ",
                stringify!($bk),
                "\n"
            ),
        }
    };
}

/// Local memory for the large tile of the widest element: 16 * (64 + 64 + 2) * 8 bytes, under 17 KiB.
const GPU_F32: [Tile; 2] = [tile!("product_large", 16 x 16, 8 x 8, 8), tile!("product_small", 16 x 16, 2 x 2, 16)];
const GPU: [Tile; 2] = [tile!("product_large", 16 x 16, 4 x 4, 16), tile!("product_small", 16 x 16, 2 x 2, 16)];
/// On a CPU items side by side become vector lanes, and a row of them shares what it reads of a.
const CPU: [Tile; 2] = [tile!("product_large", 64 x 1, 1 x 8, 32), tile!("product_small", 16 x 1, 1 x 4, 32)];

fn tiles(dtype: Dtype, target: &Target) -> [Tile; 2] {
    match dtype {
        _ if target.is_cpu => CPU,
        Dtype::F32 => GPU_F32,
        _ => GPU,
    }
}

/// The kernel's source.
pub(crate) fn source(spec: &'static KernelSpec, fixed: &[Option<ParamValue>], target: &Target) -> Source {
    let (dtype, out) = (spec.inputs[0].dtype, spec.outputs[0].dtype);
    let (transpose_a, transpose_b) = (rule::flag(fixed, 0), rule::flag(fixed, 1));
    let mut defines = vec![
        ("IN", dtype.name().to_owned()),
        ("OUT", out.name().to_owned()),
        ("TRANSPOSE_A", u32::from(transpose_a).to_string()),
        ("TRANSPOSE_B", u32::from(transpose_b).to_string()),
        ("PAD", if target.is_cpu { "0" } else { "1" }.to_owned()),
    ];
    let text = |text: &str| text.to_owned();
    let width = if dtype == Dtype::F32 { "32" } else { "64" };
    defines.extend(match dtype {
        Dtype::I8 => [
            // One panel: integers are exact in any order, and the longest k fits.
            ("PANEL", text("131072")),
            ("START", text("0")),
            ("STEP(a, b, acc)", text("((acc) + (a) * (b))")),
            ("CANONICAL(x)", text("(x)")),
            ("WITH_BIAS(x, y)", text("clamp_saturating((i64)(x) + (i64)(y))")),
        ],
        _ => [
            ("PANEL", text("1024")),
            ("START", text("((OUT) - 0.0f)")),
            ("STEP(a, b, acc)", format!("clamp_fma{width}(a, b, acc)")),
            ("CANONICAL(x)", format!("clamp_canonical{width}(x)")),
            ("WITH_BIAS(x, y)", text("((x) + (y))")),
        ],
    });
    let mut parts = vec![SATURATING];
    for tile in tiles(dtype, target) {
        parts.extend([tile.defines, PRODUCT]);
    }
    let flag = |flag: bool| if flag { "t" } else { "n" };
    Source {
        key: format!("{}-{}{}", spec.id, flag(transpose_a), flag(transpose_b)),
        defines,
        parts,
        entries: vec!["product_large", "product_small"],
        fp64: dtype == Dtype::F64,
    }
}

const SATURATING: &str = "CLAMP_FN i32 clamp_saturating(i64 x) {
    return x > 2147483647 ? 2147483647 : x < -(i64)2147483648u ? (-2147483647 - 1) : (i32)x;
}
";

/// One step over the tiles of the product.
pub(crate) fn steps(call: &Call<'_>, plan: &mut Plan) {
    let out = call.outputs[0].shape;
    if out.elements() == 0 {
        return;
    }
    let [.., m, n] = *out.dims() else { unreachable!("the shape rule gives 2 or 3 dimensions") };
    let batches = out.elements() / (m * n);
    let [.., a_rows, a_columns] = *call.shape(0).dims() else { unreachable!("the shape rule takes 2 or 3 dimensions") };
    let k = if rule::flag(call.params, 0) { a_rows } else { a_columns };
    product(
        call,
        plan,
        [Arg::Input(0), Arg::Input(1), Arg::Output(0)],
        call.has(2).then_some(Arg::Input(2)),
        Extents {
            dtype: call.inputs[0].map_or(Dtype::F32, |a| a.dtype),
            batches,
            m,
            n,
            k,
            shared_b: call.shape(1).ndim() == 2,
        },
    );
}

/// The extents of a product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extents {
    pub(crate) dtype: Dtype,
    pub(crate) batches: u64,
    pub(crate) m: u64,
    pub(crate) n: u64,
    pub(crate) k: u64,
    /// Whether all batches multiply with one b.
    pub(crate) shared_b: bool,
}

/// Adds the step of a product of a, b and perhaps a bias; none of the extents but k is 0.
pub(crate) fn product(call: &Call<'_>, plan: &mut Plan, arrays: [Arg; 3], bias: Option<Arg>, extents: Extents) {
    let Extents { dtype, batches, m, n, k, shared_b } = extents;
    let [a, b, out] = arrays;
    let count = |tile: &Tile| batches * m.div_ceil(tile.rows()) * n.div_ceil(tile.columns());
    let [large, small] = tiles(dtype, call.target);
    // Large tiles only where they fill the device, and are mostly full.
    let enough = if call.target.is_cpu { 1 } else { u64::from(call.target.compute_units) };
    let is_large = count(&large) >= enough && m >= large.rows() / 2 && n >= large.columns() / 2;
    let tile = if is_large { large } else { small };
    let groups = count(&tile).min(1 << 20) as u32;
    let args = vec![
        a,
        b,
        // An absent bias is not read; something must stand in its place.
        bias.unwrap_or(b),
        out,
        Arg::U64(batches),
        Arg::U64(m),
        Arg::U64(n),
        Arg::U64(k),
        Arg::U64(if shared_b { 0 } else { k * n }),
        Arg::U32(u32::from(bias.is_some())),
    ];
    plan.step(tile.entry, groups, tile.items[0] * tile.items[1], args);
}
