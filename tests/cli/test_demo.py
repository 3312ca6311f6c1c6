"""The demo, as a program: its document is exactly as promised, and it leaves nothing behind."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_run import zkmargin

from prover.demo.services import VERIFIER, Program, services
from prover.errors import Unavailable

COMMAND = [sys.executable, "-c", "from prover.cli import app; app()"]
ACCOUNTS = json.loads((Path(__file__).parents[2] / "prover" / "demo" / "venue.json").read_text())["accounts"]


@pytest.fixture
def demo_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo puts its own directory."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def processes_of(directory: Path) -> set[int]:
    """Running processes that the demo in ``directory`` started: they inherit where temporary files go."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            inherited = f"TMPDIR={directory}\0".encode() in entry.read_bytes()
        except OSError:
            continue
        if inherited:
            found.add(int(entry.parent.name))
    return found - {os.getpid()}


def test_the_demo_goes_as_it_should_and_leaves_nothing(demo_directory: Path) -> None:
    ran = subprocess.run([*COMMAND, "demo", "-o", "json"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    value: dict[str, Any] = json.loads(ran.stdout)
    assert list(value) == ["schema", "ok", "markets", "accounts", "refusals"]
    assert value["ok"] is True
    assert value["markets"] >= 20
    keys = ["name", "claim", "verdict", "reason", "proof_bytes", "prove_ms", "verify_ms"]
    assert [list(row) for row in value["accounts"]] == [keys] * 3
    assert [row["verdict"] for row in value["accounts"]] == ["accepted"] * 3
    assert [set(row) for row in value["refusals"]] == [{"what", "reason"}] * len(value["refusals"])
    reasons = [row["reason"] for row in value["refusals"]]
    assert {"proof_failed", "earlier_sequence", "price_outside_box", "not_provable", "wrong_audience"} <= set(reasons)
    assert "ok" not in reasons
    assert list(demo_directory.iterdir()) == []
    assert processes_of(demo_directory) == set()
    assert "WRONG" not in ran.stderr
    for account in ACCOUNTS:
        for secret in (account["cash"], *(position["size"] for position in account["positions"])):
            pattern = rf"(?<![0-9.]){re.escape(secret)}(?![0-9.])"
            assert not re.search(pattern, ran.stdout + ran.stderr) or len(secret) < 4


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("number", "step"),
    [
        (signal.SIGINT, "starting the venue"),
        (signal.SIGTERM, "starting the venue"),
        pytest.param(signal.SIGINT, "making three accounts", marks=pytest.mark.slow),
    ],
    ids=["interrupted", "ended", "in-the-middle"],
)
def test_an_interrupted_demo_leaves_nothing(demo_directory: Path, number: signal.Signals, step: str) -> None:
    with subprocess.Popen(
        [*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if step in line:
                break
        deadline = time.monotonic() + 60
        while len(processes_of(demo_directory)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(processes_of(demo_directory)) == 3  # the demo, the venue, the verifier
        os.kill(demo.pid, number)
        demo.communicate(timeout=60)
    assert demo.returncode != 0
    assert processes_of(demo_directory) == set()
    assert list(demo_directory.iterdir()) == []


def test_a_service_that_does_not_start_ends_the_demo_with_a_sentence(
    demo_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prover.demo.scenario.VENUE", "json.no_such_module")
    ran = zkmargin("demo", "-o", "json")
    assert (ran.code, ran.error) == (3, "demo")
    assert "No module named" in ran.json["error"]["message"]
    assert list(demo_directory.iterdir()) == []


def ended_by(break_it: Callable[[Program], object], progress: Callable[[str], None] = lambda _: None) -> str:
    """The sentence that the demo ends with after ``break_it``."""
    with pytest.raises(Unavailable) as caught, services(progress) as place:
        break_it(place.start(VERIFIER))
    assert caught.value.code == "demo"
    return str(caught.value)


def test_a_command_of_a_service_that_fails_says_why(demo_directory: Path) -> None:
    def bad_command(program: Program) -> None:
        program.tell("init", "--dir", str(demo_directory / "v"), "-o", "json")
        program.answer()

    assert ended_by(bad_command) == "verifier.cli has ended: --venue is needed for a new one"


def test_a_service_that_ends_is_named_and_not_only_missed(demo_directory: Path) -> None:
    def killed(program: Program) -> None:
        program._process.kill()
        raise Unavailable("the verifier cannot be reached", code="unreachable")

    assert ended_by(killed).startswith("verifier.cli has ended with code -9")


def test_a_service_that_is_slow_is_waited_for_and_told_of(
    demo_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prover.demo.services._TOLD_AFTER_S", 0.01)
    monkeypatch.setattr("prover.demo.services.PATIENCE_S", 0.05)
    told: list[str] = []
    assert ended_by(Program.answer, told.append).startswith("verifier.cli did not answer in time")
    assert set(told) == {"still waiting for verifier.cli"}


@pytest.mark.parametrize("step_s", [0, 1, 20, 1000])
def test_rounds_are_dated_as_they_are_published(step_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: no round is old, none comes too early for the grace, none is too far ahead."""
    from prover.demo import scenario

    clock = itertools.count(10**9, step_s)
    moments: list[tuple[int, int]] = []

    class Operator:
        def reports(self, _number: int, unix_s: int, _move: object) -> list[object]:
            moments.append((now[-1], unix_s))
            return []

    now: list[int] = []

    def tick() -> int:
        now.append(next(clock))
        return now[-1]

    monkeypatch.setattr(scenario._Play, "now_unix_s", staticmethod(tick))
    monkeypatch.setattr(scenario, "load", lambda *_: None)
    nothing: Any = None
    operator: Any = Operator()
    play = scenario._Play(scenario.Story(), Path(), operator, nothing, nothing, lambda _: None)
    for _ in scenario.ROUNDS:
        play.publish("a round")
    assert all(0 <= round_unix_s - now_unix_s <= 60 for now_unix_s, round_unix_s in moments)
    assert all(now_unix_s == round_unix_s for now_unix_s, round_unix_s in moments[:-1])
    assert moments[-1][1] > moments[-2][1] + scenario.GRACE_S


def test_a_step_that_goes_wrong_is_told(demo_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prover.demo import scenario

    story = scenario.Story(markets=1)
    story.refused("a tampered proof", "ok", "proof_failed")
    story.statuses.append(("proved", {"alice": "live"}))
    story.accounts.append({"name": "alice"})
    monkeypatch.setattr("prover.commands.demo.run", lambda _progress: story)
    ran = zkmargin("demo", "-o", "json")
    assert (ran.code, ran.json["ok"]) == (1, False)
    assert "WRONG: a tampered proof: ok instead of proof_failed" in ran.err
    ran = zkmargin("demo")
    assert ran.code == 1
    assert "NOT everything went as it should" in ran.out
