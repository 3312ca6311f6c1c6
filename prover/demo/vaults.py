"""Who runs the demo's collateral: two chains with a vault each, three attestors, the registry that names them.

Each chain is a whole EVM in a process of its own; each attestor is one too, and follows both chains.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zkmargin import canonical, contracts
from zkmargin.collateral import Chains, Member, MemberSet, SignedMemberSet, chain_digest, venue_id
from zkmargin.envelope import PrivateKey

from ..errors import Unavailable
from .services import Program, Services

ATTESTOR = "verifier.attestor.cli"
DEVNET = "prover.demo.devnet"
CHAIN_IDS = (31337, 31338)
MEMBERS = ("ada", "ben", "cleo")
THRESHOLD = 2
DEPTH, EPOCH_BLOCKS, BLOCK_S = 2, 5, 1
MAX_AGE_S, SKEW_S, MARGIN_S = 30, 5, 15
DELAY_S = MAX_AGE_S + SKEW_S + MARGIN_S
ETHER = 10**18
LOT = ETHER // 1000
PRICE = "ETH-USD"
HAIRCUT_PPM = 100_000


@dataclass(frozen=True)
class Vault:
    """A chain of the demo with the venue's vault. ``richest``: an account of the chain that gives coins away."""

    chain_id: int
    url: str
    genesis: bytes
    address: bytes
    code_hash: bytes
    richest: str
    web3: Any

    @property
    def chain(self) -> str:
        """CAIP-2."""
        return f"eip155:{self.chain_id}"

    @property
    def class_name(self) -> str:
        """What its coin is called in the registry."""
        return f"eth-{self.chain_id}"

    @classmethod
    def deploy(cls, place: Services, chain_id: int, venue: str, *, block_s: int | None = BLOCK_S) -> Vault:
        """Start a chain, and put the vault of ``venue`` on it. Without ``block_s`` every transaction has a block."""
        from web3 import Web3

        arguments = ["--chain-id", str(chain_id), *(() if block_s is None else ("--block-time", str(block_s)))]
        told = place.start(DEVNET, arguments).first_line()
        web3 = Web3(Web3.HTTPProvider(told["url"]))
        richest, operator = map(Web3.to_checksum_address, told["accounts"][:2])
        genesis = canonical.from_hex(told["genesis"], 32)
        digest = chain_digest(f"eip155:{chain_id}", genesis)
        terms = contracts.VaultTerms(bytes.fromhex(operator[2:]), venue_id(venue), DELAY_S, digest)
        sent = web3.eth.send_transaction({"from": richest, "data": contracts.creation_code(terms), "gas": 3_000_000})
        address = web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
        if address is None:
            raise Unavailable("the vault could not be deployed", code="demo")
        code_hash = contracts.code_hash(terms)
        return cls(chain_id, told["url"], genesis, bytes.fromhex(address[2:]), code_hash, richest, web3)

    def give(self, address: str, wei: int) -> None:
        """Send coins to a fresh address."""
        sent = self.web3.eth.send_transaction({"from": self.richest, "to": address, "value": wei})
        self.web3.eth.wait_for_transaction_receipt(sent)

    def chain_entry(self) -> dict[str, Any]:
        """The chain as the registry names it. Evidence does not age here before it ends."""
        return {
            "chain": self.chain, "genesis": canonical.to_hex(self.genesis), "kind": "evm",
            "vault": _padded(self.address), "code_hash": canonical.to_hex(self.code_hash),
            "depth": DEPTH, "epoch_blocks": EPOCH_BLOCKS,
            "max_age_s": MAX_AGE_S, "skew_s": SKEW_S, "margin_s": MARGIN_S, "delay_s": DELAY_S,
            "soft_age_s": MAX_AGE_S, "soft_haircut_ppm": 0, "late_age_s": MAX_AGE_S, "late_haircut_ppm": 0,
            "cap": "1000000",
        }  # fmt: skip

    def asset_class(self) -> dict[str, Any]:
        """Its coin."""
        return {
            "class": self.class_name, "chain": self.chain, "asset": _padded(bytes(20)), "decimals": 18,
            "lot": str(LOT), "bits": 20, "price": PRICE, "haircut_ppm": HAIRCUT_PPM, "cap_lots": 1 << 30,
        }  # fmt: skip


def registry(vaults: tuple[Vault, ...], venue: str, quote: str) -> Chains:
    """The registry of the demo."""
    return Chains.from_value(
        {
            "schema": Chains.SCHEMA,
            "venue": venue,
            "version": 1,
            "quote": quote,
            "chains": [vault.chain_entry() for vault in vaults],
            "classes": [vault.asset_class() for vault in vaults],
        }
    )


@dataclass(frozen=True)
class Attestor:
    """A member: its program, its directory, its address once it runs."""

    name: str
    program: Program
    directory: Path

    @classmethod
    def make(cls, place: Services, name: str, venue: str, vaults: tuple[Vault, ...]) -> Attestor:
        """Make its keys and its database."""
        directory = place.directory / f"attestor-{name}"
        made = cls(name, place.start(ATTESTOR), directory)
        nodes = [word for vault in vaults for word in ("--node", f"{vault.chain}={vault.url}")]
        made._tell("init", "--venue", venue, "--member", name, "--poll-s", "1", *nodes)
        made.program.answer()
        return made

    @property
    def token_file(self) -> Path:
        """What a collector shows it."""
        return self.directory / "collector.token"

    def entry(self, vault: Vault) -> Member:
        """Its entry in the set of attestors of a chain."""
        self._tell("keys", "--chain", vault.chain, "--genesis", canonical.to_hex(vault.genesis))
        return Member.from_value(self.program.answer())

    def run(self, *files: str) -> str:
        """Give it the documents of ``files`` (options of init), and start it; its address."""
        self._tell("init", *files)
        self.program.answer()
        self.program.tell("run", "--dir", str(self.directory), "--port", "0")
        return self.program.serves_at()

    def _tell(self, command: str, *options: str) -> None:
        self.program.tell(command, "--dir", str(self.directory), *options, "-o", "json")


def member_set(vault: Vault, venue: str, attestors: list[Attestor], params_key: PrivateKey) -> SignedMemberSet:
    """The first set of a chain, signed by the operator."""
    members = MemberSet(
        venue=venue,
        chain=canonical.to_hex(chain_digest(vault.chain, vault.genesis)),
        version=1,
        threshold=THRESHOLD,
        from_epoch=1,
        members=tuple(attestor.entry(vault) for attestor in attestors),
    )
    return SignedMemberSet(members=members.sign(params_key).to_value())


def _padded(address: bytes) -> str:
    return canonical.to_hex(address.rjust(32, b"\0"))
