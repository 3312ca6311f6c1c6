"""The holder's side of a lock, without processes: what it asks whom, what it signs, what it says of nodes that lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest
from cli_run import Ran, zkmargin
from devnets import deploy_test_contract, deploy_vault, in_process, terms, transact
from web3 import Web3
from web3.providers import BaseProvider

from prover.client import Verifier
from prover.collateral import counting, evm, services
from prover.demo.vaults import DELAY_S, ETHER, Vault, registry
from prover.errors import Unavailable, WalletError
from prover.wallet import Wallet
from zkmargin import canonical, contracts
from zkmargin.collateral import Pledge
from zkmargin.documents import Round, Trust
from zkmargin.envelope import PrivateKey

CHAIN_ID = 1337
CLASS = f"eth-{CHAIN_ID}"
VERIFIER, ATTESTOR = "http://127.0.0.1:7001", "http://127.0.0.1:7002"
NODE = "http://127.0.0.1:7003"
SECRET = "ab" * 32
NOTE = bytes(range(32))


@dataclass
class Node(BaseProvider):
    """The chain behind NODE. ``says``: what it answers by method instead of the truth. ``asked``: methods so far."""

    truth: Any
    says: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def make_request(self, method: Any, params: Any) -> Any:
        """The lie, or the truth."""
        self.asked.append(method)
        if method not in self.says:
            return self.truth.make_request(method, params)
        lie = self.says[method]
        if isinstance(lie, Exception):
            raise lie
        return {"jsonrpc": "2.0", "id": 0, "result": lie(*params) if callable(lie) else lie}


@pytest.fixture(scope="module")
def built() -> Vault:
    web3 = in_process(CHAIN_ID)
    richest, venue = web3.eth.accounts[:2]
    fixed = terms(web3, venue=venue, delay_s=DELAY_S)
    vault = deploy_vault(web3, fixed, richest)
    genesis = bytes(web3.eth.get_block(0)["hash"])
    address = bytes.fromhex(vault.address[2:])
    made = Vault(CHAIN_ID, NODE, genesis, address, contracts.code_hash(fixed), richest, web3)
    made.give(evm.owner_key(SECRET.encode(), None).address, 1000 * ETHER)
    return made


@pytest.fixture
def node(built: Vault, monkeypatch: pytest.MonkeyPatch) -> Node:
    provider = Node(built.web3.provider)
    monkeypatch.setattr(Web3, "HTTPProvider", lambda _url, **_: provider)
    monkeypatch.setattr(evm, "MINED_WITHIN_S", 0.2)
    return provider


def client(built: Vault, **more: Any) -> evm.VaultClient:
    key = evm.owner_key(SECRET.encode(), None)
    named = {"chain_id": CHAIN_ID, "genesis": built.genesis, "venue": "demo", "key": key}
    return evm.VaultClient(NODE, built.address, **named | more)


@dataclass
class World:
    """A wallet, and a verifier and an attestor that take everything. ``asked``: the paths so far."""

    options: tuple[object, ...]
    sending: tuple[object, ...]
    wallet: Path
    asked: list[str] = field(default_factory=list)

    def lock(self, *more: object, amount: str = "1") -> Ran:
        """Lock, by the node unless told otherwise."""
        return zkmargin("collateral", "lock", CLASS, amount, *(more or self.sending), *self.options, "-o", "json")

    def open(self) -> Wallet:
        """Its content."""
        return Wallet.open(self.wallet, "swordfish")


@pytest.fixture
def world(built: Vault, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    key = PrivateKey.generate()
    keys = (key.public,)
    trust = Trust(venue="demo", version=1, root=keys, params=keys, attestation=keys, oracle=keys, oracle_threshold=1)
    (tmp_path / "trust.json").write_bytes(trust.sign(key).to_bytes())
    (tmp_path / "password.txt").write_text("swordfish")
    (tmp_path / "owner.key").write_text(SECRET)
    wallet = tmp_path / "w.json"
    opened = ("--wallet", wallet, "--password-file", tmp_path / "password.txt")
    assert zkmargin("wallet", "new", "--venue", "demo", *opened).code == 0
    signed = registry((built,), "demo", "USD").sign(key)
    told = World(
        (*opened, "--verifier", VERIFIER, "--trust", tmp_path / "trust.json"),
        ("--rpc", NODE, "--key-file", tmp_path / "owner.key"),
        wallet,
    )

    def answer(request: httpx2.Request) -> httpx2.Response:
        told.asked.append(request.url.path)
        if request.url.path == "/v1/collateral/registry":
            return httpx2.Response(200, content=signed.to_bytes())
        if request.url.path == "/v1/collateral/classes":
            known = {"class": CLASS, "allowed_atto_per_lot": "1" + 20 * "0", "locks": 12}
            return httpx2.Response(200, json={"items": [known]})
        if request.url.path == "/v1/pledges":
            note = Pledge.from_bytes(request.content).note.note
            known = {"tag": canonical.to_hex(note.tag), "chain": f"eip155:{CHAIN_ID}", "state": "pending"}
            return httpx2.Response(200, json=known)
        return httpx2.Response(404, json={"code": "unknown_lock"})

    transport = httpx2.MockTransport(answer)
    monkeypatch.setattr("prover.commands.collateral.Verifier", partial(Verifier, transport=transport))
    monkeypatch.setattr("prover.commands.options.Verifier", partial(Verifier, transport=transport))
    monkeypatch.setattr(services, "Attestor", partial(services.Attestor, transport=transport))
    return told


def test_nobody_is_asked_about_a_lock_before_it_is_pledged(world: World) -> None:
    locked = world.lock()
    assert locked.code == 0, locked.out
    listed = zkmargin("collateral", "list", *world.options[:-2], "-o", "json").json["locks"][0]
    assert (listed["pledged"], listed["verifier"], listed["anonymity_set"]) == (False, None, 12)
    round_ = cast(Round, SimpleNamespace(prices={"ETH-USD": (Fraction(2000), Fraction(2000))}))
    with partial_verifier() as service:
        assert counting.count(world.open(), service, round_, Fraction(0)) is None
        with pytest.raises(WalletError) as caught:
            counting.count(world.open(), service, round_, Fraction(0), numbers=[1])
    assert caught.value.code == "lock_does_not_count"
    assert set(world.asked) == {"/v1/collateral/registry", "/v1/collateral/classes"}

    pledged = zkmargin("collateral", "pledge", 1, "--attestor", ATTESTOR, *world.options, "-o", "json")
    assert (pledged.code, world.open().content.collateral[0].pledged) == (0, True)
    listed = zkmargin("collateral", "list", *world.options[:-2], "-o", "json").json["locks"][0]
    assert (listed["pledged"], listed["verifier"]) == (True, "unknown")
    assert world.asked[-1] == f"/v1/collateral/locks/{listed['tag']}"


def partial_verifier() -> Verifier:
    """The verifier of the world, as the commands make it."""
    from prover.commands import collateral

    made: Verifier = collateral.Verifier(VERIFIER)
    return made


def test_a_pledge_that_nobody_took_leaves_the_lock_unpledged(world: World) -> None:
    assert world.lock().code == 0
    before = world.wallet.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services.Attestor.func, "pledge", gone)  # type: ignore[attr-defined]
        ran = zkmargin("collateral", "pledge", 1, "--attestor", ATTESTOR, *world.options, "-o", "json")
    assert (ran.code, world.wallet.read_bytes() == before) == (3, True)


def gone(*_: object) -> None:
    raise Unavailable("nobody there", code="unreachable")


def test_the_chain_that_is_signed_for_is_the_registrys(
    built: Vault, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, fields = client(built), []

    def sign(_: object, transaction: dict[str, Any]) -> None:
        fields.append(transaction["chainId"])
        raise ValueError

    monkeypatch.setattr(type(vault._owner), "sign_transaction", sign)
    for says in ({}, {"eth_chainId": "0x1"}):
        node.says = says
        with pytest.raises(Unavailable):
            vault.lock(bytes(20), ETHER, NOTE, 0)
    # web3 itself sees the second time that the node has moved, since the chain is named.
    assert fields == [CHAIN_ID]


def test_a_fee_above_the_cap_is_not_signed(world: World, node: Node) -> None:
    node.says["eth_maxPriorityFeePerGas"] = hex(10**15)
    ran = world.lock()
    assert (ran.code, ran.error) == (2, "fee_too_high")
    assert "above the 0.05 of --max-fee" in ran.json["error"]["message"]
    assert "eth_sendRawTransaction" not in node.asked
    node.says.clear()
    assert world.lock(*world.sending, "--max-fee", "0.0000001").error == "fee_too_high"
    assert world.lock(*world.sending, "--max-fee", "1e3").code == 2


@pytest.mark.parametrize(
    "lie",
    [
        {"eth_getTransactionReceipt": None},
        {"eth_getTransactionReceipt": {}},
        {"eth_getTransactionReceipt": lambda sent: {"status": "0x5", "transactionHash": sent}},
        {"eth_getTransactionReceipt": {"status": "0x1", "transactionHash": "0x" + "11" * 32}},
        {"eth_getTransactionReceipt": [[]]},
        {"eth_sendRawTransaction": TypeError("x")},
    ],
    ids=["none", "empty", "odd-status", "of-another", "a-list", "broken-while-sending"],
)
def test_what_was_sent_may_be_mined_whatever_the_node_says(world: World, node: Node, lie: dict[str, Any]) -> None:
    node.says.update(lie)
    ran = world.lock()
    assert (ran.code, ran.error) == (3, "not_mined_yet")
    message = ran.json["error"]["message"]
    assert message.startswith("lock 1: transaction 0x")
    assert "may still be mined" in message


@pytest.mark.parametrize(
    ("method", "lie"),
    [
        ("eth_chainId", TypeError("x")),
        ("eth_getBlockByNumber", {"hash": {}}),
        ("eth_getCode", {}),
        ("eth_getBlockByNumber", AttributeError("x")),
    ],
)
def test_a_node_that_answers_nonsense(built: Vault, node: Node, method: str, lie: Any) -> None:
    node.says[method] = lie
    with pytest.raises(Unavailable) as caught:
        client(built)
    assert caught.value.code == "node"


def test_a_status_that_no_vault_has(built: Vault, node: Node) -> None:
    vault = client(built)
    node.says["eth_call"] = "0x" + f"{0:064x}" + f"{9:064x}" + 4 * f"{0:064x}"
    with pytest.raises(Unavailable) as caught:
        vault.find(vault.owner, NOTE)
    assert caught.value.code == "node"


def test_a_release_at_a_time_that_no_calendar_has(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.lock().code == 0
    found = iter([evm.OnChain(evm.Status.ACTIVE, 0, 0, ETHER), evm.OnChain(evm.Status.RELEASE_REQUESTED, 0, 2**63, 1)])
    monkeypatch.setattr(evm.VaultClient, "find", lambda *_: next(found))
    ran = zkmargin("collateral", "release", 1, *world.sending, *world.options[:4], "-o", "json")
    assert (ran.code, ran.json["release_at"]) == (0, "after the year 9999")


def test_a_term_of_more_than_two_years(world: World) -> None:
    before = world.wallet.read_bytes()
    assert world.lock(*world.sending, "--term-s", 2 * 365 * 86400 + 1).code == 2
    assert world.wallet.read_bytes() == before


@pytest.mark.parametrize(
    "owner",
    ["", "0x", "5f" * 32, "0x" + "5f" * 31, "0x" + "5f" * 20, "0x" + "5F" * 32, "0x" + "0" * 64, "0x" + "5f" * 32],
)
def test_owners_that_are_none(world: World, owner: str) -> None:
    before = world.wallet.read_bytes()
    ran = world.lock("--owner", owner)
    assert (ran.code, ran.error, world.wallet.read_bytes() == before) == (2, "bad_owner", True)


def test_an_allowance_that_is_left_over_is_taken_back_first(
    built: Vault, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = deploy_test_contract(built.web3, "TestToken", built.richest, 0)
    vault = client(built)
    key = vault._owner
    transact(built.web3, token.functions.mint(key.address, 100), built.richest)
    vault._approve(token.address, 7)
    approved = []
    send = evm.VaultClient._send

    def watched(self: evm.VaultClient, call: Any, **more: Any) -> str:
        approved.append((call.fn_name, call.args[1]))
        return send(self, call, **more)

    monkeypatch.setattr(evm.VaultClient, "_send", watched)
    vault.lock(bytes.fromhex(token.address[2:]), 100, bytes(31) + b"\1", 0)
    assert approved == [("approve", 0), ("approve", 100), ("lock", 100)]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"items": {}},
        {"items": "abc"},
        {"items": [5]},
        {"items": [{"class": CLASS, "allowed_atto_per_lot": "a", "locks": 1}]},
        {"items": [{"class": CLASS, "allowed_atto_per_lot": "-1", "locks": 1}]},
        {"items": [{"class": CLASS, "allowed_atto_per_lot": "1" * 5000, "locks": 1}]},
        {"items": [{"class": CLASS, "allowed_atto_per_lot": "1.5", "locks": 1}]},
    ],
)
def test_classes_that_cannot_be_understood(answer: Any) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=json.dumps(answer).encode()))
    with Verifier(VERIFIER, transport=transport) as verifier, pytest.raises(Unavailable) as caught:
        services.classes(verifier)
    assert caught.value.code == "bad_answer"


class Dripping(httpx2.SyncByteStream):
    """A byte, and a byte, and a byte; ``passes``: what happens between them."""

    def __init__(self, passes: Any) -> None:
        self.passes = passes

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(1000):
            self.passes()
            yield b" "
        yield b"{}"


def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def passes() -> None:
        clock[0] += 2

    monkeypatch.setattr("prover.client.time.monotonic", lambda: clock[0])
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Dripping(passes)))
    with Verifier(VERIFIER, transport=transport, answer_within_s=10) as verifier, pytest.raises(Unavailable) as caught:
        verifier.get("/v1/verifier")
    assert (caught.value.code, clock[0]) == ("timeout", 32)
    clock[0] = 0
    with Verifier(VERIFIER, transport=transport, answer_within_s=1000) as verifier:
        assert verifier.get("/v1/verifier") == {}


def test_an_answer_that_is_compressed_unasked() -> None:
    """It could drip without a byte to count, or swell."""
    headers = {"content-encoding": "gzip"}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Dripping(int), headers=headers))
    with Verifier(VERIFIER, transport=transport) as verifier, pytest.raises(Unavailable, match="compresses"):
        verifier.get("/v1/verifier")
