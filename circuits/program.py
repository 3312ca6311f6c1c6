"""A lowered rule and the public numbers of a statement, turned into blocks of digits, bits and rows.

Everything is an affine form over *variables*: the hidden values that are committed, the short part of each size, and
the unknowns that the rule adds. An unknown is a block of digits, 0 <= x < 2^bits or a little more, or one bit; most are
defined by a row ``x = form``, which then says that the form is not negative. That is all there is:

    slack       x = slack                                              one block: the statement itself
    min(f..)    the value is t = f_0 - S x_0, and x_j = (f_j - f_0)/S + x_0 for every other j: t <= f_j
    max(f..)    bits with sum 1, t = f_0 + M(1-b_0) - S x_0, x_j = (f_j - f_0 + M(b_0 - b_j))/S + x_0, so that t <= f_j
                for the j with b_j = 1; an alternative with a condition g adds x = g + M'(1-b_j)
    floor(f/d)  the value is t = x - c, and y = f - d t

A value t can always be reached and never exceeded: nothing but the signs above decides that. S is the greatest common
divisor of all coefficients of the differences, so that it loses nothing and saves digits. M and the number of digits
come from public bounds of the hidden values; too few would refuse an honest prover, and never accept a false claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd

from zkmargin.errors import InputError, RelationError, WitnessError
from zkmargin.relation import MAX_SLOTS

from .rule import Affine, Alternative, Floor, Largest, Least, Node, Scope, Sum, Total, entries

SIZE_BITS = 48
SLACK_BITS = 104
BASE_BITS = (4, 5, 6, 7, 8)
"""Candidate digit bases 16, 32, 64, 128, 256."""

Form = dict[int, int]
"""Variable -> coefficient. Variables: 0..J-1 the values, J..2J-1 the short parts of sizes, 2J.. unknowns; -1 is 1."""

ONE = -1


@dataclass(frozen=True, slots=True)
class Hidden:
    """A hidden number: its label in a state, its kind, and the greatest |value| that the public parameters allow."""

    label: str
    kind: str  # "cash", "size", "amount", "attested" (0 to bound, by others) or "none": nothing, which is proved
    bound: int = 0


@dataclass(frozen=True, slots=True)
class Unknown:
    """A block of ``bits`` bits (1: one bit, 0: no block, only the row), with the row that defines it or, if it is
    free, how an honest prover finds it."""

    bits: int
    row: Form | None
    find: Callable[[Sequence[int]], int] = field(default=lambda _: 0, repr=False)
    is_bit: bool = False


class Program:
    """The unknowns of ``slacks >= 0`` over ``hidden`` values, in order. Made by ``compile_slacks``; then immutable."""

    def __init__(self, hidden: Sequence[Hidden]) -> None:
        self.hidden = tuple(hidden)
        self.J = len(self.hidden)
        self.unknowns: list[Unknown] = []
        self._index = {value.label: j for j, value in enumerate(self.hidden)}
        self._reach: list[int] = []  # the greatest value of each unknown
        self._digits = 0

    # From nodes to forms that bound them from below.

    def add(self, target: Form, node: Node, scope: Scope) -> None:
        """target += node."""
        if isinstance(node, Affine):
            self._add_affine(target, node, scope)
        elif isinstance(node, Sum):
            for child in node.nodes:
                self.add(target, child, scope)
        elif isinstance(node, Total):
            for entry in entries(scope, node.family):
                self.add(target, node.of, entry)
        elif isinstance(node, Least):
            if node.family is None:
                forms = [self.form(child, scope) for child in node.nodes]
            else:
                forms = [self.form(node.nodes[0], entry) for entry in entries(scope, node.family)]
            _accumulate(target, self._least(forms))
        elif isinstance(node, Largest):
            self._add_largest(target, node, scope)
        else:
            self._add_floor(target, node, scope)

    def form(self, node: Node, scope: Scope) -> Form:
        """The form that bounds ``node`` from below."""
        form: Form = {}
        self.add(form, node, scope)
        return form

    def require(self, form: Form, bits: int) -> None:
        """Add the row and the block that say 0 <= form < 2^bits."""
        self._unknown(Unknown(bits, form), (1 << bits) - 1)

    def _add_affine(self, target: Form, node: Affine, scope: Scope) -> None:
        for term in node.terms:
            coefficient = term.coefficient(scope)
            if not coefficient:
                continue
            if term.hidden is None:
                target[ONE] = target.get(ONE, 0) + coefficient
                continue
            value = self._index[scope[term.hidden]]
            if term.part != "short":
                target[value] = target.get(value, 0) + coefficient
            if term.part in ("long", "short"):  # the long part is q + u
                short = self.J + value
                target[short] = target.get(short, 0) + coefficient

    def _least(self, forms: Sequence[Form]) -> Form:
        if not forms:
            raise InputError("the least of nothing: a family of the risk parameters is empty", code="bad_params")
        first, *rest = _distinct(forms)
        if not rest:
            return first
        differences = [_minus(form, first) for form in rest]
        scale = _divisor(differences)
        bounds = [self._bounds(difference) for difference in differences]
        above = max(0, *(-low for low, _ in bounds)) // scale
        reaches = [max(0, high) // scale + above for _, high in bounds]
        return self._below(first, differences, scale, above, reaches)

    def _below(self, first: Form, differences: Sequence[Form], scale: int, above: int, reaches: Iterable[int]) -> Form:
        """t = first - scale x_0 with t <= first + d for every difference d; x_0 is at most ``above``."""
        x_0 = self._unknown(Unknown(above.bit_length(), None, _gap(differences, scale)), above)
        for difference, reach in zip(differences, reaches, strict=True):
            row = {variable: coefficient // scale for variable, coefficient in difference.items()}
            row[x_0] = 1
            self._unknown(Unknown(reach.bit_length(), row), reach)
        return {**first, x_0: -scale}

    def _add_largest(self, target: Form, node: Largest, scope: Scope) -> None:
        if node.family is None:
            pairs = [(alternative, scope) for alternative in node.alternatives]
        else:
            pairs = [(node.alternatives[0], entry) for entry in entries(scope, node.family)]
        _accumulate(target, self._largest(pairs))

    def _largest(self, pairs: Sequence[tuple[Alternative, Scope]]) -> Form:
        forms = [self.form(alternative.of, scope) for alternative, scope in pairs]
        conditions = [
            None if alternative.where is None else self.form(alternative.where, scope) for alternative, scope in pairs
        ]
        if not forms:
            raise InputError("the greatest of nothing: a family of the risk parameters is empty", code="bad_params")
        differences = [_minus(form, forms[0]) for form in forms]
        scale = _divisor(differences)
        bounds = [self._bounds(difference) for difference in differences]
        most = -(-(max(high for _, high in bounds) - min(low for low, _ in bounds)) // scale) * scale
        bits = self._choice(_chooser(forms, conditions), len(forms))
        # t <= f_j + M (1 - b_j) for every j; t is reached where b_j = 1.
        ceilings = [_sum(form, _times(bit, -most), {ONE: most}) for form, bit in zip(forms, bits, strict=True)]
        first, *rest = ceilings
        reach = 2 * most // scale
        least = self._below(first, [_minus(form, first) for form in rest], scale, reach, [reach] * len(rest))
        for condition, bit in zip(conditions, bits, strict=True):
            if condition is not None:
                low, high = self._bounds(condition)
                waived = max(0, -low)
                row = _sum(condition, _times(bit, -waived), {ONE: waived})
                self._unknown(Unknown((high + waived).bit_length(), row), high + waived)
        return least

    def _choice(self, choose: Callable[[Sequence[int]], int], count: int) -> list[Form]:
        """One form per alternative, 1 for the one that is chosen and 0 for the others."""
        if count == 1:
            return [{ONE: 1}]
        bits: list[Form] = []
        for j in range(count - (count == 2)):
            bits.append({self._unknown(Unknown(1, None, _equals(choose, j), is_bit=True), 1): 1})
        if count == 2:
            return [bits[0], {ONE: 1, next(iter(bits[0])): -1}]
        self._unknown(Unknown(0, _sum({ONE: -1}, *bits)), 0)
        return bits

    def _add_floor(self, target: Form, node: Floor, scope: Scope) -> None:
        form, by, times = self.form(node.of, scope), node.by.integer(scope), node.times.integer(scope)
        if by < 1 or times < 0:
            raise InputError("a divisor of the risk parameters is not above zero", code="bad_params")
        if by == 1:
            _accumulate(target, _times(form, times))
            return
        low, high = self._bounds(form)
        shift = -(low // by)
        reach = high // by + shift
        x = self._unknown(Unknown(reach.bit_length(), None, _quotient(form, by, shift)), reach)
        # The rest y = form - by (x - shift) has to be below ``by`` only for a prover who wants the greatest value.
        self._unknown(Unknown((by - 1).bit_length(), _sum(form, {x: -by, ONE: by * shift})), by - 1)
        _accumulate(target, {x: times, ONE: -times * shift})

    def _unknown(self, unknown: Unknown, reach: int) -> int:
        # Counted on the way: a stranger's claim must not make a checker compile what no relation can hold.
        self._digits += max(1, -(-unknown.bits // BASE_BITS[-1]))
        if self._digits > MAX_SLOTS:
            raise RelationError(f"a statement has at most {MAX_SLOTS} digits: claim less, or of fewer markets")
        self.unknowns.append(unknown)
        self._reach.append(reach)
        return 2 * self.J + len(self.unknowns) - 1

    def _bounds(self, form: Form) -> tuple[int, int]:
        """The least and the greatest that ``form`` can be, from the public bounds of the hidden values."""
        low = high = form.get(ONE, 0)
        for variable, coefficient in form.items():
            if variable >= 2 * self.J:
                a = b = coefficient * self._reach[variable - 2 * self.J]
            elif variable < 0 or (variable >= self.J and variable - self.J in form):
                continue  # the constant; or counted with its value
            else:
                a, b = self._ends(variable, coefficient, form)
            low += min(0, a, b)
            high += max(0, a, b)
        return low, high

    def _ends(self, variable: int, coefficient: int, form: Form) -> tuple[int, int]:
        """What ``variable``, and the short part with it, can add beside 0: a v + b u = a w + (b - a) u, one part being
        0."""
        value = self.hidden[variable % self.J]
        if value.kind == "cash":
            raise InputError("cash stands outside of every min and max")
        if variable >= self.J:
            return coefficient * value.bound, coefficient * value.bound
        long, short = coefficient, form.get(self.J + variable, 0) - coefficient
        return long * value.bound, (short if value.kind == "size" else long) * value.bound

    # The honest prover's side.

    def witness(self, values: Sequence[int]) -> list[int]:
        """What every unknown is for these hidden values, in the order of ``unknowns``. Secret.

        Raises: WitnessError "not_provable", "above_range", without amounts.
        """
        known = [*values, *(max(-value, 0) for value in values)]
        for unknown in self.unknowns:
            x = unknown.find(known) if unknown.row is None else evaluate(unknown.row, known)
            if x < 0:
                raise WitnessError("the account does not satisfy the claim over the whole box")
            known.append(x)
        return known[2 * self.J :]


def compile_slacks(
    hidden: Sequence[Hidden],
    slacks: Iterable[tuple[Node, Scope]],
    amend: Callable[[Program, Sequence[Form]], None] = lambda *_: None,
) -> Program:
    """The program that says every one of ``slacks`` is not negative; their blocks come last.

    ``amend`` sees the forms of the slacks before, and may add to them and to the program.

    Raises: InputError "bad_params": the public numbers leave a family empty or a divisor zero.
    """
    program = Program(hidden)
    forms = [program.form(node, scope) for node, scope in slacks]
    amend(program, forms)
    for form in forms:
        program.require(form, SLACK_BITS)
    return program


def evaluate(form: Mapping[int, int], known: Sequence[int]) -> int:
    """The value of ``form``; ``known`` has the variables in their order."""
    return sum(c if variable == ONE else c * known[variable] for variable, c in form.items())


def _gap(differences: Sequence[Form], scale: int) -> Callable[[Sequence[int]], int]:
    return lambda known: max([0, *(-evaluate(difference, known) for difference in differences)]) // scale


def _chooser(forms: Sequence[Form], conditions: Sequence[Form | None]) -> Callable[[Sequence[int]], int]:
    def choose(known: Sequence[int]) -> int:
        open_ = [j for j, c in enumerate(conditions) if c is None or evaluate(c, known) >= 0]
        if not open_:
            raise WitnessError("the account is in no tier of the risk parameters", code="above_range")
        return max(open_, key=lambda j: evaluate(forms[j], known))

    return choose


def _equals(choose: Callable[[Sequence[int]], int], j: int) -> Callable[[Sequence[int]], int]:
    return lambda known: int(choose(known) == j)


def _quotient(form: Form, by: int, shift: int) -> Callable[[Sequence[int]], int]:
    return lambda known: evaluate(form, known) // by + shift


def _accumulate(target: Form, form: Form) -> None:
    for variable, coefficient in form.items():
        target[variable] = target.get(variable, 0) + coefficient


def _sum(*forms: Form) -> Form:
    total: Form = {}
    for form in forms:
        _accumulate(total, form)
    return total


def _times(form: Form, factor: int) -> Form:
    return {variable: factor * coefficient for variable, coefficient in form.items()}


def _minus(a: Form, b: Form) -> Form:
    difference = dict(a)
    for variable, coefficient in b.items():
        difference[variable] = difference.get(variable, 0) - coefficient
    return _without_zeros(difference)


def _without_zeros(form: Form) -> Form:
    return (
        {variable: coefficient for variable, coefficient in form.items() if coefficient} if 0 in form.values() else form
    )


def _distinct(forms: Sequence[Form]) -> list[Form]:
    return list({frozenset(_without_zeros(form).items()): form for form in reversed(forms)}.values())[::-1]


def _divisor(differences: Iterable[Form]) -> int:
    return gcd(*(divisor for difference in differences for divisor in difference.values())) or 1
