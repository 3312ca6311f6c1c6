"""What a lot of every class may count at now: the price of the current round, less haircuts; and whether it is off its
peg, which a round begins and only ``CALM_ROUNDS`` good ones in a row end."""

from __future__ import annotations

from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from zkmargin import canonical
from zkmargin.collateral import AssetClass, Chains
from zkmargin.documents import Round

from .. import documents, oracle
from . import registry
from .standing import Terms
from .tables import ClassRow

PPM = 1_000_000
CALM_ROUNDS = 10
"""Rounds in a row above peg (1 - d/2) after which a class is on its peg again."""


def terms(session: Session) -> dict[str, Terms]:
    """The terms of every class of the current registry at the current round; none before there are both."""
    row, round_row = registry.latest_row(session), oracle.current_row(session)
    if row is None or round_row is None:
        return {}
    chains, round_ = registry.stored(row.envelope).document, documents.stored_round(round_row.content)
    off = {state.name for state in session.scalars(select(ClassRow)) if state.off_peg}
    return {entry.name: _terms(entry, chains, round_, off_peg=entry.name in off) for entry in chains.classes}


def watch(session: Session, *, is_new_round: bool) -> None:
    """Hold the current round against every peg. A round counts once among the calm ones; a new registry counts none."""
    row, round_row = registry.latest_row(session), oracle.current_row(session)
    if row is None or round_row is None:
        return
    round_ = documents.stored_round(round_row.content)
    for entry in registry.stored(row.envelope).document.classes:
        if entry.peg is None:
            continue
        state = session.get(ClassRow, entry.name)
        if state is None:
            state = ClassRow(name=entry.name, off_peg=False, calm_rounds=0)
            session.add(state)
        peg, below = canonical.parse_decimal(entry.peg.price), Fraction(entry.peg.below_ppm, PPM)
        price = _lower(round_, entry.price)
        if price is None:
            state.calm_rounds = 0  # without a price nothing counts at all
        elif price < peg * (1 - below):
            state.off_peg, state.calm_rounds = True, 0
        elif state.off_peg and is_new_round:
            state.calm_rounds = state.calm_rounds + 1 if price > peg * (1 - below / 2) else 0
            state.off_peg = state.calm_rounds < CALM_ROUNDS
    session.flush()


def _terms(entry: AssetClass, chains: Chains, round_: Round, *, off_peg: bool) -> Terms:
    price = _lower(round_, entry.price)
    haircut_ppm = entry.haircut_ppm + (entry.peg.haircut_ppm if entry.peg is not None and off_peg else 0)
    price_atto = 0 if price is None else entry.price_per_lot_atto(price)
    return Terms.of(price_atto, haircut_ppm, chains.chain_of(entry.chain))


def _lower(round_: Round, market: str) -> Fraction | None:
    """The lower median of the price of ``market``; None: the round has none."""
    medians = round_.prices.get(market)
    return None if medians is None else medians[0]
