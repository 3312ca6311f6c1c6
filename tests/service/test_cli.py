"""The operator's and the venue's commands: what they print, what they write, and their exit codes."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from service_world import PRICES, START_UNIX_S, Holder, Keys, World, make_params, make_report
from typer.testing import CliRunner, Result

from verifier import cli, clock, config_file, remote
from verifier.errors import Unavailable
from verifier.settings import Settings
from verifier.venue import cli as venue_cli
from zkmargin.documents import Params, Signed, Trust, read
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import InputError

Run = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to work in, at the start of the world's time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "now_unix_s", lambda: START_UNIX_S)
    return tmp_path


def run(*args: str, app: Any = cli.app) -> Result:
    return CliRunner().invoke(app, list(args), prog_name="zkmargin-verifier")


def told(*args: str, app: Any = cli.app, code: int = 0) -> Any:
    """The JSON that a command prints."""
    result = run(*args, "-o", "json", app=app)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def key_file(path: Path) -> PrivateKey:
    told("keys", "new", "--out", str(path))
    from verifier import keys

    return keys.read_signing(path)


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def set_up(place: Path) -> tuple[Keys, dict[str, Any]]:
    """A service with trust."""
    keys = Keys()
    trust = write(place / "trust.json", keys.trust().sign(keys.root).to_bytes())
    return keys, told("init", "--dir", "v", "--venue", "demo", "--audience", "risk.example", "--trust", trust)


def test_keys_and_signatures(place: Path) -> None:
    root, heir = key_file(place / "root.key"), key_file(place / "heir.key")
    assert stat.S_IMODE((place / "root.key").stat().st_mode) == 0o600
    keys = Keys(root=root)
    document = write(place / "trust.json", keys.trust(2).to_bytes())
    signed = told("sign", document, "--key", "root.key", "--out", "one.json")
    assert signed == {"file": "one.json", "digest": keys.trust(2).digest, "signed_by": [root.public]}
    told("sign", "one.json", "--key", "heir.key", "--key", "root.key", "--out", "two.json")
    envelope = read((place / "two.json").read_bytes(), Trust).envelope
    assert envelope is not None
    assert envelope.keys == (root.public, heir.public)
    for key in (root, heir):
        assert key.to_bytes().hex() not in run("sign", document, "--key", "root.key", "--out", "three.json").output
        (place / "three.json").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{}", "bad_document"),
        (b"[]", "bad_document"),
        (b"x", "bad_input"),
        (b'{"schema": "zkmargin/account/v1"}', "bad_document"),
    ],
)
def test_what_is_not_signed_here(place: Path, content: bytes, code: str) -> None:
    key_file(place / "k")
    file = write(place / "d.json", content)
    assert told("sign", file, "--key", "k", "--out", "o", code=2)["error"]["code"] == code
    assert not (place / "o").exists()


def test_files_are_not_overwritten_and_keys_not_read_from_the_open(place: Path) -> None:
    key_file(place / "k")
    assert told("keys", "new", "--out", "k", code=2)["error"]["code"] == "file_exists"
    document = write(place / "d.json", make_params().to_bytes())
    told("sign", document, "--key", "k", "--out", "o")
    assert told("sign", document, "--key", "k", "--out", "o", code=2)["error"]["code"] == "file_exists"
    (place / "k").chmod(0o640)
    assert told("sign", document, "--key", "k", "--out", "p", code=2)["error"]["code"] == "bad_key_file"
    (place / "k").chmod(0o600)
    (place / "k").write_text("0x1234secret")
    assert "secret" not in run("sign", document, "--key", "k", "--out", "p").output
    assert told("sign", "nowhere.json", "--key", "k", "--out", "p", code=2)["error"]["code"] == "bad_file"


def test_init_makes_a_service_and_leaves_one_alone(place: Path) -> None:
    _, made = set_up(place)
    assert {*made} == {"directory", "venue", "audience", "receipt_key"}
    for file in ("receipt.key", "config.toml", "verifier.sqlite3"):
        assert (place / "v" / file).exists()
    assert stat.S_IMODE((place / "v").stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "v" / "receipt.key").stat().st_mode) == 0o600
    assert told("init", "--dir", "v") == made
    assert told("init", "--dir", "v", "--venue", "demo") == made
    assert told("init", "--dir", "v", "--venue", "other", code=2)["error"]["code"] == "configured"
    assert told("init", "--dir", "w", "--venue", "demo", code=2)["error"]["code"] == "usage"
    assert told("init", "--dir", "w", "--venue", "a b", "--audience", "x", code=2)["error"]["code"] == "bad_settings"
    assert not (place / "w").exists()


def test_settings_come_from_the_file_and_the_environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told("init", "--dir", "v", "--venue", "demo", "--audience", "a", "--grace-s", "7", "--max-box-percent", "12.5")
    settings = config_file.load(Settings, place / "v")
    assert (settings.grace_s, settings.max_box_percent, settings.claims[0]) == (7, "12.5", "maintenance")
    assert config_file.make(Settings, __import__("tomllib").loads(config_file.render(settings))) == settings
    monkeypatch.setenv("ZKMARGIN_VERIFIER_GRACE_S", "9")
    assert config_file.load(Settings, place / "v").grace_s == 9
    monkeypatch.delenv("ZKMARGIN_VERIFIER_GRACE_S")
    text = (place / "v" / "config.toml").read_text()
    for line in ("grace_s = -1", 'grace_s = "soon"', "nonsense = 1", "_env_file = 1", "grace_s ="):
        (place / "v" / "config.toml").write_text(text.replace("grace_s = 7\n", line + "\n"))
        assert told("status", "--dir", "v", code=2)["error"]["code"] == "bad_settings"


def test_publish_and_status_on_the_database(place: Path) -> None:
    keys, _ = set_up(place)
    before = told("status", "--dir", "v")
    assert (before["params_version"], before["round"], before["accounts"]["live"]) == (None, None, 0)
    params = write(place / "p.json", make_params().sign(keys.params).to_bytes())
    assert told("params", "publish", params, "--dir", "v") == {"version": 1, "digest": make_params().digest}
    reports = [
        write(place / f"r{i}.json", make_report(4, PRICES, START_UNIX_S).sign(key).to_bytes())
        for i, key in enumerate(keys.quorum)
    ]
    pending = told("oracle", "publish", reports[0], "--dir", "v")
    assert (pending["status"], pending["reports"], pending["needed"]) == ("pending", 1, 3)
    assert told("oracle", "publish", *reports, "--dir", "v")["status"] == "complete"
    after = told("status", "--dir", "v")
    assert (after["params"], after["markets"], after["round"]) == (make_params().digest, 2, 4)
    trust = write(place / "t.json", keys.trust(2).sign(keys.root).to_bytes())
    assert told("trust", "publish", trust, "--dir", "v")["version"] == 2
    assert told("status", "--dir", "v")["trust_version"] == 2
    text = run("status", "--dir", "v").stdout
    assert "venue" in text
    assert "demo" in text


def test_exit_codes(place: Path) -> None:
    keys, _ = set_up(place)
    unsigned = write(place / "p.json", make_params().to_bytes())
    wrong = write(place / "w.json", make_params().sign(keys.root).to_bytes())
    other = write(place / "o.json", make_params(venue="other").sign(keys.params).to_bytes())
    for file, code, reason in ((unsigned, 1, "unsigned"), (wrong, 1, "unsigned"), (other, 2, "wrong_venue")):
        assert told("params", "publish", file, "--dir", "v", code=code)["error"]["code"] == reason
    assert told("params", "publish", unsigned, code=2)["error"]["code"] == "usage"
    assert told("params", "publish", unsigned, "--dir", "v", "--url", "http://x", code=2)["error"]["code"] == "usage"
    assert told("params", "publish", unsigned, "--nonsense", code=2)["error"]["code"] == "usage"
    assert run("params", "publish").exit_code == 2
    assert told("status", "--dir", "nowhere", code=2)["error"]["code"] == "bad_file"
    assert told("status", "0x" + "00" * 32, "--dir", "v", code=1)["error"]["code"] == "unknown_account"
    assert told("status", "--url", "http://127.0.0.1:9", code=3)["error"]["code"] == "unreachable"
    assert told("status", "--url", "nonsense", code=2)["error"]["code"] == "bad_url"
    assert told("status", "0x", "--dir", "v", code=2)["error"]["code"] == "bad_input"
    assert told("status", "x/../y", "--url", "http://127.0.0.1:9", code=2)["error"]["code"] == "bad_input"
    (place / "v" / "verifier.sqlite3").write_bytes(b"not a database" * 1000)
    assert told("status", "--dir", "v", code=3)["error"]["code"] == "store_unavailable"
    assert "zkmargin-verifier: " in run("status", "--dir", "nowhere").stderr


def test_an_address_that_cannot_be_listened_on(place: Path) -> None:
    set_up(place)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--dir", "v", "--port", str(taken.getsockname()[1]))
    assert (result.exit_code, result.stdout) == (3, "")
    assert run("serve", "--dir", "v", "--host", "192.0.2.1", "--port", "0").exit_code == 3
    assert run("serve", "--dir", "v", "--host", "no.such.host.invalid", "--port", "0").exit_code == 3


def test_an_old_database_is_not_worked_on(place: Path) -> None:
    set_up(place)
    (place / "v" / "verifier.sqlite3").unlink()
    assert told("status", "--dir", "v", code=2)["error"]["code"] == "old_schema"
    told("init", "--dir", "v")
    assert told("status", "--dir", "v", code=1)["error"]["code"] == "no_trust"


def test_the_same_over_http(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application answers in place of the network."""

    def through(method: str, url: str, path: str, **options: Any) -> Any:
        assert url == "http://service"
        answer = world.client.request(method, path, **options)
        if answer.status_code < 300:
            return answer.json()
        raise remote._refusal(answer.status_code, answer.json())

    monkeypatch.setattr(remote, "_exchange", through)
    at = ("--url", "http://service")
    params = write(tmp_path / "p.json", make_params(2).sign(world.keys.params).to_bytes())
    assert told("params", "publish", params, *at) == {"version": 2, "digest": make_params(2).digest}
    gap = write(tmp_path / "g.json", make_params(4).sign(world.keys.params).to_bytes())
    assert told("params", "publish", gap, *at, code=1)["error"]["code"] == "version_gap"
    other = write(tmp_path / "o.json", make_params(3, venue="other").sign(world.keys.params).to_bytes())
    assert told("params", "publish", other, *at, code=2)["error"]["code"] == "wrong_venue"
    report = write(tmp_path / "r.json", make_report(2, PRICES, world.now).sign(world.keys.oracles[0]).to_bytes())
    assert told("oracle", "publish", report, *at)["status"] == "pending"
    trust = write(tmp_path / "t.json", world.keys.trust(2).sign(world.keys.root).to_bytes())
    assert told("trust", "publish", trust, *at)["version"] == 2
    summary = told("status", *at)
    assert (summary["params_version"], summary["round"], summary["trust_version"]) == (2, 1, 2)
    holder = world.holder().put()
    assert told("status", holder.id, *at, code=1)["status"] == "unproven"
    assert world.submit(holder.bundle()).status_code == 201
    assert told("status", holder.id, *at)["status"] == "live"


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            sent.append(1)
            yield b" " * (1 << 20)

    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=endless()))
    client = httpx2.Client
    monkeypatch.setattr(remote.httpx2, "Client", lambda **options: client(transport=transport, **options))
    with pytest.raises(Unavailable) as caught:
        remote.get("http://service", "/v1/verifier")
    assert caught.value.code == "bad_answer"
    assert len(sent) == (remote.MAX_ANSWER_BYTES >> 20) + 1


COMMANDS = [
    *(
        (cli.app, *command.split())
        for command in ("init", "serve", "params publish", "oracle publish", "trust publish")
    ),
    *((cli.app, *command.split()) for command in ("status", "keys new", "sign")),
    *((venue_cli.app, *command.split()) for command in ("init", "serve", "attest", "key", "trust publish")),
    (venue_cli.app, "params", "publish"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[1:]))
def test_help_has_an_example(command: tuple[Any, ...]) -> None:
    app, *words = command
    result = run(*words, "--help", app=app)
    assert result.exit_code == 0
    assert f"Example: {app.info.name} {' '.join(words)} " in " ".join(result.output.split())


def test_the_venues_commands(place: Path) -> None:
    (place / "positions").mkdir()

    def venue(*args: str, code: int = 0) -> Any:
        return told(*args, app=venue_cli.app, code=code)

    made = venue("init", "--dir", "n", "--venue", "demo", "--positions", "positions")
    assert made == venue("key", "--dir", "n")
    for file in ("attestation.key", "sealing.key"):
        assert stat.S_IMODE((place / "n" / file).stat().st_mode) == 0o600
    keys = Keys()
    trust = keys.trust(attestation=(made["attestation_key"],))
    trust_file = write(place / "t.json", trust.sign(keys.root).to_bytes())
    params = Signed(make_params(), make_params().sign(keys.params))
    assert params.envelope is not None
    params_file = write(place / "p.json", params.envelope.to_bytes())
    assert venue("params", "publish", params_file, "--dir", "n", code=1)["error"]["code"] == "no_trust"
    venue("init", "--dir", "n", "--trust", trust_file, "--params", params_file)
    assert venue("trust", "publish", trust_file, "--dir", "n")["version"] == 1
    assert venue("params", "publish", params_file, "--dir", "n")["version"] == 1

    request_file = write(place / "request.json", attestation_request(place, keys, params, made["sealing_key"]))
    attested = venue("attest", request_file, "--dir", "n", "--out", "a.json")
    assert attested["attested"] == "now"
    assert Envelope.from_bytes((place / "a.json").read_bytes()).keys == (made["attestation_key"],)
    assert venue("attest", request_file, "--dir", "n", "--out", "b.json")["attested"] == "before"
    assert (place / "a.json").read_bytes() == (place / "b.json").read_bytes()
    assert venue("attest", params_file, "--dir", "n", "--out", "c.json", code=2)["error"]["code"] == "bad_input"
    assert venue("key", "--dir", "nowhere", code=2)["error"]["code"] == "bad_file"


def attestation_request(place: Path, keys: Keys, params: Signed[Params], sealing_key: str) -> bytes:
    """A good request, of an account whose position file is in place."""
    from types import SimpleNamespace

    from zkmargin.documents import AttestationRequest, LabelledOpening, Openings, Round

    report = make_report(1, PRICES, START_UNIX_S)
    round_ = Round(tuple(Signed(report, report.sign(key)) for key in keys.quorum))
    holder = Holder(SimpleNamespace(params=params, round=round_, keys=keys), "5", {"BTC-USD": "1"})
    (place / "positions" / "one.json").write_bytes(holder.account.to_bytes())
    state = holder.next_state()
    openings = Openings(openings=tuple(LabelledOpening.of(*item) for item in holder.openings.items()))
    request = AttestationRequest(
        state=state,
        params=params.digest,
        round=round_.to_value(),
        sealed=AttestationRequest.seal(openings, state, sealing_key),
    )
    return request.sign(holder.owner).to_bytes()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("rate_limit", value) for value in ("often", "0/minute", "-1/minute", "1/minute;9/hour", "1/fortnight")),
        *(("trusted_proxies", value) for value in (["proxy.example"], ["10.0.0.1", "*"], ["10.0.0.1/8"], [""])),
        *(("claims", value) for value in ([], ["solvent"])),
        *((name, 0) for name in ("max_expiry_s", "max_round_age_s", "max_body_bytes")),
        *(("max_box_percent", value) for value in ("0", "-1", "wide")),
        ("clock_skew_s", -1),
        ("audience", ""),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(name: str, value: object) -> None:
    good = {"venue": "demo", "audience": "a", "rate_limit": "", "trusted_proxies": ["10.0.0.1", "10.0.0.0/8", "::1"]}
    config_file.make(Settings, good)
    with pytest.raises(InputError, match=f"setting {name}") as caught:
        config_file.make(Settings, good | {name: value})
    assert caught.value.code == "bad_settings"
