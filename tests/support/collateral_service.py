"""The service's world with collateral: a registry, attestors of two chains, locks, and holders who count them.

Made once and rewound before each test. Everything is real but the clock and the chains: what attestors say of them is
signed by their keys.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import collateral_world as fixed
from collateral_world import EVM, NATIVE, SOL, SPL, Lock
from service_world import PRICES, Holder, World, make_params

from circuits import statement
from zkmargin import canonical
from zkmargin.bundle import Collateral, CountedLock
from zkmargin.collateral import (
    Chains,
    CollateralLock,
    Leaf,
    MemberSet,
    Revocation,
    SignedCheckpoint,
    SignedMemberSet,
    SigningKey,
)
from zkmargin.pedersen import Opening

DOLLAR_PRICES = PRICES | {"USDX-USD": "1"}
ETH_LOT = 10**14
EPOCH_S = 120
MAX_AGE_S, SOFT_AGE_S, LATE_AGE_S = 3600, 900, 1800
# What a lot may count at in round 1, in atto: fresh, after the soft haircut, and after the late one.
ETH_ALLOWED = (255 * 10**15, 225 * 10**15, 150 * 10**15)
LOW_ETH, LOW_DOLLAR = 140 * 10**15, 6 * 10**15
"""Coefficients that hold at any age."""


class Scene(World):
    """A world at whose beginning three accounts are live: ``ann`` by locks on both chains, ``ben`` by one on the EVM
    chain, ``cat`` without any."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        super().__init__(directory, **settings)
        self.last: dict[str, SignedCheckpoint | None] = {EVM: None, SOL: None}
        self.members: dict[str, MemberSet] = dict(fixed.MEMBERS)
        self.registry = fixed.REGISTRY
        self._locks = 0

    def begin(self) -> Scene:
        """Publish everything; three accounts become live at epoch 1."""
        self.service.publish_trust(self.keys.trust().sign(self.keys.root).to_bytes(), first=True)
        self.publish_params(make_params())
        self.publish_round(1, DOLLAR_PRICES)
        assert self.publish_registry(self.registry).status_code == 201
        for chain in (EVM, SOL):
            assert self.publish_set(fixed.signed_set(self.members[chain], operator=self.keys.params)).status_code == 201
        self.ann, self.ben, self.cat = self.holder("-36000").put(), self.holder("-29000").put(), self.holder().put()
        self.ann_eth, self.ben_eth = self.lock(self.ann, 8 * 10**18), self.lock(self.ben, 8 * 10**18)
        self.ann_dollars = self.lock(self.ann, 10_000 * 10**6, chain=SOL)
        assert self.checkpoint(EVM, [self.ann_eth, self.ben_eth]).status_code == 201
        assert self.checkpoint(SOL, [self.ann_dollars]).status_code == 201
        assert self.count(self.ann, {self.ann_eth: LOW_ETH, self.ann_dollars: LOW_DOLLAR}).status_code == 201
        assert self.count(self.ben, {self.ben_eth: LOW_ETH}).status_code == 201
        assert self.submit(self.cat.bundle(expiry=self.in_a_day)).status_code == 201
        self._beginning = self.now, dict(self.last), self.round, self._copy(sqlite3.connect(":memory:"))
        return self

    def rewind(self) -> None:
        """Everything as it was at the beginning."""
        self.now, last, self.round, database = self._beginning
        self.last, self.registry, self.members = dict(last), fixed.REGISTRY, dict(fixed.MEMBERS)
        for holder in (self.ann, self.ben, self.cat):
            holder.signed, holder.openings = holder.first
        connection = self.store.engine.raw_connection()
        try:
            database.backup(connection.driver_connection)
        finally:
            connection.close()

    def _copy(self, into: sqlite3.Connection) -> sqlite3.Connection:
        for holder in (self.ann, self.ben, self.cat):
            holder.first = holder.signed, holder.openings
        connection = self.store.engine.raw_connection()
        try:
            connection.driver_connection.backup(into)
        finally:
            connection.close()
        return into

    @property
    def in_a_day(self) -> str:
        """An expiry that no test reaches."""
        return canonical.format_time(self.now + 86400)

    # What is published

    def publish_registry(self, registry: Chains) -> Any:
        """Publish and go by ``registry``."""
        self.registry = registry
        return self.post("/v1/collateral/registry", registry.sign(self.keys.params).to_bytes())

    def next_registry(self, **changes: Any) -> Chains:
        """The next version, with changes of its first chain and class, such as ``class__haircut_ppm=0``."""
        value = self.registry.to_value() | {"version": self.registry.version + 1}
        value["chains"], value["classes"] = [dict(c) for c in value["chains"]], [dict(c) for c in value["classes"]]
        for name, change in changes.items():
            kind, _, member = name.partition("__")
            value["chains" if kind == "chain" else "classes"][0][member] = change
        return Chains.from_value(value)

    def publish_set(self, file: SignedMemberSet) -> Any:
        """Publish attestors."""
        return self.post("/v1/collateral/sets", file.to_bytes())

    def rotate(self, chain: str, keys: dict[str, tuple[SigningKey, ...]] = fixed.KEYS, **changes: Any) -> Any:
        """Publish and go by the next attestors, approved by three of those before."""
        before, last = self.members[chain], self.last[chain]
        epoch = 1 if last is None else last.checkpoint.epoch + 1
        fields: dict[str, Any] = {
            "version": before.version + 1,
            "from_epoch": epoch,
            "approvals": fixed.QUORUM,
        } | changes
        approvals = fields.pop("approvals")
        after = fixed.member_set(chain, keys, **fields)
        answer = self.publish_set(fixed.signed_set(after, approvals, self.keys.params))
        if answer.status_code == 201:
            self.members[chain] = after
        return answer

    # Locks and what attestors say of them

    def lock(self, holder: Holder, amount: int, *, chain: str = EVM, asset: bytes | None = None) -> Lock:
        """A new lock for the account of ``holder``."""
        self._locks += 1
        asset = asset or (NATIVE if chain == EVM else SPL)
        return fixed.lock(self._locks, amount, chain=chain, asset=asset, account=canonical.from_hex(holder.id))

    def file(
        self,
        chain: str,
        /,
        locks: Iterable[Lock] = (),
        revoked: Sequence[Revocation] = (),
        signers: Iterable[str] = fixed.QUORUM,
        leaves: Sequence[Leaf] | None = None,
        **changes: Any,
    ) -> SignedCheckpoint:
        """The next checkpoint of ``chain``, of a block two minutes ago."""
        before = self.last[chain]
        epoch = changes.get("epoch", 1 if before is None else before.checkpoint.epoch + 1)
        block_time = changes.get("block_time", self.now - 120)
        fields: dict[str, Any] = {
            "chain": fixed.hexed(fixed.DIGEST[chain]), "set_version": self.members[chain].version, "epoch": epoch,
            "height": epoch * fixed.EPOCH_BLOCKS, "block_time": block_time, "expiry": block_time + MAX_AGE_S,
        }  # fmt: skip
        if before is not None:
            fields["previous"] = digest(before)
        made = fixed.leaves(locks, changes.get("expiry", block_time + MAX_AGE_S)) if leaves is None else leaves
        return fixed.checkpoint_file(made, revoked, signers, **fields | changes)

    def take(self, file: SignedCheckpoint) -> Any:
        """Send a checkpoint; if it is taken, the next one follows it."""
        answer = self.post("/v1/collateral/checkpoints", file.to_bytes())
        if answer.status_code == 201 and answer.json()["accepted"]:
            self.last[self.registry.chain_of_digest(canonical.from_hex(file.checkpoint.chain)).chain] = file
        return answer

    def checkpoint(
        self, chain: str, /, locks: Iterable[Lock] = (), revoked: Sequence[Revocation] = (), **changes: Any
    ) -> Any:
        """Make and send the next checkpoint."""
        return self.take(self.file(chain, locks, revoked, **changes))

    def show(self, evidence: CollateralLock) -> Any:
        """Send evidence of one lock."""
        return self.post("/v1/collateral/locks", evidence.to_bytes())

    # What holders prove

    def counted(self, locks: dict[Lock, int]) -> Collateral:
        """The locks of a request, at these coefficients."""
        entries = [
            CountedLock.from_value(
                {
                    "tag": tag(lock),
                    "class": self.registry.class_of_asset(chain_of(lock), lock.note.asset).name,
                    "commitment": canonical.to_hex(lock.note.commitment),
                    "coefficient": str(coefficient),
                }
            )
            for lock, coefficient in locks.items()
        ]
        return Collateral(registry=self.registry.digest, locks=tuple(sorted(entries, key=lambda entry: entry.tag)))

    def bundle(self, holder: Holder, locks: dict[Lock, int], claim: str = "maintenance", **changes: Any) -> bytes:
        """A bundle that counts ``locks``."""
        members = {"collateral": self.counted(locks), "expiry": self.in_a_day} | changes
        request = holder.request(claim, members.pop("percent", "5"), **members)
        openings: dict[str, Opening] = holder.openings | {f"lock/{tag(lock)}": lock.opening for lock in locks}
        made = statement.build(request, holder.state, self.params.document, self.round, self.registry)
        return holder.wrap(request, made.prove(openings))

    def count(self, holder: Holder, locks: dict[Lock, int], **changes: Any) -> Any:
        """Submit such a bundle."""
        return self.submit(self.bundle(holder, locks, **changes))

    # What can be seen

    def told(self, holder: Holder) -> tuple[str, str | None]:
        """Status and reason."""
        status = self.status(holder.id)
        return status["status"], status["reason"]

    @property
    def everyone(self) -> list[str | None]:
        """The reasons of ann, ben and cat; None: live."""
        told = [self.told(holder) for holder in (self.ann, self.ben, self.cat)]
        return [None if status == "live" else reason for status, reason in told]

    def state_of(self, lock: Lock) -> str:
        """The state of a lock, as the service tells it."""
        state: str = self.client.get(f"/v1/collateral/locks/{tag(lock)}").json()["state"]
        return state

    def chain(self, chain: str) -> dict[str, Any]:
        """A chain, as the service tells of it."""
        items = self.client.get("/v1/collateral/chains").json()["items"]
        return next(item for item in items if item["chain"] == chain)

    def class_(self, name: str) -> dict[str, Any]:
        """A class, as the service tells of it."""
        items = self.client.get("/v1/collateral/classes").json()["items"]
        return next(item for item in items if item["class"] == name)


def tag(lock: Lock) -> str:
    """The tag of a lock in hex."""
    return canonical.to_hex(lock.note.tag)


def chain_of(lock: Lock) -> str:
    """The chain of a lock."""
    return next(chain for chain, digest in fixed.DIGEST.items() if digest == lock.note.chain)


def digest(file: SignedCheckpoint) -> str:
    """What the checkpoint after this one must name."""
    return canonical.to_hex(file.checkpoint.signing_digest(fixed.VENUE_ID))


def revoke(*reasons: tuple[Lock, str]) -> list[Revocation]:
    """Revocations of locks."""
    made = [Revocation.from_value({"tag": tag(lock), "reason": reason}) for lock, reason in reasons]
    return sorted(made, key=lambda revocation: revocation.tag)
