//! Reads JSON so that what is read is what was written: the text of manifests, payloads and store indexes.
//!
//! It exists because `serde_json` keeps the last of two equal keys without a word and rounds integers beyond 2^53
//! when they become RFC 8785 numbers; hashes over such a text would hide a difference. It never repairs: no BOM, no
//! trailing text, no comments, no lone surrogates. Whoever reads the bytes limits their number.

use super::path::JsonPath;
use serde_json::{Map, Number, Value};

/// Arrays and objects inside each other, at most.
pub const MAX_DEPTH: usize = 128;

/// Integers up to this size are exact as 64-bit floats, and so are all smaller ones.
const EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// What to do with an integer literal that RFC 8785 would write with other characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Integers {
    /// Refuse it: `9007199254740993`, `-0`, `1000000000000000000000`. The only choice for anything that is hashed.
    #[default]
    Exact,
    /// Round it to the nearest 64-bit float, as RFC 8785 alone would. For comparing with other implementations.
    Nearest,
}

/// A text that is not acceptable JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}, at {path}: {message}")]
pub struct JsonError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The value in which it happened.
    pub path: JsonPath,
    /// What is wrong, and what to write instead where that is not plain.
    pub message: String,
}

/// Reads one JSON value, with [`Integers::Exact`].
///
/// Numbers come back in one form whatever their spelling (`1`, `1.0` and `10e-1` are the same integer; zero has no
/// sign), so two values are equal exactly when their RFC 8785 bytes are.
///
/// # Errors
/// The first thing in the text that cannot be accepted, with its line, column and JSON path.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_with(bytes, Integers::Exact)
}

/// [`parse`] with a choice about integers.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(bytes: &[u8], integers: Integers) -> Result<Value, JsonError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            return Err(Fault::new(at, "the text is not UTF-8 from here on").locate(bytes));
        }
    };
    let mut reader = Reader { text, at: 0, integers };
    reader.document().map_err(|fault| fault.locate(bytes))
}

/// An error on its way out: each array and object that it passes adds its step.
struct Fault {
    at: usize,
    message: String,
    path: JsonPath,
}

type Read<T> = Result<T, Box<Fault>>;

impl Fault {
    fn new(at: usize, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { at, message: message.into(), path: JsonPath::root() })
    }

    fn locate(self, bytes: &[u8]) -> JsonError {
        let before = &bytes[..self.at.min(bytes.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        // Continuation bytes do not count: columns are characters.
        let column = before[line_start..].iter().filter(|&&b| b & 0xC0 != 0x80).count() + 1;
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        JsonError { line, column, path: self.path.outside_in(), message: self.message }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    integers: Integers,
}

impl Reader<'_> {
    fn document(&mut self) -> Read<Value> {
        if self.text.starts_with('\u{feff}') {
            return Err(Fault::new(0, "the text starts with a byte-order mark; save it as UTF-8 without one"));
        }
        self.space();
        let value = self.value(0)?;
        self.space();
        if self.at < self.text.len() {
            return Err(self.unexpected("the end of the text after the first value"));
        }
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, wanted: &str) -> Box<Fault> {
        let message = match self.text[self.at..].chars().next() {
            Some(found) => format!("expected {wanted}, found {found:?}"),
            None => format!("expected {wanted}, found the end of the text"),
        };
        Fault::new(self.at, message)
    }

    fn value(&mut self, depth: usize) -> Read<Value> {
        match self.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => {
                Err(Fault::new(self.at, format!("arrays and objects are nested more than {MAX_DEPTH} deep")))
            }
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') if self.word("true") => Ok(Value::Bool(true)),
            Some(b'f') if self.word("false") => Ok(Value::Bool(false)),
            Some(b'n') if self.word("null") => Ok(Value::Null),
            Some(b'N' | b'I' | b'i' | b'n') if self.non_finite() => {
                Err(Fault::new(self.at, "NaN and infinities are not JSON numbers; send null or a string"))
            }
            _ => Err(self.unexpected("a JSON value")),
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn non_finite(&self) -> bool {
        let rest = &self.text[self.at..];
        ["NaN", "nan", "Infinity", "Inf", "inf"].iter().any(|word| rest.starts_with(word))
    }

    fn array(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            let item = self.value(depth).map_err(|mut fault| {
                fault.path.within_index(items.len());
                fault
            })?;
            items.push(item);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                _ => return Err(self.unexpected("`,` or `]`")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut members = Map::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key_at = self.at;
            let key = self.string()?;
            if members.contains_key(&key) {
                let mut fault = Fault::new(key_at, "this key occurs twice in one object; remove one of the two");
                fault.path.within_key(&key);
                return Err(fault);
            }
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:` after the key"));
            }
            self.at += 1;
            self.space();
            let value = self.value(depth).map_err(|mut fault| {
                fault.path.within_key(&key);
                fault
            })?;
            members.insert(key, value);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(members));
                }
                _ => return Err(self.unexpected("`,` or `}`")),
            }
        }
    }

    fn string(&mut self) -> Read<String> {
        let opened = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let from = self.at;
            while self.peek().is_some_and(|b| b != b'"' && b != b'\\' && b >= 0x20) {
                self.at += 1;
            }
            // Every stop is at an ASCII byte or the end, so this is a character border.
            out.push_str(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(control) => {
                    let message = format!("a control character in a string is written as \\u{control:04x}");
                    return Err(Fault::new(self.at, message));
                }
                None => return Err(Fault::new(opened, "this string has no end")),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let at = self.at;
        let letter = self.text.as_bytes().get(at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(at),
            _ => return Err(Fault::new(at, "no such escape in JSON; write \\\\ for a backslash")),
        })
    }

    fn unicode_escape(&mut self, at: usize) -> Read<char> {
        let lone = || Fault::new(at, "half a surrogate pair: no character, and not RFC 8785");
        let first = self.hex4(at)?;
        let code = match first {
            0xD800..=0xDBFF => {
                if !self.word("\\u") {
                    return Err(lone());
                }
                let second = self.hex4(at)?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(lone());
                }
                0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(lone)
    }

    fn hex4(&mut self, escape_at: usize) -> Read<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let Some(digits) = digits else {
            return Err(Fault::new(escape_at, "\\u is followed by four hexadecimal digits"));
        };
        self.at += 4;
        Ok(digits.iter().fold(0, |code, &d| code * 16 + char::from(d).to_digit(16).unwrap_or(0)))
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Read<Value> {
        let from = self.at;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
            if self.non_finite() {
                return Err(Fault::new(from, "NaN and infinities are not JSON numbers; send null or a string"));
            }
        }
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 {
            return Err(self.unexpected("a digit"));
        }
        if leading_zero && whole > 1 {
            return Err(Fault::new(from, "a number does not start with 0; send digits that matter as a string"));
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.unexpected("a digit after the point"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.unexpected("a digit of the exponent"));
            }
        }
        let literal = &self.text[from..self.at];
        // Short integers are exact, and their text is canonical unless it is -0.
        if integer
            && whole <= 15
            && literal != "-0"
            && let Ok(exact) = literal.parse::<i64>()
        {
            return Ok(Value::Number(exact.into()));
        }
        let Some(number) = literal.parse::<f64>().ok().and_then(canonical_number) else {
            return Err(Fault::new(from, "the number is too large for a 64-bit float"));
        };
        if integer && self.integers == Integers::Exact {
            let canonical = String::from_utf8_lossy(&super::jcs::to_jcs(&Value::Number(number.clone()))).into_owned();
            if canonical != literal {
                return Err(Fault::new(from, inexact(literal, &canonical)));
            }
        }
        Ok(Value::Number(number))
    }
}

fn inexact(literal: &str, canonical: &str) -> String {
    let shown = match literal.get(..40) {
        Some(head) if literal.len() > 40 => format!("{head}..."),
        _ => literal.to_owned(),
    };
    let remedy = if literal == "-0" { "write 0" } else { "send 64-bit values as hex strings" };
    format!("the integer {shown} would become {canonical} in canonical JSON (RFC 8785); {remedy}")
}

/// One form for each value: whole numbers that are exact as floats are integers, the rest floats. `None` is overflow.
#[expect(clippy::cast_possible_truncation, reason = "whole and at most 2^53, so the cast is exact")]
fn canonical_number(value: f64) -> Option<Number> {
    if value.abs() <= EXACT_INTEGER && value.fract() == 0.0 {
        Some(Number::from(value as i64))
    } else {
        Number::from_f64(value)
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
