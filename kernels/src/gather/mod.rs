//! The room of moves by index. Bits are kept; an index out of range is a data error that names its place.

#[cfg(feature = "cpu")]
pub(crate) mod cpu;
#[cfg(feature = "device")]
pub(crate) mod device;
#[cfg(feature = "reference")]
pub(crate) mod reference;

use crate::catalogue::{ArgError, ArgSpec, Dtype, KernelSpec, MAX_DIMS, Op, ParamValue, Shape, ShapeError, rule};

macro_rules! specs {
    ($($dtype:ident $suffix:literal)+) => {
        &[$(KernelSpec {
            id: concat!("gather_rows.", $suffix, ".v1"),
            summary: "the rows of table that ids names, bit for bit",
            inputs: &[ArgSpec::required("table", Dtype::$dtype), ArgSpec::required("ids", Dtype::I64)],
            outputs: &[ArgSpec::required("out", Dtype::$dtype)],
            params: &[],
            in_place: false,
            shapes: gathered,
            op: Op::GatherRows,
        }, KernelSpec {
            id: concat!("scatter_rows.", $suffix, ".v1"),
            summary: "table with row ids[i] replaced by row i of x, bit for bit; the highest i wins",
            inputs: &[
                ArgSpec::required("table", Dtype::$dtype),
                ArgSpec::required("ids", Dtype::I64),
                ArgSpec::required("x", Dtype::$dtype),
            ],
            outputs: &[ArgSpec::required("out", Dtype::$dtype)],
            params: &[],
            in_place: false,
            shapes: scattered,
            op: Op::ScatterRows,
        }),+]
    };
}

/// The room's entries in the catalogue.
pub(crate) const SPECS: &[&[KernelSpec]] = &[specs!(F32 "f32" F64 "f64" I32 "i32" U32 "u32" I64 "i64")];

fn gathered(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let (_, rows) = table_and_rows(inputs)?;
    rows.map(|out| vec![out])
        .map_err(|error| ArgError::input("ids", format!("makes an output that is too large: {error}")))
}

fn scattered(inputs: &[Option<Shape>], _: &[Option<ParamValue>]) -> Result<Vec<Shape>, ArgError> {
    let (table, rows) = table_and_rows(inputs)?;
    let x = rule::required(inputs, 2, "x")?;
    match rows {
        Ok(rows) if rows == x => Ok(vec![table]),
        Ok(rows) => Err(ArgError::input("x", format!("has shape {x}, but `ids` and `table` need {rows}"))),
        Err(error) => Err(ArgError::input("ids", format!("takes an `x` that is too large: {error}"))),
    }
}

/// The table, and as many rows of it as there are ids, if those are no more than an array may hold.
fn table_and_rows(inputs: &[Option<Shape>]) -> Result<(Shape, Result<Shape, ShapeError>), ArgError> {
    let table = rule::required(inputs, 0, "table")?;
    let ids = rule::required(inputs, 1, "ids")?;
    if table.ndim() < 2 {
        return Err(ArgError::input("table", format!("has shape {table}: it needs 2 dimensions or more")));
    }
    let [count] = *ids.dims() else {
        return Err(ArgError::input("ids", format!("has shape {ids}: it needs exactly 1 dimension")));
    };
    let mut dims = [0; MAX_DIMS];
    let dims = &mut dims[..table.ndim()];
    dims.copy_from_slice(table.dims());
    dims[0] = count;
    Ok((table, Shape::new(dims)))
}
