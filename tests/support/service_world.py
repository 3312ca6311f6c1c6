"""A small world to test the service in: two markets, four oracles of which three are needed, and account holders.

Everything is real: keys, signatures, commitments, proofs, a database file. Only the clock is set by hand.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from circuits import statement
from circuits.boxes import box_around
from circuits.holdings import holdings
from circuits.markets import RiskParameters
from circuits.prices import box_entries, prices_of
from verifier.app import create_app
from verifier.service import Service
from verifier.settings import Settings
from verifier.store import Store
from zkmargin import canonical
from zkmargin.bundle import MEDIA_TYPE, Bundle, Request
from zkmargin.documents import (
    NO_STATE,
    Account,
    LabelledCommitment,
    Oracle,
    Params,
    Round,
    Signed,
    State,
    Trust,
    account_id,
)
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit
from zkmargin.sealing import SealingKey

VENUE = "demo"
AUDIENCE = "risk.example"
START_UNIX_S = canonical.parse_time("2026-11-22T06:00:00Z")
PRICES = {"BTC-USD": "60000", "ETH-USD": "3000"}
MARKETS = [
    {"market": "BTC-USD", "lot": "0.001", "initial_ppm": 50000, "maintenance_ppm": 30000, "max_size": "1000"},
    {"market": "ETH-USD", "lot": "0.01", "initial_ppm": 100000, "maintenance_ppm": 50000, "max_size": "10000"},
]
SOL = {"market": "SOL-USD", "lot": "0.1", "initial_ppm": 100000, "maintenance_ppm": 50000, "max_size": "100000"}
JSON = {"content-type": "application/json"}


@dataclass
class Keys:
    """All keys of the world."""

    root: PrivateKey = field(default_factory=PrivateKey.generate)
    params: PrivateKey = field(default_factory=PrivateKey.generate)
    attestation: PrivateKey = field(default_factory=PrivateKey.generate)
    oracles: list[PrivateKey] = field(default_factory=lambda: [PrivateKey.generate() for _ in range(4)])

    @property
    def quorum(self) -> list[PrivateKey]:
        """As many oracles as are needed: the last one is spare."""
        return self.oracles[:3]

    def trust(self, version: int = 1, **changes: Any) -> Trust:
        """A trust document of these keys."""
        members: dict[str, Any] = {
            "venue": VENUE, "version": version, "root": (self.root.public,), "params": (self.params.public,),
            "attestation": (self.attestation.public,), "oracle": tuple(key.public for key in self.oracles),
            "oracle_threshold": 3,
        }  # fmt: skip
        return Trust(**members | changes)


def make_params(version: int = 1, markets: Sequence[Mapping[str, Any]] = MARKETS, **changes: Any) -> Params:
    """Risk parameters."""
    value = {
        "schema": Params.SCHEMA, "venue": VENUE, "version": version, "model": "perpetuals-cross", "quote": "USD",
        "markets": [dict(market) for market in markets],
    }  # fmt: skip
    return Params.from_value(value | changes)


def make_report(
    number: int, prices: Mapping[str, str], unix_s: int, funding: Mapping[str, str] | None = None, venue: str = VENUE
) -> Oracle:
    """One oracle's report."""
    value: dict[str, Any] = {
        "schema": Oracle.SCHEMA, "venue": venue, "round": number, "time": canonical.format_time(unix_s),
        "prices": [{"market": market, "price": price} for market, price in prices.items()],
    }  # fmt: skip
    if funding:
        value["funding"] = [{"market": market, "index": index} for market, index in funding.items()]
    return Oracle.from_value(value)


class Holder:
    """An account holder: makes states and bundles as a wallet does."""

    def __init__(self, world: World, cash: str, sizes: Mapping[str, str]) -> None:
        self.world = world
        self.owner = PrivateKey.generate()
        self.sealing = SealingKey.generate()
        self.salt = canonical.to_hex(secrets.token_bytes(32))
        self.id = account_id(VENUE, self.owner.public, self.sealing.public, self.salt)
        self.openings: dict[str, Opening] = {}
        self.signed: Signed[State] | None = None
        self.cash, self.sizes = cash, dict(sizes)

    @property
    def account(self) -> Account:
        """The account file."""
        positions = [{"market": market, "size": size} for market, size in self.sizes.items()]
        value = {"schema": Account.SCHEMA, "account": "holder", "cash": self.cash, "positions": positions}
        return Account.from_value(value | {"owner": self.owner.public})

    @property
    def state(self) -> State:
        """The newest state that was made."""
        assert self.signed is not None
        return self.signed.document

    def next_state(self, params: Params | None = None, **changes: Any) -> State:
        """Commit to the account in a new state."""
        params = params or self.world.params.document
        risk = RiskParameters.from_document(params)
        values = holdings(self.account, risk, prices_of(self.world.round, risk)).values(risk)
        self.openings = {label: Opening.random(value) for label, value in values.items()}
        members: dict[str, Any] = {
            "venue": VENUE, "account": self.id, "owner": self.owner.public, "sealing_key": self.sealing.public,
            "salt": self.salt, "epoch": 1, "seq": self.state.seq + 1 if self.signed else 1,
            "previous": self.state.state_digest if self.signed else NO_STATE,
            "commitments": tuple(
                LabelledCommitment(
                    label=label, unit=unit, commitment=canonical.to_hex(encode(commit(self.openings[label])))
                )
                for label, unit in risk.units.items()
            ),
        }  # fmt: skip
        return State(**members | changes)

    def attest(self, state: State, *keys: PrivateKey) -> bytes:
        """``state``, signed by the venue and the owner, or by ``keys``."""
        envelope = state.sign(*(keys or (self.world.keys.attestation, self.owner)))
        self.signed = Signed(state, envelope)
        return envelope.to_bytes()

    def put(self) -> Holder:
        """Make the next state and put it."""
        response = self.world.put(self.id, self.attest(self.next_state()))
        assert response.status_code == 201, response.text
        return self

    def request(self, claim: str = "maintenance", percent: str = "5", **changes: Any) -> Request:
        """A request about the newest state, under the world's parameters and newest round."""
        params, round_ = self.world.params.document, self.world.round
        risk = RiskParameters.from_document(params)
        members: dict[str, Any] = {
            "audience": AUDIENCE, "account": self.id, "seq": self.state.seq, "state_digest": self.state.state_digest,
            "params": params.digest, "round": round_.digest, "round_number": round_.number, "claim": claim,
            "box": box_entries(box_around(prices_of(round_, risk), Fraction(percent)), risk),
            "expiry": canonical.format_time(self.world.now + 3600),
        }  # fmt: skip
        return Request(**members | changes)

    def prove(self, request: Request) -> bytes:
        """A proof of what ``request`` asks for."""
        return statement.build(request, self.state, self.world.params.document, self.world.round).prove(self.openings)

    def wrap(self, request: Request, proof: bytes) -> bytes:
        """The bytes of a bundle."""
        assert self.signed is not None
        return Bundle(request, proof, self.signed, self.world.params, self.world.round).to_bytes()

    def bundle(self, claim: str = "maintenance", percent: str = "5", **changes: Any) -> bytes:
        """A bundle with a real proof."""
        request = self.request(claim, percent, **changes)
        return self.wrap(request, self.prove(request))


class World:
    """The service with its client, and those who publish to it, on the database in ``directory``. ``begun``: whose copy
    the database is."""

    def __init__(self, directory: Path, begun: World | None = None, **settings: Any) -> None:
        self.now = START_UNIX_S
        self.keys = replace(begun.keys, oracles=list(begun.keys.oracles)) if begun else Keys()
        self.store = Store(f"sqlite:///{directory / 'verifier.sqlite3'}")
        self.receipt_key = PrivateKey.generate()
        self.settings = Settings(**{"venue": VENUE, "audience": AUDIENCE, "rate_limit": ""} | settings)
        self.service = Service(self.settings, self.store, self.receipt_key)
        self.client = TestClient(create_app(self.service), raise_server_exceptions=False)
        self.client.__enter__()  # one event loop for all requests
        self.params: Signed[Params]
        self.round: Round
        if begun:
            self.params, self.round = begun.params, begun.round

    def begin(self) -> World:
        """Publish trust, parameters and a first round."""
        self.service.publish_trust(self.keys.trust().sign(self.keys.root).to_bytes(), first=True)
        self.publish_params(make_params())
        self.publish_round(1, PRICES)
        return self

    def publish_params(self, params: Params) -> None:
        """Publish and go by ``params``."""
        envelope = params.sign(self.keys.params)
        assert self.post("/v1/params", envelope.to_bytes()).status_code == 201
        self.params = Signed(params, envelope)

    def publish_round(self, number: int, prices: Mapping[str, str], funding: Mapping[str, str] | None = None) -> None:
        """As many oracles as are needed report the same; the round becomes current."""
        report = make_report(number, prices, self.now, funding)
        for key, status in zip(self.keys.quorum, (202, 202, 201), strict=True):
            assert self.report(report.sign(key)).status_code == status
        self.round = Round.from_value(self.client.get("/v1/oracle/current").json())

    def move_to(self, number: int, btc: str) -> None:
        """A minute later, a round with another price."""
        self.now += 60
        self.publish_round(number, PRICES | {"BTC-USD": btc})

    def post(self, path: str, content: bytes, media_type: str = "application/json") -> Any:
        """POST."""
        return self.client.post(path, content=content, headers={"content-type": media_type})

    def report(self, envelope: Envelope) -> Any:
        """Send an oracle report."""
        return self.post("/v1/oracle/reports", envelope.to_bytes())

    def put(self, account: str, attestation: bytes) -> Any:
        """Put a state."""
        return self.post(f"/v1/accounts/{account}/states", attestation)

    def submit(self, bundle: bytes) -> Any:
        """Submit a bundle."""
        return self.post("/v1/submissions", bundle, MEDIA_TYPE)

    def status(self, account: str) -> Any:
        """The status document of an account."""
        return self.client.get(f"/v1/accounts/{account}").json()

    def holder(self, cash: str = "100000", **sizes: str) -> Holder:
        """A holder with these sizes, or 1 BTC long and 10 ETH short."""
        named = {f"{name}-USD": size for name, size in sizes.items()}
        return Holder(self, cash, named or {"BTC-USD": "1", "ETH-USD": "-10"})

    def close(self) -> None:
        """End the application."""
        self.client.__exit__(None, None, None)
        self.store.close()

    def dump(self) -> list[str]:
        """The whole database as text: equal before and after means that nothing changed."""
        connection = self.store.engine.raw_connection()
        try:
            return list(connection.driver_connection.iterdump())
        finally:
            connection.close()
