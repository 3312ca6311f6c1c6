"""``zkmargin-attestor`` as its operator meets it: commands, files, exit codes; and its process on a node over HTTP."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from attestor_world import ENTRY, Society
from cli_run import Ran, commands
from devnets import InProcess, in_process
from service_world import Keys
from typer.testing import CliRunner
from vault_chain import VaultChain

from prover.demo.devnet.server import Server
from verifier.attestor.cli import app
from verifier.attestor.collector import RemoteAttestor, collect
from verifier.attestor.keys import read_token
from zkmargin import canonical
from zkmargin.collateral import Chains, Member, MemberSet, Pledge, SignedMemberSet, chain_digest

CHAIN = "eip155:1337"
GENESIS = "0x" + "9c" * 32
NODE = f"{CHAIN}=http://127.0.0.1:9"


def attestor(*args: object) -> Ran:
    result = CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.output
    return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    directory = tmp_path / "a"
    ran = attestor("init", "--dir", directory, "--venue", "demo", "--member", "a", "--node", NODE, "-o", "json")
    assert ran.code == 0, ran.err
    assert {*ran.json} == {"venue", "member", "ed25519", "secp256k1", "token_file"}
    return directory


def test_every_command_has_an_example() -> None:
    assert commands(app) == ["init", "run", "keys", "sign-set", "opening"]
    for name in commands(app):
        shown = attestor(name, "--help")
        assert shown.code == 0
        assert f"Example: zkmargin-attestor {name}" in shown.out


def test_what_was_signed_is_not_forgotten_by_losing_a_file(made: Path) -> None:
    database = made / "attestor.sqlite3"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    database.unlink()
    for arguments in (("init",), ("keys",), ("run",)):
        ran = attestor(*arguments, "--dir", made)
        assert ran.code == 2
        assert "must not sign again" in ran.err
    assert not database.exists()


def test_init_makes_secrets_for_their_owner_only_and_keeps_them(made: Path) -> None:
    secrets = ["ed25519.key", "secp256k1.key", "collector.token"]
    before = {name: (made / name).read_bytes() for name in secrets}
    assert len(set(before.values())) == 3
    assert all(stat.S_IMODE((made / name).stat().st_mode) == 0o600 for name in secrets)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    again = attestor("init", "--dir", made, "-o", "json")
    assert again.json["ed25519"] == attestor("keys", "--dir", made, "-o", "json").json["ed25519"]
    assert {name: (made / name).read_bytes() for name in secrets} == before
    assert all(content.decode().strip()[2:] not in again.out + again.err for content in before.values())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--venue", "demo", "--member", "a"), "usage"),
        (("--venue", "demo", "--member", "a", "--node", "http://127.0.0.1:9"), "bad_settings"),
        (("--venue", "demo", "--member", "A B", "--node", NODE), "bad_settings"),
    ],
)
def test_init_says_what_is_missing_or_wrong(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    ran = attestor("init", "--dir", tmp_path / "x", *arguments, "-o", "json")
    assert (ran.code, ran.error) == (2, code)


def test_an_entry_proves_possession(made: Path) -> None:
    assert (ran := attestor("keys", "--dir", made, "--chain", CHAIN, "-o", "json")).code == 1
    assert ran.error == "no_registry"
    ran = attestor("keys", "--dir", made, "--chain", CHAIN, "--genesis", GENESIS, "-o", "json")
    digest = canonical.to_hex(chain_digest(CHAIN, canonical.from_hex(GENESIS)))
    member = Member.from_value(ran.json)
    MemberSet(venue="demo", chain=digest, version=1, threshold=1, from_epoch=1, members=(member,)).verify_possession()
    ran = attestor("keys", "--dir", made, "--chain", CHAIN, "--genesis", "0x11", "-o", "json")
    assert (ran.code, ran.error) == (2, "bad_genesis")


def test_documents_are_taken_in_their_order_only(made: Path, tmp_path: Path) -> None:
    keys = Keys()
    entry = ENTRY | {"genesis": GENESIS, "code_hash": "0x" + "c0" * 32, "vault": "0x" + "00" * 12 + "aa" * 20}
    asset = {
        "class": "ETH", "chain": CHAIN, "asset": "0x" + "00" * 32, "decimals": 18, "lot": "1", "bits": 40,
        "price": "ETH-USD", "haircut_ppm": 0, "cap_lots": 1,
    }  # fmt: skip
    value = {"schema": Chains.SCHEMA, "venue": "demo", "version": 1, "quote": "USD", "chains": [entry]}
    registry = Chains.from_value(value | {"classes": [asset]})
    member = Member.from_value(
        attestor("keys", "--dir", made, "--chain", CHAIN, "--genesis", GENESIS, "-o", "json").json
    )
    digest = canonical.to_hex(chain_digest(CHAIN, canonical.from_hex(GENESIS)))
    sets = [
        MemberSet(venue="demo", chain=digest, version=n, threshold=1, from_epoch=n, members=(member,)) for n in (1, 2)
    ]
    contents = {
        "trust": keys.trust().sign(keys.root).to_bytes(),
        "registry": registry.sign(keys.params).to_bytes(),
        "forged": registry.sign(keys.root).to_bytes(),
        "set": sets[0].sign(keys.params).to_bytes(),
        "set-2": sets[1].sign(keys.params).to_bytes(),
    }
    files = {name: tmp_path / name for name in contents}
    for name, content in contents.items():
        files[name].write_bytes(content)

    def given(*arguments: object) -> tuple[int, str | None]:
        ran = attestor("init", "--dir", made, *arguments, "-o", "json")
        return ran.code, ran.error if ran.code else None

    assert given("--registry", files["registry"]) == (1, "no_trust")
    assert given("--set", files["set"]) == (1, "no_trust")
    assert given("--trust", files["trust"]) == (0, None)
    assert given("--registry", files["forged"]) == (1, "unsigned")
    assert given("--registry", files["registry"]) == (0, None)
    assert given("--set", files["set-2"]) == (1, "wrong_version")
    assert given("--set", files["set"]) == (0, None)
    assert given("--set", files["set"]) == (0, None)
    assert given("--set", files["set-2"]) == (1, "too_few_signatures")
    ran = attestor("sign-set", files["set-2"], "--dir", made, "--out", tmp_path / "approved", "-o", "json")
    assert (ran.code, ran.json["approved_by"], ran.json["version"]) == (0, ["a"], 2)
    assert SignedMemberSet.from_bytes((tmp_path / "approved").read_bytes()).document == sets[1]
    assert given("--set", tmp_path / "approved") == (0, None)
    ran = attestor("sign-set", files["set"], "--dir", made, "--out", tmp_path / "x", "-o", "json")
    assert (ran.code, ran.error) == (1, "wrong_version")
    assert not (tmp_path / "x").exists()


def test_a_command_without_its_attestor(tmp_path: Path) -> None:
    for arguments in (("keys",), ("run",), ("opening", "0x11", "--out", "o"), ("sign-set", "s", "--out", "o")):
        ran = attestor(*arguments, "--dir", tmp_path / "none")
        assert ran.code == 2
        assert str(tmp_path / "none") in ran.err


class Node:
    """A society of one attestor on a chain that answers over HTTP."""

    def __init__(self, directory: Path) -> None:
        web3 = in_process()
        assert isinstance(web3.provider, InProcess)
        self.chain = VaultChain(web3)
        self.server = Server(web3.provider.rpc)
        self.server.start()
        entry = {"vault": canonical.to_hex(self.chain.address), "delay_s": 3600, "max_age_s": 3600 - 660}
        self.society = Society(directory, self.chain, names=("a",), threshold=1, **entry)
        self.directory = directory / "a"
        config = self.directory / "config.toml"
        config.write_text(config.read_text().replace("http://127.0.0.1:1", self.server.url))

    def run(self, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from verifier.attestor.cli import app; app()", "run"]
        arguments = ["--dir", str(self.directory), "--port", "0", *more]
        return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    node = Node(tmp_path_factory.mktemp("node"))
    yield node
    node.society.end()
    node.server.close()


def test_the_process_pledges_signs_and_hands_out_openings(node: Node, tmp_path: Path) -> None:
    society = node.society
    lock = society.locked(owner=node.chain.owner)
    process = node.run()
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        assert httpx2.get(f"{url}/healthz").json() == {"status": "ok"}
        assert httpx2.get(f"{url}/v1/attestor").json()["member"] == "a"
        sent: dict[str, Any] = {"content": lock.pledge.to_bytes(), "headers": {"content-type": "application/json"}}
        assert httpx2.post(f"{url}/v1/pledges", **sent).status_code == 201
        society.to_final()
        for token in (None, "11" * 32):
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            for path in ("", "/candidates?epoch=1"):
                answer = httpx2.get(f"{url}/v1/chains/{CHAIN}{path}", headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        remote = RemoteAttestor(url, read_token(node.directory / "collector.token"))
        file = collect(CHAIN, {"a": remote}, society.registry, society.sets, None, now_unix_s=society.now).file
        assert len(file.leaves) == 1
        assert httpx2.get(f"{url}/v1/pledges/{lock.tag}").json()["state"] == "final"
        process.send_signal(signal.SIGTERM)
        _, logged = process.communicate(timeout=20)
        assert process.returncode == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    secrets = (lock.note.secret.hex(), lock.note.account.hex(), str(lock.note.amount), remote.token)
    assert not any(secret in logged for secret in secrets)
    out = tmp_path / "opening.json"
    ran = attestor("opening", lock.tag, "--dir", node.directory, "--out", out, "-o", "json")
    assert (ran.code, ran.json) == (0, {"file": str(out), "tag": lock.tag})
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert Pledge.from_bytes(out.read_bytes()).note.note == lock.note
    ran = attestor("opening", "0x" + "11" * 32, "--dir", node.directory, "--out", tmp_path / "o", "-o", "json")
    assert (ran.code, ran.error) == (1, "unknown_pledge")


def test_a_node_of_another_chain_stops_it_at_once(node: Node) -> None:
    other = in_process(1338)
    assert isinstance(other.provider, InProcess)
    server = Server(other.provider.rpc)
    server.start()
    config = node.directory / "config.toml"
    text = config.read_text()
    config.write_text(text.replace(node.server.url, server.url))
    try:
        ran = attestor("run", "--dir", node.directory, "--port", "0")
        assert (ran.code, ran.out) == (3, "")
        assert "not the registry's" in ran.err
    finally:
        config.write_text(text)
        server.close()
