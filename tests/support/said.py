"""Every reason the code can give, read off its syntax trees: what is said where, and under which kind.

A reason is followed from the place that says it to the literal: through constants, conditions and local variables;
f-strings become patterns. What cannot be followed is told too, so that nothing is silently left out.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import attrs

from mmfsm.reasons import Kind

ROOT = Path(__file__).parents[2]
APART = ("runner/paper/", "runner/simulator/", "runner/tuning/", "runner/scan/", "mmfsm/proof/", "mmfsm/reasons/")
"""Parts that give no reason of a run: the stand-in, the simulator and tools; and the catalogue itself."""

BREACHES = ("breach", "_breach_once", "_breach", "_on_failure", "on_failure", "failure")


GUARDIANS = {
    ("runner/guardian.py", "_tell"),
    ("runner/guarding.py", "_tell"),
    ("runner/surroundings.py", "_tell"),
    ("runner/alerting/guardians.py", "_write"),
}
"""Where the guardian's words are said, and by which call."""


@attrs.frozen
class Said:
    """One reason at one place. `is_open`: what is said there could not be followed to a literal; `form` is its text."""

    kind: Kind
    form: str
    where: str
    is_open: bool = False


def said_in(root: Path = ROOT) -> list[Said]:
    """Return every reason said in the library and the runner."""
    files = [path for name in ("mmfsm", "runner") for path in sorted((root / name).rglob("*.py"))]
    trees = {path.relative_to(root).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}
    constants = {name: text for tree in trees.values() for name, text in _constants(tree)}
    return [
        said
        for name, tree in trees.items()
        if not name.startswith(APART)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        for kind, expression in _sites(name, function)
        for said in _followed(kind, expression, function, constants, name)
    ]


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((target.id, node.value.value) for target in node.targets if isinstance(target, ast.Name))


# --- the places where a reason is said --------------------------------------------------------------------------------


def _sites(name: str, scope: ast.AST) -> Iterator[tuple[Kind, ast.expr]]:
    title = getattr(scope, "name", "")
    for node in _own(scope):
        if isinstance(node, ast.Call):
            yield from _called(name, node, title)
        elif isinstance(node, ast.Return) and node.value is not None and title in IDLE_RETURNS:
            yield Kind.IDLE, node.value
        elif isinstance(node, ast.Assign):
            yield from (
                (kind, value) for target in node.targets for kind, value in _assigned(title, target, node.value)
            )
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from ((kind, node.value) for kind in DEFAULTS if DEFAULTS[kind] == (title, ast.unparse(node.target)))


DEFAULTS = {Kind.IDLE: ("DeskState", "why_not"), Kind.LATCHED: ("Halt", "why")}
"""Reasons that are a field's default: kind → (class, field)."""

IDLE_RETURNS = ("why_not_quote", "why_off", "funding_off")


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """What stands in a scope itself, not in a function or class inside it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child
            yield from _own(child)


def _assigned(title: str, target: ast.expr, value: ast.expr) -> Iterator[tuple[Kind, ast.expr]]:
    if title == "standing_halts" and isinstance(target, ast.Subscript):
        yield Kind.HALT, target.slice
    elif title == "judge" and ast.unparse(target) == "why":
        yield Kind.IDLE, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=True):
            yield from _assigned(title, one, its)
    elif ast.unparse(target) == "self.end":
        yield Kind.GUARDIAN, value
    elif isinstance(target, ast.Attribute) and target.attr == "failure" and ast.unparse(value) != "failure":
        yield Kind.START, value


def _called(name: str, call: ast.Call, title: str) -> Iterator[tuple[Kind, ast.expr]]:
    what = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = dict(enumerate(call.args)) | {word.arg: word.value for word in call.keywords}
    for later in (
        i for i, arg in enumerate(call.args[:-1]) if what.startswith("call_") and isinstance(arg, ast.Attribute)
    ):
        what, given = call.args[later].attr, {0: call.args[later + 1]}
    texts = [arg.value if isinstance(arg, ast.Constant) else None for arg in call.args]
    if title == "_say_failed" and what in ("record", "alert"):
        yield Kind.START, given[2 if what == "record" else 0]
    elif what == "halt_soon":
        yield Kind.LATCHED, given[0]
    elif what == "alert":
        yield Kind.ALERT, given[0]
    elif what in ("record", "note", "_note") and texts and texts[0] in ("risk", "order_skip", "guardian"):
        kind = {"risk": Kind.RISK, "order_skip": Kind.SKIP, "guardian": Kind.GUARDIAN}[texts[0]]
        yield kind, given[2 if what == "record" else 1]
    elif "event" in given and ast.unparse(given["event"]) == "'risk'":
        yield Kind.RISK, given["reason"]
    elif what in ("QuoteSide", "SideLimit", "SkipHedge"):
        nothing = {"QuoteSide": "None", "SideLimit": "ZERO", "SkipHedge": ""}[what]
        if nothing in ast.unparse(given[0]):
            yield Kind.SKIP, given[2 if what == "QuoteSide" else 1]
    elif what in BREACHES or (what == "start" and "tasks" in ast.unparse(call.func) and len(call.args) == 2):
        yield Kind.LATCHED, ast.JoinedStr([ast.Constant("breach:"), *_pieces(given[0])])
    elif what == "Note":
        yield Kind.ALERT, given[1]
    elif (name, what) in GUARDIANS:
        yield Kind.GUARDIAN, given[0]
    if what == "tell" and "failure" in given:
        yield Kind.START, given["failure"]


def _pieces(part: ast.expr) -> list[ast.expr]:
    if isinstance(part, ast.Constant):
        return [part]
    return part.values if isinstance(part, ast.JoinedStr) else [ast.FormattedValue(part, -1)]


# --- from there to the literal ----------------------------------------------------------------------------------------


def _followed(
    kind: Kind, value: ast.expr, scope: ast.AST, constants: dict[str, str], where: str, seen: tuple[str, ...] = ()
) -> Iterator[Said]:
    if isinstance(value, ast.Constant):
        if value.value:
            yield Said(kind, str(value.value), where)
    elif isinstance(value, ast.JoinedStr):
        pieces = [list(_piece(it, scope, constants, seen)) for it in value.values]
        yield from (Said(kind, "".join(one), where) for one in itertools.product(*pieces))
    elif isinstance(value, (ast.IfExp, ast.BoolOp)):
        for one in value.values if isinstance(value, ast.BoolOp) else (value.body, value.orelse):
            yield from _followed(kind, one, scope, constants, where, seen)
    elif isinstance(value, (ast.Name, ast.Attribute)) and ast.unparse(value).split(".")[-1] in constants:
        yield Said(kind, constants[ast.unparse(value).split(".")[-1]], where)
    else:
        name = ast.unparse(value)
        found = [] if name in seen else list(_assignments(scope, name))
        for one in found:
            yield from _followed(kind, one, scope, constants, where, (*seen, name))
        if not found:
            yield Said(kind, name, where, is_open=True)


def _piece(part: ast.expr, scope: ast.AST, constants: dict[str, str], seen: tuple[str, ...]) -> Iterator[str]:
    """What a piece of an f-string may be: its letters, what a local variable is set to, or a place for anything."""
    if isinstance(part, ast.Constant):
        yield str(part.value)
    elif isinstance(part, ast.FormattedValue):
        said = list(_followed(Kind.RISK, part.value, scope, constants, "", seen))
        yield from {"{}"} if any(one.is_open for one in said) else {one.form for one in said}


def _assignments(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a local variable is set to, wherever in its function."""
    for node in _own(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = list(zip(target.elts, node.value.elts, strict=True))
                yield from (value for one, value in pairs if ast.unparse(one) == name)
