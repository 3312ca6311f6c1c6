"""The margin models again, in plain exact arithmetic, apart from the lowering: the oracle of tests and ``whatif``."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from zkmargin.errors import InputError

from . import cross, dydx, lending, options_standard, portfolio_scenarios, reg_t, size_weighted, span, steps

if TYPE_CHECKING:
    from zkmargin.documents import Account

    from ..boxes import Band, Lifetime, PriceBox
    from ..claims import Claim
    from ..holdings import Holdings
    from ..markets import RiskParameters


class Report(Protocol):
    """What a holder wants to know of an account."""

    def to_value(self) -> dict[str, Any]:
        """Plain JSON: decimal strings, exact."""


class Calculator(Protocol):
    """What a file of this package has."""

    def report(self, account: Account, params: RiskParameters, prices: Sequence[Band], time_unix_s: int) -> Report:
        """The account at these prices, at this time. Raises: InputError."""

    def shortfall(self, held: Holdings, params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> int:
        """How many atto of cash are missing until ``claim`` holds everywhere in ``box``, for all of ``lifetime``; 0 if
        it is provable."""


CALCULATORS: MappingProxyType[str, Calculator] = MappingProxyType(
    {
        "perpetuals-cross": cross.CALCULATOR,
        "perpetuals-brackets": cross.CALCULATOR,
        "perpetuals-dydx": dydx.CALCULATOR,
        "perpetuals-steps": steps.CALCULATOR,
        "perpetuals-size-weighted": size_weighted.CALCULATOR,
        "equity-reg-t": reg_t.CALCULATOR,
        "lending": lending,
        "options-standard": options_standard,
        "portfolio-scenarios": portfolio_scenarios,
        "span": span,
    }
)


def of(model: str) -> Calculator:
    """The calculator of a margin model.

    Raises: InputError "unknown_model".
    """
    calculator = CALCULATORS.get(model)
    if calculator is None:
        raise InputError("the risk parameters are of a margin model that is not known here", code="unknown_model")
    return calculator
