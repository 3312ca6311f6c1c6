"""Bundles that count locks, verified with files alone, and with what a verifier tells of the locks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bundle_world as world
import collateral_world
import httpx2
import pytest
from cli_run import Ran, zkmargin
from collateral_world import EVM, NOW

from prover import clock
from prover.client import Verifier
from prover.collateral import checking, services
from prover.collateral.checking import Given
from prover.commands import evidence as command
from prover.errors import Refused, Unavailable
from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.documents import Signed
from zkmargin.envelope import PrivateKey
from zkmargin.errors import ContextError

BUNDLES = json.loads((Path(__file__).parents[1] / "vectors" / "bundles.json").read_text())["accept"]
BUNDLE = next(accept["bundle"] for accept in BUNDLES if accept["name"] == "locks on another chain").encode()
PARAMS_KEY = world.key("params")
SET = collateral_world.signed_set(collateral_world.MEMBERS[EVM], operator=PARAMS_KEY)
SHOWN = world.shown()


def value_of(signed: Signed[Any]) -> bytes:
    return canonical.to_bytes(signed.to_value())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The checker's own files."""
    contents = {
        "bundle": BUNDLE,
        "params": value_of(world.SIGNED_PARAMS),
        "oracle": canonical.to_bytes(world.ROUND.to_value()),
        "policy": world.POLICY.to_bytes(),
        "registry": value_of(world.SIGNED_REGISTRY),
        "set": SET.to_bytes(),
        "first": SHOWN[0].to_bytes(),
        "second": SHOWN[1].to_bytes(),
    }
    directory = tmp_path_factory.mktemp("files")
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    return {name: directory / name for name in contents}


AT = ("--at", canonical.format_time(world.NOW_UNIX_S))


def verify(files: dict[str, Path], *more: object, without: str = "", **other: Path) -> Ran:
    """Offline, with all of the files but those ``without``, or with ``other`` ones."""
    named = files | other
    told = {
        "policy": "--policy", "registry": "--registry", "set": "--set", "first": "--evidence", "second": "--evidence"
    }  # fmt: skip
    options = [word for name, option in told.items() if name not in without.split() for word in (option, named[name])]
    sources = ("--params", named["params"], "--oracle", named["oracle"])
    return zkmargin("verify", "--offline", *sources, *AT, *options, *more, named["bundle"], "-o", "json")


def test_with_registry_set_and_evidence(files: dict[str, Path]) -> None:
    ran = verify(files)
    assert (ran.code, ran.json["valid"], ran.json["unattested"]) == (0, True, False), ran.out


def test_a_set_needs_no_approvals_of_the_one_before(files: dict[str, Path], tmp_path: Path) -> None:
    alone = tmp_path / "set"
    alone.write_bytes(value_of(SET.signed))
    assert verify(files, set=alone).code == 0


@pytest.mark.parametrize(
    ("without", "code"),
    [
        ("registry", "collateral_unattested"),
        ("registry set first second", "collateral_unattested"),
        ("first", "collateral_unattested"),
        ("first second", "collateral_unattested"),
        ("set", "no_members"),
        ("policy", "unattested"),
    ],
)
def test_what_is_missing(files: dict[str, Path], without: str, code: str) -> None:
    ran = verify(files, without=without)
    assert (ran.code, ran.error) == (1, code)


@pytest.mark.parametrize("without", ["first", "first second set", "policy", "policy first second set"])
def test_what_may_be_missing_if_it_is_said(files: dict[str, Path], without: str) -> None:
    ran = verify(files, "--allow-unattested", without=without)
    assert (ran.code, ran.json["unattested"]) == (0, True), ran.out


def test_without_a_registry_nothing_can_be_built_at_all(files: dict[str, Path]) -> None:
    ran = verify(files, "--allow-unattested", without="registry")
    assert (ran.code, ran.error) == (1, "collateral_unattested")


STRANGER = PrivateKey(b"\x77" * 32)


@pytest.mark.parametrize("name", ["registry", "set"])
@pytest.mark.parametrize("signer", [None, STRANGER], ids=["bare", "stranger"])
def test_who_signed_registry_and_set(
    files: dict[str, Path], tmp_path: Path, name: str, signer: PrivateKey | None
) -> None:
    document = {"registry": world.REGISTRY, "set": collateral_world.MEMBERS[EVM]}[name]
    other = tmp_path / name
    other.write_bytes(document.to_bytes() if signer is None else document.sign(signer).to_bytes())
    ran = verify(files, **{name: other})
    assert (ran.code, ran.error) == (1, "unsigned")
    assert verify(files, "--allow-unattested", **{name: other}).json["unattested"] is True


def test_evidence_that_does_not_hold(files: dict[str, Path], tmp_path: Path) -> None:
    late = (*AT[:1], canonical.format_time(world.LOCKS_EXPIRE_UNIX_S))
    for more in ((), ("--allow-unattested",)):
        ran = verify(files, *late, *more)
        assert (ran.code, ran.error) == (1, "expired_checkpoint")
    forged = tmp_path / "lock"
    forged.write_bytes(SHOWN[0].model_copy(update={"signatures": SHOWN[0].signatures[:2]}).to_bytes())
    for more in ((), ("--allow-unattested",)):
        ran = verify(files, *more, first=forged)
        assert (ran.code, ran.error) == (1, "too_few_signatures")


@pytest.mark.parametrize("name", ["registry", "set", "first"])
def test_files_that_are_something_else(files: dict[str, Path], name: str) -> None:
    ran = verify(files, **{name: files["params"]})
    assert (ran.code, ran.error) == (2, "bad_input")
    assert str(files["params"]) in ran.out


def test_a_receipt_is_verified_without_them(files: dict[str, Path]) -> None:
    for option, name in (("--registry", "registry"), ("--set", "set"), ("--evidence", "first")):
        ran = zkmargin("verify", "--receipt", files["bundle"], option, files[name], "-o", "json")
        assert (ran.code, ran.error) == (2, "usage")


# With a verifier

COUNTED = Bundle.from_bytes(BUNDLE).request.collateral
assert COUNTED is not None
TAGS = [entry.tag for entry in COUNTED.locks]
LOCKS = {lock.leaf.tag: lock for lock in SHOWN if lock.leaf is not None}
Answers = dict[str, tuple[int, Any]]
ANSWERS: Answers = {
    "registry": (200, world.SIGNED_REGISTRY.to_value()),
    f"chains/{EVM}/sets": (200, {"items": [SET.to_value()]}),
    **{f"locks/{tag}/evidence": (200, lock.to_value()) for tag, lock in LOCKS.items()},
}


def asking(answers: Answers) -> tuple[Verifier, list[str]]:
    """A verifier that answers so, and what it was asked."""
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path.removeprefix("/v1/collateral/"))
        status, value = answers[asked[-1]]
        return httpx2.Response(status, content=canonical.to_bytes(value))

    return Verifier("http://127.0.0.1:1", transport=httpx2.MockTransport(answer)), asked


def learnt(answers: Answers, given: Given | None = None) -> tuple[Any, list[str]]:
    verifier, asked = asking(ANSWERS | answers)
    return checking.evidence(COUNTED, given or Given(), verifier, now_unix_s=NOW), asked


def test_a_verifier_tells_all_of_it() -> None:
    evidence, asked = learnt({})
    assert set(evidence.leaves) == set(TAGS)
    assert evidence.registry == world.SIGNED_REGISTRY
    assert evidence.sets == (SET.signed,)
    assert sorted(asked) == sorted(ANSWERS)


def test_what_the_checker_has_is_not_asked() -> None:
    given = Given(world.SIGNED_REGISTRY, [SET.signed], SHOWN[:1])
    evidence, asked = learnt({}, given)
    assert set(evidence.leaves) == set(TAGS)
    assert len(asked) == 1
    assert "evidence" in asked[0]


def test_a_bundle_without_locks_asks_nothing() -> None:
    verifier, asked = asking({})
    assert checking.evidence(None, Given(), verifier, now_unix_s=NOW) is None
    assert asked == []


def problem(status: int, code: str) -> tuple[int, Any]:
    return status, {"status": status, "code": code, "detail": "it says no"}


@pytest.mark.parametrize("code", ["unknown_lock", "no_leaf"])
def test_a_lock_of_which_it_has_no_evidence_is_missing(code: str) -> None:
    evidence, _ = learnt({f"locks/{TAGS[0]}/evidence": problem(404, code)})
    assert set(evidence.leaves) == {TAGS[1]}


@pytest.mark.parametrize("code", ["collateral_seized", "chain_frozen"])
def test_a_lock_that_counts_no_more_is_told(code: str) -> None:
    with pytest.raises(Refused) as error:
        learnt({f"locks/{TAGS[0]}/evidence": problem(409, code)})
    assert error.value.code == code


@pytest.mark.parametrize("path", list(ANSWERS))
def test_an_answer_that_is_something_else_says_nothing(path: str) -> None:
    wrong = {"items": [world.SIGNED_PARAMS.to_value()]} if "sets" in path else world.SIGNED_PARAMS.to_value()
    with pytest.raises(Unavailable):
        learnt({path: (200, wrong)})


def test_sets_that_a_verifier_made_up_are_refused_by_the_policy(files: dict[str, Path]) -> None:
    made_up = collateral_world.signed_set(collateral_world.MEMBERS[EVM], operator=STRANGER)
    evidence, _ = learnt({f"chains/{EVM}/sets": (200, {"items": [made_up.to_value()]})})
    with pytest.raises(ContextError) as error:
        evidence.check_signatures(world.TRUST)
    assert error.value.code == "unsigned"


# What a holder gives, or shows


@pytest.fixture
def at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_unix_s", lambda: NOW)


def given_for(lock: collateral_world.Lock, trust: Path | None = None, **answers: tuple[int, Any]) -> None:
    verifier, _ = asking(ANSWERS | answers)
    command._check(verifier, LOCKS[canonical.to_hex(world.LOCKS[0].note.tag)], lock.note, trust)


@pytest.mark.usefixtures("at_now")
def test_a_holder_gives_only_what_holds_for_its_own_lock(tmp_path: Path) -> None:
    trust = tmp_path / "trust.json"
    trust.write_bytes(world.TRUST.to_bytes())
    given_for(world.LOCKS[0], trust)
    with pytest.raises(Unavailable) as other:
        given_for(world.LOCKS[1], trust)
    assert other.value.code == "bad_answer"
    bare = (200, world.REGISTRY.to_value())
    given_for(world.LOCKS[0], registry=bare)
    with pytest.raises(ContextError) as unsigned:
        given_for(world.LOCKS[0], trust, registry=bare)
    assert unsigned.value.code == "unsigned"


FILE = collateral_world.checkpoint_file()
DIGEST = canonical.to_hex(FILE.checkpoint.signing_digest(world.REGISTRY.venue_id))
TWO = {
    "items": [
        {"digest": digest, "accepted": digest == DIGEST, "file": FILE.to_value() | {"signatures": signatures}}
        for digest, signatures in (("0x" + "ab" * 32, []), (DIGEST, FILE.to_value()["signatures"]))
    ]
}


def newest(chain: dict[str, Any] | None, epochs: Any = TWO) -> Any:
    chains = {"items": [{"chain": "solana:x", "epoch": 1, "checkpoint": DIGEST}, *([] if chain is None else [chain])]}
    verifier, _ = asking({"chains": (200, chains), f"chains/{EVM}/checkpoints/7": (200, epochs)})
    return services.newest_checkpoint(verifier, EVM)


def test_the_newest_checkpoint_is_the_one_that_the_verifier_goes_by() -> None:
    at_seven = {"chain": EVM, "epoch": 7, "checkpoint": DIGEST, "frozen": False}
    assert newest(at_seven) == FILE
    assert newest(at_seven, {"items": TWO["items"][:1]}) is None
    assert newest(None) is None
    assert newest({"chain": EVM, "epoch": None, "checkpoint": None}) is None
    with pytest.raises(Unavailable):
        newest(at_seven, {"items": [{"digest": DIGEST, "file": {}}]})
