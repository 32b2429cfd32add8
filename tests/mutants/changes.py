"""The changes that a source yields: one small slip each, in a line that decides or acts."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

_EDGES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_OPPOSITES = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}
_OPPOSITES |= {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn}
_OPPOSITES |= {ast.NotIn: ast.In}
_ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
_FEW = 10
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Change(NamedTuple):
    """`before` becomes `after`, at `start` to `end` of the source (in characters) and within `scope`."""

    scope: str
    lines: range
    start: int
    end: int
    before: str
    after: str

    def applied(self, source: str) -> str:
        """The source with this change."""
        return source[: self.start] + self.after + source[self.end :]


def changes(source: str) -> list[Change]:
    """All that a source yields, from its top to its end."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    return sorted(finder.found, key=lambda change: (change.start, change.end, change.after))


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str) -> None:
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._source = source
        self._encoded = [line.encode() for line in source.splitlines()]
        self._scope: list[str] = []
        self.found: list[Change] = []

    def _place(self, line: int, column: int) -> int:
        """Where it is in the text: the parser counts bytes."""
        return self._starts[line - 1] + len(self._encoded[line - 1][:column].decode())

    def _add(self, node: ast.stmt | ast.expr, after: str) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start, end = self._place(node.lineno, node.col_offset), self._place(node.end_lineno, node.end_col_offset)
        lines = range(node.lineno, node.end_lineno + 1)
        self.found.append(Change(".".join(self._scope), lines, start, end, self._source[start:end], after))

    def _put(self, node: ast.expr, instead: ast.expr) -> None:
        self._add(node, f"({ast.unparse(instead)})")

    def visit(self, node: ast.AST) -> None:
        """Go through the tree, past what never runs or is only read by people and type checkers."""
        if isinstance(node, ast.JoinedStr) or _is_for_types(node):
            return
        if isinstance(node, ast.expr):
            for instead in _instead(node):
                self._put(node, instead)
        for test in _conditions(node):
            self._put(test, ast.UnaryOp(ast.Not(), test))
        if isinstance(node, ast.stmt):
            self._statement(node)
        inside = isinstance(node, _SCOPES)
        if inside:
            self._scope.append(node.name)  # type: ignore[attr-defined]  # scopes have names
        for child in _run_parts(node):
            self.visit(child)
        if inside:
            self._scope.pop()

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Return(value=ast.Constant(value=bool(value))):
                self._add(node, f"return {not value}")
            case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
                self._add(node, "return None")
            case ast.Return(value=None) | ast.Raise() | ast.Continue() | ast.Break():
                self._add(node, "pass")
            case ast.Expr(value=ast.Call() | ast.Await()):
                self._add(node, "pass")
            case ast.AugAssign(op=ast.Add() | ast.Sub() as op):
                opposite = copy.copy(node)
                opposite.op = _ARITHMETIC[type(op)]()
                self._add(node, ast.unparse(opposite))


def _instead(node: ast.expr) -> Iterator[ast.expr]:
    """What an expression may be mistaken for."""
    match node:
        case ast.Compare():
            yield from _other_comparisons(node)
        case ast.BoolOp(op, values):
            for place in range(len(values)):
                rest = [*values[:place], *values[place + 1 :]]
                yield ast.BoolOp(op, rest) if len(rest) > 1 else rest[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC and not _is_text(left) and not _is_text(right):
            yield ast.BinOp(left, _ARITHMETIC[type(op)](), right)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            # One more than a few is noticed, and twice a limit that was chosen freely.
            yield ast.Constant(value + 1 if abs(value) < _FEW else value * 2)


def _other_comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for place, op in enumerate(node.ops):
        for table in (_EDGES, _OPPOSITES):
            if type(op) in table:
                others = [*node.ops[:place], table[type(op)](), *node.ops[place + 1 :]]
                yield ast.Compare(node.left, others, node.comparators)


def _conditions(node: ast.AST) -> Iterator[ast.expr]:
    """What decides without a comparison that could be turned."""
    tests: list[ast.expr] = []
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        tests.append(node.test)
    elif isinstance(node, ast.comprehension):
        tests.extend(node.ifs)
    elif isinstance(node, ast.BoolOp):
        tests.extend(value for value in node.values[:-1] if isinstance(value, ast.Call))
    for test in tests:
        if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant):
            yield test


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _is_for_types(node: ast.AST) -> bool:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Assert():
            return True
        case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
            return any(isinstance(each, ast.Name) and each.id == "overload" for each in decorators)
    return False


def _run_parts(node: ast.AST) -> Iterator[ast.AST]:
    """The children, without annotations and decorators."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
