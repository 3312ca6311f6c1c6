"""Every vector, by the fast path and by the reference path: both must give exactly the verdict that it names."""

import json
from pathlib import Path

import pytest
from quick_sums import quick_reference
from vector_codec import (
    assignment_from_json,
    opening_from_json,
    relation_from_json,
    seeded_entropy,
    unhexed,
)

from zkmargin import errors, range_argument, reference
from zkmargin.generators import base, generators
from zkmargin.group import decode, encode
from zkmargin.pedersen import commit
from zkmargin.transcript import Transcript

HERE = Path(__file__).resolve().parent


def load(name):
    return json.loads((HERE / f"{name}.json").read_text())


RANGE = load("range_argument")
ACCEPTS = {accept["name"]: accept for accept in RANGE["accept"]}
COMMITMENTS = load("commitments")


def fast(relation, V, proof, context):
    range_argument.verify(relation, [decode(point, allow_identity=True) for point in V], proof, context=context)


def slow(relation, V, proof, context):
    reference.verify(relation, V, proof, context=context)


def quick(relation, V, proof, context):
    with quick_reference():
        reference.verify(relation, V, proof, context=context)


def arguments(vector):
    return (
        relation_from_json(vector["relation"]),
        [unhexed(point) for point in vector["V"]],
        unhexed(vector["proof"]),
        unhexed(vector["context"]),
    )


@pytest.mark.parametrize("name", ACCEPTS)
def test_accepts_are_reproved_byte_for_byte(name):
    vector = ACCEPTS[name]
    relation, V, proof, context = arguments(vector)
    openings = [opening_from_json(opening) for opening in vector["openings"]]
    assert relation.digest == unhexed(vector["relation_digest"])
    assert [encode(commit(opening)) for opening in openings] == V
    with seeded_entropy(vector["seed"]):
        assert (
            range_argument.prove(relation, openings, assignment_from_json(vector["assignment"]), context=context)
            == proof
        )


@pytest.mark.parametrize("verify", [fast, slow])
@pytest.mark.parametrize("name", ACCEPTS)
def test_accepts(name, verify):
    verify(*arguments(ACCEPTS[name]))


@pytest.mark.parametrize("verify", [fast, quick])
@pytest.mark.parametrize("reject", RANGE["reject"], ids=lambda reject: reject["name"])
def test_rejects(reject, verify):
    changed = {key: value for key, value in reject.items() if key in ("relation", "V", "proof", "context")}
    # A lock is a part of the relation and a commitment: whoever adds, drops or moves one changes both.
    assert len(changed) == 1 or (set(changed) == {"relation", "V"} and "lock" in reject["name"]), "one failure a vector"
    accept = ACCEPTS[reject["mutates"]]
    assert accept | changed != accept
    with pytest.raises(errors.VerificationError) as caught:
        verify(*arguments(accept | changed))
    assert type(caught.value).__name__ == reject["error"]


def test_generators():
    vectors = load("generators")
    for vector in vectors["bases"]:
        assert encode(base(vector["role"], vector["index"])) == unhexed(vector["point"])
    for shape in vectors["shapes"]:
        assert generators(shape["M"], shape["N_padded"]).digest == unhexed(shape["digest"])


def test_transcript():
    vectors = load("transcript")
    transcript = Transcript(vectors["domain"].encode())
    for step in vectors["steps"]:
        if "absorb" in step:
            transcript.absorb(step["absorb"], unhexed(step["data"]))
        elif "challenge" in step:
            assert transcript.challenge(step["challenge"]).to_bytes(32, "big") == unhexed(step["value"])
        assert transcript.state == unhexed(step["state"])


@pytest.mark.parametrize("vector", COMMITMENTS["accept"], ids=lambda vector: vector["name"])
def test_commitments(vector):
    point = commit(opening_from_json(vector))
    assert encode(point) == unhexed(vector["commitment"])
    assert decode(unhexed(vector["commitment"]), allow_identity=True) == point


@pytest.mark.parametrize("vector", COMMITMENTS["reject"], ids=lambda vector: vector["name"])
def test_bad_commitments(vector):
    with pytest.raises(getattr(errors, vector["error"])):
        decode(unhexed(vector["commitment"]), allow_identity=True)
