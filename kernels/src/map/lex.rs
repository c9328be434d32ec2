//! Tokens of formulas with their places. It knows no grammar and no names.

use super::expression::shown;
use super::parse::SyntaxError;

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A number as it is written.
    Number(&'a str),
    /// A name.
    Name(&'a str),
    /// An operator, a parenthesis or a comma.
    Sign(&'a str),
    /// The end of the formula.
    End,
}

impl Token<'_> {
    /// How an error names it.
    pub(super) fn shown(self) -> String {
        match self {
            Token::Number(text) | Token::Name(text) | Token::Sign(text) => format!("`{}`", shown(text)),
            Token::End => "the end".to_owned(),
        }
    }
}

/// Where a token begins: both count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    pub(super) fn error(self, problem: impl Into<String>) -> SyntaxError {
        SyntaxError { line: self.line, column: self.column, problem: problem.into() }
    }
}

/// The longer signs come first.
const SIGNS: [&str; 13] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ","];

/// Reads a formula from its beginning.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    place: Place,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { rest: text, place: Place { line: 1, column: 1 } }
    }

    /// The next token and where it begins; at the end, the end again and again.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, Place), SyntaxError> {
        let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.take(blank);
        let place = self.place;
        let Some(first) = self.rest.chars().next() else {
            return Ok((Token::End, place));
        };
        let second = self.rest.as_bytes().get(1);
        if first.is_ascii_digit() || (first == '.' && second.is_some_and(u8::is_ascii_digit)) {
            let length = number_length(self.rest.as_bytes());
            return Ok((Token::Number(self.take(length)), place));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let length = self.rest.bytes().take_while(|&byte| is_word(byte)).count();
            return Ok((Token::Name(self.take(length)), place));
        }
        match SIGNS.into_iter().find(|sign| self.rest.starts_with(sign)) {
            Some(sign) => Ok((Token::Sign(self.take(sign.len())), place)),
            None if first == '=' => Err(place.error("`=` is no operator; equality is `==`")),
            None => Err(place.error(format!("`{}` has no meaning here", first.escape_debug()))),
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        for character in taken.chars() {
            match character {
                '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
                _ => self.place.column += 1,
            }
        }
        self.rest = rest;
        taken
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Everything that could belong to a number, so that `1.5f` is one wrong number and not a number and a name. A sign
/// belongs to it only behind the letter of an exponent.
fn number_length(text: &[u8]) -> usize {
    let is_hex = matches!(text, [b'0', b'x' | b'X', ..]);
    let is_exponent = |byte: u8| byte.eq_ignore_ascii_case(if is_hex { &b'p' } else { &b'e' });
    let mut length = 1;
    while let Some(&byte) = text.get(length) {
        let signed = matches!(byte, b'+' | b'-') && is_exponent(text[length - 1]);
        if !is_word(byte) && byte != b'.' && !signed {
            break;
        }
        length += 1;
    }
    length
}
