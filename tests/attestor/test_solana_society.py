"""Attestors of a Solana chain: a lock counts for its term less the delay; evidence is void before coins can move."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import pytest
import solana_devnet as devnet
from attestor_world import MAX_AGE_S, Lock, Society, tags_of
from solana_devnet import LAG, NAME, SolanaDevnet
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from verifier import clock
from verifier.attestor.reader import Block, Identity, LockName, LockView, Tip
from verifier.attestor.solana import SolanaReader
from verifier.attestor.solana_rpc import Node
from zkmargin import canonical
from zkmargin.collateral import Note, check_checkpoint
from zkmargin.collateral.stake import STAKE_PROGRAM
from zkmargin.errors import ContextError

START_UNIX_S = canonical.parse_time("2026-11-22T06:00:00Z")
DELAY_S = 3600
TERM_S = 86_400
AMOUNT = 3 * 10**14
OWNER, OTHER = (Keypair.from_seed(bytes([n]) * 32) for n in (1, 2))


class StakeChain:
    """The devnet in the place of a chain on paper: ``put`` is what the holder sends."""

    def __init__(self) -> None:
        self.net = SolanaDevnet(START_UNIX_S)
        transport = httpx2.MockTransport(self._answer)
        self.reader = SolanaReader(
            Node(httpx2.Client(base_url="http://node", transport=transport)), STAKE_PROGRAM, DELAY_S
        )

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        call = json.loads(request.content)
        return httpx2.Response(200, json={"result": self.net.answer(call["method"], call["params"])})

    @property
    def blocks(self) -> list[Block]:
        return [self.reader.head()]

    def mine(self, count: int = 1) -> None:
        self.net.advance(count)

    def pass_time(self, seconds: int) -> None:
        self.net.advance(1, seconds)
        self.net.advance(LAG)

    def put(self, note: Note) -> None:
        devnet.lock(self.net, OWNER, note.digest, note.amount, self.net.now_unix_s + TERM_S)
        self.net.advance(LAG)

    def identity(self) -> Identity:
        return self.reader.identity()

    def head(self) -> Block:
        return self.reader.head()

    def block(self, height: int) -> Block | None:
        return self.reader.block(height)

    def locks(self, names: Sequence[LockName], at: int | Tip) -> list[LockView | None] | None:
        return self.reader.locks(names, at)


@pytest.fixture
def solana(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Society]:
    terms = {"kind": "solana", "vault": canonical.to_hex(STAKE_PROGRAM), "delay_s": DELAY_S}
    society = Society(tmp_path, StakeChain(), names=("a", "b"), **terms)
    monkeypatch.setattr(clock, "now_unix_s", lambda: society.now)
    yield society
    society.end()


def owned(by: Keypair = OWNER) -> dict[str, bytes]:
    return {"owner": bytes(by.pubkey())}


def account_of(lock: Lock) -> Pubkey:
    return devnet.address_of(OWNER, lock.note.digest)


def attested(solana: Society) -> set[str]:
    solana.to_final()
    file = solana.collect("ab").file
    check_checkpoint(file, solana.registry, solana.sets[-1], now_unix_s=solana.now)
    return tags_of(file.leaves)


def test_from_lock_to_the_end_of_its_term(solana: Society) -> None:
    chain: StakeChain = solana.chain
    assert solana.entry.chain == NAME
    lock = solana.pledged(AMOUNT, to="ab", **owned())
    end = chain.net.now_unix_s + TERM_S
    assert attested(solana) == {lock.tag}
    chain.pass_time(end - DELAY_S - chain.net.now_unix_s)
    assert attested(solana) == {lock.tag}
    assert solana.last is not None
    last_expiry = solana.last.checkpoint.expiry

    # Nearer to the end than the delay there is no leaf, nothing is taken back, and what there was runs out in time.
    chain.pass_time(1)
    assert attested(solana) == set()
    assert not solana.last.revocations
    assert last_expiry == end - DELAY_S + MAX_AGE_S < end

    chain.pass_time(end - chain.net.now_unix_s)
    withdrawn = devnet.withdraw(account_of(lock), OWNER.pubkey(), AMOUNT + chain.net.reserve)
    assert attested(solana) == set()
    chain.net.send(withdrawn, signers=[OWNER])
    assert {r.tag: r.reason for r in solana.last.revocations} == {lock.tag: "released"}


def test_a_gift_does_not_stop_a_lock_and_a_split_does(solana: Society) -> None:
    chain: StakeChain = solana.chain
    lock, whole = (solana.pledged(AMOUNT, to="ab", **owned()) for _ in range(2))
    chain.net.send(devnet.gift(chain.net, account_of(lock), 7))
    assert attested(solana) == {lock.tag, whole.tag}
    elsewhere = b"\x09" * 32
    chain.net.send(
        devnet.make(chain.net, OWNER, elsewhere, chain.net.reserve),
        devnet.split(account_of(lock), devnet.address_of(OWNER, elsewhere), OWNER.pubkey(), 8),
        signers=[OWNER],
    )
    # At once, though it is not final: what is seen newer than the height counts against a lock.
    epoch = solana.to_next_epoch()
    assert solana.tags("a", epoch) == {whole.tag}


def refusal(solana: Society, lock: Lock) -> str:
    with pytest.raises(ContextError) as caught:
        solana.pledge("a", lock)
    return caught.value.code


def test_what_is_no_lock_of_the_note_cannot_be_pledged(solana: Society) -> None:
    chain: StakeChain = solana.chain
    lock = solana.lock(AMOUNT, **owned())
    assert refusal(solana, lock) == "no_lock"
    made = devnet.make(chain.net, OWNER, lock.note.digest, chain.net.reserve + AMOUNT)
    soon, late = (chain.net.now_unix_s + seconds for seconds in (DELAY_S - 1, TERM_S))
    to_other = devnet.initialize(account_of(lock), OTHER.pubkey(), late, lock.note.digest)
    chain.net.send(made, to_other, signers=[OWNER])
    assert refusal(solana, lock) == "wrong_lock"

    short = solana.lock(AMOUNT, **owned())
    devnet.lock(chain.net, OWNER, short.note.digest, AMOUNT, soon)
    assert refusal(solana, short) == "not_active"

    less = solana.lock(AMOUNT, **owned())
    devnet.lock(chain.net, OWNER, less.note.digest, AMOUNT - 1, late)
    assert refusal(solana, less) == "wrong_lock"
    chain.net.send(devnet.gift(chain.net, account_of(less), 1))
    assert solana.pledge("a", less).created
