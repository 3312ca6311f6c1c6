"""A real venue and a real verifier for the holder's tests: the processes that the demo starts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cli_run import zkmargin

from prover.client import Verifier
from prover.demo import scenario
from prover.demo.operator import Operator
from prover.demo.scenario import source
from prover.demo.services import Services, services
from prover.wallet import Wallet
from zkmargin.documents import Account

MARKETS = ("BTC-USD", "ETH-USD", "SOL-USD")
PASSWORD = "correct horse battery"


def account(name: str, cash: str = "152340.25") -> Account:
    """A solvent account with two positions."""
    positions = [
        {"market": "BTC-USD", "size": "-1.75", "entry_price": "28650.5"},
        {"market": "SOL-USD", "size": "310.5", "entry_price": "23.125"},
    ]
    return Account.from_value({"schema": Account.SCHEMA, "account": name, "cash": cash, "positions": positions})


@dataclass
class Owner:
    """A wallet at the venue of the world."""

    wallet: Path
    password_file: Path
    account_file: Path
    id: str

    @property
    def options(self) -> tuple[str, ...]:
        """Which wallet, and its password."""
        return ("--wallet", str(self.wallet), "--password-file", str(self.password_file))

    def open(self) -> Wallet:
        """The wallet's content."""
        return Wallet.open(self.wallet, PASSWORD)


@dataclass
class CliWorld:
    """Two services, and the operator's keys."""

    place: Services
    operator: Operator
    venue: str
    verifier: str
    rounds: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def services(self) -> tuple[str, ...]:
        """The options that name both services."""
        return ("--venue", self.venue, "--verifier", self.verifier)

    @property
    def directory(self) -> Path:
        """Where the services live."""
        return self.place.directory

    def publish(self, move: Fraction = Fraction(0)) -> None:
        """The next round, prices moved by ``move`` from the first one."""
        with Verifier(self.verifier) as verifier:
            for report in self.operator.reports(next(self.rounds), int(time.time()), move):
                verifier.post("/v1/oracle/reports", report.to_bytes())

    def owner(self, directory: Path, account: Account) -> Owner:
        """A new wallet whose account the venue keeps."""
        password_file = directory / "password.txt"
        password_file.write_text(PASSWORD)
        wallet = directory / f"{account.account}.wallet.json"
        made = zkmargin(
            "wallet", "new", "--venue", "demo", "--wallet", wallet, "--password-file", password_file, "-o", "json"
        )
        assert made.code == 0
        account_file = directory / f"{account.account}.json"
        account_file.write_bytes(account.to_bytes())
        self.book(account, made.json["owner"])
        return Owner(wallet, password_file, account_file, made.json["account"])

    def book(self, account: Account, owner: str) -> None:
        """The venue's own file of an account."""
        booked = account.model_copy(update={"owner": owner})
        (self.directory / "positions" / f"{owner}.json").write_bytes(booked.to_bytes())


def _three_markets() -> dict[str, Any]:
    """The demo's venue with three of its twenty markets."""
    told = source()
    kept = [market for market in told["params"]["markets"] if market["market"] in MARKETS]
    return told | {"params": told["params"] | {"markets": kept}}


@contextmanager
def cli_world(grace_s: int = scenario.GRACE_S) -> Iterator[CliWorld]:
    """Started, with three of the demo's markets and a first round; ended and removed afterwards."""
    with services() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenario, "source", _three_markets)
        operator, venue, verifier = scenario.start(place, grace_s)
        world = CliWorld(place, operator, venue, verifier)
        with Verifier(verifier) as client:
            client.post("/v1/params", operator.signed_params().to_bytes())
        world.publish()
        yield world
