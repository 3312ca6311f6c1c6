"""zkmargin import and whatif: account files, and what an account is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from circuits import calculators
from zkmargin.documents import Account, Params, read
from zkmargin.errors import InputError

from .. import files, public
from ..console import Output, OutputOption, emit, fields, progress, table
from ..importers import Kind, import_account
from .options import AccountFile, OracleFiles, ParamsFile, account_name, load_account


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, account JSON, or ccxt positions and balance.")],
    params: ParamsFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="New account file; readable by you only, never overwritten.")
    ],
    kind: Annotated[Kind, typer.Option("--kind", help="Form of the file.")] = Kind.AUTO,
    name: Annotated[str | None, typer.Option("--name", help="Name of the account; else the file's.")] = None,
    symbols: Annotated[
        list[str] | None, typer.Option("--map", metavar="SYMBOL=MARKET", help="What a symbol is called at the venue.")
    ] = None,
    balance: Annotated[
        Path | None, typer.Option("--balance", metavar="FILE", help="ccxt balance, if in a file of its own.")
    ] = None,
    cash_currency: Annotated[
        str | None, typer.Option("--cash-currency", help="Which currency of a ccxt balance is the cash.")
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Read an account from another program into an account file.

    CSV has the header market,size,entry_price and a row cash,AMOUNT, . ccxt files hold {"positions": [..],
    "balance": {..}} or the list alone; amounts are strings (exchange.number = str), floats are refused. A size off the
    venue's grid is refused with the nearest sizes.

    \b
    Examples:
      zkmargin import positions.csv --params params.json --out account.json
      zkmargin import ccxt.json --params params.json --out account.json --map 'XBT/USDC:USDC=BTC-USD'
    """
    files.check_new(out)
    parameters = public.load_file(params, lambda data: read(data, Params)).document
    balance_bytes = None if balance is None else files.read(balance)

    def parse(content: bytes) -> Account:
        return import_account(
            content,
            parameters,
            kind=kind,
            mapping=dict(map(_pair, symbols or [])),
            name=name,
            unnamed=account_name(file),
            cash_currency=cash_currency,
            balance=balance_bytes,
        )

    account = public.load_file(file, parse)
    files.write_new(out, account.to_bytes() + b"\n", mode=files.PRIVATE)
    value = {"account": account.account, "positions": len(account.positions), "out": str(out)}
    emit(output, value, lambda: print(f"wrote {out}: {len(account.positions)} positions"))


def whatif(
    account: AccountFile,
    params: ParamsFile,
    oracle: OracleFiles,
    output: OutputOption = Output.TEXT,
) -> None:
    """What the account is worth at these prices: equity, requirements, health, liquidation prices, widest box.

    Everything here stays on this screen. The liquidation price of a market holds the other prices.

    \b
    Examples:
      zkmargin whatif --account account.json --params params.json --oracle oracle.json
      zkmargin whatif --account account.json --params params.json --oracle oracle.json -o json
    """
    sources = public.load(params, oracle, None)
    document = load_account(account, sources.params.document)
    with progress("computing"):
        value: dict[str, Any] = (
            calculators.of(sources.risk.model)
            .report(document, sources.risk, sources.prices, sources.round.time_unix_s)
            .to_value()
        )
    emit(output, value, lambda: _show(value, sources.params.document.quote))


def _show(value: dict[str, Any], quote: str) -> None:
    names = {
        "equity": "equity",
        "initial_requirement": "initial requirement",
        "maintenance_requirement": "maintenance requirement",
        "slack": "slack",
    }
    shown = {label: f"{value[key]} {quote}" for key, label in names.items()}
    shown["health"] = value["health"] or "no requirement"
    shown["leverage"] = value["leverage"] or "no equity"
    shown["solvent"] = "yes" if value["solvent"] else "NO"
    widest = value["widest_box_percent"]
    shown["widest box"] = "none: not even at these prices" if widest is None else f"{widest} %"
    fields(shown)
    if value["markets"]:
        print()
        columns = ["market", "size", "price", "notional", "maintenance", "liquidation_price"]
        columns += ["isolated_slack"] * any("isolated_slack" in row for row in value["markets"])
        rows = [[row.get(column) or "-" for column in columns] for row in value["markets"]]
        table("", [column.replace("_", " ") for column in columns], rows, right=range(1, len(columns)))
    for title in ("collateral", "debts"):
        if value.get(title):
            print()
            columns = ["asset", "amount", "price", "value", "counted"]
            table(title, columns, [[row[column] for column in columns] for row in value[title]], right=range(1, 5))


def _pair(text: str) -> tuple[str, str]:
    symbol, equals, market = text.rpartition("=")
    if not equals or not symbol or not market:
        raise InputError("--map is written SYMBOL=MARKET", code="usage")
    return symbol, market
