"""Three attestors of one chain on paper, a venue's operator, and holders who pledge; for tests of what is signed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from paper_chain import PaperChain
from service_world import Keys

from verifier.attestor import checkpoints, pledges
from verifier.attestor.app import create_app
from verifier.attestor.collector import Collected, collect
from verifier.attestor.desk import Desk
from verifier.attestor.messages import Candidates, ChainState, Proposal
from verifier.attestor.pledges import Pledged
from verifier.attestor.reader import LockName, Reader
from verifier.attestor.setup import make
from zkmargin import canonical
from zkmargin.collateral import (
    AssetClass,
    Chains,
    Leaf,
    Member,
    MemberSet,
    MemberSignature,
    Note,
    Pledge,
    SignedCheckpoint,
    SignedMemberSet,
    chain_digest,
    note_blinding,
    note_secret,
    units,
    venue_id,
)
from zkmargin.documents import Signed
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit

VENUE, CHAIN = "demo", "eip155:1337"
START_UNIX_S = canonical.parse_time("2026-11-22T06:00:00Z")
ETHER = bytes(32)
DEPTH, EPOCH_BLOCKS, MAX_AGE_S = 4, 5, 600
ENTRY: dict[str, Any] = {
    "chain": CHAIN, "kind": "evm", "depth": DEPTH, "epoch_blocks": EPOCH_BLOCKS, "max_age_s": MAX_AGE_S, "skew_s": 60,
    "margin_s": 600, "delay_s": 3600, "soft_age_s": 300, "soft_haircut_ppm": 100_000, "late_age_s": 500,
    "late_haircut_ppm": 250_000, "cap": "5000000",
}  # fmt: skip
CLASS: dict[str, Any] = {
    "class": "ETH", "chain": CHAIN, "asset": canonical.to_hex(ETHER), "decimals": 18, "lot": str(10**14), "bits": 40,
    "price": "ETH-USD", "haircut_ppm": 150_000, "cap_lots": 10**9,
}  # fmt: skip


@dataclass(frozen=True)
class Lock:
    """A holder's lock: the note and what opens its commitment."""

    note: Note
    opening: Opening

    @property
    def pledge(self) -> Pledge:
        return Pledge.of(self.note, self.opening)

    @property
    def tag(self) -> str:
        return canonical.to_hex(self.note.tag)

    @property
    def name(self) -> LockName:
        return LockName(self.note.owner, self.note.digest)


class Society:
    """Attestors ``a``, ``b``, ``c`` of whom two are enough. They share a chain on paper unless told otherwise."""

    def __init__(
        self,
        directory: Path,
        reader: Any = None,
        *,
        names: Sequence[str] = ("a", "b", "c"),
        threshold: int = 2,
        like: Society | None = None,
        **entry: Any,
    ) -> None:
        """``like``: a society that has ended, whose keys and directories are taken over."""
        self.directory = directory
        self.chain: Any = reader or PaperChain(CHAIN, START_UNIX_S, code_hash=b"\xc0" * 32)
        self.readers: dict[str, Reader] = dict.fromkeys(names, self.chain)
        self.lag_s = 1
        self.keys = Keys()
        told = self.chain.identity()
        fixed = {
            "chain": told.chain, "genesis": canonical.to_hex(told.genesis),
            "code_hash": told.code_hash and canonical.to_hex(told.code_hash), "vault": "0x" + "00" * 12 + "aa" * 20,
        }  # fmt: skip
        chain_entry, asset = ENTRY | fixed | entry, CLASS | {"chain": told.chain}
        self.registry = Chains.from_value(
            {"schema": Chains.SCHEMA, "venue": VENUE, "version": 1, "quote": "USD", "chains": [chain_entry],
             "classes": [asset]}
        )  # fmt: skip
        self.entry = self.registry.chains[0]
        self.digest = chain_digest(told.chain, told.genesis)
        self.desks: dict[str, Desk] = {}
        self.sets: list[MemberSet] = []
        self.last: SignedCheckpoint | None = None
        self.locks = 0
        if like is not None:
            self.keys, self.sets = like.keys, list(like.sets)
            shutil.copytree(like.directory, directory, dirs_exist_ok=True)
        for name in names:
            if like is None:
                self._make(name)
            self.restart(name)
        if like is None:
            self.publish_set(self.member_set(names, threshold=threshold))

    def _make(self, name: str) -> None:
        papers = {
            "trust": self.keys.trust().sign(self.keys.root).to_bytes(),
            "registry": self.registry.sign(self.keys.params).to_bytes(),
        }
        node = f"{self.entry.chain}=http://127.0.0.1:1"
        values = {"venue": VENUE, "member": name, "nodes": (node,), "rate_limit": ""}
        make(self.directory / name, values, **papers).store.close()  # type: ignore[arg-type]

    def end(self) -> None:
        """Close the databases."""
        for desk in self.desks.values():
            desk.store.close()

    @property
    def now(self) -> int:
        """The clocks of the members go with the chain, until it stands still."""
        return int(self.chain.blocks[-1].time_unix_s) + self.lag_s

    def restart(self, name: str) -> Desk:
        if name in self.desks:
            self.desks[name].store.close()
        self.desks[name] = Desk.open(self.directory / name, lambda *_: self.readers[name])
        return self.desks[name]

    def client(self, name: str) -> TestClient:
        return TestClient(create_app(self.desks[name]), raise_server_exceptions=False)

    def entry_of(self, name: str) -> Member:
        return self.desks[name].entry(self.entry.chain)

    def member_set(self, names: Sequence[str] = ("a", "b", "c"), **changes: Any) -> MemberSet:
        members = tuple(self.entry_of(name) for name in names)
        fields = {"venue": VENUE, "chain": canonical.to_hex(self.digest), "version": 1, "threshold": 2, "from_epoch": 1}
        return MemberSet(members=members, **fields | changes)

    def signed_set(self, members: MemberSet, approvals: Sequence[MemberSignature] = ()) -> bytes:
        value = Signed(members, members.sign(self.keys.params)).to_value()
        return SignedMemberSet(members=value, approvals=tuple(approvals)).to_bytes()

    def publish_set(self, members: MemberSet, approvals: Sequence[MemberSignature] = ()) -> None:
        for desk in self.desks.values():
            desk.publish_set(self.signed_set(members, approvals))
        self.sets.append(members)

    def lock(self, amount: int = 10**18, *, owner: bytes = bytes(12) + b"\x0e" * 20, **changes: Any) -> Lock:
        """A lock that is on no chain yet."""
        self.locks += 1
        seed = b"\x5e" * 32
        asset: AssetClass = self.registry.classes[0]
        opening = Opening(units(amount, asset.lot_units), note_blinding(seed, self.locks))
        fields: dict[str, Any] = {
            "chain": self.digest, "vault": canonical.from_hex(self.entry.vault), "owner": owner, "asset": ETHER,
            "amount": amount, "venue": venue_id(VENUE), "account": b"\xac" * 32,
            "commitment": encode(commit(opening)), "secret": note_secret(seed, self.locks),
        }  # fmt: skip
        return Lock(Note(**fields | changes), opening)

    def locked(self, amount: int = 10**18, **changes: Any) -> Lock:
        """A lock on the chain, not final yet."""
        lock = self.lock(amount, **changes)
        self.chain.put(lock.note)
        return lock

    def pledged(self, amount: int = 10**18, to: str = "abc", **changes: Any) -> Lock:
        """A lock on the chain that these members know."""
        lock = self.locked(amount, **changes)
        for name in to:
            self.pledge(name, lock)
        return lock

    def pledge(self, name: str, lock: Lock) -> Pledged:
        return pledges.accept(self.desks[name], lock.pledge.to_bytes())

    def to_next_epoch(self) -> int:
        """Mine until one more epoch is final; its number."""
        head = self.chain.blocks[-1].height
        epoch = max((head - DEPTH) // EPOCH_BLOCKS, 0) + 1
        self.chain.mine(epoch * EPOCH_BLOCKS + DEPTH - head)
        return int(epoch)

    def to_final(self) -> int:
        """Mine until what is in the newest block is attested; the epoch."""
        epoch = -(-self.chain.blocks[-1].height // EPOCH_BLOCKS)
        self.chain.mine(epoch * EPOCH_BLOCKS + DEPTH - self.chain.blocks[-1].height)
        return int(epoch)

    def candidates(self, name: str, epoch: int) -> Candidates:
        return checkpoints.candidates(self.desks[name], self.entry.chain, epoch)

    def tags(self, name: str, epoch: int) -> set[str]:
        """Whose leaves a member would sign."""
        return tags_of(self.candidates(name, epoch).leaves)

    def revocations(self, name: str, epoch: int) -> dict[str, str]:
        return {r.tag: r.reason for r in self.candidates(name, epoch).revocations}

    def local(self, name: str) -> Local:
        return Local(lambda: self.desks[name])

    def collect(self, names: str = "abc", **changes: Any) -> Collected:
        """The next checkpoint, through a collector in this process; it counts as posted."""
        attestors = {name: self.local(name) for name in names}
        attestors |= changes
        collected = collect(self.entry.chain, attestors, self.registry, self.sets, self.last, now_unix_s=self.now)
        self.last = collected.file
        return collected


@dataclass(frozen=True)
class Local:
    """An attestor without HTTP in between."""

    desk: Callable[[], Desk]

    def state(self, chain: str) -> ChainState:
        return checkpoints.state(self.desk(), chain)

    def candidates(self, chain: str, epoch: int) -> Candidates:
        return checkpoints.candidates(self.desk(), chain, epoch)

    def sign(self, chain: str, proposal: Proposal) -> MemberSignature:
        return checkpoints.sign(self.desk(), chain, proposal.to_bytes())


def tags_of(leaves: Sequence[str]) -> set[str]:
    """The tags of leaves in hex."""
    return {canonical.to_hex(Leaf.from_bytes(canonical.from_hex(leaf)).tag) for leaf in leaves}
