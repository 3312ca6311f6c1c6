"""The 32 bytes that stand for a chain: its CAIP-2 name and the hash of its genesis block.

The name alone would not do: a test chain can call itself eip155:1. Two names of one chain make two digests; what keeps
a lock from counting under both is its tag, which names no chain.
"""

from __future__ import annotations

import hashlib
import re

from ..errors import InputError
from .fields import check_chain_id

_DOMAIN = b"zkmargin/chain/v1"
_CHAIN_ID = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}", re.ASCII)


def chain_digest(chain: str, genesis: bytes) -> bytes:
    """SHA-256("zkmargin/chain/v1" | length of the CAIP-2 id in 4 bytes | the id | genesis hash).

    Raises: InputError: not a CAIP-2 id, or the hash is not 32 bytes.
    """
    if _CHAIN_ID.fullmatch(chain) is None:
        raise InputError('a chain is named by its CAIP-2 id, such as "eip155:1"')
    check_chain_id(chain)
    if len(genesis) != 32:
        raise InputError("the hash of a genesis block is 32 bytes")
    name = chain.encode("ascii")
    return hashlib.sha256(_DOMAIN + len(name).to_bytes(4, "big") + name + genesis).digest()
