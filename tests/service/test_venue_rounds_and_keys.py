"""What a venue goes by changes: rounds pass, keys are rotated. No account is stuck, and no holder picks its round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from service_world import Holder
from typer.testing import CliRunner
from venue_floor import Floor, code_of

from verifier import keys
from verifier.errors import Unavailable
from verifier.venue.cli import app
from verifier.venue.desk import Desk
from verifier.venue.setup import Key, rotate
from zkmargin.documents import AttestationRequest, Signed, State
from zkmargin.envelope import Envelope
from zkmargin.errors import InputError


def ask_at(floor: Floor, holder: Holder, number: int, request: AttestationRequest | None = None) -> Any:
    floor.round = floor.make_round(number)
    return floor.ask(holder, request or floor.request(holder))


def test_no_state_is_attested_at_a_round_that_has_passed(floor: Floor) -> None:
    first, second = floor.holder(), floor.holder()
    assert ask_at(floor, first, 5).status_code == 201
    assert code_of(ask_at(floor, second, 4)) == (409, "old_round")
    floor.restart()
    assert code_of(ask_at(floor, second, 4)) == (409, "old_round")
    assert ask_at(floor, second, 5).status_code == 201
    assert ask_at(floor, floor.holder(), 6).status_code == 201
    assert code_of(ask_at(floor, floor.holder(), 5)) == (409, "old_round")


def test_a_refused_request_passes_no_round(floor: Floor) -> None:
    holder, other = floor.holder(), floor.holder()
    wrong = floor.request(holder)
    holder.cash = "1"
    floor.write(holder)
    assert code_of(ask_at(floor, holder, 9, wrong.model_copy(update={"round": floor.make_round(9).to_value()}))) == (
        422, "positions_differ",
    )  # fmt: skip
    unsigned = floor.request(other, round=floor.make_round(8, keys=(0,)).to_value())
    assert code_of(floor.ask(other, unsigned)) == (403, "unsigned")
    assert ask_at(floor, other, 3).status_code == 201


def test_what_is_attested_is_answered_whatever_round_has_come(floor: Floor) -> None:
    holder = floor.holder()
    request = floor.request(holder)
    first = floor.ask(holder, request)
    assert ask_at(floor, floor.holder(), 7).status_code == 201
    assert floor.ask(holder, request).json() == first.json()


def test_two_requests_at_once_pass_rounds_one_after_the_other(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The later round is attested while the openings of the earlier one are being checked."""
    slow, fast = floor.holder(), floor.holder()
    open_sealed = AttestationRequest.open

    def meanwhile(request: AttestationRequest, key: Any) -> Any:
        if request.state.owner == slow.owner.public:
            assert ask_at(floor, fast, 2).status_code == 201
        return open_sealed(request, key)

    monkeypatch.setattr(AttestationRequest, "open", meanwhile)
    assert code_of(ask_at(floor, slow, 1)) == (409, "old_round")


def trust_both(floor: Floor, version: int) -> None:
    """The next trust document names the old key and the new one."""
    new = keys.read_signing(floor.directory / "attestation.key").public
    trust = floor.trust.model_copy(update={"version": version, "attestation": (*floor.trust.attestation, new)})
    floor.desk.publish_trust(trust.sign(floor.keys.root).to_bytes())
    floor.trust = trust


def test_a_state_that_the_old_key_attested_is_attested_by_the_new_one(floor: Floor) -> None:
    holder = floor.holder()
    request = floor.request(holder)
    first = Envelope.from_value(floor.ask(holder, request).json())
    rotate(floor.directory, Key.ATTESTATION)
    assert Envelope.from_value(floor.ask(holder, request).json()) == first  # it still runs with the old key
    trust_both(floor, 2)
    floor.restart()
    answer = floor.ask(holder, request)
    again = Envelope.from_value(answer.json())
    assert answer.status_code == 200
    assert again.payload == first.payload
    assert again.keys == (floor.desk.describe()["attestation_key"],) != first.keys
    Signed(State.from_bytes(again.payload), again).verify(again.keys)
    holder.signed = Signed(request.state, again)
    assert floor.ask(holder, floor.request(holder)).status_code == 201
    without = floor.trust.model_copy(update={"version": 3, "attestation": first.keys})
    floor.desk.publish_trust(without.sign(floor.keys.root).to_bytes())
    assert Envelope.from_value(floor.ask(holder, request).json()) == again  # it is stored, not signed again


def test_a_key_that_is_not_trusted_signs_nothing(floor: Floor) -> None:
    holder, other = floor.holder(), floor.holder()
    request = floor.request(holder)
    assert floor.ask(holder, request).status_code == 201
    rotate(floor.directory, Key.ATTESTATION)
    floor.restart()
    for owner, asked in ((holder, request), (other, floor.request(other))):
        assert code_of(floor.ask(owner, asked)) == (503, "untrusted_key")
    trust_both(floor, 2)
    assert floor.ask(holder, request).status_code == 200
    assert floor.ask(other, floor.request(other)).status_code == 201


def test_a_rotation_keeps_the_old_key_beside_the_new_one(floor: Floor) -> None:
    before = floor.desk.describe()
    for which in Key:
        told = rotate(floor.directory, which)
        name = f"{which}_key"
        assert {*told} == {name, "replaces", "kept"}
        assert told["replaces"] == before[name] != told[name]
        assert Desk.open(floor.directory).describe()[name] == told[name]
        kept = Path(told["kept"])
        read = keys.read_signing if which is Key.ATTESTATION else keys.read_sealing
        assert read(kept).public == before[name]
        assert kept.stat().st_mode & 0o777 == 0o600
    assert len(list(floor.directory.glob("*.key"))) == 4


def test_an_interrupted_rotation_is_done_again(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("the disk is full")

    before = floor.desk.describe()
    with monkeypatch.context() as patch:
        patch.setattr("verifier.disk.replace", fail)
        with pytest.raises(Unavailable):
            rotate(floor.directory, Key.ATTESTATION)
    assert Desk.open(floor.directory).describe() == before
    told = rotate(floor.directory, Key.ATTESTATION)
    assert keys.read_signing(Path(told["kept"])).public == before["attestation_key"]


def test_only_a_venue_has_keys_to_rotate(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        rotate(tmp_path, Key.SEALING)
    assert not list(tmp_path.iterdir())


def test_the_command_prints_the_new_key(floor: Floor) -> None:
    at = ("--dir", str(floor.directory), "-o", "json")
    told = json.loads(CliRunner().invoke(app, ["rotate-key", "sealing", *at]).stdout)
    assert json.loads(CliRunner().invoke(app, ["key", *at]).stdout)["sealing_key"] == told["sealing_key"]
    other = CliRunner().invoke(app, ["rotate-key", "receipt", *at])
    assert (other.exit_code, json.loads(other.stdout)["error"]["code"]) == (2, "usage")
