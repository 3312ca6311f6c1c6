"""The collector: who is asked, what is proposed, and what passes with members missing, lying, or changed."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from attestor_world import CHAIN, Society, tags_of
from paper_chain import PaperChain

from verifier import remote
from verifier.attestor import collector
from verifier.attestor.messages import Candidates, ChainState, Proposal
from verifier.errors import Unavailable
from zkmargin.collateral import MemberSignature, SignedCheckpoint, SignedMemberSet, check_checkpoint, check_follows
from zkmargin.collateral.evidence import MAX_FILE_LEAVES
from zkmargin.errors import ContextError, InputError


def code(society: Society, names: str = "abc", **others: Any) -> tuple[str, str]:
    with pytest.raises((Unavailable, ContextError)) as caught:
        society.collect(names, **others)
    return caught.value.code, str(caught.value)


def test_a_quorum_signs_what_its_members_all_see(society: Society) -> None:
    everybody, two = society.pledged(), society.pledged(to="bc")
    society.pledged(to="c")
    society.to_final()
    collected = society.collect()
    file = collected.file
    assert tags_of(file.leaves) == {everybody.tag, two.tag}
    assert [signature.signer for signature in file.signatures] == ["b", "c"]
    assert collected.troubles == {}
    assert SignedCheckpoint.from_bytes(file.to_bytes()) == file
    check_checkpoint(file, society.registry, society.sets[0], now_unix_s=society.now)


def test_everybody_signs_who_can(society: Society) -> None:
    society.pledged()
    society.to_final()
    assert [signature.signer for signature in society.collect().file.signatures] == ["a", "b", "c"]


def test_two_of_three_with_one_down_and_a_restart_between(society: Society) -> None:
    lock = society.pledged()
    files = []
    for name in "abc":
        society.to_final()
        society.readers[name] = down = PaperChain(CHAIN, 0)
        down.is_down = True
        society.restart(name)
        collected = society.collect()
        files.append(collected.file)
        assert collected.troubles == {name: "chain_unavailable"}
        assert tags_of(collected.file.leaves) == {lock.tag}
        society.readers[name] = society.chain
        society.restart(name)
    for before, after in pairwise(files):
        check_follows(after.checkpoint, before.checkpoint, society.sets[0].venue_id)


def test_no_quorum_and_nothing_new(society: Society) -> None:
    assert code(society)[0] == "no_new_epoch"
    society.pledged()
    society.to_final()
    assert code(society, "a")[0] == "no_quorum"
    society.chain.is_down = True
    assert code(society) == (
        "no_quorum",
        "too few attestors answer, see the same block, and sign "
        "(a: chain_unavailable, b: chain_unavailable, c: chain_unavailable)",
    )
    society.chain.is_down = False
    society.collect()
    assert code(society)[0] == "no_new_epoch"


def test_a_member_on_a_fork_is_left_out(society: Society) -> None:
    lock = society.pledged()
    fork = PaperChain(CHAIN, society.chain.blocks[0].time_unix_s)
    fork.told = society.chain.told
    fork.blocks, fork.states = list(society.chain.blocks[:2]), [dict(s) for s in society.chain.states[:2]]
    fork.fork = 7
    society.to_final()
    fork.mine(len(society.chain.blocks) - 2)
    society.readers["b"] = fork
    society.restart("b")
    file = society.collect().file
    assert [signature.signer for signature in file.signatures] == ["a", "c"]
    assert tags_of(file.leaves) == {lock.tag}


@dataclass
class Liar:
    """A member that answers as another one, altered."""

    honest: Any
    newest: int | None = None
    leaves: tuple[str, ...] = ()
    signature: dict[str, str] | None = None

    def state(self, chain: str) -> ChainState:
        state = self.honest.state(chain)
        return state if self.newest is None else state.model_copy(update={"newest_epoch": self.newest})

    def candidates(self, chain: str, epoch: int) -> Candidates:
        candidates = self.honest.candidates(chain, epoch)
        return candidates.model_copy(update={"leaves": candidates.leaves + self.leaves})

    def sign(self, chain: str, proposal: Proposal) -> MemberSignature:
        signature = self.honest.sign(chain, proposal)
        return signature.model_copy(update=self.signature or {})


@pytest.mark.parametrize(
    ("lie", "trouble"),
    [
        ({"newest": 10**9}, None),
        ({"leaves": ("0x" + "11" * 267,)}, None),
        ({"signature": {"sig": "0x" + "11" * 64}}, "bad_signature"),
        ({"signature": {"signer": "b"}}, "unknown_member"),
    ],
)
def test_a_lying_member_stops_nobody(society: Society, lie: dict[str, Any], trouble: str | None) -> None:
    lock = society.pledged()
    society.to_final()
    collected = society.collect(c=Liar(society.local("c"), **lie))
    assert tags_of(collected.file.leaves) == {lock.tag}
    assert {signature.signer for signature in collected.file.signatures} >= {"a", "b"}
    assert collected.troubles.get("c") == trouble


def test_an_epoch_that_failed_is_left_behind(society: Society) -> None:
    """One member signs, the others fail: its epoch is used up, and the next one passes."""
    lock = society.pledged()
    society.to_final()

    class Fails(Liar):
        def sign(self, *_: Any) -> MemberSignature:
            raise Unavailable("gone", code="unreachable")

    failing = {name: Fails(society.local(name)) for name in "bc"}
    assert code(society, "a", **failing)[0] == "no_quorum"
    assert code(society, "ab")[0] == "no_new_epoch"
    society.to_next_epoch()
    assert tags_of(society.collect().file.leaves) == {lock.tag}


def test_the_set_rotates(society: Society) -> None:
    """From its first epoch on the next set signs, the checkpoint before being of the old one."""
    lock = society.pledged()
    society.to_final()
    society.collect()
    epoch = society.to_next_epoch() - 1
    following = society.member_set(("b", "c"), version=2, from_epoch=epoch + 2)
    signed = society.signed_set(following)
    approvals = []
    for name in "ab":
        approved = society.desks[name].approve_set(signed)
        approvals.append(approved.approvals[-1])
        signed = approved.to_bytes()
    with pytest.raises(ContextError) as caught:
        society.publish_set(following, approvals[:1])
    assert caught.value.code == "too_few_signatures"
    society.publish_set(following, approvals)
    assert society.collect().file.checkpoint.set_version == 1
    for name in "abc":
        society.restart(name)
    society.to_next_epoch()
    collected = society.collect()
    assert collected.file.checkpoint.set_version == 2
    assert [signature.signer for signature in collected.file.signatures] == ["b", "c"]
    assert tags_of(collected.file.leaves) == {lock.tag}
    with pytest.raises(ContextError) as caught:
        society.candidates("a", epoch + 2)
    assert caught.value.code == "not_a_member"


def test_one_set_a_version_is_approved(society: Society) -> None:
    one = society.member_set(("b", "c"), version=2, from_epoch=5)
    other = society.member_set(("a", "b"), version=2, from_epoch=5)
    desk = society.desks["a"]
    assert len(desk.approve_set(desk.approve_set(society.signed_set(one)).to_bytes()).approvals) == 1
    for members, wanted in [
        (other, "already_approved"),
        (society.member_set(version=3, from_epoch=5), "wrong_version"),
        (society.member_set(version=2, from_epoch=1), "wrong_epoch"),
    ]:
        with pytest.raises(ContextError) as caught:
            society.restart("a").approve_set(society.signed_set(members))
        assert caught.value.code == wanted
    with pytest.raises(ContextError) as caught:
        desk.approve_set(SignedMemberSet(members=one.to_value()).to_bytes())
    assert caught.value.code == "unsigned"


def test_a_member_that_hangs_holds_nobody_up(society: Society, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = society.pledged()
    society.to_final()
    monkeypatch.setattr(collector, "ANSWER_S", 0.3)
    ended = Event()

    class Hangs(Liar):
        def state(self, chain: str) -> ChainState:
            ended.wait(20)
            return self.honest.state(chain)

    try:
        collected = society.collect(c=Hangs(society.local("c")))
    finally:
        ended.set()
    assert collected.troubles == {"c": "no_answer"}
    assert tags_of(collected.file.leaves) == {lock.tag}


@pytest.mark.parametrize("in_head", [True, False])
def test_a_member_that_drips_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, in_head: bool) -> None:
    monkeypatch.setattr(remote, "DEADLINE_S", 0.2)
    head = b"HTTP/1.1 200 OK\r\nx: " if in_head else b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(head)
                for _ in range(200):
                    connection.sendall(b"1")
                    sleep(0.05)

        dripping = Thread(target=drip, daemon=True)
        dripping.start()
        began = monotonic()
        with pytest.raises(Unavailable) as caught:
            remote.get(f"http://127.0.0.1:{server.getsockname()[1]}", "/v1/chains/x")
        assert caught.value.code == "unreachable"
        assert monotonic() - began < 5
        dripping.join(5)


def test_candidates_are_bounded_and_in_order(society: Society) -> None:
    for _ in range(2):
        society.pledged(to="a")
    value = society.candidates("a", society.to_final()).to_value()
    assert Candidates.from_value(value).to_value() == value
    one, other = value["leaves"]
    for leaves in ([other, one], [one, one], [one] * (MAX_FILE_LEAVES + 1)):
        with pytest.raises(InputError):
            Candidates.from_value(value | {"leaves": leaves})
    told = {"tag": "0x" + "11" * 32, "reason": "seized"}
    with pytest.raises(InputError):
        Candidates.from_value(value | {"revocations": [told, told | {"reason": "reorged"}]})
