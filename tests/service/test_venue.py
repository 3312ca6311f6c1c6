"""The venue signs a state only if every commitment is one to its own positions, and says no without an amount."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from service_world import MARKETS, SOL, VENUE, Holder, make_params
from venue_floor import Floor, code_of

from verifier import clock, logs
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


def post(floor: Floor, content: bytes) -> Any:
    return floor.client.post("/v1/attestations", content=content, headers={"content-type": "application/json"})


def test_only_the_owner_asks(floor: Floor) -> None:
    holder, neighbour = floor.holder(), floor.holder()
    request = floor.request(holder)
    assert code_of(floor.ask(holder, request, neighbour.owner)) == (403, "unsigned")
    assert code_of(floor.ask(holder, request, PrivateKey.generate())) == (422, "unknown_owner")
    assert code_of(floor.ask(holder, request, holder.owner, neighbour.owner)) == (403, "unsigned")
    assert code_of(post(floor, request.to_bytes())) == (400, "bad_input")
    assert code_of(post(floor, request.sign().to_bytes())) == (403, "unsigned")
    forged = Envelope(request.media_type(), request.to_bytes(), ((holder.owner.public, bytes(64)),))
    assert code_of(post(floor, forged.to_bytes())) == (403, "bad_signature")
    assert code_of(post(floor, request.state.sign(holder.owner).to_bytes())) == (400, "bad_input")


def test_nothing_is_read_for_whoever_has_no_account(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request of many markets takes long to read: first the signature, then whose it is, and only then the rest."""

    def read(_: bytes) -> None:
        raise AssertionError

    holder, stranger = floor.holder(), PrivateKey.generate()
    request = floor.request(holder)
    monkeypatch.setattr(AttestationRequest, "from_bytes", read)
    assert code_of(floor.ask(holder, request, stranger)) == (422, "unknown_owner")
    forged = Envelope(request.media_type(), request.to_bytes(), ((holder.owner.public, bytes(64)),))
    assert code_of(post(floor, forged.to_bytes())) == (403, "bad_signature")


def test_the_largest_request_fits_and_a_larger_body_does_not(floor: Floor) -> None:
    limit = floor.desk.settings.max_body_bytes
    assert limit == 2 << 20
    assert code_of(post(floor, b"x" * limit)) == (400, "bad_input")
    assert code_of(post(floor, b"x" * (limit + 1))) == (413, "too_large")


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
