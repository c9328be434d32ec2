//! One walk over the document that collects what the sections look at, in document order. It judges nothing.
//! Places are JSON Pointers (RFC 6901).

use clamp_overlay_sdk::Value;

/// A text and its place. Keys of objects are structure, not texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    pub(crate) at: String,
    pub(crate) text: &'a str,
}

/// A non-empty array and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array<'a> {
    pub(crate) at: String,
    pub(crate) items: &'a [Value],
}

/// Everything the sections need. An array stands before the arrays inside it.
#[derive(Debug, Default)]
pub(crate) struct Findings<'a> {
    pub(crate) numbers: Vec<f64>,
    pub(crate) texts: Vec<Text<'a>>,
    pub(crate) arrays: Vec<Array<'a>>,
}

impl<'a> Findings<'a> {
    /// Walks the whole document, keys in their order, items in theirs.
    pub(crate) fn of(document: &'a Value) -> Self {
        let mut found = Self::default();
        found.visit(document, &mut String::new());
        found
    }

    /// `at` is the place of `value`; it comes back as it was.
    fn visit(&mut self, value: &'a Value, at: &mut String) {
        let here = at.len();
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.numbers.extend(number.as_f64()),
            Value::String(text) => self.texts.push(Text { at: at.clone(), text }),
            Value::Array(items) => {
                if !items.is_empty() {
                    self.arrays.push(Array { at: at.clone(), items });
                }
                for (index, item) in items.iter().enumerate() {
                    if !item.is_number() {
                        at.push_str(&format!("/{index}"));
                    }
                    self.visit(item, at);
                    at.truncate(here);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    at.push('/');
                    at.push_str(&escaped(key));
                    self.visit(item, at);
                    at.truncate(here);
                }
            }
        }
    }
}

/// A key as a pointer's token.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clamp_overlay_sdk::json;

    #[test]
    fn places_are_json_pointers() {
        let document = json!({"a/b": [1, "x", ["y"]], "m~n": {"z": "w"}});
        let found = Findings::of(&document);
        let places: Vec<&str> = found.texts.iter().map(|text| text.at.as_str()).collect();
        assert_eq!(places, ["/a~1b/1", "/a~1b/2/0", "/m~0n/z"]);
        for text in &found.texts {
            assert_eq!(document.pointer(&text.at).and_then(Value::as_str), Some(text.text));
        }
        let places: Vec<&str> = found.arrays.iter().map(|array| array.at.as_str()).collect();
        assert_eq!(places, ["/a~1b", "/a~1b/2"]);
        assert_eq!(found.numbers, [1.0]);
    }
}
