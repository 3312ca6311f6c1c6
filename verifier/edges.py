"""How a status turns, as plain functions: no database, no clock of their own.

    unproven     nothing accepted counts for the current state
    live         a standing verdict covers the current round
    stale        none does any more: ``reason``, ``since_round``, ``deadline``
    liquidatable the deadline has passed and still none does

A verdict covers a round while the state is the account's current one and its attestation key still trusted, it has not
ended, every lock that it counts still counts at its coefficient, and every median of the round lies in its box. It ends
when it expires, or when the grace of its parameters or of its registry does, or when the evidence of a lock does.
Nobody waits for a round to see that: a live account turns when the last of the verdicts that cover ends.

An edge is kept until a verdict covers again: neither a later round, nor a new state, nor a proof of another box moves a
deadline once it runs. A new state of a live account makes it unproven, with a deadline too: else a new state would be a
way round the grace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from . import packed
from .collateral import standing
from .collateral.standing import Terms, UsedLock


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
OLD_REGISTRY = "old_registry"
EXPIRED = "expired"
OUTSIDE = "price_outside_box"
_ENDED = (EXPIRED, OLD_PARAMS, OLD_REGISTRY, standing.EXPIRED)


class Edge(NamedTuple):
    """A status since it last turned. ``live_until``: when the last of the verdicts that cover ends, and the reason that
    the account is stale for from then on; ``claim`` is what that verdict proved."""

    status: Status
    reason: str | None = None
    since_round: int | None = None
    deadline_unix_s: int | None = None
    live_until_unix_s: int | None = None
    live_until_reason: str | None = None
    claim: str | None = None


NEW = Edge(Status.UNPROVEN, NO_PROOF)
"""An account that never proved anything."""


class Verdict(NamedTuple):
    """What of an accepted submission decides a status; ``box`` is packed, ``locks`` are counted by a version of the
    registry. The newest comes first wherever there are several."""

    claim: str
    params_version: int
    expiry_unix_s: int
    attestation_key: str
    box: bytes
    registry_version: int | None = None
    locks: tuple[UsedLock, ...] = ()


@dataclass(frozen=True)
class Moment:
    """What is current: the round, the grace of parameters and registries that are not, the trusted attestation keys,
    and what a lot of every class of collateral may count at.

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
    registry_end_unix_s: Mapping[int, int] = field(default_factory=dict)
    terms: Mapping[str, Terms] = field(default_factory=dict)

    @property
    def clock_unix_s(self) -> int:
        """The later of this machine's clock and the oracle's: a deadline that either has passed is passed."""
        return max(self.now_unix_s, self.round_unix_s)

    def end(self, verdict: Verdict) -> tuple[int, str]:
        """The last second in which ``verdict`` can cover whatever becomes of its locks, and the reason that it cannot
        later."""
        end = verdict.expiry_unix_s, EXPIRED
        params_end_unix_s = self.params_end_unix_s.get(verdict.params_version)
        if params_end_unix_s is not None and params_end_unix_s < end[0]:
            end = params_end_unix_s, OLD_PARAMS
        if verdict.registry_version is not None:
            registry_end_unix_s = self.registry_end_unix_s.get(verdict.registry_version)
            if registry_end_unix_s is not None and registry_end_unix_s < end[0]:
                end = registry_end_unix_s, OLD_REGISTRY
        return end


def seen(edge: Edge, *, clock_unix_s: int, round_number: int | None, grace_s: int) -> Edge:
    """``edge`` as it is now: its last verdict may have ended and a deadline passed since it was stored."""
    if edge.status is Status.LIVE and edge.live_until_unix_s is not None and clock_unix_s > edge.live_until_unix_s:
        deadline = edge.live_until_unix_s + grace_s
        edge = Edge(Status.STALE, edge.live_until_reason, round_number, deadline, claim=edge.claim)
    if edge.deadline_unix_s is not None and clock_unix_s > edge.deadline_unix_s:
        edge = edge._replace(status=Status.LIQUIDATABLE)
    return edge


def turned(edge: Edge, verdicts: Sequence[Verdict], moment: Moment) -> Edge:
    """The edge after a round, parameters, trust or a verdict came. ``edge`` as ``seen`` just before."""
    judged = [(verdict, *_judged(verdict, moment)) for verdict in verdicts]
    covering = [(verdict, end, why) for verdict, end, why in judged if end is not None]
    if covering:
        last, until, reason = max(covering, key=itemgetter(1))
        return Edge(Status.LIVE, live_until_unix_s=until, live_until_reason=reason, claim=last.claim)
    if not judged:
        return edge
    # The newest that has not ended says why: one that had ended already changed nothing just now.
    verdict, _, why = next((entry for entry in judged if entry[2] not in _ENDED), judged[0])
    if edge.deadline_unix_s is not None:  # it runs already
        kept = why if edge.reason == STATE_CHANGED else edge.reason
        return edge._replace(status=Status.STALE, reason=kept, claim=verdict.claim)
    started = moment.round_unix_s if why == OUTSIDE else moment.clock_unix_s
    return Edge(Status.STALE, why, moment.round, started + moment.grace_s, claim=verdict.claim)


def moved(edge: Edge, *, clock_unix_s: int, round_number: int | None, grace_s: int) -> Edge:
    """The edge of an account that has a new state. ``edge`` as ``seen`` just before."""
    if edge.status is Status.LIVE:
        return Edge(Status.UNPROVEN, STATE_CHANGED, round_number, clock_unix_s + grace_s)
    return edge._replace(claim=None)


def least_needed(verdicts: Sequence[Verdict]) -> int:
    """Which of at least two ``verdicts`` on one state to give up, and never the newest: the oldest that another stands
    in for, else the one that expires first.

    Another stands in for a verdict if it lasts as long, under the same or newer parameters, its box holds that of the
    verdict, and it needs no lock that the verdict does not, at no higher coefficient. So no number of narrow boxes
    crowds out a wide one that lasts as long.
    """
    older = range(len(verdicts) - 1, 0, -1)
    for i in older:
        if any(i != j and _stands_in(verdicts[j], verdicts[i]) for j in range(len(verdicts))):
            return i
    return min(older, key=lambda i: verdicts[i].expiry_unix_s)


def _stands_in(other: Verdict, verdict: Verdict) -> bool:
    return (
        other.expiry_unix_s >= verdict.expiry_unix_s
        and other.params_version >= verdict.params_version
        and packed.covers(other.box, verdict.box)
        and _needs_no_more(other, verdict)
    )


def _needs_no_more(other: Verdict, verdict: Verdict) -> bool:
    if not other.locks:
        return True
    if (other.registry_version or 0) < (verdict.registry_version or 0):
        return False
    counted = {lock.tag: lock.coefficient_atto for lock in verdict.locks}
    return all(lock.coefficient_atto <= counted.get(lock.tag, -1) for lock in other.locks)


def _judged(verdict: Verdict, moment: Moment) -> tuple[int | None, str]:
    """The last second in which ``verdict`` covers, and the reason that it does not later; None: it does not cover
    now."""
    if verdict.attestation_key not in moment.attestation_keys:
        return None, UNATTESTED
    end_unix_s, ended = moment.end(verdict)
    if moment.clock_unix_s > end_unix_s:
        return None, ended
    for lock in verdict.locks:
        why = standing.dropped(lock, moment.terms)
        if why is not None:
            return None, why
        lock_end_unix_s, lock_ended = standing.end(lock, moment.terms)
        if moment.clock_unix_s > lock_end_unix_s:
            return None, lock_ended
        if lock_end_unix_s < end_unix_s:
            end_unix_s, ended = lock_end_unix_s, lock_ended
    return (end_unix_s, ended) if packed.covers(verdict.box, moment.prices) else (None, OUTSIDE)
