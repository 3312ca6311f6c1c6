"""Published vectors of the CFRG draft, reproduced byte for byte from its own seeded generator.

The deterministic generator lives here and nowhere else: nonces of real proofs come from the operating system.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zkmargin import errors
from zkmargin.errors import EncodingError, ProofError
from zkmargin.group import decode, encode
from zkmargin.sigma_linear import (
    BASE_POINT,
    BATCHABLE,
    COMPACT,
    SUITE,
    Equation,
    LinearRelation,
    prove_batchable,
    prove_compact,
    verify_batchable,
    verify_compact,
)
from zkmargin.sigma_sponge import DuplexSponge, decode_scalar, derive_session_id

DOCUMENT = json.loads((Path(__file__).parents[1] / "vectors/external/sigma_proofs_bls12381.json").read_text())
BASES = {vector["relation"]: vector for vector in DOCUMENT["accept"]}
FLAVOURS = {
    "batchable": (BATCHABLE, prove_batchable, verify_batchable),
    "compact": (COMPACT, prove_compact, verify_compact),
}
FLAVOUR_NAMES = list(FLAVOURS)


def relation_of(equations: list[Any], elements: str) -> LinearRelation:
    encoded = bytes.fromhex(elements)
    return LinearRelation(
        tuple(decode(encoded[i : i + 48], allow_identity=True) for i in range(0, len(encoded), 48)),
        tuple(Equation(tuple(map(tuple, image)), tuple(map(tuple, terms))) for image, terms in equations),
    )


def tag_of(name: str, flavour: str) -> bytes:
    return name.encode() + b"-" + FLAVOURS[flavour][0] + b"-with-" + SUITE


def seeded_nonces(name: str, flavour: str, count: int) -> list[int]:
    """The draft's test generator (its appendix A.1): a sponge over a tag, 48 bytes a scalar."""
    tag = b"TestDRNG-SIGMA-PROOFS-" + FLAVOURS[flavour][0] + b"-" + SUITE + b"-" + name.encode()
    sponge = DuplexSponge(derive_session_id(tag))
    return [decode_scalar(sponge.squeeze(48)) for _ in range(count)]


@pytest.mark.parametrize("flavour", FLAVOUR_NAMES)
@pytest.mark.parametrize("vector", DOCUMENT["accept"], ids=lambda vector: vector["relation"])
def test_accept_vectors_are_reproduced(vector: dict[str, Any], flavour: str) -> None:
    relation = relation_of(vector["equations"], vector["elements"])
    words = bytes.fromhex(vector["witness"])
    witness = [int.from_bytes(words[i : i + 32], "big") for i in range(0, len(words), 32)]
    tag = tag_of(vector["relation"], flavour)
    _, prove, verify = FLAVOURS[flavour]
    assert derive_session_id(tag).hex() == vector[f"{flavour}_session_id"]
    assert relation.map(witness) == relation.image
    proof = prove(tag, relation, witness, seeded_nonces(vector["relation"], flavour, relation.num_scalars))
    assert proof.hex() == vector[flavour]
    verify(tag, relation, proof)


def test_a_published_instance_is_reproduced() -> None:
    """The draft prints this serialization in full; the others are pinned by the proofs over them."""
    one = "00" * 31 + "01"
    vector = BASES["pedersen_commitment"]
    assert relation_of(vector["equations"], vector["elements"]).encoded.hex() == (
        f"0100000001000000 03000000{one} 02000000 0000000001000000{one} 0100000002000000{one}".replace(" ", "")
        + vector["elements"]
    )


@pytest.mark.parametrize("vector", DOCUMENT["accept_unusual"], ids=lambda vector: vector["id"])
def test_unusual_accept_vectors(vector: dict[str, Any]) -> None:
    relation = relation_of(vector["equations"], vector["elements"])
    verify_batchable(tag_of(vector["tag"], "batchable"), relation, bytes.fromhex(vector["batchable"]))


@pytest.mark.parametrize("vector", DOCUMENT["reject"], ids=lambda vector: f"{vector['id']}-{vector['flavour']}")
def test_reject_vectors(vector: dict[str, Any]) -> None:
    base, flavour = BASES[vector["base"]], vector["flavour"]
    proof = bytes.fromhex(vector.get("proof", base[flavour]))
    tag = tag_of(vector.get("tag", vector["base"]), flavour)
    with pytest.raises(getattr(errors, vector["error"])):
        FLAVOURS[flavour][2](
            tag,
            relation_of(vector.get("equations", base["equations"]), vector.get("elements", base["elements"])),
            proof,
        )


@pytest.mark.parametrize("flavour", FLAVOUR_NAMES)
def test_trailing_and_missing_bytes(flavour: str) -> None:
    """C1 and C2 of the draft."""
    vector = BASES["discrete_logarithm"]
    relation, proof = relation_of(vector["equations"], vector["elements"]), bytes.fromhex(vector[flavour])
    for bad in (proof + b"\x00", proof[:-1], b""):
        with pytest.raises(EncodingError):
            FLAVOURS[flavour][2](tag_of("discrete_logarithm", flavour), relation, bad)


def test_a_batchable_transcript_is_no_compact_proof() -> None:
    """F4 of the draft: the flavour is part of the tag."""
    vector = BASES["discrete_logarithm"]
    relation = relation_of(vector["equations"], vector["elements"])
    batchable = bytes.fromhex(vector["batchable"])
    sponge = DuplexSponge(derive_session_id(tag_of("discrete_logarithm", "batchable")))
    sponge.absorb(relation.encoded + batchable[:48])
    challenge = decode_scalar(sponge.squeeze(48)).to_bytes(32, "big")
    verify_compact(tag_of("discrete_logarithm", "batchable"), relation, challenge + batchable[48:])
    with pytest.raises(ProofError):
        verify_compact(tag_of("discrete_logarithm", "compact"), relation, challenge + batchable[48:])


def test_base_point_is_the_standard_generator() -> None:
    assert encode(BASE_POINT).hex().startswith("97f1d3a73197d794")
