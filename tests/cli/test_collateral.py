"""zkmargin collateral, and proofs that count locks: a real chain, attestor, verifier and venue, each a process."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from chain_world import CLASS, DELAY_S, Chains, chain_world
from cli_run import Ran, zkmargin
from cli_world import Owner, account

from prover.collateral import evm, locks
from prover.demo.vaults import ETHER, LOT
from zkmargin import canonical
from zkmargin.documents import Trust
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import InputError


@pytest.fixture(scope="module")
def chains() -> Iterator[Chains]:
    with chain_world() as chains:
        yield chains


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


def show(chains: Chains, owner: Owner, number: int, *more: str) -> Ran:
    node = ("--rpc", chains.vault.url)
    return zkmargin(
        "collateral", "show", number, *node, *chains.services, *chains.trust, *owner.options, *more, "-o", "json"
    )


def prove(chains: Chains, owner: Owner, out: Path, *more: str) -> Ran:
    claim = ("--claim", "maintenance", "--box", "2", "--out", out)
    return zkmargin("prove", *claim, *more, *chains.services, *owner.options, "-o", "json")


def test_a_lock_that_only_the_verifier_is_shown(chains: Chains, owner: Owner, key_file: Path, tmp_path: Path) -> None:
    made = zkmargin("commit", "--account", owner.account_file, *chains.world.services, *owner.options)
    assert made.code == 0, made.err
    for amount in ("30", "1"):
        assert lock(chains, owner, key_file, amount).code == 0
    assert show(chains, owner, 1).error == "no_checkpoint"
    assert pledge(chains, owner, 2).code == 0
    chains.attest(owner, 2)
    missing = tmp_path / "missing.json"
    kept = zkmargin("collateral", "evidence", 1, "--out", missing, *chains.services, *owner.options, "-o", "json")
    assert (kept.code, kept.error, missing.exists()) == (2, "no_evidence", False)

    shown = show(chains, owner, 1, "--out", str(tmp_path / "shown.json"))
    assert (shown.code, shown.json["kind"]) == (0, "lock"), shown.out
    assert "the verifier is told which lock backs account" in shown.err
    assert chains.row(owner, 1)["verifier"] == "final"
    again = show(chains, owner, 1)
    assert again.code == 0
    proved = prove(chains, owner, tmp_path / "p.json", "--collateral", "1")
    assert proved.code == 0, proved.out
    submitted = zkmargin("submit", tmp_path / "p.json", *chains.services, "-o", "json")
    assert (submitted.code, submitted.json["verdict"]) == (0, "accepted")
    # Nobody but the holder has evidence that others can check: it names the lock.
    alone = zkmargin("verify", tmp_path / "p.json", *chains.services, "-o", "json")
    assert (alone.code, alone.error) == (1, "collateral_unattested")
    given = zkmargin(
        "verify", tmp_path / "p.json", *chains.services, "--evidence", tmp_path / "shown.json", "-o", "json"
    )
    assert given.code == 0, given.out
    assert (tmp_path / "shown.json").stat().st_mode & 0o777 == 0o600
    secret = locks.note(owner.open(), owner.open().content.collateral[0]).secret.hex()
    for ran in (shown, again, proved, given):
        assert secret not in ran.out + ran.err


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
    found = chains.row(owner, 1, *at_chain)
    assert (found["verifier"], found["vault"]) == (None, "active")  # nobody asks about a tag before its pledge
    early = prove(chains, owner, tmp_path / "early.json", "--collateral", "1")
    assert (early.code, early.error) == (2, "lock_does_not_count")

    taken = pledge(chains, owner)
    assert (taken.code, taken.json["attestors"][0]["answer"]) == (0, "pending")
    assert pledge(chains, owner).json == taken.json
    chains.attest(owner, 1)
    shown = chains.listed(owner)
    among = shown.json["locks"][0]["anonymity_set"]
    assert 1 <= among <= 3  # this test's, and those of the one before
    assert f"hides among {among} of" in shown.err

    proved = prove(chains, owner, tmp_path / "p.zkmargin.json", "--collateral", "all")
    assert (proved.code, proved.json["locks"]) == (0, 1), proved.out
    submitted = zkmargin("submit", tmp_path / "p.zkmargin.json", *chains.services, "-o", "json")
    assert (submitted.code, submitted.json["verdict"]) == (0, "accepted")
    status = zkmargin("status", *owner.options, *chains.services, "-o", "json")
    assert (status.code, status.json["status"]) == (0, "live")
    checked_by_others(chains, owner, tmp_path)
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


def checked_by_others(chains: Chains, owner: Owner, directory: Path) -> None:
    """Whoever has the bundle verifies it: asking the verifier, or with the evidence that the holder gives."""
    bundle, lock_file = directory / "p.zkmargin.json", directory / "lock.json"
    got = zkmargin("collateral", "evidence", 1, "--out", lock_file, *chains.services, *chains.trust, *owner.options)
    assert got.code == 0, got.err
    asked = zkmargin("verify", bundle, *chains.services, "-o", "json")
    assert (asked.code, asked.json["unattested"]) == (0, False), asked.out
    sources = chains.sources(directory)
    files = ("--registry", chains.registry, "--set", chains.members)
    for evidence, verdict in ((("--evidence", lock_file), 0), ((), 1)):
        ran = zkmargin("verify", "--offline", bundle, *sources, *files, *evidence, "-o", "json")
        assert ran.code == verdict, ran.out
    assert ran.error == "collateral_unattested"


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


def test_what_opens_a_note_goes_over_no_open_wire(chains: Chains, owner: Owner, key_file: Path) -> None:
    assert lock(chains, owner, key_file, "1").code == 0
    ran = pledge(chains, owner, url="http://attestor.example")
    assert (ran.code, ran.error) == (2, "insecure")
    gone = pledge(chains, owner, url="http://127.0.0.1:9")
    assert (gone.code, gone.json["attestors"][0]["answer"]) == (3, "unreachable")
    node = ("--rpc", chains.vault.url, "--verifier", "http://verifier.example", *owner.options, "-o", "json")
    shown = zkmargin("collateral", "show", 1, *node)
    assert (shown.code, shown.error) == (2, "insecure")


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
