"""Documents out of the database. They were checked when they came in; the last ones read are kept parsed."""

from __future__ import annotations

from functools import lru_cache

from circuits.markets import RiskParameters
from zkmargin.documents import Params, Round, Signed, State, Trust, read

_KEPT = 64


@lru_cache(maxsize=_KEPT)
def stored_trust(envelope: bytes) -> Signed[Trust]:
    """The trust document in a stored envelope."""
    return read(envelope, Trust)


@lru_cache(maxsize=_KEPT)
def stored_params(envelope: bytes) -> Signed[Params]:
    """The risk parameters in a stored envelope."""
    return read(envelope, Params)


@lru_cache(maxsize=_KEPT)
def risk_parameters(envelope: bytes) -> RiskParameters:
    """The same, in numbers."""
    return RiskParameters.from_document(stored_params(envelope).document)


@lru_cache(maxsize=_KEPT)
def stored_state(envelope: bytes) -> Signed[State]:
    """The state in a stored attestation."""
    return read(envelope, State)


@lru_cache(maxsize=_KEPT)
def stored_round(content: bytes) -> Round:
    """The round in stored bytes."""
    return Round.from_bytes(content)
