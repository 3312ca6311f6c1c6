"""Account files of other programs: the same account out of each, nothing rounded, nothing guessed."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cli_run import EXAMPLES, PUBLIC, zkmargin

from circuits.calculators.cross import report
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from prover.importers import Kind, import_account
from zkmargin.documents import Account, Params, Round, read
from zkmargin.errors import InputError

PARAMS = read((EXAMPLES / "params.json").read_bytes(), Params).document
ROUND = Round.from_bytes((EXAMPLES / "oracle.json").read_bytes())
RISK = RiskParameters.from_document(PARAMS)


def equity(account: Account) -> Fraction:
    return report(account, RISK, prices_of(ROUND, RISK), ROUND.time_unix_s).equity


def ccxt(*positions: dict[str, Any], balance: Any = None, **options: Any) -> Account:
    value = {"positions": list(positions), "balance": {"USDC": {"total": "1000"}} if balance is None else balance}
    return import_account(json.dumps(value).encode(), PARAMS, **options)


def position(**changes: Any) -> dict[str, Any]:
    fields = {
        "symbol": "BTC/USDC:USDC", "side": "long", "contracts": "750", "contractSize": "0.001", "entryPrice": "61250.5",
        "leverage": 1.5, "percentage": 3.25, "info": {"anything": [1.5, None]}, "timestamp": 1700000000000,
    }  # fmt: skip
    return fields | changes


def csv(*rows: str, header: str = "market,size,entry_price") -> Account:
    return import_account("\n".join([header, *rows]).encode(), PARAMS)


def test_the_three_examples_are_one_account() -> None:
    accounts = [
        import_account((EXAMPLES / name).read_bytes(), PARAMS, name="alice")
        for name in ("account.json", "account.csv", "ccxt.json")
    ]
    assert accounts[0] == accounts[1] == accounts[2]
    assert accounts[0] == read((EXAMPLES / "account.json").read_bytes(), Account).document


def test_csv() -> None:
    account = csv("SOL-USD,-310.5,22.875", " BTC-USD , 0.0300 ,", "", "cash,-12.50,")
    assert account.to_value()["cash"] == "-12.5"
    assert [p.to_value() for p in account.positions] == [
        {"market": "BTC-USD", "size": "0.03"},
        {"market": "SOL-USD", "size": "-310.5", "entry_price": "22.875"},
    ]


def test_csv_as_spreadsheets_write_it() -> None:
    content = b'\xef\xbb\xbfmarket,size,entry_price\r\nBTC-USD,"0.5",100\r\ncash,1,\r\n'
    assert import_account(content, PARAMS).positions[0].size == "0.5"


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["BTC-USD,1,"], "needs a row cash"),
        (["cash,1,", "BTC-USD,1e3,"], "line 3: an amount is a decimal string"),
        (["cash,1,", "BTC-USD,+1,"], "line 3: an amount"),
        (["cash,1,", "BTC-USD,,5"], "line 3: an amount"),
        (["cash,1,", "BTC-USD,1,5,7"], "line 3: three columns"),
        (["cash,1,", "BTC-USD"], "line 3: three columns"),
        (["cash,1,", "cash,2,"], "line 3: a second row"),
        (["cash,1,", "BTC-USD,1,", "BTC-USD,1,"], "line 4: a second row"),
        (["cash,1,5"], "cash,AMOUNT,"),
        (["cash,1,", "DOGE-USD,1,"], "DOGE-USD: no market of the venue"),
        (["cash,1,", 'BTC-USD,"1,'], "not CSV"),
        (["cash,1,", "BTC-USD,1,-5"], "entry_price"),
    ],
)
def test_csv_that_is_refused(rows: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        csv(*rows)


def test_csv_needs_its_header() -> None:
    with pytest.raises(InputError, match="first line"):
        csv("BTC-USD,1,", header="market,size")
    with pytest.raises(InputError, match="first line"):
        import_account(b"", PARAMS)
    with pytest.raises(InputError, match="not CSV in UTF-8"):
        import_account(b"market,size,entry_price\n\xff\xfe,1,", PARAMS, kind=Kind.CSV)


@pytest.mark.parametrize(
    ("size", "nearest"),
    [("0.00015", "0.0001 and 0.0002"), ("-0.00015", "-0.0002 and -0.0001"), ("0.00001", "0 and 0.0001")],
)
def test_a_size_off_the_grid_names_the_nearest(size: str, nearest: str) -> None:
    with pytest.raises(InputError, match=f"BTC-USD.*{nearest}"):
        csv("cash,1,", f"BTC-USD,{size},")


def test_a_size_above_the_largest() -> None:
    csv("cash,1,", "BTC-USD,-2000,")
    with pytest.raises(InputError, match="above the maximum"):
        csv("cash,1,", "BTC-USD,-2000.0001,")


def test_ccxt() -> None:
    account = ccxt(
        position(), position(symbol="ETH/USDC:USDC", side="short", contracts=2, contractSize=None, entryPrice="1800")
    )
    assert account.cash == "1000"
    assert [p.to_value() for p in account.positions] == [
        {"market": "BTC-USD", "size": "0.75", "entry_price": "61250.5"},
        {"market": "ETH-USD", "size": "-2", "entry_price": "1800"},
    ]


@pytest.mark.parametrize(
    "balance",
    [
        {"USDC": {"total": "1000", "free": "1", "used": None}},
        {"total": {"USDC": "1000", "BTC": "0.5"}},
        {"USDC": {"total": "1000"}, "total": {"USDC": "1000"}, "info": {"x": 1.5}, "timestamp": 1, "datetime": "now"},
        {"USDC": {"total": 1000}},
    ],
)
def test_both_forms_of_a_balance(balance: Any) -> None:
    assert ccxt(position(), balance=balance).cash == "1000"


def test_a_list_of_positions_with_the_balance_in_a_file_of_its_own() -> None:
    content = json.dumps([position()]).encode()
    assert import_account(content, PARAMS, balance=b'{"USDC": {"total": "7.25"}}').cash == "7.25"
    with pytest.raises(InputError, match="--balance"):
        import_account(content, PARAMS)


def test_hedge_mode_is_netted_and_keeps_its_equity() -> None:
    long, short = position(contracts="900", entryPrice="25000"), position(side="short", entryPrice="31000")
    both = ccxt(long, short)
    assert [p.to_value() for p in both.positions] == [{"market": "BTC-USD", "size": "0.15"}]
    separately = [equity(ccxt(entry, balance={"USDC": {"total": "0"}})) for entry in (long, short)]
    assert equity(both) == sum(separately, Fraction(1000))
    flat = ccxt(position(entryPrice="25000"), position(side="short", entryPrice="31000"))
    assert flat.positions == ()
    assert equity(flat) == 1000 + Fraction("0.75") * 6000


def test_a_closed_position_is_no_position() -> None:
    assert ccxt(position(contracts="0", side=None, entryPrice=None)).positions == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"contracts": 0.5}, "contracts is a float.*exchange.number = str"),
        ({"entryPrice": 61250.5}, "entryPrice is a float"),
        ({"contractSize": 1e-3}, "contractSize is a float"),
        ({"contracts": True}, "contracts must be a decimal string"),
        ({"contracts": "1e3"}, "contracts must be a decimal string"),
        ({"contracts": 10**60}, "at most 60 characters"),
        ({"contractSize": 10**4200}, "at most 60 characters"),
        (
            {"contracts": "0." + "1" * 40, "contractSize": "0." + "1" * 40},
            "the size in BTC-USD needs more than 60 digits",
        ),
        ({"contracts": None}, "no contracts"),
        ({"contracts": "-750"}, "side must be long or short"),
        ({"side": "both"}, "side must be long or short"),
        ({"entryPrice": None}, "no entryPrice"),
        ({"symbol": None}, "no symbol"),
        ({"symbol": "BTC/USD:BTC"}, "settle in their quote currency"),
        ({"symbol": "XBT/USDC:USDC"}, "XBT/USDC:USDC: no market.*--map"),
    ],
)
def test_ccxt_that_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ccxt(position(**changes))


@pytest.mark.parametrize(
    ("balance", "sentence"),
    [
        ({"USDC": {"total": 1000.5}}, "USDC: total is a float"),
        ({"USDC": {"total": "1"}, "total": {"USDC": "2"}}, "two totals"),
        ({"USDC": {"total": "1"}, "BTC": {"total": "-0.5"}}, "debt in BTC"),
        ({"USDC": {"total": 10**4200}}, "USDC: total must be.* at most 60 characters"),
        ({"USDC": {"total": "1"}, "BTC": {"total": "1", "debt": "2"}}, "debt in BTC"),
        ({"EUR": {"total": "1"}}, "--cash-currency"),
        ([], "balance"),
    ],
)
def test_balances_that_are_refused(balance: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ccxt(position(), balance=balance)


def test_the_cash_currency_can_be_chosen() -> None:
    balance = {"USDC": {"total": "1"}, "USD": {"total": "2"}, "EUR": {"total": "3"}}
    assert ccxt(position(), balance=balance).cash == "1"
    assert ccxt(position(symbol="BTC-USD"), balance=balance).cash == "2"
    with pytest.raises(InputError, match="--cash-currency"):
        ccxt(position(), position(symbol="ETH/USDT:USDT"), balance=balance)
    assert ccxt(position(), balance=balance, cash_currency="EUR").cash == "3"
    with pytest.raises(InputError, match="no total of GBP"):
        ccxt(position(), balance=balance, cash_currency="GBP")


def test_symbols_are_mapped_first() -> None:
    account = ccxt(position(symbol="XBT/USDC:USDC"), mapping={"XBT/USDC:USDC": "BTC-USD"})
    assert account.positions[0].market == "BTC-USD"
    with pytest.raises(InputError, match="no market NOPE"):
        ccxt(position(), mapping={"A": "NOPE"})


@pytest.mark.parametrize(
    "content",
    [b"{", b"[" * 100_000, b'{"positions": 1}', b'{"a": 1, "a": 2}', b'{"x": ' + b"9" * 5000 + b"}", b"\xff{"],
)
def test_other_files_are_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(InputError):
        import_account(content, PARAMS)


def test_an_account_file_with_a_float_is_refused() -> None:
    content = (EXAMPLES / "account.json").read_text().replace('"42340.25"', "42340.25")
    with pytest.raises(InputError, match="decimal string"):
        import_account(content.encode(), PARAMS)


def test_import_writes_a_private_file(tmp_path: Path) -> None:
    out = tmp_path / "account.json"
    arguments = ("import", EXAMPLES / "ccxt.json", *PUBLIC[:2], "--name", "alice", "--out", out)
    ran = zkmargin(*arguments, "-o", "json")
    assert (ran.code, ran.json) == (0, {"account": "alice", "positions": 3, "out": str(out)})
    assert out.stat().st_mode & 0o777 == 0o600
    assert read(out.read_bytes(), Account).document == read((EXAMPLES / "account.json").read_bytes(), Account).document
    again = zkmargin(*arguments, "-o", "json")
    assert (again.code, again.error) == (2, "file_exists")


def test_a_name_that_is_given_counts_more_than_the_files_own(tmp_path: Path) -> None:
    out = tmp_path / "account.json"
    ran = zkmargin("import", EXAMPLES / "account.json", *PUBLIC[:2], "--name", "other", "--out", out, "-o", "json")
    assert (ran.code, ran.json["account"]) == (0, "other")


def test_import_maps_symbols(tmp_path: Path) -> None:
    source = tmp_path / "my positions.csv"
    source.write_text("market,size,entry_price\nperp=btc,1,\ncash,5,\n")
    out = tmp_path / "account.json"
    ran = zkmargin("import", source, *PUBLIC[:2], "--out", out, "--map", "perp=btc=BTC-USD")
    assert ran.code == 0
    assert read(out.read_bytes(), Account).document.account == "my-positions"
    ran = zkmargin("import", source, *PUBLIC[:2], "--out", tmp_path / "b.json", "--map", "nothing", "-o", "json")
    assert (ran.code, ran.error) == (2, "usage")


def test_an_account_file_keeps_everything_it_says() -> None:
    """Options, isolated margins, collateral and debts are part of the account, not only its positions."""
    markets = [
        {"market": "ETH", "lot": "0.001", "initial_ppm": 2, "maintenance_ppm": 1, "max_size": "9"},
        {"market": "SOL", "lot": "0.1", "initial_ppm": 2, "maintenance_ppm": 1, "max_size": "9", "isolated": True},
        {"market": "USDT", "kind": "asset", "lot": "0.01", "initial_ppm": 2, "maintenance_ppm": 1, "max_size": "9"},
        {
            "market": "ETH-C", "kind": "option", "lot": "0.01", "max_size": "9",
            "underlying": "ETH", "option": "call", "strike": "3000", "expiry": "2026-12-25T08:00:00Z",
        },
    ]  # fmt: skip
    params = PARAMS.to_value() | {"model": "options-standard", "markets": markets}
    value = {
        "schema": "zkmargin/account/v1",
        "account": "alice",
        "cash": "10",
        "positions": [
            {"market": "SOL", "size": "0", "margin": "7.5"},
            {"option": "ETH-C", "size": "-1", "entry_price": "88.25"},
        ],
        "collateral": [{"asset": "USDT", "amount": "3"}],
        "debts": [{"asset": "USDT", "amount": "0.5"}],
        "owner": "0x8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
    }
    assert import_account(json.dumps(value).encode(), Params.from_value(params)).to_value() == value
