"""zkmargin collateral, and proofs that count locks: a real chain, attestor, verifier and venue, each a process."""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_run import Ran, zkmargin
from cli_world import CliWorld, Owner, account, cli_world

from prover.collateral import evm, locks
from prover.demo.services import VERIFIER
from prover.demo.vaults import DELAY_S, EPOCH_BLOCKS, ETHER, LOT, MARGIN_S, Attestor, Vault, registry
from verifier.collateral import operations
from zkmargin import canonical
from zkmargin.collateral import MemberSet, SignedMemberSet, chain_digest
from zkmargin.documents import Trust
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import InputError

CLASS = "eth-4242"


@dataclass
class Chains:
    """The services of the world, a chain with a vault, and its one attestor."""

    world: CliWorld
    vault: Vault
    attestor: str
    token_file: Path

    @property
    def services(self) -> tuple[str, ...]:
        return "--verifier", self.world.verifier

    @property
    def trust(self) -> tuple[str, ...]:
        return "--trust", str(self.world.directory / "trust.json")

    def mine(self, blocks: int) -> None:
        self.vault.web3.provider.make_request("anvil_mine", [hex(blocks)])

    def attest(self, owner: Owner, number: int) -> None:
        """Blocks go by until the verifier counts the lock."""
        collect = ("chains", "collect", self.vault.chain, "--url", self.world.verifier)
        member = ("--member", f"ada={self.attestor}", "--token", f"ada={self.token_file}", "--every-s", "1")
        collector = self.world.place.start(VERIFIER)
        collector.tell(*collect, *member)
        for _ in range(60):
            self.mine(EPOCH_BLOCKS)
            if row(self, owner, number)["verifier"] == "final":
                collector.ask_to_end()
                collector.end()
                return
            time.sleep(0.5)
        pytest.fail("the lock was never attested")


@pytest.fixture(scope="module")
def chains() -> Iterator[Chains]:
    with cli_world(MARGIN_S) as world:
        venue, key = world.operator.params.venue, world.operator.params_key
        vault = Vault.deploy(world.place, 4242, venue, block_s=None)
        ada = Attestor.make(world.place, "ada", venue, (vault,))
        members = MemberSet(
            venue=venue, chain=canonical.to_hex(chain_digest(vault.chain, vault.genesis)), version=1, threshold=1,
            from_epoch=1, members=(ada.entry(vault),),
        )  # fmt: skip
        documents = {
            "registry": registry((vault,), venue, world.operator.params.quote).sign(key).to_bytes(),
            "set": SignedMemberSet(members=members.sign(key).to_value()).to_bytes(),
        }
        files = {name: world.directory / f"{name}.json" for name in documents}
        for name, content in documents.items():
            files[name].write_bytes(content)
        at = operations.at(None, world.verifier)
        at.publish_registry(documents["registry"])
        at.publish_set(documents["set"])
        trust = str(world.directory / "trust.json")
        url = ada.run("--trust", trust, "--registry", str(files["registry"]), "--set", str(files["set"]))
        yield Chains(world, vault, url, ada.token_file)


_NAMES = (f"holder{n}" for n in itertools.count())


@pytest.fixture
def owner(chains: Chains, tmp_path: Path) -> Owner:
    return chains.world.owner(tmp_path, account(next(_NAMES), cash="1500"))


@pytest.fixture
def key_file(chains: Chains, tmp_path: Path) -> Path:
    """A fresh owner's address with 50 coins."""
    path = tmp_path / "owner.key"
    path.write_text(secrets.token_hex(32))
    chains.vault.give(evm.owner_key(path.read_bytes(), None).address, 50 * ETHER)
    return path


def lock(chains: Chains, owner: Owner, key_file: Path, amount: str = "30", *more: str) -> Ran:
    node = ("--rpc", chains.vault.url, "--key-file", key_file)
    services = (*chains.services, *chains.trust)
    return zkmargin("collateral", "lock", CLASS, amount, *node, *services, *owner.options, *more, "-o", "json")


def pledge(chains: Chains, owner: Owner, number: int = 1, url: str | None = None) -> Ran:
    attestor = ("--attestor", url or chains.attestor)
    return zkmargin("collateral", "pledge", number, *attestor, *chains.services, *owner.options, "-o", "json")


def release(chains: Chains, owner: Owner, key_file: Path, number: int = 1) -> Ran:
    node = ("--rpc", chains.vault.url, "--key-file", key_file)
    return zkmargin("collateral", "release", number, *node, *owner.options, "-o", "json")


def listed(chains: Chains, owner: Owner, *more: str) -> Ran:
    return zkmargin("collateral", "list", *chains.services, *owner.options, *more, "-o", "json")


def row(chains: Chains, owner: Owner, number: int, *more: str) -> dict[str, object]:
    found: dict[str, object] = listed(chains, owner, *more).json["locks"][number - 1]
    return found


def prove(chains: Chains, owner: Owner, out: Path, *more: str) -> Ran:
    claim = ("--claim", "maintenance", "--box", "2", "--out", out)
    return zkmargin("prove", *claim, *more, *chains.services, *owner.options, "-o", "json")


def test_a_lock_counts_from_the_lock_to_the_release(
    chains: Chains, owner: Owner, key_file: Path, tmp_path: Path
) -> None:
    made = zkmargin("commit", "--account", owner.account_file, *chains.world.services, *owner.options)
    assert made.code == 0, made.err
    short = prove(chains, owner, tmp_path / "short.json")
    assert (short.code, short.error) == (1, "not_provable")

    locked = lock(chains, owner, key_file)
    assert locked.code == 0, locked.out
    record = owner.open().content.collateral[0]
    note = locks.note(owner.open(), record)
    assert locked.json["note"] == canonical.to_hex(note.digest)
    assert int(record.amount) == 30 * ETHER
    at_chain = ("--rpc", f"{chains.vault.chain}={chains.vault.url}")
    assert row(chains, owner, 1, *at_chain) | {"verifier": "unknown", "vault": "active"} == row(
        chains, owner, 1, *at_chain
    )
    early = prove(chains, owner, tmp_path / "early.json", "--collateral", "1")
    assert (early.code, early.error) == (2, "lock_does_not_count")

    taken = pledge(chains, owner)
    assert (taken.code, taken.json["attestors"][0]["answer"]) == (0, "pending")
    assert pledge(chains, owner).json == taken.json
    chains.attest(owner, 1)
    shown = listed(chains, owner)
    assert shown.json["locks"][0]["anonymity_set"] == 1
    assert "hides among 1 of" in shown.err

    proved = prove(chains, owner, tmp_path / "p.zkmargin.json", "--collateral", "all")
    assert (proved.code, proved.json["locks"]) == (0, 1), proved.out
    submitted = zkmargin("submit", tmp_path / "p.zkmargin.json", *chains.services, "-o", "json")
    assert (submitted.code, submitted.json["verdict"]) == (0, "accepted")
    status = zkmargin("status", *owner.options, *chains.services, "-o", "json")
    assert (status.code, status.json["status"]) == (0, "live")
    # Without them the same account is short: what counted was the lock.
    assert prove(chains, owner, tmp_path / "again.json").error == "not_provable"

    asked = release(chains, owner, key_file)
    assert (asked.code, asked.json["step"]) == (0, "requested")
    waiting = release(chains, owner, key_file)
    assert (waiting.code, waiting.error) == (2, "too_early")
    chains.vault.web3.provider.make_request("evm_increaseTime", [DELAY_S])
    chains.mine(1)
    paid = release(chains, owner, key_file)
    assert (paid.code, paid.json["step"]) == (0, "released")
    assert release(chains, owner, key_file).error == "nothing_held"

    for ran in (locked, taken, shown, proved, asked, paid):
        for secret in (note.secret.hex(), key_file.read_text(), str(locks.opening(owner.open(), record).blinding)):
            assert secret not in ran.out + ran.err


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "bad_amount"),
        ("0.0009", "bad_amount"),
        ("1e3", "bad_input"),
        ("1048.576", "bad_amount"),
    ],
    ids=["nothing", "less-than-a-lot", "exponent", "too-many-lots"],
)
def test_amounts_that_no_lock_can_have(chains: Chains, owner: Owner, key_file: Path, amount: str, code: str) -> None:
    before = owner.wallet.read_bytes()
    ran = lock(chains, owner, key_file, amount)
    assert (ran.code, ran.error) == (2, code)
    assert owner.wallet.read_bytes() == before


def test_an_unknown_class_and_a_node_of_another_chain(
    chains: Chains, owner: Owner, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = owner.wallet.read_bytes()
    services = (*chains.services, *chains.trust, *owner.options)
    node = ("--rpc", chains.vault.url, "--key-file", key_file, *services, "-o", "json")
    assert zkmargin("collateral", "lock", "doge", "1", *node).error == "unknown_class"
    monkeypatch.setattr(locks, "new", lambda *_: pytest.fail("the node was believed"))
    monkeypatch.setattr(evm.VaultClient, "_block", lambda *_: {"hash": bytes(32), "timestamp": 0})
    assert lock(chains, owner, key_file).error == "wrong_chain"
    assert owner.wallet.read_bytes() == before


def test_no_coins_go_where_the_trusted_keys_do_not_send_them(
    chains: Chains, owner: Owner, key_file: Path, tmp_path: Path
) -> None:
    before = owner.wallet.read_bytes()
    node = ("--rpc", chains.vault.url, "--key-file", key_file, *chains.services, *owner.options, "-o", "json")
    assert zkmargin("collateral", "lock", CLASS, "1", *node).error == "usage"
    stranger = tmp_path / "trust.json"
    keys = PrivateKey.generate(), PrivateKey.generate()
    trust = Trust.from_bytes(Envelope.from_bytes((chains.world.directory / "trust.json").read_bytes()).payload)
    stranger.write_bytes(trust.model_copy(update={"params": (keys[0].public,)}).sign(keys[1]).to_bytes())
    ran = zkmargin("collateral", "lock", CLASS, "1", *node, "--trust", stranger)
    assert (ran.code, ran.error) == (1, "unsigned")
    assert owner.wallet.read_bytes() == before


@pytest.mark.parametrize("made", [{"venue": "other"}, {"genesis": bytes(32)}, {"address": bytes(20)}], ids=str)
def test_a_contract_that_is_not_the_vault_gets_nothing(chains: Chains, made: dict[str, object]) -> None:
    vault = chains.vault
    named = {"address": vault.address, "genesis": vault.genesis, "venue": "demo", **made}
    with pytest.raises(InputError) as caught:
        evm.VaultClient(vault.url, chain_id=vault.chain_id, **named)  # type: ignore[arg-type]
    wanted = {"venue": "wrong_vault", "genesis": "wrong_chain", "address": "not_the_vault"}
    assert caught.value.code == wanted[next(iter(made))]


def test_a_lock_that_the_owner_cannot_pay_stays_a_record_alone(chains: Chains, owner: Owner, key_file: Path) -> None:
    ran = lock(chains, owner, key_file, "100")
    assert ran.code != 0
    assert "Traceback" not in ran.err
    assert len(owner.open().content.collateral) == 1
    refused = pledge(chains, owner)
    assert (refused.code, refused.json["attestors"][0]["answer"]) == (1, "no_lock")
    # Its number is used up: the next lock has a note of its own.
    assert lock(chains, owner, key_file, "1").json["lock"] == 2


def test_a_note_for_a_chain_of_another_kind(chains: Chains, owner: Owner) -> None:
    ran = zkmargin(
        "collateral", "lock", CLASS, "2", "--owner", "0x" + "0" * 24 + "5f" * 20, *chains.services, *chains.trust,
        *owner.options, "-o", "json",
    )  # fmt: skip
    assert ran.code == 0
    assert set(ran.json) == {"lock", "class", "note"}
    assert owner.open().content.collateral[0].owner == "0x" + "0" * 24 + "5f" * 20
    assert int(owner.open().content.collateral[0].lot) == LOT


def test_a_pledge_goes_over_no_open_wire(chains: Chains, owner: Owner, key_file: Path) -> None:
    assert lock(chains, owner, key_file, "1").code == 0
    ran = pledge(chains, owner, url="http://attestor.example")
    assert (ran.code, ran.error) == (2, "insecure")
    gone = pledge(chains, owner, url="http://127.0.0.1:9")
    assert (gone.code, gone.json["attestors"][0]["answer"]) == (3, "unreachable")


def test_usage(chains: Chains, owner: Owner, key_file: Path, tmp_path: Path) -> None:
    both = ("--owner", "0x" + "00" * 32)
    assert lock(chains, owner, key_file, "1", *both).error == "usage"
    assert pledge(chains, owner, number=3).error == "no_lock"
    assert prove(chains, owner, tmp_path / "x.json", "--collateral", "first").error == "usage"
    bad = tmp_path / "bad.key"
    bad.write_text("not a key")
    ran = lock(chains, owner, bad)
    assert (ran.code, ran.error) == (2, "bad_key")
    assert "not a key" not in ran.out


def test_a_keystore_of_ethereum(chains: Chains, tmp_path: Path) -> None:
    from eth_account import Account

    made = Account.create()
    content = json.dumps(Account.encrypt(made.key, "swordfish", kdf="pbkdf2", iterations=1)).encode()
    assert evm.owner_key(content, "swordfish").address == made.address
    with pytest.raises(Exception, match="neither 64 hex digits nor"):
        evm.owner_key(content, "another")
