"""The registry: which chains and assets count, under which rules. Signed by a ``params`` key of the venue.

What a chain or a class *is* never changes, since evidence and proofs outlive a version; what it counts for may.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import Field, model_validator

from .. import canonical
from ..documents.base import (
    Counter,
    Document,
    Hex32,
    MarketName,
    Name,
    Part,
    PositiveDecimal,
    Ppm,
    Text,
    unique,
)
from ..documents.signed import Signed
from ..documents.trust import Trust
from ..errors import ContextError
from .chain import chain_digest
from .fields import EVM_NAMESPACE, BaseUnits, ChainId, ClassName, Number
from .leaf import MAX_BITS, MAX_LOT
from .venue import venue_id

K = TypeVar("K")
V = TypeVar("V")
PPM = 1_000_000
ATTO = 10**18
MAX_CHAINS = 64
MAX_CLASSES = 256
MAX_DECIMALS = 36
MAX_SECONDS = 366 * 86400
_ADDRESS_PADDING = "0x" + "00" * 12
_NO_ADDRESS = "0x" + "00" * 32

ChainKind = Annotated[str, Text(r"^[a-z][a-z0-9-]*$", 'must be a kind of chain, such as "evm"', 16)]
Seconds = Annotated[int, Field(ge=0, le=MAX_SECONDS)]
PositiveSeconds = Annotated[int, Field(ge=1, le=MAX_SECONDS)]


class ChainEntry(Part):
    """A chain and the venue's vault on it.

    ``depth``: blocks on top of one before it counts. Checkpoints stand at heights epoch * ``epoch_blocks``.
    Evidence lives ``max_age_s`` from the time of its block; clocks differ by up to ``skew_s``; ``margin_s`` is what
    finality, the grace before a liquidation and a seizure take; ``delay_s`` is the vault's. Older than ``soft_age_s``,
    or than ``late_age_s``, coins count less. ``cap``: quote units that one account can count on this chain.
    """

    chain: ChainId
    genesis: Hex32
    kind: ChainKind
    vault: Hex32
    code_hash: Hex32 | None = None
    depth: Number
    epoch_blocks: Counter
    max_age_s: PositiveSeconds
    skew_s: Seconds
    margin_s: Seconds
    delay_s: PositiveSeconds
    soft_age_s: Seconds
    soft_haircut_ppm: Ppm
    late_age_s: Seconds
    late_haircut_ppm: Ppm
    cap: PositiveDecimal

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.kind == "evm") != self.chain.startswith(f"{EVM_NAMESPACE}:"):
            raise ValueError(f"a chain is of kind evm exactly if its id begins with {EVM_NAMESPACE}:")
        if self.kind == "evm" and self.code_hash is None:
            raise ValueError("the vault of an EVM chain has a code hash: without it any contract could stand there")
        if self.vault == _NO_ADDRESS or (self.kind == "evm" and not self.vault.startswith(_ADDRESS_PADDING)):
            raise ValueError("the vault is an address, of an EVM chain one of 20 bytes with 12 zeros before it")
        if not self.soft_age_s <= self.late_age_s <= self.max_age_s:
            raise ValueError("soft_age_s is not above late_age_s, nor that above max_age_s")
        if self.max_age_s + self.skew_s + self.margin_s > self.delay_s:
            # The rule that lets coins count: whatever was attested is void before they can move.
            raise ValueError("max_age_s + skew_s + margin_s must not be above the vault's delay_s")
        return self

    @cached_property
    def chain_digest(self) -> bytes:
        """The 32 bytes that stand for the chain."""
        return chain_digest(self.chain, canonical.from_hex(self.genesis))

    def age_haircut_ppm(self, age_s: int) -> int:
        """What is taken off for a newest checkpoint of this age: the soft haircut, and beyond it the late one too."""
        soft = self.soft_haircut_ppm if age_s > self.soft_age_s else 0
        return soft + (self.late_haircut_ppm if age_s > self.late_age_s else 0)


class Peg(Part):
    """``price`` in quote units of what should hold it. More than ``below_ppm`` under it, ``haircut_ppm`` is taken off
    besides, until the price has come back above half of that for a while."""

    price: PositiveDecimal
    below_ppm: Ppm
    haircut_ppm: Ppm


class AssetClass(Part):
    """An asset on a chain: 10^``decimals`` base units are one unit of it, ``lot`` of them one lot.

    A lock holds less than 2^``bits`` lots. ``price`` is the market of the oracle's rounds that prices one unit in quote
    units. ``cap_lots``: what one account can count.
    """

    class_: ClassName = Field(alias="class")
    chain: ChainId
    asset: Hex32
    decimals: int = Field(ge=0, le=MAX_DECIMALS)
    lot: BaseUnits
    bits: int = Field(ge=1, le=MAX_BITS)
    price: MarketName
    haircut_ppm: Ppm
    peg: Peg | None = None
    cap_lots: Counter

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if int(self.lot) > MAX_LOT:
            raise ValueError("a lot is below 2^128 base units")
        if self.chain.startswith(f"{EVM_NAMESPACE}:") and not self.asset.startswith(_ADDRESS_PADDING):
            raise ValueError("an asset of an EVM chain is an address of 20 bytes with 12 zeros before it")
        return self

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.class_

    @property
    def lot_units(self) -> int:
        """Base units of one lot."""
        return int(self.lot)

    def price_per_lot_atto(self, price: Fraction) -> int:
        """10^-18 quote units of one lot at ``price`` quote units of one unit, rounded down.

        floor(price * lot / 10^decimals * 10^18)
        """
        scale: int = 10**self.decimals
        return price.numerator * self.lot_units * ATTO // (price.denominator * scale)


def after_haircut(price_per_lot_atto: int, haircut_ppm: int) -> int:
    """A = floor(p (10^6 - h) / 10^6), with h at most 10^6: the greatest coefficient that counts."""
    return price_per_lot_atto * (PPM - min(haircut_ppm, PPM)) // PPM


class Chains(Document):
    """zkmargin/collateral-registry/v1. A class is of a chain of the list; a chain is named once, and an asset of it."""

    SCHEMA: ClassVar[str] = "zkmargin/collateral-registry/v1"
    schema_: Literal["zkmargin/collateral-registry/v1"] = Field(
        default="zkmargin/collateral-registry/v1", alias="schema"
    )
    venue: Name
    version: Counter
    quote: Name
    chains: tuple[ChainEntry, ...] = Field(min_length=1, max_length=MAX_CHAINS)
    classes: tuple[AssetClass, ...] = Field(min_length=1, max_length=MAX_CLASSES)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unique([entry.chain for entry in self.chains], "a chain")
        # Chains can share a genesis, and vaults an address, but hardly both: more likely it is one chain twice.
        unique([f"{entry.genesis} {entry.vault}" for entry in self.chains], "a vault of one genesis")
        unique([asset.class_ for asset in self.classes], "a class")
        unique([f"{asset.chain} {asset.asset}" for asset in self.classes], "an asset of a chain")
        if not {asset.chain for asset in self.classes} <= {entry.chain for entry in self.chains}:
            raise ValueError("a class is of a chain of the list")
        return self

    @cached_property
    def venue_id(self) -> bytes:
        """The 32 bytes of the venue."""
        return venue_id(self.venue)

    def chain_of(self, chain: str) -> ChainEntry:
        """The chain of a CAIP-2 id. Raises: ContextError "unknown_chain"."""
        return _found(self._chains, chain, "chain", "unknown_chain")

    def chain_of_digest(self, digest: bytes) -> ChainEntry:
        """The chain of a digest. Raises: ContextError "unknown_chain"."""
        return _found(self._digests, digest, "chain", "unknown_chain")

    def class_of(self, name: str) -> AssetClass:
        """The class of a name. Raises: ContextError "unknown_class"."""
        return _found(self._classes, name, "class", "unknown_class")

    def class_of_asset(self, chain: str, asset: bytes) -> AssetClass:
        """The class of an asset, 32 bytes, on the chain of a CAIP-2 id. Raises: ContextError "wrong_asset"."""
        return _found(self._assets, (chain, asset), "asset on this chain", "wrong_asset")

    def lots_and_bits(self, chain: str) -> dict[bytes, tuple[int, int]]:
        """Base units of a lot, and bits, of every asset that counts on a chain."""
        return {asset: (of.lot_units, of.bits) for (at, asset), of in self._assets.items() if at == chain}

    @cached_property
    def _chains(self) -> dict[str, ChainEntry]:
        return {entry.chain: entry for entry in self.chains}

    @cached_property
    def _digests(self) -> dict[bytes, ChainEntry]:
        return {entry.chain_digest: entry for entry in self.chains}

    @cached_property
    def _classes(self) -> dict[str, AssetClass]:
        return {asset.class_: asset for asset in self.classes}

    @cached_property
    def _assets(self) -> dict[tuple[str, bytes], AssetClass]:
        return {(asset.chain, canonical.from_hex(asset.asset)): asset for asset in self.classes}


def verify_registry(signed: Signed[Chains], trust: Trust) -> Chains:
    """The registry, once a ``params`` key of its venue has signed it.

    Raises: ContextError "unsigned", "bad_signature" (also: another venue's keys).
    """
    if signed.document.venue != trust.venue:
        raise ContextError("the registry is of another venue than the trusted keys", code="bad_signature")
    return signed.verify(trust.params)


_CHAIN_IS = ("chain", "genesis", "kind", "vault", "code_hash", "epoch_blocks", "delay_s")
_CLASS_IS = ("class_", "chain", "asset", "decimals", "lot", "bits", "price")


def check_continues(before: Chains, after: Chains) -> None:
    """Accept only a next version that changes what things count for, and adds at the end.

    Ages, depths, caps, haircuts and pegs may change. Chains keep identity, vault, delay and grid of epochs; classes
    keep asset, lot, bits and market.

    Raises: ContextError "wrong_venue", "wrong_version", "registry_changed".
    """
    if (after.venue, after.quote) != (before.venue, before.quote):
        raise ContextError("the next registry is of the same venue and quote currency", code="wrong_venue")
    if after.version != before.version + 1:
        raise ContextError("the next registry has the next version", code="wrong_version")
    kept = _are(before.chains, _CHAIN_IS) == _are(after.chains[: len(before.chains)], _CHAIN_IS)
    if not kept or _are(before.classes, _CLASS_IS) != _are(after.classes[: len(before.classes)], _CLASS_IS):
        raise ContextError(
            "a registry keeps its chains and classes in their order and adds at the end", code="registry_changed"
        )


def _are(parts: tuple[Part, ...], names: tuple[str, ...]) -> list[tuple[object, ...]]:
    return [tuple(getattr(part, name) for name in names) for part in parts]


def _found(table: Mapping[K, V], key: K, what: str, code: str) -> V:
    if key not in table:
        raise ContextError(f"the registry does not know this {what}", code=code)
    return table[key]
