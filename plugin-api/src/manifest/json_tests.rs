//! What the reader takes, what it refuses, and how it says so.

use super::*;
use crate::manifest::jcs::to_jcs;
use proptest::prelude::*;
use serde_json::json;

fn read(text: &str) -> Value {
    parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    match parse(text.as_bytes()) {
        Ok(value) => panic!("{text} was read as {value}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn plain_values_are_read() {
    assert_eq!(
        read(" {\"a\" : [1, -2.5e3 ,true,false,null,\"x\"] }\r\n\t"),
        json!({"a": [1, -2500, true, false, null, "x"]})
    );
    assert_eq!(read(r#""\u0041\ud83d\ude00\n\/\u0000""#), json!("A\u{1f600}\n/\u{0}"));
    assert_eq!(read("[]"), json!([]));
    assert_eq!(read("{}"), json!({}));
    assert_eq!(read(r#""ünï""#), json!("ünï"));
}

#[test]
fn a_number_has_one_form_whatever_its_spelling() {
    for text in ["1", "1.0", "1e0", "10e-1", "0.1E+1"] {
        assert_eq!(read(text), json!(1), "{text}");
    }
    assert_eq!(read("-0.0"), json!(0));
    assert_eq!(read("9007199254740991"), json!(9_007_199_254_740_991_u64));
    assert_eq!(read("9007199254740992"), json!(9_007_199_254_740_992_u64));
    assert_eq!(read("-9007199254740992"), json!(-9_007_199_254_740_992_i64));
    assert_eq!(read("18446744073709552000"), json!(18_446_744_073_709_552_000.0_f64));
    assert_eq!(read("1e21"), json!(1e21));
    assert_eq!(read("1e-400"), json!(0), "rounds to nearest, as RFC 8785 does");
}

#[test]
fn refusals_name_line_column_and_place() {
    let cases = [
        ("", "line 1, column 1, at $: expected a JSON value, found the end of the text"),
        ("\u{feff}{}", "line 1, column 1, at $: the text starts with a byte-order mark; save it as UTF-8 without one"),
        ("{} x", "line 1, column 4, at $: expected the end of the text after the first value, found 'x'"),
        ("[1,]", "line 1, column 4, at $[1]: expected a JSON value, found ']'"),
        ("[1 2]", "line 1, column 4, at $: expected `,` or `]`, found '2'"),
        ("{\"a\":1,}", "line 1, column 8, at $: expected a key in double quotes, found '}'"),
        ("{'a':1}", "line 1, column 2, at $: expected a key in double quotes, found '\\''"),
        ("{\"a\" 1}", "line 1, column 6, at $: expected `:` after the key, found '1'"),
        (
            "{\n  \"é\": {\"a\": 1, \"b.c\": [0, 01]}\n}",
            "line 2, column 28, at $[\"é\"][\"b.c\"][1]: a number does not start with 0; \
             send digits that matter as a string",
        ),
        (
            "{\"x\":{\"a\":1,\n\"a\":2}}",
            "line 2, column 1, at $.x.a: this key occurs twice in one object; remove one of the two",
        ),
        (
            "{\"a\":1,\"\\u0061\":2}",
            "line 1, column 8, at $.a: this key occurs twice in one object; remove one of the two",
        ),
        ("[1e400]", "line 1, column 2, at $[0]: the number is too large for a 64-bit float"),
        ("[NaN]", "line 1, column 2, at $[0]: NaN and infinities are not JSON numbers; send null or a string"),
        ("[-Infinity]", "line 1, column 2, at $[0]: NaN and infinities are not JSON numbers; send null or a string"),
        (
            "{\"id\":9007199254740993}",
            "line 1, column 7, at $.id: the integer 9007199254740993 would become 9007199254740992 in canonical \
             JSON (RFC 8785); send 64-bit values as hex strings",
        ),
        ("-0", "line 1, column 1, at $: the integer -0 would become 0 in canonical JSON (RFC 8785); write 0"),
        (
            "1000000000000000000000",
            "line 1, column 1, at $: the integer 1000000000000000000000 would become 1e+21 in canonical \
             JSON (RFC 8785); send 64-bit values as hex strings",
        ),
        ("\"\\ud800\"", "line 1, column 2, at $: half a surrogate pair: no character, and not RFC 8785"),
        ("\"\\ud800\\u0041\"", "line 1, column 2, at $: half a surrogate pair: no character, and not RFC 8785"),
        ("\"\\udc00\"", "line 1, column 2, at $: half a surrogate pair: no character, and not RFC 8785"),
        ("\"\\u12g4\"", "line 1, column 2, at $: \\u is followed by four hexadecimal digits"),
        ("\"\\x\"", "line 1, column 2, at $: no such escape in JSON; write \\\\ for a backslash"),
        ("\"a\tb\"", "line 1, column 3, at $: a control character in a string is written as \\u0009"),
        ("\"abc", "line 1, column 1, at $: this string has no end"),
        ("\"abc\\", "line 1, column 5, at $: no such escape in JSON; write \\\\ for a backslash"),
        ("-", "line 1, column 2, at $: expected a digit, found the end of the text"),
        ("1.", "line 1, column 3, at $: expected a digit after the point, found the end of the text"),
        ("1e+", "line 1, column 4, at $: expected a digit of the exponent, found the end of the text"),
        (".5", "line 1, column 1, at $: expected a JSON value, found '.'"),
        ("truer", "line 1, column 5, at $: expected the end of the text after the first value, found 'r'"),
        ("// no\n1", "line 1, column 1, at $: expected a JSON value, found '/'"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected, "{text:?}");
    }
    let not_utf8 = parse(b"{\"a\":\n\"\xff\"}").expect_err("not UTF-8").to_string();
    assert_eq!(not_utf8, "line 2, column 2, at $: the text is not UTF-8 from here on");
}

#[test]
fn nesting_stops_at_the_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert!(refusal(&nested(MAX_DEPTH + 1)).contains("nested more than 128 deep"));
    // A hostile text fails as quickly.
    assert!(parse("{\"a\":".repeat(1_000_000).as_bytes()).is_err());
}

#[test]
fn a_long_integer_is_not_repeated_in_full() {
    assert!(refusal(&"1".repeat(300)).len() < 300);
}

#[test]
fn rounding_is_a_choice() {
    let nearest = |text: &str| parse_with(text.as_bytes(), Integers::Nearest).map(|v| to_jcs(&v));
    assert_eq!(nearest("9007199254740993"), Ok(b"9007199254740992".to_vec()));
    assert_eq!(nearest("-0"), Ok(b"0".to_vec()));
}

/// Any value that a text can stand for, with numbers in their one form.
fn any_value() -> impl Strategy<Value = Value> {
    let number = any::<f64>().prop_filter_map("finite", |f| f.is_finite().then(|| canonical_number(f)).flatten());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(Value::Number),
        (-9_007_199_254_740_992_i64..=9_007_199_254_740_992).prop_map(Value::from),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in any_value()) {
        let text = to_jcs(&value);
        prop_assert_eq!(parse_with(&text, Integers::Nearest), Ok(value.clone()));
        // Strictly too: canonical integers are their own canonical text.
        prop_assert_eq!(parse(&text), Ok(value));
    }

    #[test]
    fn other_writers_texts_are_read_alike(value in any_value()) {
        let text = serde_json::to_vec_pretty(&value).expect("a value can be written");
        prop_assert_eq!(parse_with(&text, Integers::Nearest), Ok(value));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(parse(&bytes));
    }

    #[test]
    fn no_near_json_makes_it_panic(text in r#"([\[\]{}:,"\\ \n0-9eE.+-]|\\u|d8|dc00|true|nul|NaN|é|😀){0,60}"#) {
        if let Ok(value) = parse(text.as_bytes()) {
            // Whatever is accepted, the common reader accepts too, with the same meaning.
            let common: Value = serde_json::from_str(&text).expect("serde_json reads it too");
            prop_assert_eq!(to_jcs(&common), to_jcs(&value));
        }
    }
}
