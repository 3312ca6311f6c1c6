"""A holder of the demo: wallet, account file at the venue, and the same steps that the commands take."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter

from circuits.boxes import Band
from circuits.claims import Claims
from circuits.policy import verify_bundle
from zkmargin.bundle import Bundle
from zkmargin.documents import Account, Policy

from .. import commit, files
from ..answers import SubmissionAnswer
from ..client import Venue, Verifier
from ..collateral.counting import Counted
from ..proving import DEFAULT_EXPIRY_S, Wish, prove
from ..public import Public
from ..receipts import check_receipt
from ..wallet import Wallet


@dataclass(frozen=True)
class Measured:
    """A verdict, and what it took."""

    bundle: Bundle
    answer: SubmissionAnswer
    verdict: str
    reason: str
    prove_ms: float
    verify_ms: float


@dataclass
class Holder:
    """One account. ``positions``: the venue's own file of it, which the holder's account file equals."""

    name: str
    account: Account
    claim: Claims
    box_percent: Fraction
    wallet: Wallet
    positions: Path

    @classmethod
    def new(cls, account: Account, claim: str, box_percent: int, directory: Path, positions: Path) -> Holder:
        """Make a wallet, and have the venue keep the account under its key."""
        path = directory / f"{account.account}.wallet.json"
        wallet = Wallet.new(path, "demo", secrets.token_urlsafe(24))
        holder = cls(
            account.account,
            account,
            Claims.parse(claim),
            Fraction(box_percent),
            wallet,
            positions / f"{account.account}.json",
        )
        holder.trade(account)
        return holder

    def trade(self, account: Account) -> None:
        """From now on the account is ``account``, in the venue's books too."""
        self.account = account
        booked = account.model_copy(update={"owner": self.wallet.identity.public})
        files.replace(self.positions, booked.to_bytes(), mode=files.PRIVATE)

    def commit(self, public: Public, venue: Venue, verifier: Verifier) -> None:
        """As ``zkmargin commit``."""
        self.wallet.pin(commit.keys_for(self.wallet, venue.keys()))
        commit.begin(self.wallet, self.account, public)
        commit.ask(self.wallet, venue)
        commit.post(self.wallet, verifier)

    def prove(
        self,
        public: Public,
        audience: str,
        now_unix_s: int,
        *,
        around: Sequence[Band] | None = None,
        counted: Counted | None = None,
    ) -> Bundle:
        """As ``zkmargin prove``. Raises: NotProvable."""
        current = self.wallet.require_current()
        wish = Wish(self.claim, self.box_percent, audience, now_unix_s + DEFAULT_EXPIRY_S)
        return prove(current.signed, current.openings, public, wish, around=around, counted=counted)

    def prove_and_submit(self, public: Public, policy: Policy, now_unix_s: int, verifier: Verifier) -> Measured:
        """Prove, verify the bundle offline as anyone could, and submit it."""
        start = perf_counter()
        bundle = self.prove(public, policy.audience, now_unix_s)
        proved = perf_counter()
        verify_bundle(bundle, policy=policy, params=public.params, round=public.round, now_unix_s=now_unix_s)
        verified = perf_counter()
        answer = verifier.submit(bundle.to_bytes())
        receipt, _ = check_receipt(answer, verifier.identity().receipt_key, bundle)
        return Measured(
            bundle, answer, receipt.verdict, receipt.reason, 1000 * (proved - start), 1000 * (verified - proved)
        )


def altered(bundle: Bundle) -> Bundle:
    """The bundle with one bit of its proof flipped."""
    return replace(bundle, proof=bundle.proof[:-1] + bytes([bundle.proof[-1] ^ 1]))


def relabelled(bundle: Bundle, account: str) -> Bundle:
    """The bundle with another account's identifier in its request."""
    return replace(bundle, request=bundle.request.model_copy(update={"account": account}))
