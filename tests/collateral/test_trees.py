"""Leaves, their tree, and revocations: byte for byte, and every refusal with its code."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import bad_points
import pytest
from collateral_world import LOCKS, leaves
from hypothesis import given
from hypothesis import strategies as st

from zkmargin.collateral import LEAF_BYTES, Leaf, Revocation, merkle, revoked_root
from zkmargin.errors import ContextError, EncodingError, InputError, ZkMarginError
from zkmargin.group import IDENTITY, encode

LEAF = leaves(LOCKS)[0]
DATA = LEAF.to_bytes()


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ZkMarginError) as caught:
        call(*arguments, **named)
    return caught.value.code


# Leaves


def test_a_leaf_is_267_bytes() -> None:
    words = (LEAF.venue, LEAF.chain, LEAF.vault, LEAF.asset, LEAF.account, LEAF.tag)
    tail = LEAF.lot.to_bytes(16, "big") + LEAF.expiry.to_bytes(8, "big")
    assert bytes([1, 1, LEAF.bits]) + b"".join(words) + LEAF.commitment + tail == DATA
    assert len(DATA) == LEAF_BYTES == 267
    assert Leaf.from_bytes(DATA) == LEAF
    assert LEAF.hash == sha(b"\0", DATA)


@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA + b"\0", b"\0" + DATA[1:], b"\2" + DATA[1:]])
def test_other_bytes_are_no_leaf(data: bytes) -> None:
    assert code_of(Leaf.from_bytes, data) == "bad_leaf"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": 0},
        {"kind": 3},
        {"bits": 0},
        {"bits": 49},
        {"lot": 0},
        {"lot": 2**128},
        {"expiry": 2**53},
        {"expiry": -1},
        {"tag": bytes(31)},
        {"commitment": bytes(47)},
    ],
)
def test_fields_of_a_leaf_are_in_range(changes: dict[str, Any]) -> None:
    assert code_of(replace, LEAF, **changes) == "bad_leaf"


def test_bytes_of_a_leaf_that_are_out_of_range() -> None:
    for at, byte in ((1, 0), (1, 3), (2, 0), (2, 49), (LEAF_BYTES - 8, 0x80)):
        data = bytearray(DATA)
        data[at] = byte
        assert code_of(Leaf.from_bytes, bytes(data)) == "bad_leaf"
    assert code_of(Leaf.from_bytes, DATA[:-24] + bytes(16) + DATA[-8:]) == "bad_leaf"


@given(st.integers(0, LEAF_BYTES - 1), st.integers(1, 255))
def test_a_leaf_has_one_encoding(at: int, flip: int) -> None:
    data = bytearray(DATA)
    data[at] ^= flip
    try:
        read = Leaf.from_bytes(bytes(data))
    except EncodingError:
        return
    assert read != LEAF
    assert read.to_bytes() == bytes(data)


@pytest.mark.parametrize("name", [name for name, data in bad_points.NEVER_VALID.items() if len(data) == 48])
def test_the_point_of_a_leaf_is_one(name: str) -> None:
    leaf = Leaf.from_bytes(replace(LEAF, commitment=bad_points.NEVER_VALID[name]).to_bytes())
    assert code_of(lambda: leaf.point) == "bad_commitment"


def test_the_point_of_a_leaf_is_not_the_identity() -> None:
    assert code_of(lambda: replace(LEAF, commitment=encode(IDENTITY)).point) == "bad_commitment"
    assert encode(LEAF.point) == LEAF.commitment


# The tree


def test_small_trees_by_hand() -> None:
    a, b, c = sorted(merkle.leaf_hash(bytes([n])) for n in range(3))
    assert merkle.leaf_hash(b"x") == sha(b"\0", b"x")
    assert merkle.root([]) == bytes(32)
    assert merkle.root([a]) == a
    assert merkle.root([a, b]) == sha(b"\1", a, b)
    assert merkle.root([a, b, c]) == sha(b"\1", sha(b"\1", a, b), sha(b"\1", c, bytes(32)))
    assert merkle.path([a, b, c], 2) == (bytes(32), sha(b"\1", a, b))
    assert [merkle.depth(count) for count in (0, 1, 2, 3, 4, 5, 8, 9)] == [0, 0, 1, 2, 2, 3, 3, 4]


def test_every_path_of_every_size() -> None:
    for count in range(1, 18):
        hashes = sorted(merkle.leaf_hash(bytes([n])) for n in range(count))
        root = merkle.root(hashes)
        for index in range(count):
            siblings = merkle.path(hashes, index)
            merkle.check_path(hashes[index], index, siblings, root=root, count=count)
            for wrong in range(count + 2):
                if wrong != index:
                    assert code_of(merkle.check_path, hashes[index], wrong, siblings, root=root, count=count)


def test_leaves_are_sorted_and_each_once() -> None:
    a, b = sorted((merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")))
    for hashes in ([b, a], [a, a], [a, b, b], [a, b, a]):
        assert code_of(merkle.root, hashes) == "unsorted_leaves"
        assert code_of(merkle.path, hashes, 0) == "unsorted_leaves"


HASHES = sorted(merkle.leaf_hash(bytes([n])) for n in range(5))
ROOT = merkle.root(HASHES)
PATH = merkle.path(HASHES, 3)


@pytest.mark.parametrize(
    ("leaf", "index", "siblings", "count"),
    [
        (HASHES[3], 3, (*PATH, bytes(32)), 5),
        (HASHES[3], 3, PATH[:-1], 5),
        (HASHES[3], 3, (), 5),
        (HASHES[3], 3 + 8, PATH, 5),
        (HASHES[3], -5, PATH, 5),
        (HASHES[3], 5, PATH, 5),
        (HASHES[3], 3, PATH[::-1], 5),
        (HASHES[3], 3, (PATH[0][:-1], *PATH[1:]), 5),
        (HASHES[3], 3, (PATH[0] + b"\0", *PATH[1:]), 5),
        (HASHES[2], 3, PATH, 5),
        (HASHES[3], 3, PATH, 4),
        (HASHES[3], 3, PATH, 9),
        (HASHES[3], 3, PATH, 0),
        (bytes(32), 5, merkle.path(HASHES, 4), 5),
    ],
)
def test_a_path_leads_from_its_leaf_only(leaf: bytes, index: int, siblings: tuple[bytes, ...], count: int) -> None:
    merkle.check_path(HASHES[3], 3, PATH, root=ROOT, count=5)
    with pytest.raises(ContextError) as caught:
        merkle.check_path(leaf, index, siblings, root=ROOT, count=count)
    assert caught.value.code == "bad_path"


def test_the_zeros_that_fill_a_tree_are_no_leaves() -> None:
    """The path to a zero leads to the root, but its index is not below the count."""
    siblings = (bytes(32), sha(b"\1", bytes(32), bytes(32)), merkle.path(HASHES, 4)[2])
    for index in (5, 6, 7):
        with pytest.raises(ContextError):
            merkle.check_path(bytes(32), index, siblings, root=ROOT, count=5)


def test_a_node_is_no_leaf() -> None:
    """The number of leaves is signed, so its path is too short; and no leaf hashes to it."""
    node = sha(b"\1", HASHES[2], HASHES[3])
    assert code_of(merkle.check_path, node, 1, PATH[1:], root=ROOT, count=5) == "bad_path"
    assert merkle.leaf_hash(HASHES[2] + HASHES[3]) != node


def test_a_path_of_no_leaf() -> None:
    for index in (-1, 5):
        with pytest.raises(IndexError):
            merkle.path(HASHES, index)


# Revocations

TAGS = ["0x" + f"{n:02x}" * 32 for n in (1, 2, 3)]


def test_revocations_have_entries_of_their_own() -> None:
    listed = [
        Revocation(tag=tag, reason=reason) for tag, reason in zip(TAGS, ("reorged", "released", "seized"), strict=True)
    ]
    entries = [b"\2" + bytes([n]) * 32 + bytes([n]) for n in (1, 2, 3)]
    assert [revocation.leaf_bytes() for revocation in listed] == entries
    assert revoked_root([]) == bytes(32)
    assert revoked_root(listed) == merkle.root(sorted(sha(b"\0", entry) for entry in entries))
    assert len({revoked_root([Revocation(tag=TAGS[0], reason=r)]) for r in ("reorged", "released", "seized")}) == 3


def test_revocations_are_sorted_by_tag_and_each_once() -> None:
    one, other = Revocation(tag=TAGS[0], reason="seized"), Revocation(tag=TAGS[1], reason="reorged")
    again = Revocation(tag=TAGS[0], reason="released")
    for listed in ([other, one], [one, one], [one, again]):
        assert code_of(revoked_root, listed) == "unsorted_revocations"


def test_a_revocation_has_a_reason() -> None:
    with pytest.raises(InputError):
        Revocation.from_value({"tag": TAGS[0], "reason": "lost"})
