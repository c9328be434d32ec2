//! The one parser of map expressions, with the precedence of C: unary minus, then * and /, then + and -, then < <= > >=,
//! then == and !=, each from left to right. It changes nothing: every sign and every call is one node.

use super::expression::{Expression, MAX_DEPTH, MAX_TEXT, Node};
use super::lex::{Lexer, Place, Token};
use super::{INPUTS, Operation, SCALARS};
use crate::catalogue::{Dtype, ParamKind, number};

/// What is wrong with a formula, and where; both count from 1, the column in characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct SyntaxError {
    /// The line.
    pub line: usize,
    /// The column at which the token at fault begins.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
}

/// Reads a formula such as `x0*c0 + exp(-x1)`. A decimal constant is rounded once to `dtype`; a hexadecimal one must be
/// exact in it.
pub fn parse(dtype: Dtype, text: &str) -> Result<Expression, SyntaxError> {
    let start = Place { line: 1, column: 1 };
    if text.len() > MAX_TEXT {
        return Err(start.error(format!("the expression has {} bytes; {MAX_TEXT} are allowed", text.len())));
    }
    let mut lexer = Lexer::new(text);
    let (token, place) = lexer.next()?;
    let mut parser = Parser { lexer, token, place, nesting: 0, expression: Expression::empty(dtype) };
    parser.operations(0)?;
    match parser.token {
        Token::End => parser.expression.finish().map_err(|problem| start.error(problem)),
        Token::Sign(")") => Err(parser.place.error("`)` closes nothing")),
        token => Err(parser.place.error(format!("an operator is missing before {}", token.shown()))),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token that is looked at, not yet taken.
    token: Token<'a>,
    place: Place,
    /// Open parentheses.
    nesting: usize,
    expression: Expression,
}

impl<'a> Parser<'a> {
    /// Operands with operators that bind at least as tightly as `tightness` says.
    fn operations(&mut self, tightness: u8) -> Result<(), SyntaxError> {
        self.operand()?;
        while let Some((operation, its)) = self.operator()
            && its >= tightness
        {
            let (_, place) = self.take()?;
            self.operations(its + 1)?;
            self.push(Node::Apply(operation), place)?;
        }
        Ok(())
    }

    fn operator(&self) -> Option<(Operation, u8)> {
        let Token::Sign(sign) = self.token else { return None };
        Some(match sign {
            "==" => (Operation::Eq, 0),
            "!=" => (Operation::Ne, 0),
            "<" => (Operation::Lt, 1),
            "<=" => (Operation::Le, 1),
            ">" => (Operation::Gt, 1),
            ">=" => (Operation::Ge, 1),
            "+" => (Operation::Add, 2),
            "-" => (Operation::Sub, 2),
            "*" => (Operation::Mul, 3),
            "/" => (Operation::Div, 3),
            _ => return None,
        })
    }

    fn operand(&mut self) -> Result<(), SyntaxError> {
        let mut minuses = Vec::new();
        while self.token == Token::Sign("-") {
            minuses.push(self.take()?.1);
        }
        match self.take()? {
            (Token::Number(text), place) => {
                let bits = self.constant(text, place)?;
                self.push(Node::Constant(bits), place)?;
            }
            (Token::Name(name), place) => self.name(name, place)?,
            (Token::Sign("("), place) => {
                self.nest(place)?;
                self.operations(0)?;
                self.close(place)?;
            }
            (Token::Sign("+"), place) => return Err(place.error("`+` needs an operand before it")),
            (token, place) => return Err(place.error(format!("an operand is missing before {}", token.shown()))),
        }
        minuses.into_iter().rev().try_for_each(|place| self.push(Node::Apply(Operation::Neg), place))
    }

    fn constant(&self, text: &str, place: Place) -> Result<u64, SyntaxError> {
        let kind = if self.expression.dtype() == Dtype::F32 { ParamKind::F32 } else { ParamKind::F64 };
        match number(kind, text) {
            Ok(value) => Ok(value.bits()),
            Err(reason) => Err(place.error(format!("{} {reason}", Token::Number(text).shown()))),
        }
    }

    fn name(&mut self, name: &str, place: Place) -> Result<(), SyntaxError> {
        let index = |names: [&str; 8]| names.into_iter().position(|one| one == name).map(|index| index as u8);
        if let Some(node) = index(INPUTS).map(Node::Input).or_else(|| index(SCALARS).map(Node::Scalar)) {
            return match self.token {
                Token::Sign("(") => Err(place.error(format!("`{name}` is no function"))),
                _ => self.push(node, place),
            };
        }
        let is_call = self.token == Token::Sign("(");
        let shown = Token::Name(name).shown();
        match Operation::called(name) {
            None if is_call => Err(place.error(format!("unknown function {shown}; there are {}", self.functions()))),
            None => Err(place.error(format!("unknown name {shown}; inputs are x0 to x7, scalars c0 to c7"))),
            Some(operation) if !operation.is_in(self.expression.dtype()) => {
                Err(place.error(format!("{shown} is a function of f32 only; f64 has {}", self.functions())))
            }
            Some(_) if !is_call => {
                Err(place.error(format!("{shown} is a function: it needs its operands in parentheses")))
            }
            Some(operation) => self.call(operation, place),
        }
    }

    fn call(&mut self, operation: Operation, place: Place) -> Result<(), SyntaxError> {
        let (_, open) = self.take()?;
        self.nest(open)?;
        let mut count = 0;
        if self.token != Token::Sign(")") {
            loop {
                self.operations(0)?;
                count += 1;
                if self.token != Token::Sign(",") {
                    break;
                }
                self.take()?;
            }
        }
        self.close(open)?;
        let (name, arity) = (operation.name(), operation.arity());
        if count != arity {
            let plural = if arity == 1 { "operand" } else { "operands" };
            return Err(place.error(format!("`{name}` takes {arity} {plural}, not {count}")));
        }
        self.push(Node::Apply(operation), place)
    }

    fn functions(&self) -> String {
        let dtype = self.expression.dtype();
        let called = Operation::ALL.iter().filter(|operation| operation.infix().is_empty() && operation.is_in(dtype));
        called.map(|operation| operation.name()).collect::<Vec<_>>().join(", ")
    }

    fn nest(&mut self, place: Place) -> Result<(), SyntaxError> {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err(place.error(format!("parentheses are nested deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    fn close(&mut self, open: Place) -> Result<(), SyntaxError> {
        self.nesting -= 1;
        if self.token == Token::Sign(")") {
            return self.take().map(|_| ());
        }
        let Place { line, column } = open;
        let problem = match self.token {
            Token::End => format!("`)` is missing for the `(` of line {line}, column {column}"),
            Token::Sign(",") => "`,` stands only between the operands of a function".to_owned(),
            token => format!("an operator or `)` is missing before {}", token.shown()),
        };
        Err(self.place.error(problem))
    }

    fn push(&mut self, node: Node, place: Place) -> Result<(), SyntaxError> {
        self.expression.push(node).map_err(|problem| place.error(problem))
    }

    /// Takes the token that is looked at and looks at the next.
    fn take(&mut self) -> Result<(Token<'a>, Place), SyntaxError> {
        let taken = (self.token, self.place);
        (self.token, self.place) = self.lexer.next()?;
        Ok(taken)
    }
}
