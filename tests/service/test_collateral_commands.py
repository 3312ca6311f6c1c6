"""``zkmargin-verifier chains`` and ``bench --collateral``: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import collateral_world as fixed
import pytest
from collateral_service import Scene, digest
from collateral_world import EVM
from service_world import Keys
from typer.testing import CliRunner, Result

from verifier import cli, clock, remote
from verifier.attestor import collector
from verifier.collateral import collecting
from zkmargin.collateral import MemberSet, SignedCheckpoint


def run(*args: str) -> Result:
    return CliRunner().invoke(cli.app, list(args), prog_name="zkmargin-verifier")


def told(*args: str, code: int = 0) -> Any:
    """The JSON that a command prints."""
    result = run(*args, "-o", "json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A service with trust, in a directory to work in, and its keys."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "now_unix_s", lambda: fixed.NOW)
    keys = Keys()
    trust = write(tmp_path / "trust.json", keys.trust().sign(keys.root).to_bytes())
    told("init", "--dir", "v", "--venue", "demo", "--audience", "risk.example", "--trust", trust)
    return SimpleNamespace(path=tmp_path, keys=keys, at=("--dir", "v"))


def publish(place: SimpleNamespace) -> None:
    """The registry, and the attestors of the EVM chain."""
    params = place.keys.params
    registry = write(place.path / "chains.json", fixed.REGISTRY.sign(params).to_bytes())
    assert told("chains", "publish", registry, *place.at) == {"version": 1, "digest": fixed.REGISTRY.digest}
    members = write(place.path / "members.json", fixed.MEMBERS[EVM].sign(params).to_bytes())  # the first needs no more
    assert told("chains", "set", members, *place.at) == {"version": 1, "digest": fixed.MEMBERS[EVM].digest}


def test_publish_take_list_and_thaw_on_the_database(place: SimpleNamespace) -> None:
    assert told("chains", "list", *place.at, code=1)["error"]["code"] == "no_registry"
    publish(place)
    assert told("chains", "list", *place.at)["chains"][0]["epoch"] is None
    made = fixed.leaves(fixed.LOCKS)
    first = fixed.checkpoint_file(made)
    taken = told("chains", "checkpoint", write(place.path / "c.json", first.to_bytes()), *place.at)
    assert (taken["epoch"], taken["registered"], taken["frozen"]) == (7, len(made), False)
    evidence = write(place.path / "lock.json", fixed.tag_evidence(first, 0).to_bytes())
    assert told("chains", "lock", evidence, *place.at)["state"] == "final"
    text = run("chains", "list", *place.at).stdout
    assert "epoch 7, block of " in text
    assert "3 locks on eip155:1337" in text
    for _ in range(2):
        assert told("chains", "seizing", fixed.hexed(fixed.LOCKS[4].note.tag), *place.at)["state"] == "seized"
    assert told("chains", "seizing", "0x07", *place.at, code=1)["error"]["code"] == "unknown_lock"
    assert told("chains", "thaw", EVM, *place.at)["was_frozen"] is False
    assert told("chains", "thaw", "eip155:2", *place.at, code=1)["error"]["code"] == "unknown_chain"
    other = write(place.path / "d.json", fixed.checkpoint_file(made[:1]).to_bytes())
    assert told("chains", "checkpoint", other, *place.at)["frozen"]
    assert "FROZEN" in run("chains", "list", *place.at).stdout
    assert told("chains", "thaw", EVM, *place.at, code=1)["error"]["code"] == "chain_frozen"
    following = fixed.signed_set(fixed.member_set(version=2, from_epoch=8), fixed.QUORUM, place.keys.params)
    told("chains", "set", write(place.path / "m2.json", following.to_bytes()), *place.at)
    assert told("chains", "thaw", EVM, *place.at)["was_frozen"] is True


def test_a_late_checkpoint_is_for_the_operator(place: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(place)
    file = write(place.path / "c.json", fixed.checkpoint_file(fixed.leaves(fixed.LOCKS)).to_bytes())
    monkeypatch.setattr(clock, "now_unix_s", lambda: fixed.NOW + 10**6)
    assert told("chains", "checkpoint", file, *place.at, code=1)["error"]["code"] == "expired_checkpoint"
    refused = told("chains", "checkpoint", file, "--late", "--url", "http://service", code=2)
    assert refused["error"]["code"] == "usage"
    assert told("chains", "checkpoint", file, "--late", *place.at)["registered"] == 5
    assert [entry["locks"] for entry in told("chains", "list", *place.at)["classes"]] == [0, 0, 0]


def test_bad_input_ends_in_a_sentence_and_an_exit_code(place: SimpleNamespace) -> None:
    bad = write(place.path / "bad.json", b"{}")
    for command in ("publish", "set", "checkpoint", "lock"):
        assert told("chains", command, bad, *place.at, code=2)["error"]["code"] == "bad_input"
        assert told("chains", command, bad, code=2)["error"]["code"] == "usage"
        assert told("chains", command, "nowhere", *place.at, code=2)["error"]["code"] == "bad_file"
    assert told("chains", "list", "--url", "http://127.0.0.1:9", code=3)["error"]["code"] == "unreachable"
    for entries in (["ada"], ["=x"], ["ada="], ["ada=x", "ada=y"]):
        options = [option for entry in entries for option in ("--member", entry, "--token", entry)]
        assert told("chains", "collect", EVM, *options, *place.at, code=2)["error"]["code"] == "usage"
    apart = ("--member", "ada=http://x", "--token", "bob=bob.token")
    assert told("chains", "collect", EVM, *apart, *place.at, code=2)["error"]["code"] == "usage"


def test_documents_about_collateral_are_signed_as_others_are(place: SimpleNamespace) -> None:
    told("keys", "new", "--out", "params.key")
    for document in (fixed.REGISTRY, fixed.MEMBERS[EVM]):
        file = write(place.path / "document.json", document.to_bytes())
        signed = told("sign", file, "--key", "params.key", "--out", f"{document.digest}.json")
        assert signed["digest"] == document.digest


@pytest.fixture
def over_http(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The application answers in place of the network."""

    def through(_method: str, url: str, path: str, **options: Any) -> Any:
        assert url == "http://service"
        answer = scene.client.request(_method, path, **options)
        if answer.status_code < 300:
            return answer.json()
        raise remote._refusal(answer.status_code, answer.json())

    monkeypatch.setattr(remote, "_exchange", through)
    return scene


AT = ("--url", "http://service")


def test_the_same_over_http(over_http: Scene, tmp_path: Path) -> None:
    scene = over_http
    registry = write(tmp_path / "r.json", scene.next_registry(chain__cap="7").sign(scene.keys.params).to_bytes())
    assert told("chains", "publish", registry, *AT)["version"] == 2
    file = scene.file(EVM, [scene.ann_eth, scene.ben_eth])
    assert told("chains", "checkpoint", write(tmp_path / "c.json", file.to_bytes()), *AT)["renewed"] == 2
    evidence = write(tmp_path / "l.json", fixed.tag_evidence(file, 0).to_bytes())
    assert told("chains", "lock", evidence, *AT)["epoch"] == 2
    listed = told("chains", "list", *AT)
    assert [chain["epoch"] for chain in listed["chains"]] == [2, 1]
    assert [entry["locks"] for entry in listed["classes"]] == [2, 0, 1]


@pytest.mark.parametrize("http", [True, False])
def test_collect_gathers_the_next_checkpoint_and_takes_it(
    over_http: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http: bool
) -> None:
    """What the attestors say is theirs (tests/attestor): here is what is asked of them, and what is done with it."""
    scene = over_http
    if not http:
        monkeypatch.setattr("verifier.service.Service.open", lambda _: scene.service)
    asked: dict[str, Any] = {}

    def collect(
        chain: str, attestors: Any, registry: Any, sets: list[MemberSet], previous: SignedCheckpoint, *, now_unix_s: int
    ) -> collector.Collected:
        asked.update(chain=chain, attestors=attestors, registry=registry, sets=sets, previous=previous, now=now_unix_s)
        scene.last[EVM] = previous  # what is told of it is enough to go on from
        return collector.Collected(scene.file(EVM, [scene.ann_eth, scene.ben_eth]), {"dan": "unreachable"})

    monkeypatch.setattr(collecting, "collect", collect)
    token = tmp_path / "ada.token"
    token.write_text("0x" + "07" * 32)
    token.chmod(0o600)
    options = ("--member", "ada=http://ada", "--token", f"ada={token}")
    value = told("chains", "collect", EVM, *options, *(AT if http else ("--dir", "v")))
    assert (value["epoch"], value["renewed"], value["troubles"]) == (2, 2, {"dan": "unreachable"})
    assert asked["attestors"] == {"ada": collector.RemoteAttestor("http://ada", "07" * 32)}
    first = scene.client.get(f"/v1/collateral/chains/{EVM}/checkpoints/1").json()["items"][0]
    assert digest(asked["previous"]) == first["digest"]
    assert (asked["registry"], asked["sets"], asked["now"]) == (scene.registry, [scene.members[EVM]], scene.now)
    several = told("chains", "collect", EVM, EVM, *options, *(AT if http else ("--dir", "v")))  # one document still
    assert [entry["epoch"] for entry in several["checkpoints"]] == [3, 4]


@pytest.mark.parametrize(
    "words",
    [
        "chains publish",
        "chains set",
        "chains checkpoint",
        "chains lock",
        "chains list",
        "chains seizing",
        "chains thaw",
        "chains collect",
        "bench",
    ],
)
def test_help_has_an_example(words: str) -> None:
    result = run(*words.split(), "--help")
    assert result.exit_code == 0
    assert f"Example: {cli.app.info.name} {words} " in " ".join(result.output.split())


def test_the_bench_measures_a_small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    small = ("--locks", "12", "--chains", "3", "--members", "3", "--threshold", "2", "--accounts", "4")
    value = told("bench", "--collateral", *small)
    assert {*value} == {"locks", "chains", "quorum", "accounts", "unit_msm_ms", "cold", "renewal"}
    for part in ("cold", "renewal"):
        assert {*value[part]} == {"seconds", "processor_seconds", "over_msm", "phases", "turn"}
        assert {*value[part]["phases"]} == {"read", "check", "book", "commit"}
        assert value[part]["seconds"] == pytest.approx(sum(value[part]["phases"].values()), abs=0.001)
    assert json.dumps(value)
    assert told("bench", code=2)["error"]["code"] == "usage"
    for wrong in (("--accounts", "5"), ("--threshold", "4"), ("--members", "4"), ("--chains", "13")):
        assert told("bench", "--collateral", *small, *wrong, code=2)["error"]["code"] == "usage"
