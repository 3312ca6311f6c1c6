"""Which locks of the wallet a proof counts, and for how much: as much as the verifier will while the box holds.

    A = min( floor(lo (10^6 - h) / 10^6), what the verifier allows now )
    lo = the lower median of the class's price, less the width of the box; h = the haircut of the class and of its chain
         at the greatest age of evidence

So the proof stands while prices stay in the box and evidence is renewed, however late, unless a peg breaks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from zkmargin import canonical
from zkmargin.bundle import Collateral, CountedLock
from zkmargin.collateral import Chains, after_haircut
from zkmargin.documents import Round, Signed, Trust
from zkmargin.errors import InputError
from zkmargin.pedersen import Opening

from ..client import Verifier
from ..errors import WalletError
from ..wallet import Wallet
from . import locks, services

FINAL = "final"


@dataclass(frozen=True)
class Counted:
    """Locks in a request, with their openings by label. Secret."""

    registry: Signed[Chains]
    collateral: Collateral
    openings: Mapping[str, Opening] = field(repr=False)


def count(
    wallet: Wallet,
    verifier: Verifier,
    round: Round,
    box_percent: Fraction,
    *,
    numbers: Collection[int] | None = None,
    trust: Trust | None = None,
) -> Counted | None:
    """The locks of ``wallet`` with these ``numbers`` (None: all that count now) at the prices of ``round``.

    Returns: None if there are none.
    Raises:  WalletError "no_lock", "lock_does_not_count" (one that was named).   InputError "missing_price".
             ContextError: ``trust`` is given, and has not signed the registry.   Refused, Unavailable.
    """
    signed = services.registry(verifier, trust)
    registry = signed.document
    allowed = services.classes(verifier)
    entries, openings = [], {}
    for lock in wallet.content.collateral if numbers is None else map(wallet.require_lock, sorted(set(numbers))):
        note = locks.note(wallet, lock)
        # Of a tag that nobody was shown the verifier can know nothing but what the question tells it.
        known = services.lock(verifier, note.tag) if lock.pledged else None
        limit = int(allowed[lock.class_].allowed_atto_per_lot) if lock.class_ in allowed else 0
        coefficient = min(limit, _coefficient_atto(registry, lock.class_, round, box_percent))
        if known is None or known.state != FINAL or known.frozen or not coefficient:
            if numbers is not None:
                raise WalletError(
                    f"lock {lock.number} does not count now: see zkmargin collateral list", code="lock_does_not_count"
                )
            continue
        entry = CountedLock(
            **{"class": lock.class_},
            tag=canonical.to_hex(note.tag),
            commitment=canonical.to_hex(note.commitment),
            coefficient=str(coefficient),
        )
        entries.append(entry)
        openings[entry.label] = locks.opening(wallet, lock)
    if not entries:
        return None
    entries.sort(key=lambda entry: entry.tag)
    return Counted(signed, Collateral(registry=registry.digest, locks=tuple(entries)), openings)


def _coefficient_atto(registry: Chains, class_name: str, round: Round, box_percent: Fraction) -> int:
    entry = registry.class_of(class_name)
    chain = registry.chain_of(entry.chain)
    if entry.price not in round.prices:
        raise InputError(f"the round has no price of {entry.price}, which prices {class_name}", code="missing_price")
    low = round.prices[entry.price][0] * (1 - box_percent / 100)
    haircut_ppm = entry.haircut_ppm + chain.age_haircut_ppm(chain.max_age_s)
    return after_haircut(entry.price_per_lot_atto(max(low, Fraction(0))), haircut_ppm)
