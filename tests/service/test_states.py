"""An account's state: attested by the venue, signed by its owner, one sequence number after the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from service_world import MARKETS, PRICES, SOL, Holder, World, make_params

from verifier import accounts
from zkmargin.documents import LabelledCommitment, State
from zkmargin.envelope import Envelope, PrivateKey


def code_of(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


def test_a_first_state_registers_the_account(world: World) -> None:
    holder = world.holder()
    assert code_of(world.client.get(f"/v1/accounts/{holder.id}")) == (404, "unknown_account")
    assert code_of(world.client.get(f"/v1/accounts/{holder.id}/state")) == (404, "unknown_account")
    attestation = holder.attest(holder.next_state())
    answer = world.put(holder.id, attestation)
    expected = {"account": holder.id, "seq": 1, "state_digest": holder.state.state_digest}
    assert (answer.status_code, answer.json()) == (201, expected)
    stored = world.client.get(f"/v1/accounts/{holder.id}/state")
    assert (stored.content, stored.headers["etag"]) == (attestation, f'"{holder.state.state_digest}"')


def test_the_same_bytes_again_change_nothing_then_and_later(world: World) -> None:
    holder = world.holder()
    first = holder.attest(holder.next_state())
    assert world.put(holder.id, first).status_code == 201
    assert world.put(holder.id, first).status_code == 200
    holder.put()
    before = world.dump()
    assert world.put(holder.id, first).json()["seq"] == 1
    assert world.dump() == before


@pytest.mark.parametrize("what", ["reversed", "with a stranger's signature"])
def test_a_stranger_cannot_put_a_public_state_in_another_dress(world: World, what: str) -> None:
    """Kept like that, it would not be what the owner holds, and the owner would be locked out."""
    holder = world.holder()
    attestation = holder.attest(holder.next_state())
    envelope = Envelope.from_bytes(attestation)
    if what == "reversed":
        dressed = Envelope(envelope.payload_type, envelope.payload, envelope.signatures[::-1])
    else:
        dressed = envelope.with_signature(PrivateKey.generate())
    assert code_of(world.put(holder.id, dressed.to_bytes())) == (403, "bad_signature")
    assert world.put(holder.id, attestation).status_code == 201


def with_label(label: str, unit: str) -> Callable[[Holder, State], State]:
    def change(_: Holder, state: State) -> State:
        entry = LabelledCommitment(label=label, unit=unit, commitment=state.commitments[0].commitment)
        kept = tuple(other for other in state.commitments if other.label != label)
        return state.model_copy(update={"commitments": (*kept, entry)})

    return change


def changed(**changes: Any) -> Callable[[Holder, State], State]:
    return lambda _, state: state.model_copy(update=changes)


def by(*names: str) -> Callable[[Holder], list[PrivateKey]]:
    """Signed by some: V the venue, O the owner, X a stranger, P the parameter key."""
    return lambda holder: [
        {
            "V": holder.world.keys.attestation, "O": holder.owner, "X": PrivateKey.generate(),
            "P": holder.world.keys.params,
        }[name]
        for name in names
    ]  # fmt: skip


BOTH = by("V", "O")
REFUSALS: dict[str, tuple[int, str, Callable[[Holder, State], State], Callable[[Holder], list[PrivateKey]]]] = {
    "without the owner": (403, "unsigned", changed(), by("V")),
    "without the venue": (403, "unsigned", changed(), by("O")),
    "by a stranger for the venue": (403, "unsigned", changed(), by("X", "O")),
    "by another key of the venue": (403, "unsigned", changed(), by("P", "O")),
    "the sequence number again": (409, "earlier_sequence", changed(seq=1, previous="0x" + "00" * 32), BOTH),
    "a sequence number left out": (409, "unknown_sequence", changed(seq=3), BOTH),
    "after another state": (409, "state_mismatch", changed(previous="0x" + "11" * 32), BOTH),
    "another key epoch": (422, "unsupported_epoch", changed(epoch=2), BOTH),
    "a market that is not listed": (422, "unknown_label", with_label("q/DOGE-USD", "1"), BOTH),
    "a label of another kind": (422, "unknown_label", with_label("fee", "1"), BOTH),
    "another unit": (409, "lot_changed", with_label("q/BTC-USD", "0.01"), BOTH),
    "cash in another unit": (409, "lot_changed", with_label("cash0", "1"), BOTH),
    "a unit in another spelling": (409, "lot_changed", with_label("q/BTC-USD", "0.0010"), BOTH),
}


@pytest.fixture(scope="module")
def holder(still_world: World) -> Holder:
    return still_world.holder().put()


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refused_state_changes_nothing(still_world: World, holder: Holder, what: str) -> None:
    status, code, change, keys = REFUSALS[what]
    first = holder.signed
    attestation = holder.attest(change(holder, holder.next_state()), *keys(holder))
    holder.signed = first
    before = still_world.dump()
    assert code_of(still_world.put(holder.id, attestation)) == (status, code)
    assert still_world.dump() == before


@pytest.mark.parametrize("what", REFUSALS)
def test_no_point_is_read_before_everything_else_is_right(
    still_world: World, holder: Holder, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, code, change, keys = REFUSALS[what]
    first = holder.signed
    attestation = holder.attest(change(holder, holder.next_state()), *keys(holder))
    holder.signed = first
    monkeypatch.setattr(accounts, "check_points", None)
    monkeypatch.setattr(still_world.store, "writing", None)
    assert code_of(still_world.put(holder.id, attestation)) == (status, code)


def test_what_is_known_costs_no_point_and_no_lock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = world.holder()
    attestation = stranger.attest(stranger.next_state())
    assert world.put(stranger.id, attestation).status_code == 201
    monkeypatch.setattr(accounts, "check_points", None)
    monkeypatch.setattr(world.store, "writing", None)
    assert world.put(stranger.id, attestation).status_code == 200


def test_the_venue_signs_once(world: World) -> None:
    """Exactly two signatures, also where two attestation keys are trusted."""
    second = PrivateKey.generate()
    keys = world.keys
    both = keys.trust(2, attestation=(keys.attestation.public, second.public))
    assert world.post("/v1/trust", both.sign(keys.root).to_bytes()).status_code == 201
    for signers in ((keys.attestation, second), (second, keys.attestation), (second,)):
        stranger = world.holder()
        attestation = stranger.attest(stranger.next_state(), *signers, stranger.owner)
        wanted = (201, None) if len(signers) == 1 else (403, "bad_signature")
        assert code_of(world.put(stranger.id, attestation)) == wanted


def test_a_first_state_has_the_first_number(still_world: World) -> None:
    stranger = still_world.holder()
    late = stranger.next_state().model_copy(update={"seq": 2, "previous": "0x" + "11" * 32})
    assert code_of(still_world.put(stranger.id, stranger.attest(late))) == (409, "unknown_sequence")


def test_the_state_of_another_account(still_world: World, holder: Holder) -> None:
    stranger = still_world.holder()
    attestation = stranger.attest(stranger.next_state())
    assert code_of(still_world.put(holder.id, attestation)) == (400, "wrong_account")
    assert code_of(still_world.put(stranger.id, stranger.state.to_bytes())) == (403, "unsigned")


def test_a_signature_over_something_else(still_world: World) -> None:
    stranger = still_world.holder()
    good = Envelope.from_bytes(stranger.attest(stranger.next_state()))
    other = stranger.next_state().model_copy(update={"seq": 1, "previous": "0x" + "00" * 32})
    forged = Envelope(good.payload_type, other.to_bytes(), good.signatures)
    assert code_of(still_world.put(stranger.id, forged.to_bytes())) == (403, "bad_signature")


def test_an_identifier_belongs_to_its_keys(still_world: World, holder: Holder) -> None:
    """The venue and some owner together cannot write to another owner's account."""
    thief = still_world.holder()
    thief.signed = holder.signed
    state = thief.next_state().model_copy(update={"account": holder.id})
    assert code_of(still_world.put(holder.id, thief.attest(state))) == (400, "bad_input")


def test_states_race_for_one_number(world: World) -> None:
    holder = world.holder().put()
    first = holder.signed
    rivals = []
    for _ in range(5):
        holder.signed = first
        rivals.append(holder.attest(holder.next_state()))
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda rival: world.put(holder.id, rival), rivals))
    assert sorted(code_of(answer) for answer in answers) == [(201, None)] + [(409, "earlier_sequence")] * 4
    winner = [answer.status_code for answer in answers].index(201)
    assert world.client.get(f"/v1/accounts/{holder.id}/state").content == rivals[winner]
    assert world.status(holder.id)["seq"] == 2


def test_a_new_market_can_be_used_once_it_is_published(world: World) -> None:
    holder = world.holder().put()
    grown = make_params(2, [*MARKETS, SOL])
    world.publish_round(2, PRICES | {"SOL-USD": "100"})
    first = holder.signed
    attestation = holder.attest(holder.next_state(grown))
    holder.signed = first
    assert code_of(world.put(holder.id, attestation)) == (422, "unknown_label")
    world.publish_params(grown)
    assert world.put(holder.id, attestation).status_code == 201


def test_an_absent_label_is_allowed_and_an_identity_is_the_same(world: World) -> None:
    holder = world.holder("100", BTC="0")
    state = holder.next_state()
    only_cash = state.model_copy(update={"commitments": state.commitments[:1]})
    assert world.put(holder.id, holder.attest(only_cash)).status_code == 201
    holder.openings = {"cash0": holder.openings["cash0"]}
    assert world.submit(holder.bundle()).status_code == 201
