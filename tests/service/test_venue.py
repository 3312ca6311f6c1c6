"""The venue signs a state only if every commitment is one to its own positions, and says no without an amount."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from service_world import MARKETS, PRICES, SOL, START_UNIX_S, VENUE, Holder, Keys, make_params, make_report

from verifier import clock, logs
from verifier.venue.app import create_app
from verifier.venue.desk import Desk
from verifier.venue.setup import make
from zkmargin import canonical
from zkmargin.documents import (
    AttestationRequest,
    LabelledOpening,
    Openings,
    Round,
    Signed,
    State,
    account_id,
    verify_attestation,
)
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import ContextError, InputError
from zkmargin.field import R
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit
from zkmargin.sealing import SealingKey, seal


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
        self.desk = Desk.open(self.directory)
        self.client = TestClient(create_app(self.desk), raise_server_exceptions=False)
        self.round = self.make_round()

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


@pytest.fixture
def floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Floor:
    floor = Floor(tmp_path)
    monkeypatch.setattr(clock, "now_unix_s", lambda: floor.now)
    return floor


def code_of(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


def test_an_attestation_is_what_the_verifier_wants(floor: Floor) -> None:
    holder = floor.holder()
    signed = floor.attested(holder)
    assert verify_attestation(signed, floor.trust).seq == 1
    assert floor.attested(holder).document.seq == 2


def test_the_venue_says_who_it_is(floor: Floor) -> None:
    answer = floor.client.get("/v1/venue").json()
    assert answer == floor.desk.describe()
    assert {*answer} == {"venue", "attestation_key", "sealing_key"}
    assert floor.client.get("/healthz").json() == {"status": "ok"}
    assert floor.client.get("/openapi.json").status_code == 200
    assert code_of(floor.client.get("/v1/accounts")) == (404, "not_found")


def test_the_same_state_again_gets_the_same_attestation(floor: Floor) -> None:
    holder = floor.holder()
    request = floor.request(holder)
    first = floor.ask(holder, request)
    holder.cash = "1"
    floor.write(holder)  # even if the positions have moved on
    floor.now += 10_000
    assert floor.ask(holder, request).json() == first.json()
    assert floor.ask(holder, request).status_code == 200
    sealed_again = floor.request(holder, request.state)
    assert floor.ask(holder, sealed_again).json() == first.json()
    assert Desk.open(floor.directory).attest(request.sign(holder.owner).to_bytes()).envelope.to_value() == first.json()


def test_one_state_a_sequence_number(floor: Floor) -> None:
    holder = floor.holder()
    floor.attested(holder)
    first, holder.signed = holder.signed, None
    assert code_of(floor.ask(holder, floor.request(holder))) == (409, "earlier_sequence")
    holder.signed = first
    skipped = holder.next_state().model_copy(update={"seq": 3})
    assert code_of(floor.ask(holder, floor.request(holder, skipped))) == (409, "unknown_sequence")
    astray = holder.next_state().model_copy(update={"previous": "0x" + "11" * 32})
    assert code_of(floor.ask(holder, floor.request(holder, astray))) == (409, "state_mismatch")


def test_one_account_an_owner(floor: Floor) -> None:
    """Else the same positions would stand behind two accounts."""
    holder = floor.holder()
    floor.attested(holder)
    twin = Holder(floor, holder.cash, holder.sizes)
    twin.owner = holder.owner
    twin.id = account_id(VENUE, twin.owner.public, twin.sealing.public, twin.salt)
    assert code_of(floor.ask(twin, floor.request(twin))) == (422, "other_account")


def test_only_the_owner_asks(floor: Floor) -> None:
    holder, stranger = floor.holder(), PrivateKey.generate()
    request = floor.request(holder)
    assert code_of(floor.ask(holder, request, stranger)) == (403, "unsigned")
    bare = floor.client.post(
        "/v1/attestations", content=request.to_bytes(), headers={"content-type": "application/json"}
    )
    assert code_of(bare) == (403, "unsigned")
    forged = Envelope(request.media_type(), request.to_bytes(), ((holder.owner.public, bytes(64)),))
    answer = floor.client.post(
        "/v1/attestations", content=forged.to_bytes(), headers={"content-type": "application/json"}
    )
    assert code_of(answer) == (403, "bad_signature")


def test_an_owner_without_positions(floor: Floor) -> None:
    holder = floor.holder()
    (floor.positions / f"{holder.id}.json").unlink()
    assert code_of(floor.ask(holder, floor.request(holder))) == (422, "unknown_owner")


def bump(label: str, value: int = 0, blinding: int = 0) -> Callable[[Floor, Holder], AttestationRequest]:
    """Commitments that were honestly made, to something else; with openings that open them."""

    def make_request(floor: Floor, holder: Holder) -> AttestationRequest:
        state = holder.next_state()
        old = holder.openings[label]
        holder.openings[label] = Opening(old.value + value, (old.blinding + blinding) % R)
        commitments = tuple(
            entry.model_copy(update={"commitment": canonical.to_hex(encode(commit(holder.openings[label])))})
            if entry.label == label
            else entry
            for entry in state.commitments
        )
        return floor.request(holder, state.model_copy(update={"commitments": commitments}))

    return make_request


def opened(change: Callable[[dict[str, Opening]], dict[str, Opening]]) -> Callable[[Floor, Holder], AttestationRequest]:
    """Openings that are not those of the commitments."""

    def make_request(floor: Floor, holder: Holder) -> AttestationRequest:
        state = holder.next_state()
        return floor.request(holder, state, change(dict(holder.openings)))

    return make_request


def swap(o: dict[str, Opening]) -> dict[str, Opening]:
    return o | {"q/BTC-USD": o["q/ETH-USD"], "q/ETH-USD": o["q/BTC-USD"]}


def labels(change: Callable[[State], Any]) -> Callable[[Floor, Holder], AttestationRequest]:
    def make_request(floor: Floor, holder: Holder) -> AttestationRequest:
        state = holder.next_state()
        return floor.request(holder, state.model_copy(update={"commitments": change(state)}))

    return make_request


def asking(**changes: Any) -> Callable[[Floor, Holder], AttestationRequest]:
    def make_request(floor: Floor, holder: Holder) -> AttestationRequest:
        resolved = {name: value(floor) if callable(value) else value for name, value in changes.items()}
        return floor.request(holder, **resolved)

    return make_request


def beyond_r(floor: Floor, holder: Holder) -> AttestationRequest:
    """A blinding that is the right one modulo r."""
    state, venue_key = holder.next_state(), floor.desk.describe()["sealing_key"]
    entries = [LabelledOpening.of(*item).to_value() for item in holder.openings.items()]
    entries[0]["blinding"] = canonical.to_hex((int(entries[0]["blinding"], 16) + R).to_bytes(32, "big"))
    plain = canonical.to_bytes({"schema": Openings.SCHEMA, "openings": entries})
    sealed = seal(plain, venue_key, info=canonical.from_hex(state.state_digest))
    return floor.request(holder, state, sealed=canonical.to_hex(sealed))


def sealed_for(key: Callable[[Floor], str], info: bytes | None = None) -> Callable[[Floor, Holder], AttestationRequest]:
    def make_request(floor: Floor, holder: Holder) -> AttestationRequest:
        state = holder.next_state()
        openings = Openings(openings=tuple(LabelledOpening.of(*item) for item in holder.openings.items()))
        about = canonical.from_hex(state.state_digest) if info is None else info
        return floor.request(holder, state, sealed=canonical.to_hex(seal(openings.to_bytes(), key(floor), info=about)))

    return make_request


def venue_key(floor: Floor) -> str:
    return floor.desk.describe()["sealing_key"]


REFUSALS: dict[str, tuple[int, str, Callable[[Floor, Holder], AttestationRequest]]] = {
    "a lot more": (422, "positions_differ", bump("q/BTC-USD", 1)),
    "an atto more cash": (422, "positions_differ", bump("cash0", 1)),
    "a value larger by r": (422, "positions_differ", bump("cash0", R)),
    "another blinding than committed": (
        422, "bad_opening", opened(lambda o: o | {"cash0": Opening(o["cash0"].value, 1)}),
    ),
    "a blinding not below r": (400, "bad_input", beyond_r),
    "openings of each other's labels": (422, "bad_opening", opened(swap)),
    "an opening missing": (422, "bad_opening", opened(lambda o: {k: v for k, v in o.items() if k != "cash0"})),
    "an opening too many": (422, "bad_opening", opened(lambda o: o | {"fee": Opening(0, 0)})),
    "a label missing": (422, "missing_label", labels(lambda s: s.commitments[:-1])),
    "a label too many": (
        422, "unknown_label", labels(lambda s: (*s.commitments, s.commitments[0].model_copy(update={"label": "fee"}))),
    ),
    "another unit": (
        409, "lot_changed", labels(lambda s: (*s.commitments[:-1], s.commitments[-1].model_copy(update={"unit": "1"}))),
    ),
    "no point": (
        400, "bad_encoding",
        labels(lambda s: (*s.commitments[:-1], s.commitments[-1].model_copy(update={"commitment": "0x" + "ff" * 48}))),
    ),
    "unknown parameters": (422, "unknown_params", asking(params="0x" + "11" * 32)),
    "a round of one report": (403, "unsigned", asking(round=lambda f: f.make_round(keys=(0,)).to_value())),
    "an unsigned round": (
        403, "unsigned", asking(round=lambda f: Round((Signed(f.round.reports[0].document),)).to_value()),
    ),
    "an old round": (409, "old_round", asking(round=lambda f: f.make_round(unix_s=f.now - 601).to_value())),
    "a round to come": (409, "old_round", asking(round=lambda f: f.make_round(unix_s=f.now + 61).to_value())),
    "no round": (400, "bad_input", lambda f, h: f.request(h).model_copy(update={"round": {}})),
    "a round in another form": (
        400, "bad_input", lambda f, h: f.request(h).model_copy(update={"round": f.round.reports[0].to_value()}),
    ),
    "sealed to someone else": (400, "bad_seal", sealed_for(lambda _: SealingKey.generate().public)),
    "sealed for another state": (400, "bad_seal", sealed_for(venue_key, info=bytes(32))),
    "not sealed at all": (400, "bad_seal", asking(sealed="0x" + "00" * 80)),
}  # fmt: skip


@pytest.fixture(scope="module")
def still_floor(tmp_path_factory: pytest.TempPathFactory) -> Floor:
    return Floor(tmp_path_factory.mktemp("floor"))


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_has_its_code_and_no_amount_and_signs_nothing(
    still_floor: Floor, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor = still_floor
    monkeypatch.setattr(clock, "now_unix_s", lambda: floor.now)
    status, code, make_request = REFUSALS[what]
    holder = floor.holder("987654.125", BTC="1.357", ETH="-24.68")
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(stream)
    try:
        answer = floor.ask(holder, make_request(floor, holder))
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert code_of(answer) == (status, code)
    for amount in ("987654", "1357", "1.357", "2468", "24.68", *(str(o.value) for o in holder.openings.values())):
        assert amount not in answer.text
        assert amount not in stream.getvalue()
    assert floor.ask(holder, floor.request(holder)).status_code == 201  # number 1 is still free


@pytest.mark.parametrize(
    ("sizes", "code"),
    [({"BTC": "1.0001"}, "off_grid"), ({"BTC": "1001"}, "above_maximum"), ({"DOGE": "7"}, "unknown_market")],
)
def test_positions_that_do_not_fit_are_told_without_their_sizes(floor: Floor, sizes: dict[str, str], code: str) -> None:
    holder = floor.holder()
    request = floor.request(holder)
    holder.sizes = {f"{name}-USD": size for name, size in sizes.items()}
    floor.write(holder)
    answer = floor.ask(holder, request)
    assert code_of(answer) == (422, code)
    assert not any(size in answer.text for size in sizes.values())


def test_broken_files_among_the_positions(floor: Floor) -> None:
    holder = floor.holder()
    (floor.positions / "broken.json").write_text('{"cash": 17.25}')
    (floor.positions / "ownerless.json").write_text(
        json.dumps({"schema": "zkmargin/account/v1", "account": "x", "cash": "1"})
    )
    (floor.positions / "notes.txt").write_text("not a position file")
    assert floor.ask(holder, floor.request(holder)).status_code == 201
    (floor.positions / "twice.json").write_text(json.dumps(holder.account.to_value()))
    holder.signed = Signed(holder.next_state())
    assert code_of(floor.ask(holder, floor.request(holder))) == (503, "positions_unavailable")


def test_a_changed_position_file_counts_from_the_next_request(floor: Floor) -> None:
    holder = floor.holder()
    floor.attested(holder)
    holder.cash = "5"
    assert code_of(floor.ask(holder, floor.request(holder))) == (422, "positions_differ")
    floor.write(holder)
    holder.signed = floor_first = holder.signed
    assert floor_first is not None
    assert floor.ask(holder, floor.request(holder)).status_code == 201


def test_documents_of_the_venue_are_checked(floor: Floor) -> None:
    keys, desk = floor.keys, floor.desk
    trust = floor.trust.model_copy(update={"version": 2})
    assert not desk.publish_trust(floor.trust.sign(keys.root).to_bytes()).created
    with pytest.raises(ContextError, match="not signed"):
        desk.publish_trust(trust.sign(keys.params).to_bytes())
    assert desk.publish_trust(trust.sign(keys.root).to_bytes()).created
    assert not desk.publish_params(canonical.to_bytes(floor.params.to_value())).created
    following = make_params(2, [*MARKETS, SOL])
    with pytest.raises(ContextError, match="not signed"):
        desk.publish_params(following.sign(keys.root).to_bytes())
    with pytest.raises(ContextError, match="lot"):
        desk.publish_params(make_params(2, [dict(MARKETS[0], lot="1"), MARKETS[1]]).sign(keys.params).to_bytes())
    with pytest.raises(InputError, match="another venue"):
        desk.publish_params(make_params(2, venue="other").sign(keys.params).to_bytes())
    assert desk.publish_params(following.sign(keys.params).to_bytes()).created


def test_a_venue_without_documents_attests_nothing(tmp_path: Path, floor: Floor) -> None:
    desk = make(tmp_path / "other", {"venue": VENUE, "positions": str(floor.positions)}, None, None)
    holder = floor.holder()
    request = floor.request(holder).sign(holder.owner).to_bytes()
    with pytest.raises(ContextError, match="no trust document"):
        desk.attest(request)


def test_malformed_requests(still_floor: Floor) -> None:
    for content in (b"", b"{}", b"[]", b"\xff", b'{"schema": "zkmargin/attestation-request/v1"}'):
        answer = still_floor.client.post(
            "/v1/attestations", content=content, headers={"content-type": "application/json"}
        )
        assert code_of(answer) == (400, "bad_input")
    assert still_floor.client.post("/v1/attestations", content=b"{}").status_code == 415
