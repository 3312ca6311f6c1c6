"""A lowered rule for reading, and what a statement of it costs: from the committed tree alone, without sympy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from .layout import Layout
from .program import SLACK_BITS, Unknown
from .rule import Affine, Alternative, Floor, Largest, Least, LoweredRule, Node, Polynomial, Sum, Term, Total

_INDENT = "  "
_PARTS = {"long": "{}, long", "short": "{}, short", "amount": "{}", "cash": "{}"}


def listing(rule: LoweredRule) -> list[str]:
    """The tree of ``rule`` as lines: what is added for each hidden number, at which ends of the public intervals.

    ``NAME_low`` and ``NAME_high`` are the ends of an interval; of several coefficients the least counts.
    """
    return list(_lines(rule.slack, 0))


def _lines(node: Node, depth: int) -> Iterator[str]:
    margin = _INDENT * depth
    if isinstance(node, Affine):
        for term in node.terms:
            yield margin + _term(term)
        if not node.terms:
            yield margin + "0"
        return
    yield margin + _title(node)
    if isinstance(node, Sum | Least):
        children: Sequence[Node | Alternative] = node.nodes
    elif isinstance(node, Largest):
        children = node.alternatives
    else:
        children = (node.of,)
    several = len(children) > 1 and not isinstance(node, Sum)
    for i, child in enumerate(children):
        if several:
            yield f"{margin}{_INDENT}{'or' if i else 'either'}"
        inner = depth + 1 + several
        if isinstance(child, Alternative):
            yield from _lines(child.of, inner)
            if child.where is not None:
                yield f"{_INDENT * inner}open while this is not negative"
                yield from _lines(child.where, inner + 1)
        else:
            yield from _lines(child, inner)


def _title(node: Sum | Total | Least | Largest | Floor) -> str:
    if isinstance(node, Sum):
        return "sum of"
    if isinstance(node, Total):
        return f"for every {node.family}, sum of"
    if isinstance(node, Floor):
        return f"({_polynomial(node.times)}) times the quotient by ({_polynomial(node.by)}), rounded down, of"
    return ("least" if isinstance(node, Least) else "greatest") + (
        f", over every {node.family}, of" if node.family else " of"
    )


def _term(term: Term) -> str:
    coefficients = list(map(_polynomial, term.least))
    shown = coefficients[0] if len(coefficients) == 1 else "least of " + " and ".join(f"[{c}]" for c in coefficients)
    if term.hidden is None or term.part is None:
        return shown
    return f"{_PARTS[term.part].format(term.hidden)}: {shown}"


def _polynomial(polynomial: Polynomial) -> str:
    text = ""
    for coefficient, factors in polynomial.monomials:
        names = [name if index is None else f"{name}[{index.removeprefix('#')}]" for name, index in factors]
        if abs(coefficient) != 1 or not names:
            names.insert(0, str(abs(coefficient)))
        sign = ("-" if coefficient < 0 else "") if not text else (" - " if coefficient < 0 else " + ")
        text += sign + "*".join(names)
    return text or "0"


def cost(layout: Layout) -> dict[str, int | Mapping[str, int]]:
    """What a statement costs: hidden numbers and unknowns by kind, slots, rows, terms and bytes of a proof."""
    program, relation = layout.program, layout.relation
    return {
        "hidden": dict(Counter(value.kind for value in program.hidden)),
        "unknowns": dict(Counter(map(_kind, program.unknowns))),
        "digit_base": 1 << layout.base_bits,
        "slots": relation.N,
        "rows": len(relation.rows),
        "terms": relation.terms,
        "proof_bytes": relation.proof_bytes,
    }


def _kind(unknown: Unknown) -> str:
    if unknown.is_bit:
        return "bit"
    if unknown.row is None:
        return "free block"
    if unknown.bits == SLACK_BITS:
        return "slack"
    return "block with a row" if unknown.bits else "row alone"
