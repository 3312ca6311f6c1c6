"""Who runs the demo's venue: its keys, its trust document, its risk parameters, its oracle rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from zkmargin import canonical
from zkmargin.documents import Oracle, Params, Trust
from zkmargin.documents.oracle import Funding, Price
from zkmargin.envelope import Envelope, PrivateKey

REPORTERS = 4
THRESHOLD = 3
"""One reporter may be silent, and one of three may be wrong: a round still comes, at an honest median."""
_SPREAD = Fraction(1, 10_000)
"""Reporters differ by a basis point, as real ones do."""


@dataclass(frozen=True)
class Operator:
    """Root, parameter and oracle keys, made for one demo."""

    params: Params
    prices: dict[str, Fraction]
    attestation_key: str
    root_key: PrivateKey = field(default_factory=PrivateKey.generate)
    params_key: PrivateKey = field(default_factory=PrivateKey.generate)
    oracle_keys: tuple[PrivateKey, ...] = field(
        default_factory=lambda: tuple(PrivateKey.generate() for _ in range(REPORTERS))
    )

    def signed_trust(self) -> Envelope:
        """Which keys speak for the venue."""
        trust = Trust(
            venue=self.params.venue,
            version=1,
            root=(self.root_key.public,),
            params=(self.params_key.public,),
            attestation=(self.attestation_key,),
            oracle=tuple(key.public for key in self.oracle_keys),
            oracle_threshold=THRESHOLD,
        )
        return trust.sign(self.root_key)

    def signed_params(self) -> Envelope:
        """The risk parameters."""
        return self.params.sign(self.params_key)

    def reports(self, number: int, unix_s: int, move: Fraction) -> Sequence[Envelope]:
        """A round by three of four reporters: every price of the venue's file moved by ``move``, funding with it."""
        silent = number % REPORTERS
        return [
            self._report(number, unix_s, (1 + move) * (1 + i * _SPREAD)).sign(key)
            for i, key in enumerate(self.oracle_keys)
            if i != silent
        ]

    def _report(self, number: int, unix_s: int, factor: Fraction) -> Oracle:
        # A long pays a hundredth of a basis point of the price a round: the cumulative index rises by that much.
        paid = Fraction(number - 1, 1_000_000)
        return Oracle(
            venue=self.params.venue,
            round=number,
            time=canonical.format_time(unix_s),
            prices=tuple(
                Price(market=market, price=canonical.format_decimal(price * factor))
                for market, price in self.prices.items()
            ),
            funding=tuple(
                Funding(market=market, index=canonical.format_decimal(price * paid))
                for market, price in self.prices.items()
            ),
        )
