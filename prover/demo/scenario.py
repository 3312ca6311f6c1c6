"""The story of the demo, and whether it went as it should.

1  venue and verifier start; parameters and a first round are published
2  alice (cross-margin over 20 markets), bob (short-heavy) and carol (long, much leverage) commit, prove, submit
3  forged and misplaced bundles are refused, each for its reason; the same bundle again gets the first receipt
4  alice trades: a new state, and a proof of the old one is worth nothing
5  prices rise by 1 %, inside every box: nobody proves anything, everybody stays live
6  prices fall by 6 %, outside carol's box: she is stale, cannot prove, and is liquidatable after the grace
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.documents import Account, Params, Policy
from zkmargin.errors import WitnessError

from ..client import Venue, Verifier
from ..public import Public, load
from .holder import Holder, Measured, altered, relabelled
from .operator import Operator
from .services import PATIENCE_S, VENUE, VERIFIER, Services, services

SCHEMA = "zkmargin/demo/v1"
AUDIENCE = "verifier.demo"
GRACE_S = 50
CLAIMS = {"alice": ("health>=1.25", 10), "bob": ("leverage<=5", 8), "carol": ("maintenance", 2)}
"""What each proves, and the width of the box in percent."""
ROUNDS = (Fraction(0), Fraction(1, 100), Fraction(-6, 100), Fraction(-6, 100))
"""How far the prices of each round are from those of the first.

Every round is of the moment at which it is published, however long the steps before it took. Only the last is dated
ahead, within the minute that the verifier allows to clocks: the grace of the third has ended by the oracle's own time,
and nobody needs to wait for it.
"""


@dataclass
class Story:
    """What happened. ``wrong`` names everything that did not go as it should."""

    markets: int = 0
    accounts: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, str]] = field(default_factory=list)
    statuses: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    repetition: str = "not tried"
    wrong: list[str] = field(default_factory=list)

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Note it if ``found`` is not ``wanted``."""
        if found != wanted:
            self.wrong.append(f"{what}: {found} instead of {wanted}")

    def proved(self, name: str, claim: str, measured: Measured) -> None:
        """An account proved its claim."""
        self.accounts.append(
            {
                "name": name,
                "claim": claim,
                "verdict": measured.verdict,
                "reason": measured.reason,
                "proof_bytes": len(measured.bundle.proof),
                "prove_ms": round(measured.prove_ms, 1),
                "verify_ms": round(measured.verify_ms, 1),
            }
        )
        self.expect(f"{name}'s verdict", (measured.verdict, measured.reason), ("accepted", "ok"))

    def refused(self, what: str, reason: str, wanted: str) -> None:
        """Something was tried, and refused for ``reason``."""
        self.refusals.append({"what": what, "reason": reason})
        self.expect(what, reason, wanted)

    def to_value(self) -> dict[str, Any]:
        """The document of ``zkmargin demo -o json``."""
        return {
            "schema": SCHEMA,
            "ok": not self.wrong,
            "markets": self.markets,
            "accounts": self.accounts,
            "refusals": self.refusals,
        }


def run(progress: Callable[[str], None]) -> Story:
    """Play the story. Raises: ZkMarginError if a step that must work does not."""
    story = Story()
    with services(progress) as place:
        progress("starting the venue and the verifier")
        operator, venue_url, verifier_url = start(place)
        story.markets = len(operator.params.markets)
        with (
            Venue(venue_url, answer_within_s=PATIENCE_S) as venue,
            Verifier(verifier_url, answer_within_s=PATIENCE_S) as verifier,
        ):
            _Play(story, place.directory, operator, venue, verifier, progress).all()
    return story


def source() -> dict[str, Any]:
    """Parameters, prices and accounts of the demo's venue."""
    value: dict[str, Any] = json.loads((resources.files("prover.demo") / "venue.json").read_text("utf-8"))
    return value


def start(place: Services, grace_s: int = GRACE_S) -> tuple[Operator, str, str]:
    """Both services with their documents: the venue first makes its keys, the trust document then names them."""
    told = source()
    params = Params.from_value(told["params"])
    prices = {entry["market"]: canonical.parse_decimal(entry["price"]) for entry in told["prices"]}
    root = place.directory
    (root / "positions").mkdir(mode=0o700)
    venue, verifier = place.start(VENUE), place.start(VERIFIER)
    at_venue, at_verifier = ("--dir", str(root / "venue")), ("--dir", str(root / "verifier"))
    named = ("--venue", params.venue)
    venue.tell("init", *at_venue, *named, "--positions", str(root / "positions"), "-o", "json")
    operator = Operator(params, prices, venue.answer()["attestation_key"])
    (root / "trust.json").write_bytes(operator.signed_trust().to_bytes())
    (root / "params.json").write_bytes(operator.signed_params().to_bytes())
    trust = ("--trust", str(root / "trust.json"), "-o", "json")
    venue.tell("init", *at_venue, "--params", str(root / "params.json"), *trust)
    verifier.tell("init", *at_verifier, *named, "--audience", AUDIENCE, "--grace-s", str(grace_s), *trust)
    for program, at in ((venue, at_venue), (verifier, at_verifier)):
        program.answer()
        program.tell("serve", *at, "--host", "127.0.0.1", "--port", "0")
    return operator, venue.serves_at(), verifier.serves_at()


@dataclass
class _Play:
    story: Story
    directory: Path
    operator: Operator
    venue: Venue
    verifier: Verifier
    progress: Callable[[str], None]
    round: int = 0
    round_unix_s: int = 0
    holders: dict[str, Holder] = field(default_factory=dict)

    def all(self) -> None:
        """The whole story."""
        self.verifier.post("/v1/params", self.operator.signed_params().to_bytes())
        public = self.publish("publishing risk parameters and the first round")
        policy = self.verifier.understood(lambda: Policy.from_value(self.verifier.identity().policy))
        self.progress("making three accounts")
        self.make_holders()
        proved = self.prove_all(public, policy)
        self.tell_statuses("proved", dict.fromkeys(CLAIMS, "live"))
        self.attack(public, proved)
        self.trade(public, policy)
        self.publish("prices rise by 1 %, inside every box")
        self.tell_statuses("prices +1 %", dict.fromkeys(CLAIMS, "live"))
        public_now = self.publish("prices fall by 6 %, outside carol's box")
        self.tell_statuses("prices -6 %", {"alice": "live", "bob": "live", "carol": "stale"})
        self.fail_to_prove(public, public_now)
        self.publish("the grace ends")
        self.tell_statuses("grace over", {"alice": "live", "bob": "live", "carol": "liquidatable"})

    def publish(self, what: str) -> Public:
        """The next round, by three of four reporters: current after the third."""
        self.progress(what)
        move = ROUNDS[self.round]
        self.round += 1
        earliest_unix_s = self.round_unix_s + (GRACE_S + 1 if self.round == len(ROUNDS) else 0)
        self.round_unix_s = max(self.now_unix_s(), earliest_unix_s)
        reports = self.operator.reports(self.round, self.round_unix_s, move)
        answers = [self.verifier.post("/v1/oracle/reports", report.to_bytes())[0] for report in reports]
        self.story.expect(f"round {self.round}", answers, [202, 202, 201])
        return load(None, (), self.verifier)

    def make_holders(self) -> None:
        """Wallets, and the venue's books."""
        for value in source()["accounts"]:
            account = Account.from_value(value)
            claim, width = CLAIMS[account.account]
            self.holders[account.account] = Holder.new(
                account, claim, width, self.directory, self.directory / "positions"
            )

    def prove_all(self, public: Public, policy: Policy) -> dict[str, Measured]:
        """Everybody commits, proves and submits."""
        proved = {}
        for name, holder in self.holders.items():
            self.progress(f"{name} commits, proves {holder.claim} over a box of {holder.box_percent} %, submits")
            holder.commit(public, self.venue, self.verifier)
            measured = holder.prove_and_submit(public, policy, self.now_unix_s(), self.verifier)
            self.story.proved(name, str(holder.claim), measured)
            proved[name] = measured
        return proved

    def attack(self, public: Public, proved: dict[str, Measured]) -> None:
        """What must be refused, and the one repetition that must not matter."""
        self.progress("trying forged and misplaced bundles")
        alice, bob = self.holders["alice"], self.holders["bob"]
        self.submit_refused("a tampered proof", altered(proved["alice"].bundle), "proof_failed")
        stolen = relabelled(proved["alice"].bundle, bob.wallet.account_id)
        self.submit_refused("another account's bundle", stolen, "state_mismatch")
        elsewhere = alice.prove(public, "another.verifier", self.now_unix_s())
        self.submit_refused("a bundle for another audience", elsewhere, "wrong_audience")
        again = self.verifier.submit(proved["bob"].bundle.to_bytes())
        self.story.repetition = again.verdict
        self.story.expect("the same bundle again", again, proved["bob"].answer)

    def trade(self, public: Public, policy: Policy) -> None:
        """Alice moves to state 2; a proof about state 1 that she kept is refused."""
        self.progress("alice trades: a new state, and a new proof")
        alice = self.holders["alice"]
        kept = alice.prove(public, AUDIENCE, self.now_unix_s())
        cash = canonical.parse_decimal(alice.account.cash) + 1250
        alice.trade(alice.account.model_copy(update={"cash": canonical.format_decimal(cash)}))
        alice.commit(public, self.venue, self.verifier)
        self.submit_refused("a bundle of an earlier sequence", kept, "earlier_sequence")
        measured = alice.prove_and_submit(public, policy, self.now_unix_s(), self.verifier)
        self.story.expect("alice's second verdict", (measured.verdict, measured.reason), ("accepted", "ok"))

    def fail_to_prove(self, before: Public, public: Public) -> None:
        """Carol is insolvent at the new prices; a box that they are not in does not help her."""
        self.progress("carol tries to prove at the new prices")
        carol = self.holders["carol"]
        try:
            carol.prove(public, AUDIENCE, self.now_unix_s())
            reason = "provable"
        except WitnessError as error:
            reason = error.code
        self.story.refused("an insolvent account proves", reason, "not_provable")
        outside = carol.prove(public, AUDIENCE, self.now_unix_s(), around=before.prices)
        self.submit_refused("a price outside the box", outside, "price_outside_box")

    def submit_refused(self, what: str, bundle: Bundle, reason: str) -> None:
        """Submit what must be refused with ``reason``."""
        answer = self.verifier.submit(bundle.to_bytes())
        self.story.refused(what, answer.reason, reason)

    def tell_statuses(self, when: str, wanted: dict[str, str]) -> None:
        """What the verifier says of everybody."""
        found = {name: self.verifier.account(holder.wallet.account_id).status for name, holder in self.holders.items()}
        self.story.statuses.append((when, found))
        self.story.expect(f"statuses, {when}", found, wanted)

    @staticmethod
    def now_unix_s() -> int:
        """The clock of this machine."""
        return int(time.time())
