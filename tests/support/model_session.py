"""A venue and a verifier in this process, over the example of a margin model, and a holder who runs ``zkmargin``.

Everything is real but the clock and the sockets: the commands speak HTTP to the two applications themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cli_run import Ran, zkmargin
from fastapi.testclient import TestClient
from service_world import VENUE, World
from service_worlds import Beginning, worlds

from prover import client, clock, keystore
from prover.wallet import Wallet
from verifier.venue.app import create_app
from verifier.venue.setup import make
from zkmargin import canonical
from zkmargin.documents import Oracle, Params

VENUE_URL, VERIFIER_URL = "http://127.0.0.1:1", "http://127.0.0.1:2"
SERVICES = ("--venue", VENUE_URL, "--verifier", VERIFIER_URL)
STILL = Fraction(0)
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Example:
    """Plain documents: risk parameters, a report and an account."""

    params: dict[str, Any]
    oracle: dict[str, Any]
    account: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Example:
        """The example in ``folder``."""
        return cls(
            *(json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("params", "oracle", "account"))
        )


class Session:
    """The services of an example, at the time of its report, and a holder's wallet."""

    def __init__(self, directory: Path, example: Example, world: World) -> None:
        self.directory, self.world = directory, world
        self.params = Params.from_value(example.params | {"venue": VENUE})
        self.oracle = example.oracle | {"venue": VENUE}
        self.account = dict(example.account)
        self.number = 0
        self.positions = directory / "positions"
        self.positions.mkdir()
        desk = make(directory / "venue", {"venue": VENUE, "positions": str(self.positions)}, None, None)
        attestation, reporter = desk.describe()["attestation_key"], world.keys.oracles[0].public
        keys = world.keys.trust(attestation=(attestation,), oracle=(reporter,), oracle_threshold=1)
        trust = keys.sign(world.keys.root).to_bytes()
        world.service.publish_trust(trust, first=True)
        world.now = canonical.parse_time(self.oracle["time"])
        world.publish_params(self.params)
        desk.publish_trust(trust)
        desk.publish_params(canonical.to_bytes(world.params.to_value()))
        self.venue = TestClient(create_app(desk), raise_server_exceptions=False)
        self._wallet()

    def _wallet(self) -> None:
        password, wallet = self.directory / "password.txt", self.directory / "wallet.json"
        password.write_text(PASSWORD)
        self.options = ("--wallet", wallet, "--password-file", password)
        made = zkmargin("wallet", "new", "--venue", VENUE, *self.options, "-o", "json")
        assert made.code == 0, made.out
        self.owner = str(made.json["owner"])

    def publish(self, moved: Mapping[str, Fraction] | Fraction = STILL, *, calmer: Fraction = STILL) -> None:
        """The next round, of one report, a minute later: prices times one and what they ``moved`` by, all of them or
        some; open interest and volatility less by ``calmer``. An option that has expired has no price."""
        self.number += 1
        self.world.now += 60 * (self.number > 1)
        expired = self.expired
        share = moved if isinstance(moved, Mapping) else {entry["market"]: moved for entry in self.oracle["prices"]}
        prices = [
            entry | {"price": _times(entry["price"], 1 + share.get(entry["market"], STILL))}
            for entry in self.oracle["prices"]
            if entry["market"] not in expired
        ]
        risk = [
            {name: text if name == "market" else _times(text, 1 - calmer) for name, text in entry.items()}
            for entry in self.oracle.get("risk", ())
        ]
        told = {"prices": prices, "risk": risk, "round": self.number, "time": canonical.format_time(self.world.now)}
        report = Oracle.from_value(self.oracle | told)
        answer = self.world.report(report.sign(self.world.keys.oracles[0]))
        assert answer.status_code == 201, answer.text

    @property
    def expired(self) -> set[str]:
        """Options that have expired."""
        ends = {market.market: market.expiry for market in self.params.markets if market.expiry is not None}
        return {name for name, expiry in ends.items() if canonical.parse_time(expiry) <= self.world.now}

    def settle(self) -> None:
        """The holder has no expired options any more, and pays in what lets the rest stand without them."""
        kept = [held for held in self.account["positions"] if held.get("option") not in self.expired]
        self.account |= {"positions": kept, "cash": str(10**6)}

    def commit(self) -> Ran:
        """The venue books the account; the holder commits to it."""
        self.account_file.write_text(json.dumps(self.account))
        (self.positions / f"{self.owner}.json").write_text(json.dumps(self.account | {"owner": self.owner}))
        return zkmargin("commit", "--account", self.account_file, *SERVICES, *self.options, "-o", "json")

    @property
    def account_file(self) -> Path:
        """The account as it was committed to."""
        return self.directory / "account.json"

    def prove(self, *more: object, claim: str = "maintenance", box: str = "0.5") -> Ran:
        """A proof in ``bundle``."""
        asked = ("--claim", claim, "--box", box, "--verifier", VERIFIER_URL, "--out", self.bundle, "-o", "json")
        return zkmargin("prove", *asked, *more, *self.options)

    @property
    def bundle(self) -> Path:
        """The newest proof."""
        return self.directory / f"{self.number}.zkmargin.json"

    def verify(self) -> Ran:
        """What a counterparty says of the newest proof."""
        return zkmargin("verify", self.bundle, "--verifier", VERIFIER_URL, "-o", "json")

    def submit(self, *more: object) -> Ran:
        """What the verifier says of it."""
        return zkmargin("submit", self.bundle, "--verifier", VERIFIER_URL, *more, "-o", "json")

    def open(self) -> Wallet:
        """The wallet's content."""
        return Wallet.open(self.directory / "wallet.json", PASSWORD)

    @property
    def status(self) -> tuple[str, str | None]:
        """The holder's account: its status, and why."""
        told = zkmargin("status", "--verifier", VERIFIER_URL, *self.options, "-o", "json").json
        return told["status"], told["reason"]


def _times(text: str, share: Fraction) -> str:
    return canonical.format_decimal(canonical.parse_decimal(text) * share)


@contextmanager
def session(directory: Path, example: Example, blank: Beginning, **settings: Any) -> Iterator[Session]:
    """The services of ``example``, and their clock for the commands too. Nothing but parameters is published yet."""
    with worlds(directory, blank) as make_world, pytest.MonkeyPatch.context() as patch:
        world = make_world(**settings)
        patch.setattr(keystore, "ITERATIONS", 1)
        patch.setattr(keystore, "MEMORY_KIB", 128)
        patch.setattr(clock, "now_unix_s", lambda: world.now)
        made = Session(directory, example, world)
        clients = {VENUE_URL: made.venue, VERIFIER_URL: world.client}
        connect = client.Service.__init__

        def in_process(service: client.Service, url: str, **more: Any) -> None:
            connect(service, url, **more | {"transport": clients[url]._transport})

        patch.setattr(client.Service, "__init__", in_process)
        with made.venue:
            yield made
