"""How a status turns, as plain functions: no database, no clock of their own.

    unproven     nothing accepted counts for the current state
    live         a standing verdict covers the current round
    stale        none does any more: ``reason``, ``since_round``, ``deadline``
    liquidatable the deadline has passed and still none does

A verdict covers a round while the state is the account's current one and its attestation key still trusted, its
parameters are current or within their grace, the round is not later than its expiry, and every median of the round lies
in its box.

An edge is kept until a verdict covers again: neither a later round, nor a new state, nor a proof of another box moves a
deadline once it runs. A new state of a live account makes it unproven, with a deadline too: else a new state would be a
way round the grace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

from . import packed


class Status(StrEnum):
    """The status of an account."""

    UNPROVEN = "unproven"
    LIVE = "live"
    STALE = "stale"
    LIQUIDATABLE = "liquidatable"


NO_PROOF = "no_proof"
STATE_CHANGED = "state_changed"
UNATTESTED = "unattested"
OLD_PARAMS = "old_params"
EXPIRED = "expired"
OUTSIDE = "price_outside_box"


@dataclass(frozen=True)
class Edge:
    """A status since it last turned. ``live_until``: when grace for older parameters ends, if nothing else covers."""

    status: Status
    reason: str | None = None
    since_round: int | None = None
    deadline_unix_s: int | None = None
    live_until_unix_s: int | None = None
    claim: str | None = None


NEW = Edge(Status.UNPROVEN, NO_PROOF)
"""An account that never proved anything."""


@dataclass(frozen=True)
class Verdict:
    """What of an accepted submission decides a status; ``box`` is packed. The newest comes first wherever there are
    several."""

    claim: str
    params_version: int
    expiry_unix_s: int
    attestation_key: str
    box: bytes


@dataclass(frozen=True)
class Moment:
    """What is current: the round, the grace of parameters that are not, and the trusted attestation keys.

    ``prices`` are packed as boxes are (packed.py); they have the markets of the current parameters in their order; of
    older ones they are a prefix, because markets are only ever added at the end. A market that the round has no price
    for has none here: no box contains it.
    """

    now_unix_s: int
    round: int
    round_unix_s: int
    prices: bytes
    params_end_unix_s: Mapping[int, int]
    attestation_keys: AbstractSet[str]
    grace_s: int

    @property
    def clock_unix_s(self) -> int:
        """The later of this machine's clock and the oracle's: a deadline that either has passed is passed."""
        return max(self.now_unix_s, self.round_unix_s)


def seen(edge: Edge, *, clock_unix_s: int, round_number: int | None, grace_s: int) -> Edge:
    """``edge`` as it is now: a grace may have ended and a deadline passed since it was stored."""
    if edge.status is Status.LIVE and edge.live_until_unix_s is not None and clock_unix_s > edge.live_until_unix_s:
        edge = Edge(Status.STALE, OLD_PARAMS, round_number, edge.live_until_unix_s + grace_s, claim=edge.claim)
    if edge.deadline_unix_s is not None and clock_unix_s > edge.deadline_unix_s:
        edge = replace(edge, status=Status.LIQUIDATABLE)
    return edge


def turned(edge: Edge, verdicts: Sequence[Verdict], moment: Moment) -> Edge:
    """The edge after a round, parameters, trust or a verdict came. ``edge`` as ``seen`` just before."""
    reasons = [(verdict, _why_not(verdict, moment)) for verdict in verdicts]
    covering = [verdict for verdict, reason in reasons if reason is None]
    if covering:
        ends = [moment.params_end_unix_s.get(verdict.params_version) for verdict in covering]
        until = None if None in ends else max(end for end in ends if end is not None)
        return Edge(Status.LIVE, live_until_unix_s=until, claim=covering[0].claim)
    if not reasons:
        return edge
    verdict, reason = reasons[0]
    if edge.deadline_unix_s is not None:  # it runs already
        return replace(
            edge,
            status=Status.STALE,
            reason=edge.reason if edge.reason != STATE_CHANGED else reason,
            claim=verdict.claim,
        )
    started = {
        UNATTESTED: moment.clock_unix_s,
        OLD_PARAMS: moment.params_end_unix_s.get(verdict.params_version, moment.clock_unix_s),
    }.get(reason or "", moment.round_unix_s)
    return Edge(Status.STALE, reason, moment.round, started + moment.grace_s, claim=verdict.claim)


def moved(edge: Edge, *, clock_unix_s: int, round_number: int | None, grace_s: int) -> Edge:
    """The edge of an account that has a new state. ``edge`` as ``seen`` just before."""
    if edge.status is Status.LIVE:
        return Edge(Status.UNPROVEN, STATE_CHANGED, round_number, clock_unix_s + grace_s)
    return replace(edge, claim=None)


def _why_not(verdict: Verdict, moment: Moment) -> str | None:
    """The reason for which ``verdict`` does not cover; None: it does."""
    if verdict.attestation_key not in moment.attestation_keys:
        return UNATTESTED
    end = moment.params_end_unix_s.get(verdict.params_version)
    if end is not None and moment.clock_unix_s > end:
        return OLD_PARAMS
    if moment.round_unix_s > verdict.expiry_unix_s:
        return EXPIRED
    if not packed.covers(verdict.box, moment.prices):
        return OUTSIDE
    return None
