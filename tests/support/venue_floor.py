"""A venue on its directory, with keys and documents, for tests of what it signs and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from service_world import PRICES, START_UNIX_S, VENUE, Holder, Keys, make_params, make_report

from verifier.venue.app import create_app
from verifier.venue.desk import Desk
from verifier.venue.setup import make
from zkmargin import canonical
from zkmargin.documents import AttestationRequest, LabelledOpening, Openings, Round, Signed, State
from zkmargin.envelope import Envelope, PrivateKey


class Floor:
    """A venue with its files, keys and documents. Looks enough like a world for holders to live in it."""

    def __init__(self, directory: Path) -> None:
        self.now = START_UNIX_S
        self.keys = Keys()
        self.directory, self.positions = directory / "venue", directory / "positions"
        self.positions.mkdir()
        desk = make(self.directory, {"venue": VENUE, "positions": str(self.positions), "rate_limit": ""}, None, None)
        self.trust = self.keys.trust(attestation=(desk.describe()["attestation_key"],))
        self.params = Signed(make_params(), make_params().sign(self.keys.params))
        make(self.directory, {}, self.trust.sign(self.keys.root).to_bytes(), canonical.to_bytes(self.params.to_value()))
        self.restart()
        self.round = self.make_round()

    def restart(self) -> None:
        """The venue's server, started (again)."""
        self.desk = Desk.open(self.directory)
        self.client = TestClient(create_app(self.desk), raise_server_exceptions=False)

    def make_round(self, number: int = 1, keys: tuple[int, ...] = (0, 1, 2), unix_s: int = START_UNIX_S) -> Round:
        report = make_report(number, PRICES, unix_s, {"BTC-USD": "2.5", "ETH-USD": "-0.75"})
        return Round(tuple(Signed(report, report.sign(self.keys.oracles[key])) for key in keys))

    def holder(self, cash: str = "100000.5", **sizes: str) -> Holder:
        holder = Holder(
            self, cash, {f"{name}-USD": size for name, size in (sizes or {"BTC": "1", "ETH": "-10"}).items()}
        )
        self.write(holder)
        return holder

    def write(self, holder: Holder, **changes: Any) -> Path:
        path = self.positions / f"{holder.id}.json"
        path.write_text(json.dumps(holder.account.to_value() | changes))
        return path

    def request(
        self, holder: Holder, state: State | None = None, openings: Any = None, **changes: Any
    ) -> AttestationRequest:
        state = state or holder.next_state()
        opened = holder.openings if openings is None else openings
        sealed = Openings(openings=tuple(LabelledOpening.of(label, opening) for label, opening in opened.items()))
        members: dict[str, Any] = {
            "state": state, "params": self.params.digest, "round": self.round.to_value(),
            "sealed": AttestationRequest.seal(sealed, state, self.desk.describe()["sealing_key"]),
        }  # fmt: skip
        return AttestationRequest(**members | changes)

    def ask(self, holder: Holder, request: AttestationRequest, *keys: PrivateKey) -> Any:
        content = request.sign(*(keys or (holder.owner,))).to_bytes()
        return self.client.post("/v1/attestations", content=content, headers={"content-type": "application/json"})

    def attested(self, holder: Holder) -> Signed[State]:
        """The next state of ``holder``, attested and countersigned."""
        request = self.request(holder)
        answer = self.ask(holder, request)
        assert answer.status_code == 201, answer.text
        envelope = Envelope.from_value(answer.json()).with_signature(holder.owner)
        holder.signed = Signed(request.state, envelope)
        return holder.signed


def code_of(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")
