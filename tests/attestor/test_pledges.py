"""A pledge is accepted only of a lock that is there and is what its note says; a refusal leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Any

import pytest
from attestor_world import CHAIN, Lock, Society
from venue_floor import code_of

from verifier.attestor import pledges
from verifier.attestor.desk import ASKED_AT_ONCE
from verifier.attestor.reader import LockStatus
from zkmargin import canonical
from zkmargin.collateral import Note

JSON = {"content-type": "application/json"}


def dump(society: Society, name: str = "a") -> list[str]:
    connection = society.desks[name].store.engine.raw_connection()
    try:
        return list(connection.driver_connection.iterdump())
    finally:
        connection.close()


def post(society: Society, content: bytes) -> Any:
    return society.client("a").post("/v1/pledges", content=content, headers=JSON)


def test_a_pledge_of_a_lock_is_known_once(society: Society) -> None:
    lock = society.locked()
    answer = post(society, lock.pledge.to_bytes())
    assert answer.status_code == 201
    assert answer.json() == {"tag": lock.tag, "chain": society.entry.chain, "state": "pending"}
    before = dump(society)
    again = post(society, lock.pledge.to_bytes())
    assert (again.status_code, again.json()) == (200, answer.json())
    assert dump(society) == before
    client = society.client("a")
    assert client.get(f"/v1/pledges/{lock.tag}").json() == answer.json()
    assert code_of(client.get("/v1/pledges/0x11")) == (404, "unknown_pledge")


def test_the_same_pledge_again_asks_no_node(society: Society) -> None:
    lock = society.pledged(to="a")
    society.chain.is_down = True
    assert society.pledge("a", lock).created is False


Made = Callable[[Society], Lock]


def on_no_chain(society: Society) -> Lock:
    return society.lock()


def of_another_amount(society: Society) -> Lock:
    lock = society.lock()
    society.chain.put(lock.note, amount=lock.note.amount - 1)
    return lock


def of_another_asset(society: Society) -> Lock:
    lock = society.lock()
    society.chain.put(lock.note, asset=b"\x11" * 32)
    return lock


def asked_back(society: Society) -> Lock:
    lock = society.locked()
    society.chain.put(lock.note, LockStatus.RELEASE_REQUESTED)
    return lock


def asked_back_but_not_mined(society: Society) -> Lock:
    lock = society.locked()
    society.chain.put_pending(lock.note, LockStatus.RELEASE_REQUESTED)
    return lock


def seized(society: Society) -> Lock:
    lock = society.locked()
    society.chain.put(lock.note, LockStatus.SEIZED, amount=0)
    return lock


def too_large(society: Society) -> Lock:
    return society.locked(2**40 * 10**14 + 1)


def of_dust(society: Society) -> Lock:
    return society.locked(10**14 - 1)


def changed(**fields: bytes) -> Made:
    def make(society: Society) -> Lock:
        return society.locked(**fields)

    make.__name__ = "with_another_" + "_".join(fields)
    return make


def with_a_used_secret(society: Society) -> Lock:
    first = society.pledged(to="a")
    return society.locked(2 * 10**18, secret=first.note.secret)


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (on_no_chain, 422, "no_lock"),
        (of_another_amount, 422, "wrong_lock"),
        (of_another_asset, 422, "wrong_lock"),
        (asked_back, 422, "not_active"),
        (asked_back_but_not_mined, 422, "not_active"),
        (seized, 422, "not_active"),
        (too_large, 422, "out_of_range"),
        (of_dust, 422, "out_of_range"),
        (changed(venue=b"\x11" * 32), 422, "wrong_venue"),
        (changed(chain=b"\x11" * 32), 422, "unknown_chain"),
        (changed(vault=b"\x11" * 32), 422, "wrong_vault"),
        (changed(asset=b"\x11" * 32), 422, "wrong_asset"),
        (changed(commitment=b"\xc0" + bytes(47)), 400, "bad_commitment"),
        (changed(commitment=b"\x80" * 48), 400, "bad_commitment"),
        (with_a_used_secret, 409, "double_pledge"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_refusals(society: Society, make: Made, status: int, code: str) -> None:
    lock = make(society)
    proof = society.lock().pledge.proof
    if code == "bad_commitment" or make is too_large:
        content = canonical.to_bytes(
            {**society.lock().pledge.to_value(), "note": note_value(lock.note), "proof": proof}
        )
    else:
        content = lock.pledge.to_bytes()
    refused_with(society, content, status, code)


def note_value(note: Note) -> dict[str, str]:
    words = ("chain", "vault", "owner", "asset", "venue", "account", "commitment", "secret")
    return {name: canonical.to_hex(getattr(note, name)) for name in words} | {"amount": str(note.amount)}


def refused_with(society: Society, content: bytes, status: int, code: str) -> Any:
    before = dump(society)
    answer = post(society, content)
    assert code_of(answer) == (status, code)
    assert dump(society) == before
    return answer


def test_a_proof_for_another_note_or_of_another_value(society: Society) -> None:
    lock, other = society.locked(), society.locked()
    value = lock.pledge.to_value()
    refused_with(society, canonical.to_bytes(value | {"proof": other.pledge.proof}), 422, "bad_pledge")
    reads = society.chain.reads
    refused_with(society, canonical.to_bytes(value | {"proof": "0x" + "00" * 64}), 422, "bad_pledge")
    assert society.chain.reads == reads  # the node is asked last


@pytest.mark.parametrize("field", ["chain", "vault", "owner", "asset", "amount", "venue", "account", "secret"])
def test_a_note_with_one_field_changed_is_another_note(society: Society, field: str) -> None:
    value = society.locked().pledge.to_value()
    value["note"][field] = "7" if field == "amount" else "0x" + "00" * 12 + "11" * 20
    answer = post(society, canonical.to_bytes(value))
    assert answer.status_code == 422, answer.json()


def test_malformed_pledges(society: Society) -> None:
    value = society.locked().pledge.to_value()
    for content in (
        b"", b"{}", b"[]", b"\xff", canonical.to_bytes(value | {"more": 1}), canonical.to_bytes(value["note"]),
        canonical.to_bytes(value | {"note": value["note"] | {"amount": "-1"}}),
        canonical.to_bytes(value | {"note": value["note"] | {"amount": str(2**96)}}),
        canonical.to_bytes(value | {"note": value["note"] | {"secret": "0x11"}}),
    ):  # fmt: skip
        refused_with(society, content, 400, "bad_input")
    assert code_of(post(society, b"1" * (pledges.MAX_BODY_BYTES + 1))) == (413, "too_large")
    assert len(society.lock(2**39 * 10**14).pledge.to_bytes()) < pledges.MAX_BODY_BYTES


def test_a_node_that_is_down_refuses_for_now(society: Society) -> None:
    lock = society.locked()
    society.chain.is_down = True
    refused_with(society, lock.pledge.to_bytes(), 503, "chain_unavailable")
    society.chain.is_down = False
    assert society.pledge("a", lock).created


def test_a_chain_that_is_full_refuses(society: Society, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pledges, "MAX_LIVE", 1)
    society.pledged(to="a")
    refused_with(society, society.locked().pledge.to_bytes(), 503, "full")


def test_strangers_wait_for_the_node_in_line(society: Society, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pledges, "_MAX_WAIT_S", 0.01)
    lock = society.locked()
    asking = society.desks["a"].asking
    other = asking["eip155:1"] = BoundedSemaphore(ASKED_AT_ONCE)
    taken = [asking[CHAIN].acquire() for _ in range(ASKED_AT_ONCE)]
    try:
        refused_with(society, lock.pledge.to_bytes(), 503, "busy")
        assert other.acquire(blocking=False)  # another chain has a line of its own
    finally:
        for _ in taken:
            asking[CHAIN].release()
    assert society.pledge("a", lock).created


def test_nothing_secret_is_echoed_or_logged(society: Society, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    good, bad = society.locked(), society.lock()
    answers = [post(society, lock.pledge.to_bytes()).text for lock in (good, bad)]
    society.to_final()
    society.candidates("a", 1)
    value = bad.pledge.to_value()
    for field in value["note"]:
        broken = value | {"note": value["note"] | {field: value["note"][field] + "zz"}}
        answers.append(post(society, json.dumps(broken).encode()).text)
    told = "\n".join(
        [*answers, caplog.text, *map(repr, (good.pledge, good.pledge.note, good.note, society.desks["a"]))]
    )
    for lock in (good, bad):
        for secret in (lock.note.secret, lock.note.account, lock.note.commitment):
            assert secret.hex() not in told
        assert str(lock.note.amount) not in told
    assert society.desks["a"].token not in told


def test_an_opening_is_what_was_pledged(society: Society) -> None:
    lock = society.pledged(to="a")
    opened = pledges.opening(society.desks["a"], lock.tag)
    assert opened.note.note == lock.note
