"""The margin models, one file each: the rule in symbols, and the public numbers that it is used with.

``rule()`` is called by ``python -m circuits.lower`` and by tests only, and imports sympy when it is called.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from zkmargin.errors import InputError

from . import (
    cash_only,
    collateral_ratio,
    delta,
    equity,
    equity_reg_t,
    gross,
    lending,
    options_standard,
    perpetuals_brackets,
    perpetuals_cross,
    perpetuals_dydx,
    perpetuals_size_weighted,
    perpetuals_steps,
    portfolio_scenarios,
    span,
)

if TYPE_CHECKING:
    from ..boxes import Lifetime, PriceBox
    from ..claims import Claim
    from ..lowering import Rule
    from ..markets import RiskParameters
    from ..rule import Scope


class Model(Protocol):
    """What a file of this package has."""

    NAME: str

    def rule(self) -> Rule:
        """The rule, symbolically. Imports sympy."""

    def check(self, params: RiskParameters) -> None:
        """Raises: InputError "bad_params": the risk parameters ask for what this model does not have."""

    def scope(self, params: RiskParameters, box: PriceBox, claim: Claim, lifetime: Lifetime) -> Scope:
        """The public numbers of the rule for this claim over this box and ``lifetime``."""


MODELS: MappingProxyType[str, Model] = MappingProxyType(
    {
        model.NAME: model
        for model in (
            perpetuals_cross,
            perpetuals_brackets,
            perpetuals_dydx,
            perpetuals_steps,
            perpetuals_size_weighted,
            equity_reg_t,
            lending,
            options_standard,
            portfolio_scenarios,
            span,
        )
    }
)
"""Margin models, by the name that risk parameters give."""

CLAIM_RULES: MappingProxyType[str, Model] = MappingProxyType(
    {rule.NAME: rule for rule in (cash_only, collateral_ratio, delta, equity, gross)}
)
"""Rules of claims that are not about a margin model, by their kind."""

BESIDE: MappingProxyType[tuple[str, str], str] = MappingProxyType(
    {(lending.NAME, "health"): cash_only.NAME, (collateral_ratio.NAME, "collateral"): cash_only.NAME}
)
"""What a claim under a model needs beside it to mean what it says, whichever its direction: a rule of CLAIM_RULES."""

ONE_WAY = frozenset({(perpetuals_dydx.NAME, "leverage")})
"""Claims whose opposite a model cannot state: it rounds a requirement up, which is against the holder one way only."""


def of(name: str) -> Model:
    """The model that risk parameters name.

    Raises: InputError "unknown_model".
    """
    model = MODELS.get(name)
    if model is None:
        raise InputError("the risk parameters are of a margin model that is not known here", code="unknown_model")
    return model
