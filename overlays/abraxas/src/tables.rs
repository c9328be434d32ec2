//! The sections `tables` and `misaligned`: which arrays stand in columns, what each column holds, and which arrays
//! nearly do. It looks at one array at a time and never joins two.

use std::collections::{BTreeMap, BTreeSet};

use clamp_overlay_sdk::Value;
use serde::Serialize;

use crate::numbers::Statistics;
use crate::structure::type_name;
use crate::walk::Array;

/// An array that stands in columns.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Table {
    pub(crate) at: String,
    pub(crate) kind: Kind,
    /// Rows, then columns; a series has one size.
    pub(crate) shape: Vec<u64>,
    pub(crate) columns: Vec<Column>,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Numbers.
    Series,
    /// Arrays of numbers, all of one length.
    Rows,
    /// Objects; the columns are the keys that all of them have.
    Records,
}

/// One column.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Column {
    /// The key, or the place in the row counted from 0.
    pub(crate) name: String,
    /// The type of its values, or `mixed`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) numbers: Option<Statistics>,
    /// Different values; only for columns of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) distinct: Option<u64>,
}

/// An array that would be a table if some of its items were like the others.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Misaligned {
    pub(crate) at: String,
    /// One sentence.
    pub(crate) why: String,
}

/// What one array is.
enum Verdict {
    Table(Kind, Vec<Column>),
    Near(String),
    Other,
}

/// Looks at every array, outer ones first. The rows of a table are not looked at again as series.
pub(crate) fn find(arrays: &[Array<'_>]) -> (Vec<Table>, Vec<Misaligned>) {
    let (mut tables, mut misaligned) = (Vec::new(), Vec::new());
    let mut rest = arrays.iter();
    while let Some(array) = rest.next() {
        match judge(array.items) {
            Verdict::Table(kind, columns) => {
                let mut shape = vec![array.items.len() as u64];
                if kind != Kind::Series {
                    shape.push(columns.len() as u64);
                }
                if kind == Kind::Rows {
                    // Rows hold only numbers, so exactly these arrays come next.
                    rest.nth(array.items.len() - 1);
                }
                tables.push(Table { at: array.at.clone(), kind, shape, columns });
            }
            Verdict::Near(why) => misaligned.push(Misaligned { at: array.at.clone(), why }),
            Verdict::Other => {}
        }
    }
    (tables, misaligned)
}

fn judge(items: &[Value]) -> Verdict {
    if let Some(numbers) = items.iter().map(Value::as_f64).collect::<Option<Vec<_>>>() {
        return Verdict::Table(Kind::Series, vec![number_column("0", &numbers)]);
    }
    if let Some(rows) = items.iter().map(number_row).collect::<Option<Vec<_>>>() {
        return judge_rows(&rows);
    }
    if let Some(records) = items.iter().map(Value::as_object).collect::<Option<Vec<_>>>() {
        return judge_records(&records);
    }
    judge_mixture(items)
}

/// A non-empty array of numbers.
fn number_row(item: &Value) -> Option<Vec<f64>> {
    let items = item.as_array().filter(|items| !items.is_empty())?;
    items.iter().map(Value::as_f64).collect()
}

fn judge_rows(rows: &[Vec<f64>]) -> Verdict {
    let width = rows[0].len();
    if let Some((index, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != width) {
        return Verdict::Near(format!("row 0 has {width} numbers and row {index} has {}", row.len()));
    }
    let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<_>>();
    Verdict::Table(Kind::Rows, (0..width).map(|at| number_column(&at.to_string(), &column(at))).collect())
}

fn judge_records(records: &[&serde_json::Map<String, Value>]) -> Verdict {
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    for key in records.iter().flat_map(|record| record.keys()) {
        *holders.entry(key).or_default() += 1;
    }
    let shared: Vec<&str> = holders.iter().filter(|(_, n)| **n == records.len()).map(|(key, _)| *key).collect();
    if !shared.is_empty() {
        let columns = shared.iter().map(|key| record_column(key, records.iter().map(|record| &record[*key])));
        return Verdict::Table(Kind::Records, columns.collect());
    }
    match holders.iter().max_by_key(|(key, n)| (**n, std::cmp::Reverse(**key))) {
        Some((key, n)) => {
            Verdict::Near(format!("no key is in all {} objects; `{key}` is in {n} of them", records.len()))
        }
        None => Verdict::Other,
    }
}

/// Neither numbers, rows nor records: worth a word when most of it is one of them.
fn judge_mixture(items: &[Value]) -> Verdict {
    for (kind, is) in [("number", Value::is_number as fn(&Value) -> bool), ("object", Value::is_object)] {
        let alike = items.iter().filter(|item| is(item)).count();
        let odd = items.iter().enumerate().find(|(_, item)| !is(item));
        if let (true, Some((index, item))) = (alike * 2 > items.len(), odd) {
            let why = format!("{alike} of {} items are of type {kind}; item {index} is {}", items.len(), kind_of(item));
            return Verdict::Near(why);
        }
    }
    Verdict::Other
}

fn kind_of(item: &Value) -> String {
    format!("of type {}", type_name(item))
}

fn number_column(name: &str, numbers: &[f64]) -> Column {
    Column { name: name.to_owned(), kind: "number", numbers: Some(Statistics::of(numbers)), distinct: None }
}

fn record_column<'a>(name: &str, values: impl Iterator<Item = &'a Value>) -> Column {
    let values: Vec<&Value> = values.collect();
    if let Some(numbers) = values.iter().map(|value| value.as_f64()).collect::<Option<Vec<_>>>() {
        return number_column(name, &numbers);
    }
    let kinds: BTreeSet<&str> = values.iter().map(|value| type_name(value)).collect();
    let kind = if kinds.len() == 1 { type_name(values[0]) } else { "mixed" };
    let texts = values.iter().map(|value| value.as_str()).collect::<Option<BTreeSet<_>>>();
    let distinct = texts.map(|texts| texts.len() as u64);
    Column { name: name.to_owned(), kind, numbers: None, distinct }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::Findings;
    use clamp_overlay_sdk::json;

    fn look(document: &Value) -> (Vec<Table>, Vec<Misaligned>) {
        find(&Findings::of(document).arrays)
    }

    #[test]
    fn rows_of_one_length_are_one_table_and_not_many_series() {
        let (tables, misaligned) = look(&json!({"m": [[1, 10], [2, 20], [3, 60]], "s": [5, 6]}));
        let seen: Vec<_> = tables.iter().map(|t| (t.at.as_str(), t.kind, t.shape.clone())).collect();
        assert_eq!(seen, [("/m", Kind::Rows, vec![3, 2]), ("/s", Kind::Series, vec![2])]);
        let means: Vec<_> = tables[0].columns.iter().map(|c| c.numbers.as_ref().and_then(|n| n.mean)).collect();
        assert_eq!(means, [Some(2.0), Some(30.0)]);
        assert!(misaligned.is_empty());
    }

    #[test]
    fn records_have_the_columns_that_all_share() {
        let people = json!([
            {"name": "Ada", "age": 36, "note": "x"}, {"name": "Alan", "age": 41}, {"name": "Ada", "age": 85}
        ]);
        let (tables, _) = look(&json!({ "people": people }));
        assert_eq!((tables[0].kind, tables[0].shape.as_slice()), (Kind::Records, [3, 2].as_slice()));
        let names: Vec<_> = tables[0].columns.iter().map(|c| (c.name.as_str(), c.kind, c.distinct)).collect();
        assert_eq!(names, [("age", "number", None), ("name", "text", Some(2))]);
        assert_eq!(tables[0].columns[0].numbers.as_ref().and_then(|n| n.mean), Some(54.0));
    }

    #[test]
    fn nearly_a_table_says_what_is_odd() {
        let document = json!({
            "ragged": [[1, 2], [3]], "apart": [{"a": 1}, {"b": 2}, {"b": 3}], "hole": [1, 2, null, 4], "mix": [1, "x"]
        });
        let (tables, misaligned) = look(&document);
        let near: Vec<_> = misaligned.iter().map(|m| (m.at.as_str(), m.why.as_str())).collect();
        assert_eq!(
            near,
            [
                ("/apart", "no key is in all 3 objects; `b` is in 2 of them"),
                ("/hole", "3 of 4 items are of type number; item 2 is of type null"),
                ("/ragged", "row 0 has 2 numbers and row 1 has 1"),
            ]
        );
        // The rows of a ragged table still count as series of their own.
        let places: Vec<_> = tables.iter().map(|table| table.at.as_str()).collect();
        assert_eq!(places, ["/ragged/0", "/ragged/1"]);
    }
}
