"""The story of ``zkmargin demo --collateral``, and whether it went as it should.

1  two chains with a vault each, three attestors, venue and verifier start; parameters, prices, registry, attestors are
   published
2  dora is short of margin, and cannot prove that she is not
3  she locks coins on both chains, pledges them to the attestors, and proves solvency with both: live
4  the attestors renew their evidence: she stays live and proves nothing
5  she asks for one lock back: its evidence is not renewed, and she is stale before the coins can move
6  the coins are paid out, once the delay is over; with the other lock alone nothing can be proved
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.collateral import Chains, Pledge
from zkmargin.documents import Account
from zkmargin.errors import WitnessError

from ..client import Venue, Verifier
from ..collateral import locks, services
from ..collateral.counting import FINAL, count
from ..collateral.locks import Lock
from ..errors import Refused, Unavailable
from ..public import Public, load
from ..receipts import check_receipt
from .holder import Holder
from .operator import Operator
from .scenario import AUDIENCE, ROUNDS, source, start
from .services import PATIENCE_S, VERIFIER, Services
from .services import services as programs
from .vaults import CHAIN_IDS, ETHER, MARGIN_S, MEMBERS, Attestor, Vault, member_set, registry

if TYPE_CHECKING:
    from ..collateral.evm import VaultClient

SCHEMA = "zkmargin/demo-collateral/v1"
NAME = "dora"
CLAIM, BOX_PERCENT = "maintenance", 2
OWED_QUOTE = 100_000
"""Dora holds what carol of the other story holds, and this much less cash."""
LOCKED_ETHER = 30
"""On each chain: together enough, alone not."""
COLLECT_EVERY_S = 3
GRACE_S = MARGIN_S
"""Coins must not be free before the account can be liquidated."""
_POLL_S = 0.5


@dataclass
class Story:
    """What happened, in order. ``wrong`` names everything that did not go as it should."""

    chains: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def step(self, what: str, found: object, wanted: object, **more: Any) -> None:
        """Something was done, and this came of it."""
        self.steps.append({"step": what, "result": found, **more})
        if found != wanted:
            self.wrong.append(f"{what}: {found} instead of {wanted}")

    def to_value(self) -> dict[str, Any]:
        """The document of ``zkmargin demo --collateral -o json``."""
        return {"schema": SCHEMA, "ok": not self.wrong, "chains": self.chains, "steps": self.steps}


def run(progress: Callable[[str], None]) -> Story:
    """Play the story. Raises: ZkMarginError if a step that must work does not."""
    story = Story()
    with programs(progress) as place:
        progress("starting two chains, the venue and the verifier")
        operator, venue_url, verifier_url = start(place, GRACE_S)
        with (
            Venue(venue_url, answer_within_s=PATIENCE_S) as venue,
            Verifier(verifier_url, answer_within_s=PATIENCE_S) as verifier,
        ):
            _Play(story, place, operator, venue, verifier, progress).all()
    return story


@dataclass
class _Play:
    story: Story
    place: Services
    operator: Operator
    venue: Venue
    verifier: Verifier
    progress: Callable[[str], None]
    attestors: list[str] = field(default_factory=list)

    def all(self) -> None:
        """The whole story."""
        public = self.publish_prices()
        vaults = tuple(Vault.deploy(self.place, chain_id, self.operator.params.venue) for chain_id in CHAIN_IDS)
        self.story.chains = [vault.chain for vault in vaults]
        self.progress("starting three attestors, who follow both chains")
        self.publish_collateral(vaults)
        dora = self.make_dora()
        dora.commit(public, self.venue, self.verifier)
        self.cannot_prove("without collateral", dora, public)
        owners = [self.lock(dora, vault) for vault in vaults]
        self.progress("the attestors wait for the locks to be final, and sign")
        for lock in dora.wallet.content.collateral:
            self.wait(f"lock {lock.number} is attested", partial(self.is_final, dora, lock))
        self.prove(dora, public)
        self.renewed(dora)
        self.released(dora, owners[1], public)

    def publish_prices(self) -> Public:
        """Risk parameters and one round."""
        self.verifier.post("/v1/params", self.operator.signed_params().to_bytes())
        for report in self.operator.reports(1, int(time.time()), ROUNDS[0]):
            self.verifier.post("/v1/oracle/reports", report.to_bytes())
        return load(None, (), self.verifier)

    def publish_collateral(self, vaults: tuple[Vault, ...]) -> None:
        """The registry and a set of attestors for each chain, at the verifier and at every attestor; the collector."""
        venue, key = self.operator.params.venue, self.operator.params_key
        members = [Attestor.make(self.place, name, venue, vaults) for name in MEMBERS]
        document = registry(vaults, venue, self.operator.params.quote)
        registered = self.write("registry.json", document.sign(key).to_bytes())
        self.verifier.post("/v1/collateral/registry", registered.read_bytes(), Chains.media_type())
        files = ["--trust", str(self.place.directory / "trust.json"), "--registry", str(registered)]
        for vault in vaults:
            signed = member_set(vault, venue, members, key)
            self.verifier.post("/v1/collateral/sets", signed.to_bytes(), signed.media_type())
            files += ["--set", str(self.write(f"set-{vault.chain_id}.json", signed.to_bytes()))]
        self.attestors = [member.run(*files) for member in members]
        options = ["--url", self.verifier.url, "--every-s", str(COLLECT_EVERY_S)]
        for member, url in zip(members, self.attestors, strict=True):
            options += ["--member", f"{member.name}={url}", "--token", f"{member.name}={member.token_file}"]
        self.place.start(VERIFIER).tell("chains", "collect", *self.story.chains, *options)

    def make_dora(self) -> Holder:
        """A wallet, and the venue's books."""
        carol = next(value for value in source()["accounts"] if value["account"] == "carol")
        cash = canonical.parse_decimal(carol["cash"]) - OWED_QUOTE
        account = Account.from_value(carol | {"account": NAME, "cash": canonical.format_decimal(cash)})
        directory = self.place.directory
        return Holder.new(account, CLAIM, BOX_PERCENT, directory, directory / "positions")

    def lock(self, dora: Holder, vault: Vault) -> VaultClient:
        """As ``zkmargin collateral lock`` and ``pledge``, from an address that nobody has seen before."""
        from ..collateral import evm

        self.progress(f"{NAME} locks {LOCKED_ETHER} coins on {vault.chain}, and pledges them")
        owner = evm.owner_key(secrets.token_hex(32).encode(), None)
        vault.give(owner.address, (LOCKED_ETHER + 1) * ETHER)
        client = evm.VaultClient(
            vault.url,
            vault.address,
            chain_id=vault.chain_id,
            genesis=vault.genesis,
            venue=self.operator.params.venue,
            key=owner,
        )
        chains = services.registry(self.verifier).document
        made = locks.new(dora.wallet, chains, vault.class_name, client.owner, LOCKED_ETHER * ETHER)
        dora.wallet.remember(made)
        note = locks.note(dora.wallet, made)
        client.lock(bytes(20), LOCKED_ETHER * ETHER, note.digest, evm.term_ends(0))
        pledge = Pledge.of(note, locks.opening(dora.wallet, made))
        for url in self.attestors:
            with services.Attestor(url, answer_within_s=PATIENCE_S) as attestor:
                attestor.pledge(pledge)
        dora.wallet.pledged(made.number)
        there = client.find(client.owner, note.digest).amount // ETHER
        wanted = f"{LOCKED_ETHER} of {vault.class_name}"
        self.story.step(f"locked on {vault.chain}", f"{there} of {vault.class_name}", wanted)
        return client

    def prove(self, dora: Holder, public: Public) -> None:
        """Solvent with both locks."""
        self.progress(f"{NAME} proves {CLAIM} with both locks, and submits")
        bundle = self.try_to_prove(dora, public)
        answer = self.verifier.submit(bundle.to_bytes())
        receipt, _ = check_receipt(answer, self.verifier.identity().receipt_key, bundle)
        locked = 0 if bundle.request.collateral is None else len(bundle.request.collateral.locks)
        self.story.step(
            "proof with collateral", receipt.verdict, "accepted", locks=locked, proof_bytes=len(bundle.proof)
        )
        self.status("proved", dora, "live", None)

    def renewed(self, dora: Holder) -> None:
        """Evidence is renewed, and the verdict goes on without a new proof."""
        self.progress("the attestors renew their evidence, and nobody proves anything")
        first = dora.wallet.content.collateral[0]
        before = self.expiry(dora, first)
        self.wait("evidence is renewed", lambda: self.expiry(dora, first) > before)
        self.status("renewed", dora, "live", None)

    def released(self, dora: Holder, vault: VaultClient, public: Public) -> None:
        """Evidence ends before the coins can move."""
        self.progress(f"{NAME} asks for the second lock back: nobody attests it any more")
        lock = dora.wallet.content.collateral[1]
        note = locks.note(dora.wallet, lock).digest
        vault.request_release(note)
        self.story.step("coins at once", self.take(vault, note), "refused")
        self.status("release requested", dora, "live", None)
        self.wait("the account is stale", lambda: self.verifier.account(dora.wallet.account_id).status == "stale")
        self.status("evidence over", dora, "stale", "collateral_expired")
        found = vault.find(vault.owner, note)
        early = vault.now_unix_s() < found.release_unix_s
        self.story.step("stale before the coins can move", early, True)
        self.cannot_prove("with the other lock alone", dora, public)
        self.progress("the delay ends, and the coins are paid out")
        self.wait("the delay is over", lambda: vault.now_unix_s() >= found.release_unix_s)
        self.story.step("coins after the delay", self.take(vault, note), "paid")

    def cannot_prove(self, when: str, dora: Holder, public: Public) -> None:
        """What counts now is not enough."""
        try:
            self.try_to_prove(dora, public)
            reason = "provable"
        except WitnessError as error:
            reason = error.code
        self.story.step(f"proof {when}", reason, "not_provable")

    def try_to_prove(self, dora: Holder, public: Public) -> Bundle:
        """As ``zkmargin prove --collateral all``. Raises: NotProvable."""
        counted = count(dora.wallet, self.verifier, public.round, Fraction(BOX_PERCENT))
        return dora.prove(public, AUDIENCE, int(time.time()), counted=counted)

    def take(self, vault: VaultClient, note: bytes) -> str:
        """Whether the vault pays."""
        try:
            vault.release(note)
        except Refused:
            return "refused"
        return "paid"

    def status(self, when: str, dora: Holder, wanted: str, reason: str | None) -> None:
        """What the verifier says."""
        found = self.verifier.account(dora.wallet.account_id)
        self.story.step(f"status, {when}", found.status, wanted, reason=found.reason)
        if found.reason != reason:
            self.story.wrong.append(f"reason, {when}: {found.reason} instead of {reason}")

    def is_final(self, dora: Holder, lock: Lock) -> bool:
        """Whether the verifier counts a lock."""
        answer = services.lock(self.verifier, locks.note(dora.wallet, lock).tag)
        return answer is not None and answer.state == FINAL

    def expiry(self, dora: Holder, lock: Lock) -> int:
        """When the evidence of a lock ends."""
        answer = services.lock(self.verifier, locks.note(dora.wallet, lock).tag)
        return 0 if answer is None else canonical.parse_time(answer.expiry)

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        """Until something has come about. Raises: Unavailable: it has not."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if done():
                return
            time.sleep(_POLL_S)
        self.place.check()
        raise Unavailable(f"waited in vain: {what}", code="demo")

    def write(self, name: str, content: bytes) -> Path:
        """A document for the programs."""
        path = self.place.directory / name
        path.write_bytes(content)
        return path
