"""The services of the holder's tests, and with them a real chain with a vault and its one attestor, each a process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli_run import Ran, zkmargin
from cli_world import CliWorld, Owner, cli_world

from prover.client import Verifier
from prover.demo import vaults
from prover.demo.services import VERIFIER
from prover.demo.vaults import EPOCH_BLOCKS, MARGIN_S, SKEW_S, Attestor, Vault, registry
from verifier.collateral import operations
from zkmargin import canonical
from zkmargin.collateral import MemberSet, SignedMemberSet, chain_digest

CHAIN_ID = 4242
CLASS = f"eth-{CHAIN_ID}"
MAX_AGE_S = 600
DELAY_S = MAX_AGE_S + SKEW_S + MARGIN_S
"""Longer than in the demo: no test waits for the end of evidence, and none comes too late on a busy machine."""


@dataclass
class Chains:
    """The services, a chain with a vault, and its one attestor. ``registry``, ``members``: signed files."""

    world: CliWorld
    vault: Vault
    attestor: str
    token_file: Path
    registry: Path
    members: Path

    @property
    def services(self) -> tuple[str, ...]:
        """The option that names the verifier."""
        return "--verifier", self.world.verifier

    @property
    def trust(self) -> tuple[str, ...]:
        """The option that names the trust document."""
        return "--trust", str(self.world.directory / "trust.json")

    def sources(self, directory: Path) -> tuple[str, ...]:
        """The options for files, made in ``directory``, of whoever verifies offline: policy, parameters, round."""
        with Verifier(self.world.verifier) as verifier:
            told = {
                "policy": verifier.identity().policy,
                "params": verifier.params().to_value(),
                "oracle": verifier.round().to_value(),
            }
        options: list[str] = []
        for name, value in told.items():
            (directory / name).write_bytes(canonical.to_bytes(value))
            options += (f"--{name}", str(directory / name))
        return tuple(options)

    def mine(self, blocks: int) -> None:
        """So many blocks go by at once."""
        self.vault.web3.provider.make_request("anvil_mine", [hex(blocks)])

    def attest(self, owner: Owner, number: int) -> None:
        """Blocks go by until the verifier counts the lock."""
        collect = ("chains", "collect", self.vault.chain, "--url", self.world.verifier)
        member = ("--member", f"ada={self.attestor}", "--token", f"ada={self.token_file}", "--every-s", "1")
        collector = self.world.place.start(VERIFIER)
        collector.tell(*collect, *member)
        for _ in range(60):
            self.mine(EPOCH_BLOCKS)
            if self.row(owner, number)["verifier"] == "final":
                collector.ask_to_end()
                collector.end()
                return
            time.sleep(0.5)
        pytest.fail("the lock was never attested")

    def listed(self, owner: Owner, *more: str) -> Ran:
        """The locks of a wallet."""
        return zkmargin("collateral", "list", *self.services, *owner.options, *more, "-o", "json")

    def row(self, owner: Owner, number: int, *more: str) -> dict[str, object]:
        """One of them."""
        found: dict[str, object] = self.listed(owner, *more).json["locks"][number - 1]
        return found


@contextmanager
def chain_world() -> Iterator[Chains]:
    """All of it started, with registry and attestor published; ended and removed afterwards."""
    with cli_world(MARGIN_S) as world, pytest.MonkeyPatch.context() as patch:
        patch.setattr(vaults, "MAX_AGE_S", MAX_AGE_S)
        patch.setattr(vaults, "DELAY_S", DELAY_S)
        venue, key = world.operator.params.venue, world.operator.params_key
        vault = Vault.deploy(world.place, CHAIN_ID, venue, block_s=None)
        ada = Attestor.make(world.place, "ada", venue, (vault,))
        members = MemberSet(
            venue=venue, chain=canonical.to_hex(chain_digest(vault.chain, vault.genesis)), version=1, threshold=1,
            from_epoch=1, members=(ada.entry(vault),),
        )  # fmt: skip
        documents = {
            "registry": registry((vault,), venue, world.operator.params.quote).sign(key).to_bytes(),
            "set": SignedMemberSet(members=members.sign(key).to_value()).to_bytes(),
        }
        files = {name: world.directory / f"{name}.json" for name in documents}
        for name, content in documents.items():
            files[name].write_bytes(content)
        at = operations.at(None, world.verifier)
        at.publish_registry(documents["registry"])
        at.publish_set(documents["set"])
        trust = str(world.directory / "trust.json")
        url = ada.run("--trust", trust, "--registry", str(files["registry"]), "--set", str(files["set"]))
        yield Chains(world, vault, url, ada.token_file, files["registry"], files["set"])
