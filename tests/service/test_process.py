"""The service as its own process: started by its command, killed without warning in the middle, started again."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from service_world import AUDIENCE, PRICES, VENUE, Holder, Keys, make_params, make_report

import verifier
from verifier import setup
from verifier.venue import setup as venue_setup
from zkmargin import canonical
from zkmargin.bundle import MEDIA_TYPE
from zkmargin.documents import Round, Signed

JSON = {"content-type": "application/json"}


class Place:
    """A service in a directory, and its process. Looks enough like a world for holders to live in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now = int(time.time())
        self.keys = Keys()
        settings = {"venue": VENUE, "audience": AUDIENCE}
        self.service = setup.make(directory, settings, self.keys.trust().sign(self.keys.root).to_bytes())
        params = make_params()
        self.params = Signed(params, params.sign(self.keys.params))
        self.service.publish_params(canonical.to_bytes(self.params.to_value()))
        report = make_report(1, PRICES, self.now)
        reports = [Signed(report, report.sign(key)) for key in self.keys.quorum]
        for signed in reports:
            self.service.report(canonical.to_bytes(signed.to_value()))
        self.round = Round(tuple(reports))
        self.process: subprocess.Popen[str]
        self.url = ""

    def start(self, *more: str) -> Place:
        """Start the process; it listens when this returns."""
        self.process = launch("verifier.cli", "serve", "--dir", str(self.directory), "--port", "0", *more)
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        return self

    def end(self, how: signal.Signals) -> int:
        """End it; the exit code."""
        self.process.send_signal(how)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def launch(module: str, *args: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", f"from {module} import app; app()", *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "verifier")
    yield place
    place.service.store.close()
    if place.url and place.process.poll() is None:
        place.end(signal.SIGKILL)


class Stream:
    """Clients that submit one bundle after the other until the service is gone; what they were told is kept."""

    def __init__(self, url: str, bundles: list[bytes], clients: int) -> None:
        self.acknowledged: dict[str, Any] = {}
        self.refused: list[str] = []
        self._told = threading.Event()
        self._wanted = 0
        shares = [bundles[i::clients] for i in range(clients)]
        self._threads = [threading.Thread(target=self._submit, args=(url, share)) for share in shares]

    def start_and_wait_for(self, answers: int) -> None:
        """Return when this many were acknowledged; the clients go on."""
        self._wanted = answers
        for thread in self._threads:
            thread.start()
        assert self._told.wait(60)
        assert self.refused == []

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _submit(self, url: str, bundles: list[bytes]) -> None:
        with httpx2.Client(base_url=url, trust_env=False) as client:
            for bundle in bundles:
                try:
                    answer = client.post("/v1/submissions", content=bundle, headers={"content-type": MEDIA_TYPE})
                except httpx2.HTTPError:
                    return
                if answer.status_code != 201:
                    self.refused.append(answer.text)
                    self._told.set()
                    return
                self.acknowledged[canonical.digest(bundle)] = answer.json()
                if len(self.acknowledged) >= self._wanted:
                    self._told.set()


def survive(place: Place, bundles: int, answers: int) -> None:
    """Kill the service after so many answers of so many bundles; start it, and ask for everything it acknowledged."""
    holder = Holder(place, "100000", {"BTC-USD": "1", "ETH-USD": "-10"})
    place.start()
    attestation = holder.attest(holder.next_state())
    path = f"{place.url}/v1/accounts/{holder.id}/states"
    assert httpx2.post(path, content=attestation, headers=JSON, trust_env=False).status_code == 201
    # One proof each: the expiry is a part of what is proved.
    sent = [holder.bundle(expiry=canonical.format_time(place.now + 3600 + i)) for i in range(bundles)]
    stream = Stream(place.url, sent, clients=3)
    stream.start_and_wait_for(answers)
    assert place.end(signal.SIGKILL) == -signal.SIGKILL
    stream.join()
    assert stream.refused == []
    assert len(stream.acknowledged) >= answers

    with sqlite3.connect(place.directory / "verifier.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    place.start()
    with httpx2.Client(base_url=place.url, trust_env=False) as client:
        assert client.get(f"/v1/accounts/{holder.id}/state").content == attestation
        assert client.get(f"/v1/accounts/{holder.id}").json()["status"] == "live"
        for bundle, answer in stream.acknowledged.items():
            assert client.get(f"/v1/submissions/{bundle}").json() == answer
        for bundle in sent:  # what was not acknowledged may be there or not; asking again settles it
            again = client.post("/v1/submissions", content=bundle, headers={"content-type": MEDIA_TYPE})
            known = canonical.digest(bundle) in stream.acknowledged
            assert again.status_code in ((200,) if known else (200, 201))
        stored = {item["bundle"] for item in client.get(f"/v1/submissions?account={holder.id}").json()["items"]}
        assert stored == {canonical.digest(bundle) for bundle in sent}


def test_nothing_acknowledged_is_lost_by_kill_9(place: Place) -> None:
    survive(place, bundles=7, answers=3)
    # And as it runs: a round published straight on the database turns what it answers.
    report = make_report(2, PRICES | {"BTC-USD": "90000"}, place.now)
    for key in place.keys.quorum:
        place.service.report(report.sign(key).to_bytes())
    with httpx2.Client(base_url=place.url, trust_env=False) as client:
        assert Round.from_value(client.get("/v1/oracle/current").json()).number == 2
        assert [item["status"] for item in client.get("/v1/accounts").json()["items"]] == ["stale"]
    assert place.end(signal.SIGTERM) == 0


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_kill_9_again_and_again(place: Place) -> None:
    for _ in range(15):
        survive(place, bundles=24, answers=2 + secrets.randbelow(18))
        assert place.end(signal.SIGINT) == 0


def test_the_venue_is_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "positions").mkdir()
    desk = venue_setup.make(tmp_path / "venue", {"venue": VENUE, "positions": str(tmp_path / "positions")}, None, None)
    desk.store.close()
    process = launch("verifier.venue.cli", "serve", "--dir", str(tmp_path / "venue"), "--port", "0")
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    assert httpx2.get(f"{url}/v1/venue", trust_env=False).json() == desk.describe()
    with contextlib.suppress(httpx2.TransportError):  # the answer may be lost: the rest of the header is not read
        endless = {"x": "x" * 2_000_000}
        assert httpx2.get(f"{url}/v1/venue", headers=endless, trust_env=False).status_code == 400
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()


def test_the_service_never_imports_the_venue() -> None:
    package = Path(verifier.__file__).parent
    for file in package.rglob("*.py"):
        if "venue" not in file.relative_to(package).parts:
            assert not re.search(r"^\s*(from|import) [\w.]*\.venue\b", file.read_text(), re.MULTILINE), file
