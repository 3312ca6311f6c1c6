"""The statement: the one function that turns request, state and risk parameters into relation, commitments and context.

Both sides call ``build``. A prover proves exactly what the verifier will rebuild from its own state, or nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from zkmargin import range_argument
from zkmargin.batch import Item
from zkmargin.bundle import Request
from zkmargin.canonical import from_hex, parse_decimal, parse_time, to_bytes
from zkmargin.collateral import Chains
from zkmargin.documents import Params, Round, State
from zkmargin.errors import ContextError, InputError, RelationError, WitnessError
from zkmargin.group import IDENTITY, Point, decode, msm
from zkmargin.pedersen import ZERO, Commitments, Opening, commit
from zkmargin.relation import Relation

from . import locked, models, rule
from .boxes import NO_TIME, Lifetime, MarketBox, PriceBox
from .claims import MAINTENANCE, Claim, Claims
from .context import Context
from .layout import Layout
from .locked import Lock
from .markets import RiskParameters
from .prices import box_from_request
from .program import Form, Program, compile_slacks

MAX_VALUES = 32768
"""Values of options that one statement takes: a second or two of a checker's time."""


@dataclass(frozen=True)
class Statement:
    """A public instance: these commitments satisfy the margin rule of this claim over this box.

    ``labels`` names the commitments in order: cash0, then what is hidden of every market of the risk parameters, then
    the ``locks``, which count only for whoever knows of each that its opening was checked (docs/protocol.md, 11.4).
    """

    layout: Layout = field(repr=False)
    commitments: Commitments = field(repr=False)
    context: bytes = field(repr=False)
    labels: tuple[str, ...]
    claims: Claims
    box: PriceBox = field(repr=False)
    lifetime: Lifetime
    locks: tuple[Lock, ...] = ()

    @property
    def relation(self) -> Relation:
        """What the commitments satisfy."""
        return self.layout.relation

    def prove(self, openings: Mapping[str, Opening]) -> bytes:
        """Prove the statement. A label without opening is one never used: opening (0, 0).

        Raises: WitnessError, without amounts: "not_provable" (the claim does not hold over the whole box),
                "above_range" (a size or the slack is above the provable range), "over_cap" (of a class or chain),
                "wrong_openings" (they do not open the commitments).
        """
        values = [openings.get(label, ZERO) for label in self.labels]
        self._check_openings(values)
        locked.check_caps(self.locks, [opening.value for opening in values[len(values) - len(self.locks) :]])
        assignment = self.layout.assign([opening.value for opening in values])
        return range_argument.prove(
            self.relation, values, assignment, context=self.context, commitments=self.commitments
        )

    def verify(self, proof: bytes) -> None:
        """Accept only if the prover knows openings of the commitments that satisfy the claim over the whole box.

        Raises: EncodingError, ProofError.
        """
        range_argument.verify(self.relation, self.commitments, proof, context=self.context)

    def item(self, proof: bytes) -> Item:
        """``proof`` of this statement, for ``zkmargin.batch.verify_batch``."""
        return Item(self.relation, self.commitments, proof, self.context)

    def _check_openings(self, openings: list[Opening]) -> None:
        # One random combination instead of a commitment per label. Openings of another state would only give a proof
        # that fails; this says so before.
        weights = [secrets.randbits(128) for _ in openings]
        value = sum(z * opening.value for z, opening in zip(weights, openings, strict=True))
        blinding = sum(z * opening.blinding for z, opening in zip(weights, openings, strict=True))
        if commit(Opening(value, blinding)) != msm(self.commitments, weights):
            raise WitnessError("the openings do not open the commitments of this state", code="wrong_openings")


def build(request: Request, state: State, params: Params, round: Round, registry: Chains | None = None) -> Statement:
    """What ``request`` says about ``state`` under ``params`` at ``round``: every public fact enters relation,
    commitments or context. ``registry`` is needed by a request that counts locks.

    Trust:  request untrusted; state, params, round and registry are the caller's own, or their signatures were
            verified. That locks exist, and may count so much now, is for the caller to know.
    Raises: ContextError: "wrong_account", "state_mismatch" (another sequence or digest, another venue, or a label in
            use that the parameters do not cover: what it owes would go uncounted), "unknown_params", "unknown_round",
            "expired", "lot_changed" (a unit is not the lot), "bad_box", "claim_not_allowed" (none in canonical form,
            or one that locks cannot count in), those of ``locked.locks_of``.
            EncodingError: a commitment is not a point.
    """
    parameters = RiskParameters.from_document(params)
    _check_references(request, state, parameters, round)
    claims, locks = claims_of(request), locked.locks_of(request, params, registry)
    box = box_from_request(request, parameters)
    lifetime = round.time_unix_s, parse_time(request.expiry)
    if lifetime[0] >= lifetime[1]:
        raise ContextError("the request expires before its oracle round", code="expired")
    context = Context(
        model=parameters.model,
        audience=request.audience,
        venue=state.venue,
        account=from_hex(state.account, 32),
        seq=state.seq,
        state=from_hex(state.state_digest, 32),
        params=from_hex(parameters.digest, 32),
        round=from_hex(request.round, 32),
        round_number=request.round_number,
        claim=str(claims),
        expiry_unix_s=lifetime[1],
        request=hashlib.sha256(to_bytes(request.to_value())).digest(),
        units=parameters.units,
        markets=tuple(market.name for market in parameters.markets),
        dynamic=frozenset(m.name for m in parameters.markets if m.open_interest or m.calm_volatility),
        box=box,
        collateral=request.collateral,
    )
    return Statement(
        layout=layout(parameters, box, claims, lifetime if parameters.has_options else NO_TIME, locks),
        commitments=Commitments([*_commitments(state, parameters), *locked.points_of(request.collateral)]),
        context=context.to_bytes(),
        labels=(*parameters.units, *locked.labels_of(request.collateral)),
        claims=claims,
        box=box,
        lifetime=lifetime,
        locks=locks,
    )


def claims_of(request: Request) -> Claims:
    """The claims of an untrusted request.

    Raises: ContextError "claim_not_allowed".
    """
    try:
        return Claims.from_canonical(request.claim)
    except InputError as error:
        raise ContextError(str(error), code="claim_not_allowed") from None


def check_usable(params: RiskParameters, now_unix_s: int) -> None:
    """Refuse risk parameters that no account could prove maintenance under now.

    Raises: InputError "unknown_model", "bad_params": what its model does not have, or more than a statement can hold.
    """
    nominal = tuple(MarketBox(m.atto_per_lot, m.atto_per_lot, 0, 0) for m in params.markets)
    try:
        layout(params, nominal, Claims((MAINTENANCE,)), (now_unix_s, now_unix_s))
    except RelationError as error:
        raise InputError(f"no statement can hold these risk parameters: {error}", code="bad_params") from None


@lru_cache(maxsize=32)
def layout(
    params: RiskParameters, box: PriceBox, claims: Claims, lifetime: Lifetime, locks: tuple[Lock, ...] = ()
) -> Layout:
    """The rules of ``claims`` under ``params`` over this box, as one relation; the last ones made are kept.

    ``lifetime`` is from the round to the expiry: what depends on time holds for all of it. ``locks`` count with cash.

    Raises: InputError "unknown_model", "bad_params".   ContextError "claim_not_allowed", "bad_box".
            RelationError: above the limits of a relation.
    """
    if params.values_of_options * len(claims.claims) > MAX_VALUES:
        raise ContextError("too many claims for so many options: show them in several proofs", code="claim_not_allowed")
    models.of(params.model).check(params)
    if locks and any(claim.reversed is not None for claim in claims.claims):
        # A lock that is left out, or counted for less than it is worth, would make the opposite true.
        raise ContextError("the opposite of a claim cannot count locks", code="claim_not_allowed")
    slacks = [slack for claim in claims.claims for slack in _slacks(claim, params, box, lifetime, locks)]
    hidden = params.hidden_at(lifetime[0])
    if not {v.label for v in hidden if v.kind == "cash"} <= {slack.scope.get("cash0") for slack in slacks}:
        # Cash has no digits of its own: in no slack, nothing would bound it.
        raise ContextError(
            "no claim is about all of the cash: join one that is, such as maintenance", code="claim_not_allowed"
        )

    def amend(program: Program, forms: Sequence[Form]) -> None:
        if locks:
            counted = [(form, slack.coefficients) for form, slack in zip(forms, slacks, strict=True)]
            locked.count(locks, program, counted)

    pairs = [(slack.node, slack.scope) for slack in slacks]
    return Layout(compile_slacks((*hidden, *locked.hidden(locks)), pairs, amend))


class _Slack(NamedTuple):
    """What must not be negative, and what a lot of each lock counts in it: nothing where it is about what the account
    has on the venue itself."""

    node: rule.Node
    scope: rule.Scope
    coefficients: tuple[int, ...] = ()


def _slacks(
    claim: Claim, params: RiskParameters, box: PriceBox, lifetime: Lifetime, locks: tuple[Lock, ...]
) -> Iterator[_Slack]:
    """What must not be negative if ``claim`` holds, and the public numbers in it."""
    model = models.of(params.model)
    asked = claim if claim.reversed is None else claim.reversed
    try:
        wider = asked.over(box, params)
    except InputError as error:
        raise ContextError(str(error), code="claim_not_allowed") from None
    if asked.rule is None:
        # A requirement is at least so much where rates are at their highest, and at most where they are as stated.
        parts = (params.at(wider) if claim.reversed is None else params).parts(wider)
    else:
        model, parts = models.CLAIM_RULES[asked.rule], [(params, wider)]
    lowered = rule.load(model.NAME)
    node = lowered.slack if claim.reversed is None else lowered.excess
    if node is None or (claim.reversed is not None and (model.NAME, asked.kind) in models.ONE_WAY):
        raise ContextError(f"the margin model cannot state {claim}", code="claim_not_allowed")
    coefficients = locked.coefficients(locks, asked, params, wider)
    for part, ends in parts:
        yield _Slack(node, model.scope(part, ends, asked.after_move, lifetime), coefficients)
    beside = models.BESIDE.get((model.NAME, asked.kind))
    if beside is not None:
        scope = models.CLAIM_RULES[beside].scope(params, wider, asked, lifetime)
        yield _Slack(rule.load(beside).slack, scope)


def _check_references(request: Request, state: State, params: RiskParameters, round: Round) -> None:
    if request.account != state.account:
        raise ContextError("the request is about another account than the state", code="wrong_account")
    if (request.seq, request.state_digest) != (state.seq, state.state_digest):
        raise ContextError("the request is about another state of the account", code="state_mismatch")
    if request.params != params.digest:
        raise ContextError("the request refers to other risk parameters", code="unknown_params")
    if (request.round, request.round_number, params.venue) != (round.digest, round.number, round.venue):
        raise ContextError("the request refers to another oracle round", code="unknown_round")
    if state.venue != params.venue:
        raise ContextError("state and risk parameters are of different venues", code="state_mismatch")


def _commitments(state: State, params: RiskParameters) -> Iterator[Point]:
    """One point per label of the parameters; a label that the state does not have is the identity."""
    entries = state.commitment_of
    points = {label: decode(from_hex(entry.commitment), allow_identity=True) for label, entry in entries.items()}
    units = params.units
    if any(points[label] != IDENTITY for label in points.keys() - units.keys()):
        raise ContextError("the state uses a label that the risk parameters do not cover", code="state_mismatch")
    for label, unit in units.items():
        entry = entries.get(label)
        # One spelling is the rule; another spelling of the same number means the same.
        if entry is not None and entry.unit != unit and parse_decimal(entry.unit) != parse_decimal(unit):
            raise ContextError("a unit of the state is not the lot of the risk parameters", code="lot_changed")
    return (points.get(label, IDENTITY) for label in units)
