"""zkmargin explain: a margin rule as it is proved."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

import typer

from circuits import rule, statement
from circuits.boxes import Band
from circuits.claims import MAINTENANCE, Claims
from circuits.layout import Layout
from circuits.listing import cost, listing
from circuits.markets import RiskParameters
from circuits.models import CLAIM_RULES, MODELS
from zkmargin.documents import Params, read
from zkmargin.errors import InputError

from .. import public
from ..console import Output, OutputOption, emit, fields
from .options import OptionalOracleFiles, OptionalParamsFile

ASSUMED_PRICE, ASSUMED_VOLATILITY = Fraction(1000), Fraction(1, 2)
DAY_S = 86400


def explain(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=f"One of {', '.join(sorted(MODELS | CLAIM_RULES))}.")],
    params: OptionalParamsFile = None,
    oracle: OptionalOracleFiles = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show the rule of a margin model, or of a claim with a rule of its own, as it is proved.

    With parameters also what a proof of maintenance costs. How long blocks of digits are depends on prices too: without
    --oracle, every price is taken to be 1000 and every volatility 50 percent.

    \b
    Examples:
      zkmargin explain perpetuals-brackets
      zkmargin explain perpetuals-brackets --params params.json --oracle oracle.json -o json
    """
    if model not in MODELS | CLAIM_RULES:
        raise InputError(f"there are rules of {', '.join(sorted(MODELS | CLAIM_RULES))}", code="unknown_model")
    lowered = rule.load(model)
    value: dict[str, Any] = {"rule": lowered.name, "statement": lowered.statement, "slack": listing(lowered)}
    if params is not None:
        risk = RiskParameters.from_document(public.load_file(params, lambda data: read(data, Params)).document)
        if risk.model != model:
            raise InputError(f"the risk parameters are of {risk.model}", code="other_model")
        value["cost"] = cost(_layout(risk, public.load(params, oracle, None) if oracle else None))
    elif oracle:
        raise InputError("prices alone say nothing: name the risk parameters too", code="usage")
    emit(output, value, lambda: _show(value))


def _layout(risk: RiskParameters, sources: public.Public | None) -> Layout:
    if sources is not None:
        prices, time_unix_s = sources.prices, sources.round.time_unix_s
    else:
        quotes = (ASSUMED_PRICE if market.contract is None else ASSUMED_VOLATILITY for market in risk.markets)
        zero = Fraction(0)
        prices = tuple(Band(quote, quote, zero, zero) for quote in quotes)
        expiries = (market.contract.expiry_unix_s for market in risk.markets if market.contract is not None)
        time_unix_s = min(expiries, default=DAY_S) - DAY_S
    return statement.layout(risk, risk.box(prices), Claims((MAINTENANCE,)), (time_unix_s, time_unix_s + 1))


def _show(value: dict[str, Any]) -> None:
    print(f"{value['rule']}: solvent means that this is not negative\n\n{value['statement']}\n\nAs it is proved:\n")
    print("\n".join(value["slack"]))
    if "cost" in value:
        print("\nWhat a proof costs:\n")
        shown = {name.replace("_", " "): _counted(entry) for name, entry in value["cost"].items()}
        fields(shown)


def _counted(entry: int | dict[str, int]) -> str:
    return str(entry) if isinstance(entry, int) else ", ".join(f"{count} {kind}" for kind, count in entry.items())
