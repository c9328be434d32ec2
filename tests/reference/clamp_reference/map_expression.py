"""map: one expression over arrays of one shape, read with the precedence of C, one rounding a node.

Lowest first: == !=, then < <= > >=, then + -, then * /, all to the left; then unary minus; then numbers,
names, calls, parentheses. Errors are `SyntaxFault` and name line and column, both from 1.
"""

import re
from dataclasses import dataclass

import numpy as np

from . import elementwise, functions
from .exact import parse_number
from .formats import canonical

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*(?:[pP][+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign><=|>=|==|!=|[-+*/<>(),])",
    re.ASCII,
)
_LEVELS = (("==", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
_COMPARED = {"<": "lt", "<=": "le", "==": "eq", "!=": "ne", ">": "gt", ">=": "ge"}
_ARITHMETIC = {"+": elementwise.add, "-": elementwise.sub, "*": elementwise.mul, "/": elementwise.div}

_FOR_BOTH = {
    "sqrt": (1, elementwise.sqrt),
    "abs": (1, elementwise.abs_),
    "min": (2, elementwise.min_),
    "max": (2, elementwise.max_),
    "fma": (3, elementwise.fma),
}
_FOR_F32 = {
    "rsqrt": (1, elementwise.rsqrt),
    "relu": (1, elementwise.relu),
    **{name: (1, function) for name, function in functions.FUNCTIONS.items()},
}
CALLS = {"f32": _FOR_BOTH | _FOR_F32, "f64": _FOR_BOTH}


class SyntaxFault(ValueError):
    """What is wrong with an expression, and where."""

    def __init__(self, text, at, what):
        line = text.count("\n", 0, at) + 1
        column = at - (text.rfind("\n", 0, at) + 1) + 1
        super().__init__(f"line {line}, column {column}: {what}")
        self.line, self.column = line, column


@dataclass(frozen=True)
class Node:
    """One operation: `op` is number, x, c, neg, an operator's sign or a function's name."""

    op: str
    parts: tuple = ()
    value: object = None


class Parser:
    """One pass over one text; `node` is the result, `inputs` and `scalars` the names it uses."""

    def __init__(self, text, name):
        self.text, self.name = text, name
        self.tokens = list(self._split())
        self.next = 0
        self.inputs, self.scalars = set(), set()
        self.node = self._level(0)
        kind, sign, at = self.tokens[self.next]
        if kind != "end":
            raise SyntaxFault(text, at, f"{sign!r} does not continue an expression")
        if not self.inputs:
            raise SyntaxFault(text, 0, "an expression uses at least one input")

    def _split(self):
        at = 0
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            if not match:
                raise SyntaxFault(self.text, at, f"{self.text[at]!r} begins nothing")
            if match.lastgroup != "space":
                yield match.lastgroup, match[0], at
            at = match.end()
        yield "end", "the end", at

    def _take(self, *signs):
        kind, sign, _ = self.tokens[self.next]
        if kind == "sign" and sign in signs:
            self.next += 1
            return sign
        return None

    def _expect(self, sign):
        if not self._take(sign):
            _, found, at = self.tokens[self.next]
            raise SyntaxFault(self.text, at, f"{sign!r} is missing before {found!r}")

    def _level(self, level):
        if level == len(_LEVELS):
            return self._unary()
        node = self._level(level + 1)
        while sign := self._take(*_LEVELS[level]):
            node = Node(sign, (node, self._level(level + 1)))
        return node

    def _unary(self):
        if self._take("-"):
            return Node("neg", (self._unary(),))
        return self._primary()

    def _primary(self):
        if self._take("("):
            node = self._level(0)
            self._expect(")")
            return node
        kind, found, at = self.tokens[self.next]
        self.next += 1
        if kind == "number":
            try:
                return Node("number", value=parse_number(found, self.name))
            except (ValueError, ArithmeticError) as error:
                raise SyntaxFault(self.text, at, str(error)) from error
        if kind != "name":
            raise SyntaxFault(self.text, at, f"{found!r} where a value is expected")
        if re.fullmatch(r"[xc][0-7]", found):
            (self.inputs if found[0] == "x" else self.scalars).add(found)
            return Node(found[0], value=found)
        if found not in CALLS[self.name]:
            raise SyntaxFault(self.text, at, f"no {found!r} for {self.name}")
        return self._call(found, at)

    def _call(self, found, at):
        self._expect("(")
        parts = [self._level(0)]
        while self._take(","):
            parts.append(self._level(0))
        self._expect(")")
        if len(parts) != CALLS[self.name][found][0]:
            raise SyntaxFault(self.text, at, f"{found} takes {CALLS[self.name][found][0]}, not {len(parts)}")
        return Node(found, tuple(parts))


def evaluate(node, values, shape, name):
    """The array of a node; `values` holds inputs and scalars by name."""
    if node.op in ("number", "x", "c"):
        value = node.value if node.op == "number" else values[node.value]
        return np.broadcast_to(value, shape)
    parts = [evaluate(part, values, shape, name) for part in node.parts]
    if node.op == "neg":
        return elementwise.neg(*parts)
    if node.op in _ARITHMETIC:
        return _ARITHMETIC[node.op](*parts)
    if node.op in _COMPARED:
        return elementwise.COMPARISONS[_COMPARED[node.op]](*parts).astype(parts[0].dtype)
    return CALLS[name][node.op][1](*parts)


def map_kernel(name):
    """The map kernel of a dtype; the caller has checked the arguments against the expression."""

    def kernel(expr, **values):
        shape = values[min(v for v in values if v[0] == "x")].shape
        return canonical(evaluate(Parser(expr, name).node, values, shape, name))

    return kernel
