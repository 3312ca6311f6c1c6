"""The attestor at work: its keys, its documents, its chains. What it does with them: pledges.py, checkpoints.py."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from verifier import config_file, disk
from verifier.errors import Unavailable
from verifier.publication import Published
from verifier.store import Store
from zkmargin import canonical
from zkmargin.collateral import SigningKey
from zkmargin.collateral.members import Member, SignedMemberSet
from zkmargin.collateral.registry import ChainEntry, Chains
from zkmargin.errors import ContextError, InputError

from . import keys, papers, sets, tables
from .reader import Reader
from .readers import open_reader
from .settings import DATABASE_FILE, TOKEN_FILE, AttestorSettings
from .watched import Watched

ASKED_AT_ONCE = 4
"""Pledges that may ask a node at the same time: strangers must not keep it from the member's own work."""
OpenReader = Callable[[str, str, bytes, int], Reader]
"""(kind, address of the node, vault, delay_s)."""


class Desk:
    """An attestor on its directory. Safe to share between threads."""

    def __init__(
        self,
        settings: AttestorSettings,
        store: Store,
        signing_keys: Sequence[SigningKey],
        token: str,
        reader: OpenReader = open_reader,
    ) -> None:
        self.settings = settings
        self.store = store
        self.token = token
        self.keys = tuple(signing_keys)
        self._open_reader = reader
        self._readers: dict[tuple[str, str], Reader] = {}
        self._opening = threading.Lock()
        self.busy: dict[str, threading.Lock] = {chain: threading.Lock() for chain in settings.url_of}
        """One survey of a chain at a time."""
        self.asking = {chain: threading.BoundedSemaphore(ASKED_AT_ONCE) for chain in settings.url_of}
        """Held while a stranger's pledge asks the node of a chain."""

    @classmethod
    def open(cls, directory: Path, reader: OpenReader = open_reader) -> Desk:
        """The attestor that ``init`` made in ``directory``.

        Raises: InputError: not made there.   Unavailable.
        """
        settings = config_file.load(AttestorSettings, directory)
        signing_keys = keys.read_signing(directory)
        token = keys.read_token(directory / TOKEN_FILE)
        database = directory / DATABASE_FILE
        store = Store(f"sqlite:///{database.absolute()}")
        if not disk.exists(database) or not tables.is_made(store):
            store.close()
            # It says which epochs are signed. A new one in its place would let this member sign them a second time.
            raise InputError(f"{database} is gone or empty: this member's keys must not sign again", code="no_database")
        tables.create(store)
        return cls(settings, store, signing_keys, token, reader)

    def describe(self) -> dict[str, str]:
        """Venue, name and public keys."""
        return {
            "venue": self.settings.venue,
            "member": self.settings.member,
            **{key.scheme: key.public for key in self.keys},
        }

    def entry(self, chain: str, genesis: str | None = None) -> Member:
        """This member as it stands in a set of attestors of ``chain`` (CAIP-2): keys with proofs of possession.

        Raises: ContextError "no_registry", "unknown_chain"; InputError.
        """
        with self.store.reading() as session:
            digest = sets.chain_digest_of(session, chain, genesis)
        return Member.of(self.settings.member, self.keys, venue=self.settings.venue, chain=digest)

    def publish_trust(self, data: bytes) -> Published:
        """As ``papers.publish_trust``."""
        with self.store.writing() as session:
            return papers.publish_trust(session, data, self.settings.venue)

    def publish_registry(self, data: bytes) -> Published:
        """As ``papers.publish_registry``."""
        with self.store.writing() as session:
            return papers.publish_registry(session, data, self.settings.venue)

    def publish_set(self, data: bytes) -> Published:
        """As ``papers.publish_set``."""
        with self.store.writing() as session:
            return papers.publish_set(session, sets.read_set(data), self.settings.venue)

    def approve_set(self, data: bytes) -> SignedMemberSet:
        """As ``sets.approve``."""
        with self.store.writing() as session:
            return sets.approve(session, data, venue=self.settings.venue, member=self.settings.member, keys=self.keys)

    def registry(self) -> Chains:
        """The registry. Raises: ContextError "no_registry"."""
        with self.store.reading() as session:
            return papers.registry(session)

    def watched(self, entry: ChainEntry) -> Watched:
        """The chain of the registry, through this member's node.

        Raises: ContextError "not_followed".   Unavailable.
        """
        url = self.settings.url_of.get(entry.chain)
        if url is None:
            raise ContextError("this attestor does not follow this chain", code="not_followed")
        with self._opening:
            reader = self._readers.get((entry.chain, entry.vault))
            if reader is None:
                reader = self._open_reader(entry.kind, url, canonical.from_hex(entry.vault), entry.delay_s)
                self._readers[entry.chain, entry.vault] = reader
        return Watched(entry, reader)

    def chain(self, chain: str) -> Watched:
        """The chain of a CAIP-2 id that this member follows.

        Raises: ContextError "no_registry", "unknown_chain", "not_followed".   Unavailable.
        """
        return self.watched(self.registry().chain_of(chain))

    def check_chains(self) -> dict[str, str]:
        """Look at every chain that is followed; what is wrong with it, by its CAIP-2 id. Empty: all is well."""
        wrong: dict[str, Any] = {}
        for chain in self.settings.url_of:
            try:
                self.chain(chain).check_identity()
            except (ContextError, Unavailable) as error:
                wrong[chain] = error.code
        return wrong
