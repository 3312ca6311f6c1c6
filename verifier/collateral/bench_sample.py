"""What the bench aggregates: made-up chains, attestors and locks; their keys, commitments and signatures are real."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from zkmargin import canonical
from zkmargin.collateral import (
    FIRST_PREVIOUS,
    Chains,
    Checkpoint,
    Ed25519Key,
    Leaf,
    Member,
    MemberSet,
    Secp256k1Key,
    SignedCheckpoint,
    SigningKey,
    merkle,
    revoked_root,
)
from zkmargin.group import Point, encode, msm
from zkmargin.pedersen import Opening, commit

VENUE = "bench"
EPOCH_BLOCKS, MAX_AGE_S = 10, 3600
MARKET = "COIN-USD"
_LOT, _BITS = 10**14, 40


def registry(chains: int) -> Chains:
    """``chains`` of them, each with one class."""
    value = {
        "schema": Chains.SCHEMA,
        "venue": VENUE,
        "version": 1,
        "quote": "USD",
        "chains": [
            {
                "chain": f"bench:{i}", "genesis": _hex("genesis", i), "kind": "bench", "vault": _hex("vault", i),
                "depth": 12, "epoch_blocks": EPOCH_BLOCKS, "max_age_s": MAX_AGE_S, "skew_s": 60, "margin_s": 600,
                "delay_s": 2 * MAX_AGE_S, "soft_age_s": 900, "soft_haircut_ppm": 100_000, "late_age_s": 1800,
                "late_haircut_ppm": 250_000, "cap": "1000000",
            }
            for i in range(chains)
        ],
        "classes": [
            {
                "class": f"COIN.{i}", "chain": f"bench:{i}", "asset": _hex("asset", i), "decimals": 18,
                "lot": str(_LOT), "bits": _BITS, "price": MARKET, "haircut_ppm": 150_000, "cap_lots": 10**9,
            }
            for i in range(chains)
        ],
    }  # fmt: skip
    return Chains.from_value(value)


@dataclass
class ChainSample:
    """One chain with its attestors and the leaves of its locks. ``threshold`` of the members sign, by turns with keys
    of both schemes."""

    registry: Chains
    index: int
    leaves: Sequence[Leaf]
    members: int
    threshold: int
    keys: dict[str, SigningKey] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kinds = (Ed25519Key, Secp256k1Key)
        self.keys = {f"member-{i}": kinds[i % 2](secrets.token_bytes(32)) for i in range(self.members)}
        self._chain = self.registry.chains[self.index].chain_digest
        self._previous = FIRST_PREVIOUS

    def set(self) -> MemberSet:
        """The attestors."""
        members = (Member.of(name, [key], venue=VENUE, chain=self._chain) for name, key in self.keys.items())
        return MemberSet(
            venue=VENUE, chain=canonical.to_hex(self._chain), version=1, threshold=self.threshold, from_epoch=1,
            members=tuple(members),
        )  # fmt: skip

    def checkpoint(self, epoch: int, block_unix_s: int) -> bytes:
        """The checkpoint of ``epoch``, which follows the one that was made before, with all leaves."""
        expiry = block_unix_s + MAX_AGE_S
        encoded = {merkle.leaf_hash(leaf): leaf for leaf in (_renewed(leaf, expiry) for leaf in self.leaves)}
        hashes = sorted(encoded)
        checkpoint = Checkpoint(
            chain=canonical.to_hex(self._chain), set_version=1, epoch=epoch, height=epoch * EPOCH_BLOCKS,
            block_hash=_hex("block", epoch), block_time=block_unix_s, expiry=expiry, leaf_count=len(hashes),
            leaf_root=canonical.to_hex(merkle.root(hashes)), revoked_root=canonical.to_hex(revoked_root([])),
            previous=self._previous,
        )  # fmt: skip
        venue = self.registry.venue_id
        self._previous = canonical.to_hex(checkpoint.signing_digest(venue))
        signers = list(self.keys.items())[: self.threshold]
        return SignedCheckpoint(
            checkpoint=checkpoint,
            signatures=tuple(checkpoint.sign_as(name, key, venue) for name, key in signers),
            leaves=tuple(canonical.to_hex(encoded[found]) for found in hashes),
        ).to_bytes()


def chains(count: int, locks: int, members: int, threshold: int) -> tuple[Chains, list[ChainSample]]:
    """``locks`` over ``count`` chains; lock i of every chain backs the same account."""
    found, points = registry(count), _points()
    samples = []
    for index in range(count):
        entry, asset = found.chains[index], found.classes[index]
        leaves = [
            Leaf(
                kind=1, bits=_BITS, venue=found.venue_id, chain=entry.chain_digest,
                vault=canonical.from_hex(entry.vault), asset=canonical.from_hex(asset.asset), account=account(i),
                tag=secrets.token_bytes(32), commitment=encode(next(points)), lot=_LOT, expiry=1,
            )
            for i in range(locks // count)
        ]  # fmt: skip
        samples.append(ChainSample(found, index, leaves, members, threshold))
    return found, samples


def account(index: int) -> bytes:
    """The account of lock ``index`` of every chain."""
    return hashlib.sha256(f"account {index}".encode()).digest()


def _points() -> Iterator[Point]:
    """Commitments, all different: a step apart, which costs a sum and not two products each."""
    point, step = commit(Opening.random(0)), commit(Opening.random(1))
    while True:
        yield point
        point = msm([point, step], [1, 1])


def _renewed(leaf: Leaf, expiry: int) -> bytes:
    return leaf.to_bytes()[:-8] + expiry.to_bytes(8, "big")


def _hex(name: str, index: int) -> str:
    return canonical.to_hex(hashlib.sha256(f"{name} {index}".encode()).digest())
