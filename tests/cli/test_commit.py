"""Committing, against real services: what is stored when; no crash loses an opening or changes a request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_run import zkmargin
from cli_world import CliWorld, Owner, account
from typer.testing import CliRunner

from prover import client, commit
from prover.wallet import Wallet
from verifier.venue import cli as venue_cli
from zkmargin import canonical
from zkmargin.envelope import PrivateKey
from zkmargin.group import encode
from zkmargin.pedersen import commit as commit_to
from zkmargin.sealing import SealingKey


class CrashError(BaseException):
    """The process ends here."""


def run(owner: Owner, world: CliWorld, *extra: object) -> Any:
    return zkmargin("commit", "--account", owner.account_file, *owner.options, *world.services, *extra, "-o", "json")


def test_commit_prove_submit_status(world: CliWorld, owner: Owner, tmp_path: Path) -> None:
    ran = run(owner, world)
    assert ran.code == 0
    assert ran.json["account"] == owner.id
    assert (ran.json["seq"], ran.json["resumed"]) == (1, False)

    verifier = ("--verifier", world.verifier)
    bundle, receipt = tmp_path / "proof.zkmargin.json", tmp_path / "receipt.json"
    status = zkmargin("status", *verifier, *owner.options, "-o", "json")
    assert (status.code, status.json["status"], status.json["deadline"]) == (1, "unproven", None)
    assert status.json["schema"] == "zkmargin/status/v1"
    proved = zkmargin(
        "prove", "--claim", "initial", "--box", "5", *verifier, *owner.options, "--out", bundle, "-o", "json"
    )
    assert proved.code == 0
    assert (proved.json["account"], proved.json["seq"]) == (owner.id, 1)
    checked = zkmargin("verify", *verifier, bundle, "-o", "json")
    assert (checked.code, checked.json["unattested"]) == (0, False)

    submitted = zkmargin("submit", bundle, *verifier, "--receipt-out", receipt, "-o", "json")
    assert submitted.code == 0
    assert (submitted.json["verdict"], submitted.json["reason"]) == ("accepted", "ok")
    assert zkmargin("submit", bundle, *verifier, "-o", "json").json == submitted.json
    status = zkmargin("status", *verifier, "--account", owner.id, "-o", "json")
    assert (status.code, status.json["status"], status.json["claim"]) == (0, "live", "initial")

    with client.Verifier(world.verifier) as service:
        key = service.identity().receipt_key
    good = zkmargin("verify", "--receipt", receipt, "--key", key, bundle, "-o", "json")
    assert (good.code, good.json["verdict"]) == (0, "accepted")
    other = zkmargin("verify", "--receipt", receipt, "--key", key, owner.account_file, "-o", "json")
    assert (other.code, other.error) == (1, "other_bundle")
    forged = zkmargin("verify", "--receipt", receipt, "--key", PrivateKey.generate().public, "-o", "json")
    assert (forged.code, forged.error) == (1, "unsigned")
    wrong = zkmargin("submit", bundle, *verifier, "--key", PrivateKey.generate().public, "-o", "json")
    assert (wrong.code, wrong.error) == (1, "bad_receipt")


def test_a_refused_bundle_has_a_receipt_too(world: CliWorld, owner: Owner, tmp_path: Path) -> None:
    assert run(owner, world).code == 0
    bundle, receipt = tmp_path / "proof.zkmargin.json", tmp_path / "receipt.json"
    verifier = ("--verifier", world.verifier)
    made = ("prove", "--claim", "initial", "--audience", "somebody.else", *verifier, *owner.options, "--out", bundle)
    assert zkmargin(*made).code == 0
    ran = zkmargin("submit", bundle, *verifier, "--receipt-out", receipt, "-o", "json")
    assert ran.code == 1
    assert (ran.json["verdict"], ran.json["reason"]) == ("refused", "wrong_audience")
    with client.Verifier(world.verifier) as service:
        key = service.identity().receipt_key
    read = zkmargin("verify", "--receipt", receipt, "--key", key, bundle, "-o", "json")
    assert (read.code, read.json["reason"]) == (1, "wrong_audience")


def test_a_wallet_proves_nothing_before_its_first_commit(world: CliWorld, owner: Owner, tmp_path: Path) -> None:
    out = ("--verifier", world.verifier, "--out", tmp_path / "out", "-o", "json")
    ran = zkmargin("prove", "--claim", "initial", *owner.options, *out)
    assert (ran.code, ran.error) == (2, "no_state")


def test_every_market_is_committed_to_and_every_opening_opens(world: CliWorld, owner: Owner) -> None:
    assert run(owner, world).code == 0
    current = owner.open().require_current()
    state, openings = current.signed.document, current.openings.by_label
    markets = [f"q/{market.market}" for market in world.operator.params.markets]
    assert [entry.label for entry in state.commitments] == ["cash0", *markets]
    for entry in state.commitments:
        assert entry.commitment == canonical.to_hex(encode(commit_to(openings[entry.label])))
    assert (openings["q/BTC-USD"].value, openings["q/SOL-USD"].value, openings["q/ETH-USD"].value) == (-17500, 3105, 0)
    assert len({opening.blinding for opening in openings.values()}) == len(openings)
    assert 0 not in {opening.blinding for opening in openings.values()}
    envelope = current.signed.envelope
    assert envelope is not None
    assert set(envelope.keys) == {world.operator.attestation_key, state.owner}


def test_the_next_state_follows_with_fresh_blindings(world: CliWorld, owner: Owner) -> None:
    assert run(owner, world).code == 0
    first = owner.open().require_current()
    richer = account("holder", cash="160000")
    owner.account_file.write_bytes(richer.to_bytes())
    world.book(richer, owner.open().identity.public)
    ran = run(owner, world)
    assert (ran.code, ran.json["seq"]) == (0, 2)
    second = owner.open().require_current()
    assert second.signed.document.previous == first.signed.document.state_digest
    commitments = [{c.commitment for c in state.signed.document.commitments} for state in (first, second)]
    assert not commitments[0] & commitments[1]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every request that reaches the venue."""
    requests: list[bytes] = []
    attest = client.Venue.attest

    def spy(venue: client.Venue, request: bytes) -> Any:
        requests.append(request)
        return attest(venue, request)

    monkeypatch.setattr(client.Venue, "attest", spy)
    return requests


@pytest.mark.parametrize("step", ["before the venue", "after the venue", "before the verifier", "after the verifier"])
def test_a_crash_is_gone_on_from_with_the_same_request(
    world: CliWorld, owner: Owner, sent: list[bytes], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise CrashError

    where: tuple[Any, str] = {
        "before the venue": (client.Venue, "attest"),
        "after the venue": (commit, "accept_attestation"),
        "before the verifier": (client.Verifier, "post_state"),
        "after the verifier": (Wallet, "finish"),
    }[step]
    with monkeypatch.context() as patch:
        patch.setattr(*where, crash)
        with pytest.raises(CrashError):
            run(owner, world)
    wallet = owner.open()
    assert wallet.content.current is None
    pending = wallet.require_pending()

    ran = run(owner, world)
    assert (ran.code, ran.json["seq"], ran.json["resumed"]) == (0, 1, True)
    assert set(sent) == {pending.request_envelope.to_bytes()}
    wallet = owner.open()
    assert wallet.content.pending is None
    assert wallet.require_current().openings == pending.openings
    with client.Verifier(world.verifier) as service:
        assert service.account(owner.id).seq == 1


def test_services_that_are_away_leave_the_commit_pending(world: CliWorld, owner: Owner) -> None:
    nobody = "http://127.0.0.1:1"
    assert run(owner, world).code == 0
    options = ("--account", owner.account_file, *owner.options, "-o", "json")
    ran = zkmargin("commit", *options, "--venue", nobody, "--verifier", world.verifier)
    assert (ran.code, ran.error) == (3, "unreachable")
    assert zkmargin("wallet", "show", *owner.options, "-o", "json").json["pending_seq"] is None
    directory = owner.wallet.parent
    params, oracle = directory / "params.json", directory / "oracle.json"
    with client.Verifier(world.verifier) as service:
        params.write_bytes(canonical.to_bytes(service.params().to_value()))
        oracle.write_bytes(service.round().to_bytes())
    files = ("--params", params, "--oracle", oracle)
    ran = zkmargin("commit", *options, *files, "--venue", world.venue, "--verifier", nobody)
    assert (ran.code, ran.error) == (3, "unreachable")
    shown = zkmargin("wallet", "show", *owner.options, "-o", "json").json
    assert (shown["seq"], shown["pending_seq"]) == (1, 2)
    ran = run(owner, world)
    assert (ran.code, ran.json["seq"], ran.json["resumed"]) == (0, 2, True)


def test_positions_that_are_not_the_venues(world: CliWorld, owner: Owner) -> None:
    owner.account_file.write_bytes(account("holder", cash="999999999").to_bytes())
    ran = run(owner, world)
    assert (ran.code, ran.error) == (1, "positions_differ")
    assert owner.open().require_pending().attestation is None
    # The account file is corrected: the pending state is still the wrong one, until it is given up.
    owner.account_file.write_bytes(account("holder").to_bytes())
    assert run(owner, world).code == 1
    ran = run(owner, world, "--abandon-pending")
    assert (ran.code, ran.json["seq"]) == (0, 1)
    assert owner.open().content.abandoned == ()  # another state has the number now


def test_a_state_that_the_verifier_holds_is_not_given_up(
    world: CliWorld, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Wallet, "finish", lambda _: (_ for _ in ()).throw(CrashError()))
        with pytest.raises(CrashError):
            run(owner, world)
    ran = run(owner, world, "--abandon-pending")
    assert (ran.code, ran.error) == (2, "pending")
    assert run(owner, world).json["resumed"] is True


def test_going_on_with_another_account_file_is_told(
    world: CliWorld, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(client.Verifier, "post_state", lambda *_: (_ for _ in ()).throw(CrashError()))
        with pytest.raises(CrashError):
            run(owner, world)
    richer = account("holder", cash="160000")
    owner.account_file.write_bytes(richer.to_bytes())
    world.book(richer, owner.open().identity.public)
    ran = run(owner, world)
    assert (ran.code, ran.error) == (2, "resumed_other")
    ran = run(owner, world)
    assert (ran.code, ran.json["seq"]) == (0, 2)


def test_by_file_with_the_venues_own_command(world: CliWorld, owner: Owner, tmp_path: Path) -> None:
    def venue(*args: object) -> str:
        arguments = [*map(str, args), "--dir", str(world.directory / "venue")]
        ran = CliRunner().invoke(venue_cli.app, arguments, catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        return ran.stdout

    keys, request, answer = tmp_path / "venue.json", tmp_path / "request.json", tmp_path / "attestation.json"
    keys.write_text(venue("key", "-o", "json"))
    state, verifier = tmp_path / "state.json", ("--verifier", world.verifier)
    options = ("--account", owner.account_file, *owner.options, "-o", "json")
    ran = zkmargin("commit", *options, *verifier, "--venue-key", keys, "--request-out", request)
    assert (ran.code, ran.json["pending_seq"]) == (0, 1)
    again = zkmargin("commit", *owner.options, "--request-out", tmp_path / "again.json", "-o", "json")
    assert again.code == 0
    assert (tmp_path / "again.json").read_bytes() == request.read_bytes()
    venue("attest", request, "--out", answer)
    ran = zkmargin("commit", *owner.options, "--attestation-in", answer, "--state-out", state, "-o", "json")
    assert (ran.code, ran.json["seq"]) == (0, 1)
    with client.Verifier(world.verifier) as service:
        service.post_state(owner.id, state.read_bytes())
        assert service.account(owner.id).seq == 1


def test_usage(world: CliWorld, owner: Owner, tmp_path: Path) -> None:
    for arguments in (
        ("--account", owner.account_file, "--venue", world.venue),  # nobody to post to
        ("--venue", world.venue, "--verifier", world.verifier),  # no account
        ("--account", owner.account_file, "--verifier", world.verifier),  # no venue
        ("--account", owner.account_file, "--venue", world.venue, "--state-out", tmp_path / "x"),  # no parameters
    ):
        ran = zkmargin("commit", *arguments, *owner.options, "-o", "json")
        assert (ran.code, ran.error) == (2, "usage"), arguments
        assert owner.open().content.pending is None  # nothing is begun that cannot go on


def test_venue_keys_are_pinned(world: CliWorld, owner: Owner, tmp_path: Path) -> None:
    assert run(owner, world).code == 0
    other = {
        "venue": "demo",
        "attestation_key": PrivateKey.generate().public,
        "sealing_key": SealingKey.generate().public,
    }
    keys = tmp_path / "venue.json"
    keys.write_text(json.dumps(other))
    options = (*owner.options, "--account", owner.account_file, *world.services, "--venue-key", keys, "-o", "json")
    ran = zkmargin("commit", *options)
    assert (ran.code, ran.error) == (2, "venue_keys_changed")
    trust = tmp_path / "trust.json"
    trust.write_bytes(world.operator.signed_trust().to_bytes())
    ran = zkmargin("commit", *options, "--trust", trust)
    assert (ran.code, ran.error) == (2, "untrusted_venue")
    keys.write_text(json.dumps(other | {"venue": "elsewhere"}))
    ran = zkmargin("commit", *options)
    assert (ran.code, ran.error) == (2, "other_venue")


def test_keys_are_not_learned_over_a_connection_that_others_can_answer_on(world: CliWorld, owner: Owner) -> None:
    options = ("--account", owner.account_file, *owner.options, "--verifier", world.verifier, "-o", "json")
    ran = zkmargin("commit", *options, "--venue", "http://venue.example")
    assert (ran.code, ran.error) == (2, "insecure")


def test_prices_must_be_signed_where_a_trust_document_is_named(world: CliWorld, owner: Owner, tmp_path: Path) -> None:
    trust = tmp_path / "trust.json"
    trust.write_bytes(world.operator.signed_trust().to_bytes())
    assert run(owner, world, "--trust", trust).code == 0
    made_up = tmp_path / "oracle.json"
    with client.Verifier(world.verifier) as service:
        made_up.write_bytes(canonical.to_bytes(service.round().reports[0].document.to_value()))
    prove = ("prove", "--claim", "maintenance", *owner.options, "--verifier", world.verifier, "-o", "json")
    assert zkmargin(*prove, "--trust", trust, "--out", tmp_path / "a").code == 0
    ran = zkmargin(*prove, "--trust", trust, "--oracle", made_up, "--out", tmp_path / "b")
    assert (ran.code, ran.error) == (1, "unsigned")
    assert not (tmp_path / "b").exists()


def test_no_secret_leaves_the_wallet(world: CliWorld, owner: Owner, tmp_path: Path, sent: list[bytes]) -> None:
    runs = [run(owner, world)]
    verifier = ("--verifier", world.verifier)
    for output in ("text", "json"):
        runs += [
            zkmargin(
                "prove", "--claim", "initial", *verifier, *owner.options, "--out", tmp_path / output, "-o", output
            ),
            zkmargin("submit", tmp_path / output, *verifier, "-o", output),
            zkmargin("wallet", "show", *owner.options, "-o", output),
            zkmargin("inspect", tmp_path / output, "-o", output),
        ]
    assert [ran.code for ran in runs] == [0] * len(runs)
    wallet = owner.open()
    openings = wallet.require_current().openings
    secrets = {wallet.content.identity[2:], wallet.content.sealing[2:]}
    secrets |= {opening.blinding[2:] for opening in openings.openings}
    secrets |= {opening.value for opening in openings.openings if len(opening.value) > 5}
    secrets |= {"152340.25", "28650.5", "310.5", "23.125", "-1.75", "-17500"}
    written = [ran.out + ran.err for ran in runs] + [(tmp_path / output).read_text() for output in ("text", "json")]
    logs = [path.read_text() for path in world.directory.glob("*.log")]
    assert len(logs) == 2
    for text in [*written, *logs, *(request.decode() for request in sent), owner.wallet.read_text()]:
        for secret in secrets:
            assert secret not in text, secret
    for path in (world.directory / "verifier").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for secret in secrets:
            assert secret.encode() not in content
