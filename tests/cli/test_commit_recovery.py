"""Unfinished commits: given up, taken up again, under new keys of the venue; no order of mishaps loses an account."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cli_run import Ran, zkmargin
from cli_world import CliWorld, Owner, account

from prover import client, commit
from prover.errors import Refused, Unavailable, WalletError
from prover.public import Public, load
from prover.wallet import VenueKeys, Wallet
from zkmargin import canonical
from zkmargin.documents import AttestationRequest, Signed, State
from zkmargin.envelope import Envelope, PrivateKey
from zkmargin.errors import InputError
from zkmargin.sealing import SealingKey


class CrashError(BaseException):
    """The process ends here."""


def crash(*_: object) -> None:
    raise CrashError


def run(owner: Owner, world: CliWorld, *extra: object) -> Ran:
    return zkmargin("commit", "--account", owner.account_file, *owner.options, *world.services, *extra, "-o", "json")


@pytest.fixture
def crashed(world: CliWorld, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    """Commits, up to a step that ends the process."""

    def commit_until(where: Any, step: str) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(where, step, crash)
            with pytest.raises(CrashError):
                run(owner, world)

    return commit_until


def test_a_state_that_was_attested_unheard_and_given_up_comes_back(
    world: CliWorld, owner: Owner, crashed: Callable[[Any, str], None]
) -> None:
    crashed(commit, "accept_attestation")
    attested = owner.open().require_pending().openings
    for _ in range(2):
        ran = run(owner, world, "--abandon-pending")
        assert (ran.code, ran.error) == (1, "earlier_sequence")
        assert "--restore-pending" in ran.json["error"]["message"]
    ran = run(owner, world, "--restore-pending")
    assert (ran.code, ran.error) == (1, "earlier_sequence")  # the second one: it was never attested
    ran = run(owner, world, "--restore-pending")
    assert (ran.code, ran.json["seq"], ran.json["resumed"]) == (0, 1, True)
    content = owner.open().content
    assert owner.open().require_current().openings == attested
    assert (content.pending, content.abandoned) == (None, ())
    assert run(owner, world).json["seq"] == 2


def test_it_comes_back_by_file_too(world: CliWorld, owner: Owner, tmp_path: Path) -> None:
    keys, request, answer = tmp_path / "venue.json", tmp_path / "request.json", tmp_path / "answer.json"
    with client.Venue(world.venue) as venue:
        keys.write_text(json.dumps(venue.keys().model_dump()))
    verifier = ("--verifier", world.verifier)
    by_file = ("commit", "--account", owner.account_file, *owner.options, *verifier, "-o", "json", "--venue-key", keys)
    assert zkmargin(*by_file, "--request-out", request).code == 0
    assert zkmargin(*by_file, "--abandon-pending", "--request-out", tmp_path / "other.json").code == 0
    with client.Venue(world.venue) as venue:
        answer.write_text(json.dumps(venue.attest(request.read_bytes())))
    ran = zkmargin("commit", *owner.options, *verifier, "--attestation-in", answer, "-o", "json")
    assert (ran.code, ran.error) == (1, "bad_attestation")
    ran = zkmargin("commit", *owner.options, *verifier, "--restore-pending", "--attestation-in", answer, "-o", "json")
    assert (ran.code, ran.json["seq"]) == (0, 1)


def test_an_attested_state_is_not_given_up(
    world: CliWorld, owner: Owner, crashed: Callable[[Any, str], None], tmp_path: Path
) -> None:
    crashed(client.Verifier, "post_state")
    before = owner.open().require_pending()
    for ran in (
        run(owner, world, "--abandon-pending"),
        run(owner, world, "--abandon-pending", "--accept-new-venue-keys"),
    ):
        assert (ran.code, ran.error) == (2, "pending")
    ran = run(owner, world, "--restore-pending")
    assert (ran.code, ran.error) == (2, "no_abandoned")
    ran = run(owner, world, "--restore-pending", "--abandon-pending")
    assert (ran.code, ran.error) == (2, "usage")
    assert owner.open().require_pending() == before
    assert run(owner, world).code == 0


class OneStateANumber:
    """A venue that attests the first state of each number that reaches it; its answers may be lost on the way."""

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self.attested: dict[int, State] = {}
        self.answers_are_lost = False

    def attest(self, content: bytes) -> Any:
        state = AttestationRequest.from_bytes(Envelope.from_bytes(content).payload).state
        known = self.attested.setdefault(state.seq, state)
        if self.answers_are_lost:
            raise Unavailable("no answer")
        if known != state:
            raise Refused("another state with this sequence number is attested", code="earlier_sequence")
        return state.sign(self.key).to_value()


@pytest.fixture
def public(world: CliWorld) -> Public:
    with client.Verifier(world.verifier) as service:
        return load(None, (), service)


@pytest.fixture
def venue(owner: Owner) -> OneStateANumber:
    key = PrivateKey.generate()
    owner.open().pin(VenueKeys(attestation_key=key.public, sealing_key=SealingKey.generate().public))
    return OneStateANumber(key)


@pytest.mark.parametrize("seed", range(6))
def test_no_order_of_lost_answers_and_giving_up_ends_an_account(
    owner: Owner, public: Public, venue: Any, seed: int
) -> None:
    chance = random.Random(seed)
    for seq in (1, 2):
        for _ in range(6):
            venue.answers_are_lost = chance.random() < 0.5
            wallet = owner.open()  # every step is another process
            step = chance.choice([commit.ask, commit.restore, Wallet.abandon, commit.begin])
            arguments = {commit.ask: (venue,), commit.restore: (public,), commit.begin: (account("holder"), public)}
            with suppress(WalletError, Refused, Unavailable):
                step(wallet, *arguments.get(step, ()))
        venue.answers_are_lost = False
        wallet = owner.open()
        if wallet.content.pending is None:
            commit.begin(wallet, account("holder"), public)
        tries = len(wallet.content.abandoned) + 1
        while not commit.is_attested(wallet):
            assert tries, "no state that the wallet has is the attested one"
            tries -= 1
            try:
                commit.ask(wallet, venue)
            except Refused:
                commit.restore(wallet, public)
        wallet.finish()
        current = owner.open().require_current()
        assert current.signed.document == venue.attested[seq]
        assert owner.open().content.abandoned == ()


def test_what_another_one_is_restored_in_the_place_of_is_kept(owner: Owner, public: Public, venue: Any) -> None:
    wallet = owner.open()
    commit.begin(wallet, account("holder"), public)
    wallet.abandon()
    attested = commit.begin(wallet, account("holder"), public)
    venue.answers_are_lost = True
    with pytest.raises(Unavailable):
        commit.ask(wallet, venue)
    venue.answers_are_lost = False
    commit.restore(wallet, public)
    with pytest.raises(Refused, match="restore-pending"):
        commit.ask(wallet, venue)
    commit.restore(wallet, public)
    commit.ask(wallet, venue)
    wallet.finish()
    assert owner.open().require_current().openings == attested.openings


def test_a_wallet_never_grows_beyond_what_can_be_opened(
    owner: Owner, public: Public, venue: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = owner.open()
    commit.begin(wallet, account("holder"), public)
    monkeypatch.setattr(canonical, "MAX_DOCUMENT_BYTES", len(wallet.content.to_bytes()))
    wallet.abandon()

    def give_up_for_ever() -> None:
        for _ in range(40):
            commit.begin(wallet, account("holder"), public)
            wallet.abandon()

    with pytest.raises(WalletError, match="no room"):
        give_up_for_ever()
    assert owner.open().content == wallet.content


def test_parameters_without_a_market_of_the_commit(owner: Owner, public: Public, venue: object) -> None:
    wallet = owner.open()
    commit.begin(wallet, account("holder"), public)
    wallet.abandon()
    params = public.params.document
    fewer = Public(Signed(params.model_copy(update={"markets": params.markets[:1]})), public.round)
    with pytest.raises(InputError) as caught:
        commit.restore(wallet, fewer)
    assert caught.value.code == "unknown_label"


def test_a_new_key_of_the_venue_attests_the_pending_state_again(
    world: CliWorld, owner: Owner, crashed: Callable[[Any, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed(client.Verifier, "post_state")
    before, new = owner.open().require_pending(), PrivateKey.generate()
    asked = client.Venue.keys

    def keys(venue: client.Venue) -> Any:
        return asked(venue).model_copy(update={"attestation_key": new.public})

    with monkeypatch.context() as patch:
        patch.setattr(client.Venue, "keys", keys)
        patch.setattr(client.Venue, "attest", lambda _, __: before.state.sign(new).to_value())
        ran = run(owner, world, "--accept-new-venue-keys")
        # This verifier does not know the key yet, and nothing is lost.
        assert (ran.code, ran.error) == (1, "unsigned")
        assert "--accept-new-venue-keys" in ran.json["error"]["message"]
        pending = owner.open().require_pending()
        assert pending.openings == before.openings
        assert Signed.from_value(pending.attestation, State).document == before.state
        assert set(Envelope.from_value(pending.attestation).keys) == {new.public, owner.open().identity.public}
        assert run(owner, world).error == "unsigned"  # asked once: the attestation by the new key is here
    ran = run(owner, world, "--accept-new-venue-keys")
    assert (ran.code, ran.json["seq"]) == (0, 1)


def test_keys_are_replaced_only_by_keys(world: CliWorld, owner: Owner) -> None:
    assert run(owner, world).code == 0
    before = owner.open().content.venue_keys
    options = ("--account", owner.account_file, *owner.options, "--accept-new-venue-keys", "-o", "json")
    ran = zkmargin("commit", *options, "--venue", "http://127.0.0.1:1", "--verifier", world.verifier)
    assert (ran.code, ran.error) == (3, "unreachable")
    ran = zkmargin("commit", *options, "--verifier", world.verifier)
    assert (ran.code, ran.error) == (2, "usage")
    ran = zkmargin("commit", *options, "--venue", "http://venue.example", "--verifier", world.verifier)
    assert (ran.code, ran.error) == (2, "insecure")
    assert owner.open().content.venue_keys == before


def earlier(*_: object) -> None:
    raise Refused("the account is at this sequence number already", code="earlier_sequence")


def test_a_verifier_that_holds_the_pending_state_already(
    world: CliWorld, owner: Owner, crashed: Callable[[Any, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a rotation of the venue's key: the same state, in another envelope than it has."""
    crashed(Wallet, "finish")
    pending = owner.open().require_pending()
    monkeypatch.setattr(client.Verifier, "post_state", earlier)
    ran = run(owner, world)
    assert (ran.code, ran.json["seq"]) == (0, 1)
    assert owner.open().require_current().openings == pending.openings


def test_a_verifier_that_holds_another_state(
    world: CliWorld, owner: Owner, crashed: Callable[[Any, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(owner, world).code == 0
    crashed(client.Verifier, "post_state")
    monkeypatch.setattr(client.Verifier, "post_state", earlier)
    ran = run(owner, world)
    assert (ran.code, ran.error) == (1, "earlier_sequence")
    assert owner.open().require_pending().state.seq == 2


def test_going_on_after_the_funding_index_has_moved(
    world: CliWorld, owner: Owner, crashed: Callable[[Any, str], None]
) -> None:
    crashed(client.Verifier, "post_state")
    world.publish(Fraction(1, 100))
    try:
        ran = run(owner, world)
        assert (ran.code, ran.json["seq"], ran.json["resumed"]) == (0, 1, True)
    finally:
        world.publish()


def test_an_account_file_that_cannot_be_read_is_told_before_the_commit_goes_on(
    world: CliWorld, owner: Owner, crashed: Callable[[Any, str], None]
) -> None:
    crashed(client.Verifier, "post_state")
    owner.account_file.write_text("{}")
    assert run(owner, world).code == 2
    assert owner.open().content.current is None


def test_the_help_says_how_the_venues_keys_become_a_file() -> None:
    assert "zkmargin-venue key -o json" in " ".join(zkmargin("commit", "--help").out.split())
