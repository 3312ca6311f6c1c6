"""Locks on Solana: what the chain's own stake program lets happen to them, and what an attestor reads of them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import solana_devnet as devnet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solana_devnet import GENESIS, LAG, NAME, SOL, Failed, SolanaDevnet
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from verifier.attestor.reader import Identity, LockName, LockStatus, LockView, Tip
from verifier.attestor.readers import open_reader
from verifier.attestor.solana import SolanaReader
from verifier.attestor.solana_rpc import Node
from verifier.errors import Unavailable
from zkmargin.collateral.stake import NATIVE, STAKE_PROGRAM, lock_address, lock_seed, read_stake
from zkmargin.errors import InputError

NOW = 1_800_000_000
DELAY_S = 14_400
TERM_S = 30 * 86_400
IN_FORCE = "InstructionErrorCustom(1)"  # StakeError::LockupInForce
OWNER, OTHER = (Keypair.from_seed(bytes([n]) * 32) for n in (1, 2))


def note_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def name_of(note: bytes, owner: Keypair = OWNER) -> LockName:
    return LockName(bytes(owner.pubkey()), note)


@pytest.fixture
def chain() -> SolanaDevnet:
    return SolanaDevnet(NOW)


@pytest.fixture
def reader(chain: SolanaDevnet) -> Iterator[SolanaReader]:
    """Without the wire: tests of the wire take ``served``."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        call = json.loads(request.content)
        try:
            result = {"result": chain.answer(call["method"], call["params"])}
        except devnet.RpcError as error:
            result = {"error": {"code": error.code, "message": str(error)}}
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1} | result)

    with httpx2.Client(base_url="http://node", transport=httpx2.MockTransport(handler)) as http:
        yield SolanaReader(Node(http), STAKE_PROGRAM, DELAY_S)


def make_lock(chain: SolanaDevnet, text: str = "a note", amount: int = 5 * SOL) -> tuple[bytes, Pubkey]:
    note = note_of(text)
    return note, devnet.lock(chain, OWNER, note, amount, chain.now_unix_s + TERM_S)


def final(chain: SolanaDevnet, reader: SolanaReader, note: bytes) -> LockView | None:
    views = reader.locks([name_of(note)], chain.final.slot)
    assert views is not None
    return views[0]


# What the program lets happen.


def test_under_its_lockup_nobody_moves_the_coins(chain: SolanaDevnet) -> None:
    _, account = make_lock(chain)
    owner, end = OWNER.pubkey(), chain.now_unix_s + TERM_S
    for attempt in (
        devnet.withdraw(account, owner, 1),
        devnet.withdraw(account, owner, 5 * SOL),
        devnet.withdraw(account, owner, 5 * SOL + chain.reserve),
    ):
        with pytest.raises(Failed) as refusal:
            chain.send(attempt, signers=[OWNER])
        assert IN_FORCE in str(refusal.value)
    for attempt in (
        devnet.authorize_withdrawer(account, owner, OTHER.pubkey()),
        devnet.set_lockup(account, owner, NOW),
        devnet.set_lockup(account, owner, end + 1),
        devnet.set_lockup(account, owner, None, custodian=bytes(owner)),
    ):
        with pytest.raises(Failed):
            chain.send(attempt, signers=[OWNER])
    chain.advance(1, TERM_S - 1)
    with pytest.raises(Failed):
        chain.send(devnet.withdraw(account, owner, 1), signers=[OWNER])
    chain.advance(1, 1)
    chain.send(devnet.withdraw(account, owner, 5 * SOL + chain.reserve), signers=[OWNER])
    assert chain.svm.get_balance(owner) == 5 * SOL + chain.reserve


def test_what_was_refused_is_refused_for_the_lockup_alone(chain: SolanaDevnet) -> None:
    _, account = make_lock(chain)
    owner = OWNER.pubkey()
    chain.advance(1, TERM_S)
    chain.send(devnet.authorize_withdrawer(account, owner, OTHER.pubkey()), signers=[OWNER])
    other = devnet.set_lockup(account, OTHER.pubkey(), NOW + 2 * TERM_S, custodian=bytes(owner))
    chain.send(other, signers=[OTHER])


def test_a_custodian_with_a_key_could_move_them(chain: SolanaDevnet) -> None:
    """Why the custodian must be the note: with this one the same account is worth nothing."""
    note = note_of("a note")
    account = devnet.address_of(OWNER, note)
    owner, custodian = OWNER.pubkey(), OTHER.pubkey()
    chain.send(
        devnet.make(chain, OWNER, note, chain.reserve + SOL),
        devnet.initialize(account, owner, NOW + TERM_S, bytes(custodian)),
        signers=[OWNER],
    )
    chain.send(devnet.withdraw(account, owner, SOL, custodian), signers=[OWNER, OTHER])


def test_only_the_owner_makes_the_account_of_a_note(chain: SolanaDevnet) -> None:
    note = note_of("a note")
    made = devnet.make(chain, OWNER, note, SOL)
    assert made.accounts[-1].pubkey == OWNER.pubkey()
    assert made.accounts[-1].is_signer
    assert devnet.address_of(OWNER, note) == Pubkey.create_with_seed(OWNER.pubkey(), lock_seed(note), devnet.STAKE)


# What is read of them.


def test_a_lock_is_read(chain: SolanaDevnet, reader: SolanaReader) -> None:
    note, _ = make_lock(chain)
    assert final(chain, reader, note) is None
    view = LockView(bytes(OWNER.pubkey()), NATIVE, 5 * SOL, LockStatus.ACTIVE, NOW + TERM_S, 0, grows=True)
    assert reader.locks([name_of(note)], Tip.HEAD) == [view]
    chain.advance(LAG)
    assert final(chain, reader, note) == view
    assert reader.locks([name_of(note)], Tip.PENDING) is None


def test_near_its_end_it_is_as_asked_back_and_then_as_released(chain: SolanaDevnet, reader: SolanaReader) -> None:
    note, account = make_lock(chain)
    seen = []
    for seconds in (TERM_S - DELAY_S, 1, DELAY_S - 2, 1):
        chain.finalize(seconds)
        view = final(chain, reader, note)
        assert view is not None
        assert view.release_at_unix_s == (0 if view.status is LockStatus.ACTIVE else NOW + TERM_S)
        seen.append(view.status)
    requested = LockStatus.RELEASE_REQUESTED
    assert seen == [LockStatus.ACTIVE, requested, requested, LockStatus.RELEASED]
    chain.send(devnet.withdraw(account, OWNER.pubkey(), 5 * SOL + chain.reserve), signers=[OWNER])
    assert reader.locks([name_of(note)], Tip.HEAD) == [None]
    chain.finalize()
    assert final(chain, reader, note) is None


def test_after_its_term_it_can_be_locked_anew_under_the_same_note_alone(
    chain: SolanaDevnet, reader: SolanaReader
) -> None:
    note, account = make_lock(chain)
    chain.finalize(TERM_S)
    chain.send(devnet.set_lockup(account, OWNER.pubkey(), chain.now_unix_s + TERM_S), signers=[OWNER])
    chain.finalize()
    view = final(chain, reader, note)
    assert view is not None
    assert (view.status, view.unlock_at_unix_s) == (LockStatus.ACTIVE, NOW + 2 * TERM_S)
    chain.finalize(TERM_S)
    chain.send(devnet.set_lockup(account, OWNER.pubkey(), NOW + 9 * TERM_S, note_of("another")), signers=[OWNER])
    chain.finalize()
    assert final(chain, reader, note) is None
    assert final(chain, reader, note_of("another")) is None


def test_a_lock_is_bound_to_its_whole_note_and_its_owner(chain: SolanaDevnet, reader: SolanaReader) -> None:
    note, _ = make_lock(chain)
    chain.advance(LAG)
    near = note[:16] + note_of("another")[:16]  # at the same address
    assert lock_address(bytes(OWNER.pubkey()), near) == lock_address(bytes(OWNER.pubkey()), note)
    names = [name_of(near), name_of(note, OTHER), name_of(note_of("another")), name_of(note)]
    views = reader.locks(names, chain.final.slot)
    assert views is not None
    assert [view is not None for view in views] == [False, False, False, True]


@pytest.mark.parametrize("wrong", ["custodian", "epoch", "not initialized", "the reserve alone"])
def test_an_account_that_is_no_lock(chain: SolanaDevnet, reader: SolanaReader, wrong: str) -> None:
    note, owner = note_of("a note"), OWNER.pubkey()
    account = devnet.address_of(OWNER, note)
    end = NOW + TERM_S
    made = devnet.make(chain, OWNER, note, chain.reserve + (0 if wrong == "the reserve alone" else SOL))
    chain.send(
        made,
        *{
            "custodian": [devnet.initialize(account, owner, end, bytes(OTHER.pubkey()))],
            "epoch": [devnet.initialize(account, owner, end, note, epoch=9)],
            "not initialized": [],
            "the reserve alone": [devnet.initialize(account, owner, end, note)],
        }[wrong],
        signers=[OWNER],
    )
    chain.advance(LAG)
    assert chain.svm.get_account(account) is not None
    assert final(chain, reader, note) is None


def test_an_account_of_another_size_is_no_lock(chain: SolanaDevnet, reader: SolanaReader) -> None:
    """Nor is it fetched whole: the owner decides how large it is."""
    note = note_of("a note")
    chain.send(devnet.make(chain, OWNER, note, 100 * SOL, space=100_000), signers=[OWNER])
    chain.advance(LAG)
    assert final(chain, reader, note) is None


def test_whose_coins_they_are_is_told_by_the_withdraw_authority(chain: SolanaDevnet, reader: SolanaReader) -> None:
    """The owner made the account for somebody else: the note names another owner, so it backs nothing."""
    note = note_of("a note")
    account = devnet.address_of(OWNER, note)
    chain.send(
        devnet.make(chain, OWNER, note, chain.reserve + SOL),
        devnet.initialize(account, OTHER.pubkey(), NOW + TERM_S, note),
        signers=[OWNER],
    )
    chain.advance(LAG)
    view = final(chain, reader, note)
    assert view is not None
    assert view.owner == bytes(OTHER.pubkey())


def test_a_gift_neither_hurts_nor_is_hidden(chain: SolanaDevnet, reader: SolanaReader) -> None:
    note, account = make_lock(chain)
    chain.send(devnet.gift(chain, account, 1))
    chain.advance(LAG)
    view = final(chain, reader, note)
    assert view is not None
    assert (view.amount, view.grows) == (5 * SOL + 1, True)


def test_what_is_split_off_is_locked_as_long_and_is_no_lock(chain: SolanaDevnet, reader: SolanaReader) -> None:
    note, account = make_lock(chain)
    # At the address of another note, where a lock would be looked for.
    other = note_of("another")
    into = devnet.address_of(OWNER, other)
    chain.send(
        devnet.make(chain, OWNER, other, chain.reserve),
        devnet.split(account, into, OWNER.pubkey(), 2 * SOL),
        signers=[OWNER],
    )
    chain.advance(LAG)
    left = final(chain, reader, note)
    assert left is not None
    assert left.amount == 3 * SOL
    assert final(chain, reader, other) is None
    held = chain.svm.get_account(into)
    stake = read_stake(bytes(held.data)) if held else None
    assert stake is not None
    assert (stake.custodian, stake.unlock_at_unix_s) == (note, NOW + TERM_S)
    with pytest.raises(Failed, match=r"Custom\(1\)"):
        chain.send(devnet.withdraw(into, OWNER.pubkey(), 1), signers=[OWNER])
    # And back: the lock's account may be emptied into the other, where the coins stay locked, and the lock is gone.
    chain.send(devnet.merge(into, account, OWNER.pubkey()), signers=[OWNER])
    chain.finalize()
    assert final(chain, reader, note) is None
    assert final(chain, reader, other) is None
    with pytest.raises(Failed, match=r"Custom\(1\)"):
        chain.send(devnet.withdraw(into, OWNER.pubkey(), 1), signers=[OWNER])


def test_locks_of_two_notes_do_not_merge(chain: SolanaDevnet) -> None:
    _, one = make_lock(chain, "one")
    _, two = make_lock(chain, "two")
    with pytest.raises(Failed):
        chain.send(devnet.merge(one, two, OWNER.pubkey()), signers=[OWNER])
    with pytest.raises(Failed):
        chain.send(devnet.move_lamports(one, two, OWNER.pubkey(), SOL), signers=[OWNER])


def test_delegated_coins_stay_a_lock(chain: SolanaDevnet, reader: SolanaReader) -> None:
    note, account = make_lock(chain)
    devnet.delegate(chain, account, OWNER)
    held = chain.svm.get_account(account)
    assert held is not None
    assert held.data[0] == 2
    with pytest.raises(Failed, match=r"Custom\(1\)"):
        chain.send(devnet.withdraw(account, OWNER.pubkey(), 1), signers=[OWNER])
    chain.finalize()
    view = final(chain, reader, note)
    assert view is not None
    assert (view.amount, view.status) == (5 * SOL, LockStatus.ACTIVE)


# Blocks and heights.


def test_which_chain_it_is(reader: SolanaReader) -> None:
    assert reader.identity() == Identity(NAME, GENESIS, None)


def test_blocks_are_final_ones_and_a_slot_without_one_shows_the_last(chain: SolanaDevnet, reader: SolanaReader) -> None:
    chain.advance(2, 7)
    before = chain.slot - 1
    chain.skip(5)
    empty = chain.slot - 1
    chain.advance(LAG + 1, 20)
    head = reader.head()
    assert head.height == chain.final.slot > empty
    shown = reader.block(empty)
    standing = reader.block(before)
    assert shown is not None
    assert standing is not None
    assert (shown.height, standing.height) == (empty, before)
    assert (shown.hash, shown.time_unix_s) == (standing.hash, standing.time_unix_s)
    assert reader.block(head.height) == head
    assert head.hash != shown.hash
    assert reader.block(head.height + 1) is None
    assert reader.block(-1) is None


def test_a_state_of_a_height_that_is_not_final_is_not_told(chain: SolanaDevnet, reader: SolanaReader) -> None:
    note, _ = make_lock(chain)
    with pytest.raises(Unavailable):
        reader.locks([name_of(note)], chain.final.slot + 1)


def test_a_state_of_the_past_is_the_final_one(chain: SolanaDevnet, reader: SolanaReader) -> None:
    """As the module explains: at an older height it stands if it stands now."""
    height = chain.final.slot
    note, account = make_lock(chain)
    chain.finalize()
    views = reader.locks([name_of(note)], height)
    assert views is not None
    assert views[0] is not None
    chain.finalize(TERM_S)
    chain.send(devnet.withdraw(account, OWNER.pubkey(), 5 * SOL + chain.reserve), signers=[OWNER])
    chain.finalize()
    assert reader.locks([name_of(note)], height) == [None]


def test_more_locks_than_one_answer_holds(chain: SolanaDevnet, reader: SolanaReader) -> None:
    note, _ = make_lock(chain)
    chain.advance(LAG)
    names = [name_of(note_of(str(number))) for number in range(150)] + [name_of(note)]
    views = reader.locks(names, chain.final.slot)
    assert views is not None
    assert [view is not None for view in views] == [False] * 150 + [True]
    assert reader.locks([], chain.final.slot) == []


def test_over_the_wire(chain: SolanaDevnet) -> None:
    note, _ = make_lock(chain)
    chain.advance(LAG)
    with devnet.served(chain) as url:
        reader = open_reader("solana", url, STAKE_PROGRAM, DELAY_S)
        assert reader.identity().chain == NAME
        views = reader.locks([name_of(note)], reader.head().height)
        assert views is not None
        assert views[0] is not None
    with pytest.raises(Unavailable) as refusal:
        reader.head()
    assert url not in str(refusal.value)


def test_the_vault_is_the_stake_program() -> None:
    with pytest.raises(InputError) as refusal:
        open_reader("solana", "http://127.0.0.1:1", bytes(31) + b"\1", DELAY_S)
    assert refusal.value.code == "bad_vault"


# Nodes that answer badly.


def answering(**results: Any) -> SolanaReader:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"result": results.get(json.loads(request.content)["method"])})

    return SolanaReader(
        Node(httpx2.Client(base_url="http://node", transport=httpx2.MockTransport(handler))), STAKE_PROGRAM, DELAY_S
    )


def told_of(chain: SolanaDevnet, *addresses: Pubkey) -> dict[str, Any]:
    wanted = {"commitment": "processed", "dataSlice": {"offset": 0, "length": 200}}
    asked = [str(address) for address in (devnet.CLOCK, *addresses)]
    found: dict[str, Any] = chain.answer("getMultipleAccounts", [asked, wanted])
    return found


def test_what_looks_like_a_lock_is_none_elsewhere(chain: SolanaDevnet) -> None:
    """Accounts that the chain would not have at this address: another program's, of another size, of another kind."""
    note, account = make_lock(chain)
    told = told_of(chain, account)
    clock, lock = told["value"]
    data = base64.b64decode(lock["data"][0])
    rewards_pool = base64.b64encode(b"\3" + data[1:]).decode()
    empty = base64.b64encode(b"\0" + data[1:]).decode()
    short = base64.b64encode(data[:199]).decode()
    changes: list[dict[str, Any]] = [
        {"owner": devnet.NAME},
        {"space": 201},
        {"space": 199, "data": [short, "base64"]},
        {"data": [rewards_pool, "base64"]},
        {"data": [empty, "base64"]},
    ]
    seen = [
        answering(getMultipleAccounts=told | {"value": [clock, lock | change]}).locks([name_of(note)], Tip.HEAD)
        for change in [{}, *changes]
    ]
    assert seen[0] not in (None, [None])
    assert seen[1:] == [[None]] * len(changes)


def test_a_clock_of_another_slot_is_refused(chain: SolanaDevnet) -> None:
    told = told_of(chain)
    account = {"data": ["", "base64"], "owner": "x", "lamports": 1, "space": 0}
    good = told | {"value": [*told["value"], account]}
    name = [name_of(note_of("a note"))]
    assert answering(getMultipleAccounts=good).locks(name, Tip.HEAD) == [None]
    for bad in (
        good | {"context": {"slot": told["context"]["slot"] + 1}},
        good | {"context": {"slot": -1}},
        good | {"context": {"slot": True}},
        good | {"value": [None, account]},
        good | {"value": [account, account]},
        good | {"value": good["value"][:1]},
        good | {"value": [good["value"][0] | {"owner": str(devnet.STAKE)}, account]},
        good | {"value": [good["value"][0], account | {"space": 1}]},
        good | {"value": [good["value"][0], account | {"data": ["\x00", "base64"]}]},
        good | {"value": [good["value"][0], account | {"data": ["", "base58"]}]},
        good | {"value": [good["value"][0], account | {"lamports": 2**64}]},
        good | {"value": [good["value"][0], account | {"owner": None}]},
    ):
        with pytest.raises(Unavailable):
            answering(getMultipleAccounts=bad).locks(name, Tip.HEAD)
    with pytest.raises(Unavailable):
        answering(getMultipleAccounts=good).locks(name, told["context"]["slot"] + 1)


@pytest.mark.parametrize(
    "answers",
    [
        {"getSlot": 9, "getBlocks": []},
        {"getSlot": 9, "getBlocks": [10]},
        {"getSlot": 9, "getBlocks": [9], "getBlock": None},
        {"getSlot": 9, "getBlocks": [9], "getBlock": {"blockhash": "1" * 32, "blockTime": None}},
        {"getSlot": 9, "getBlocks": [9], "getBlock": {"blockhash": "1" * 31, "blockTime": 5}},
        {"getSlot": 9.0},
        {"getSlot": "9"},
    ],
)
def test_a_block_that_cannot_be_is_refused(answers: dict[str, Any]) -> None:
    with pytest.raises(Unavailable):
        answering(**answers).head()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**65) | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["context", "value", "slot", "data", "owner", "blockhash"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(json_values)
def test_whatever_the_node_answers_the_error_is_typed(value: Any) -> None:
    reader = answering(getGenesisHash=value, getSlot=value, getMultipleAccounts=value)
    for ask in (reader.identity, lambda: reader.locks([name_of(bytes(32))], Tip.HEAD)):
        with pytest.raises(Unavailable) as refusal:
            ask()
        assert refusal.value.code == "chain_unavailable"


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"\xff", b'{"result": 1', b"[" * 100_000, b'{"error": {"code": 1}, "result": 1}',
     b'{"result": ' + b"1" * 5000 + b"}", b"x" * (5 << 20)],
    ids=range(10),
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 429])
def test_what_is_no_answer_of_json_rpc_is_refused(body: bytes, status: int) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, content=body))
    with pytest.raises(Unavailable):
        SolanaReader(Node(httpx2.Client(base_url="http://node", transport=transport)), STAKE_PROGRAM, 0).head()


def test_a_redirection_is_not_followed() -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(307, headers={"location": "http://elsewhere"}))
    with pytest.raises(Unavailable):
        SolanaReader(Node(httpx2.Client(base_url="http://node", transport=transport)), STAKE_PROGRAM, 0).head()
