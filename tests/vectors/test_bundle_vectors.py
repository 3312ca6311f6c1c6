"""Whole bundles, by the offline checker, and their proofs by the reference path too."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from bundle_rejects import mutated
from bundle_world import accepts, check
from quick_sums import quick_reference

from circuits.evidence import Evidence
from circuits.policy import verify_bundle
from circuits.statement import build
from zkmargin import canonical, errors, reference
from zkmargin.bundle import Bundle
from zkmargin.collateral import Chains, CollateralLock, MemberSet
from zkmargin.documents import Params, Policy, Round, Signed
from zkmargin.group import encode

VECTORS = json.loads((Path(__file__).resolve().parent / "bundles.json").read_text())
ACCEPTS = {accept["name"]: accept for accept in VECTORS["accept"]}


def evidence():
    locks = [CollateralLock.from_value(lock) for lock in VECTORS["locks"]]
    members = {lock.chain: MemberSet.from_value(VECTORS["members"]) for lock in locks}
    registry = Signed.from_value(VECTORS["registry"], Chains)
    return Evidence.of(registry, members, locks, now_unix_s=VECTORS["now_unix_s"])


def checked(data, now_unix_s):
    """With the documents of the file alone."""
    verify_bundle(
        Bundle.from_bytes(data),
        policy=Policy.from_value(VECTORS["policy"]),
        params=Signed.from_value(VECTORS["params"], Params),
        round=Round.from_value(VECTORS["round"]),
        now_unix_s=now_unix_s,
        collateral=EVIDENCE,
    )


EVIDENCE = evidence()


def test_accepts_are_reproved_byte_for_byte():
    made = accepts()
    assert {name: bundle.to_bytes().decode() for name, bundle in made.items()} == {
        name: accept["bundle"] for name, accept in ACCEPTS.items()
    }
    assert [bundle.id for bundle in made.values()] == [accept["id"] for accept in ACCEPTS.values()]


@pytest.mark.parametrize("name", ACCEPTS)
def test_accepts(name):
    data = ACCEPTS[name]["bundle"].encode()
    checked(data, VECTORS["now_unix_s"])
    check(data)


@pytest.mark.parametrize("sums", [quick_reference, pytest.param(nullcontext, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ACCEPTS)
def test_the_reference_agrees(name, sums):
    bundle = Bundle.from_bytes(ACCEPTS[name]["bundle"].encode())
    registry = EVIDENCE.registry.document
    statement = build(bundle.request, bundle.state.document, bundle.params.document, bundle.round, registry)
    V = [encode(point) for point in statement.commitments]
    with sums():
        reference.verify(statement.relation, V, bundle.proof, context=statement.context)
        with pytest.raises(errors.ProofError):
            reference.verify(statement.relation, V, bundle.proof, context=statement.context + b"\x00")


@pytest.mark.parametrize("reject", VECTORS["reject"], ids=lambda reject: reject["name"])
def test_rejects(reject):
    accept = ACCEPTS[reject["mutates"]]["bundle"]
    data, now = mutated(accept, reject), reject.get("now_unix_s", VECTORS["now_unix_s"])
    assert len({"set", "append", "now_unix_s"} & set(reject)) == 1, "one failure a vector"
    assert data != accept.encode() or "now_unix_s" in reject
    with pytest.raises(errors.VerificationError) as caught:
        checked(data, now)
    assert (type(caught.value).__name__, caught.value.code) == (reject["error"], reject["code"])


def test_ids_are_digests():
    for accept in ACCEPTS.values():
        assert canonical.digest(accept["bundle"].encode()) == accept["id"]
