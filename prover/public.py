"""The public documents of a command: risk parameters and an oracle round, from files or from a verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from circuits.boxes import Band
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from zkmargin.bundle import MAX_BUNDLE_BYTES, Bundle
from zkmargin.documents import Params, Round, Signed, Trust, read
from zkmargin.errors import ContextError, EncodingError, InputError

from . import files
from .client import Verifier

T = TypeVar("T")


@dataclass(frozen=True)
class Public:
    """Parameters and round of one venue, as signed."""

    params: Signed[Params]
    round: Round

    def __post_init__(self) -> None:
        if self.params.document.venue != self.round.venue:
            raise InputError("the parameters and the oracle round are of different venues", code="other_venue")

    def verify(self, trust: Trust) -> None:
        """Both are signed by the keys of ``trust``: nobody made prices up to see what the holder can prove at them.

        Raises: ContextError "unsigned", "bad_signature".
        """
        self.params.verify(trust.params)
        self.round.verify(trust)

    @cached_property
    def risk(self) -> RiskParameters:
        """The parameters in numbers."""
        return RiskParameters.from_document(self.params.document)

    @cached_property
    def prices(self) -> tuple[Band, ...]:
        """What the reporters say, per market.

        Raises: InputError "missing_price", "bad_box" (a price beyond every box).
        """
        bands = prices_of(self.round, self.risk)
        try:
            self.risk.box(bands)
        except ContextError as error:
            raise InputError(str(error), code=error.code) from None
        return bands


def load(
    params: Path | None, oracle: Sequence[Path], verifier: Verifier | None, *, trust: Trust | None = None
) -> Public:
    """Read what is named as a file, and ask ``verifier`` for the rest. With ``trust``, all of it must be signed.

    Raises: InputError: neither a file nor a verifier, or a bad file.   ContextError: not signed.
            Unavailable, Refused.
    """
    public = Public(_load_params(params, verifier), _load_round(oracle, verifier))
    if trust is not None:
        public.verify(trust)
    return public


def load_trust(path: Path | None) -> Trust | None:
    """The trust document in ``path``, which the holder vouches for."""
    return None if path is None else load_file(path, lambda data: read(data, Trust)).document


def load_file(path: Path, parse: Callable[[bytes], T]) -> T:
    """``parse`` of the bytes of ``path``; a sentence about what is wrong names the file.

    Raises: InputError.
    """
    data = files.read(path)
    try:
        return parse(data)
    except InputError as error:
        raise InputError(f"{path}: {error}", code=error.code) from None


def load_bundle(path: Path) -> Bundle:
    """The bundle in ``path``, for what is not a verdict on it: there, bytes that are no bundle are bad input.

    Raises: InputError.
    """
    data = files.read(path, limit=MAX_BUNDLE_BYTES)
    try:
        return Bundle.from_bytes(data)
    except EncodingError as error:
        raise InputError(f"{path}: {error}", code=error.code) from None


def _load_params(path: Path | None, verifier: Verifier | None) -> Signed[Params]:
    if path is not None:
        return load_file(path, lambda data: read(data, Params))
    if verifier is not None:
        return verifier.params()
    raise InputError("name the risk parameters with --params FILE, or a verifier with --verifier URL", code="usage")


def _load_round(paths: Sequence[Path], verifier: Verifier | None) -> Round:
    """Several files make one round: the reports of several reporters."""
    if paths:
        rounds = [load_file(path, Round.from_bytes) for path in paths]
        return Round(tuple(report for part in rounds for report in part.reports))
    if verifier is not None:
        return verifier.round()
    raise InputError("name the oracle round with --oracle FILE, or a verifier with --verifier URL", code="usage")
