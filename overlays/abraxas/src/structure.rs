//! The section `structure`: how the document is built, whatever its values say.

use std::collections::BTreeSet;

use clamp_overlay_sdk::Value;
use serde::Serialize;

/// Counts of values, keys and levels.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Structure {
    /// All values, the document itself included.
    pub(crate) values: u64,
    /// Levels; a document without members has 1.
    pub(crate) depth: u64,
    /// Members of all objects.
    pub(crate) members: u64,
    /// Different names among them.
    pub(crate) distinct_keys: u64,
    /// Items of the longest array.
    pub(crate) longest_array: u64,
    pub(crate) types: Types,
    /// The members of the document itself, in order.
    pub(crate) top: Vec<Member>,
}

/// How many values of each type there are.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Types {
    pub(crate) null: u64,
    pub(crate) boolean: u64,
    pub(crate) number: u64,
    pub(crate) text: u64,
    pub(crate) array: u64,
    pub(crate) object: u64,
}

/// One member of the document.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Member {
    pub(crate) key: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Items, members or characters; left out where there is nothing to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
}

impl Structure {
    /// Looks at the whole document.
    pub(crate) fn of(document: &Value) -> Self {
        let mut structure = Self::default();
        let mut keys = BTreeSet::new();
        structure.visit(document, 1, &mut keys);
        structure.distinct_keys = keys.len() as u64;
        structure.top = document.as_object().into_iter().flatten().map(|(key, value)| member(key, value)).collect();
        structure
    }

    fn visit<'a>(&mut self, value: &'a Value, level: u64, keys: &mut BTreeSet<&'a str>) {
        self.values += 1;
        self.depth = self.depth.max(level);
        match value {
            Value::Null => self.types.null += 1,
            Value::Bool(_) => self.types.boolean += 1,
            Value::Number(_) => self.types.number += 1,
            Value::String(_) => self.types.text += 1,
            Value::Array(items) => {
                self.types.array += 1;
                self.longest_array = self.longest_array.max(items.len() as u64);
                items.iter().for_each(|item| self.visit(item, level + 1, keys));
            }
            Value::Object(map) => {
                self.types.object += 1;
                self.members += map.len() as u64;
                for (key, item) in map {
                    keys.insert(key);
                    self.visit(item, level + 1, keys);
                }
            }
        }
    }
}

fn member(key: &str, value: &Value) -> Member {
    let size = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
        Value::String(text) => Some(text.chars().count() as u64),
        Value::Array(items) => Some(items.len() as u64),
        Value::Object(map) => Some(map.len() as u64),
    };
    Member { key: key.to_owned(), kind: type_name(value), size }
}

/// The name of a value's type in this overlay's replies.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clamp_overlay_sdk::json;

    #[test]
    fn everything_is_counted_once() {
        let structure = Structure::of(&json!({"a": [1, true, null], "b": {"a": "grün"}}));
        assert_eq!(structure.values, 7);
        assert_eq!(structure.depth, 3);
        assert_eq!((structure.members, structure.distinct_keys), (3, 2));
        assert_eq!(structure.longest_array, 3);
        assert_eq!(structure.types, Types { null: 1, boolean: 1, number: 1, text: 1, array: 1, object: 2 });
        let tops: Vec<_> = structure.top.iter().map(|top| (top.key.as_str(), top.kind, top.size)).collect();
        assert_eq!(tops, [("a", "array", Some(3)), ("b", "object", Some(1))]);
    }
}
