"""Write the test vectors again: ``python tests/vectors/regenerate.py``. The files must come out byte for byte.

One failure a vector: every reject names the accept that it mutates, what was done, and the exact error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE)]

import bad_points
import bundle_rejects
import bundle_world
import collateral_vectors
import small_relations
from vector_codec import (
    assignment_to_json,
    hexed,
    opening_to_json,
    relation_to_json,
    seeded_entropy,
)

from zkmargin.field import R
from zkmargin.generators import DST, base, generators
from zkmargin.group import encode
from zkmargin.pedersen import ZERO, Opening, commit
from zkmargin.range_argument import prove
from zkmargin.transcript import DOMAIN, Transcript

ROLES = [("value", 0), ("blinding", 0), ("error-1", 0), ("error-2", 0), ("error-4", 0)]
ROLES += [(role, i) for role in ("multiplicity", "norm") for i in (0, 1, 31)]


def generator_vectors() -> dict[str, Any]:
    return {
        "dst": DST.decode(),
        "bases": [
            {
                "role": role,
                "index": i,
                "message": hexed(role.encode() + i.to_bytes(4, "big")),
                "point": hexed(encode(base(role, i))),
            }
            for role, i in ROLES
        ],
        "shapes": [
            {"M": M, "N_padded": N, "digest": hexed(generators(M, N).digest)} for M, N in ((2, 1), (32, 256), (64, 64))
        ],
    }


def transcript_vectors() -> dict[str, Any]:
    transcript = Transcript()
    steps: list[dict[str, str]] = [{"state": hexed(transcript.state)}]
    script: list[tuple[str, bytes | None]] = [
        ("context", b""),
        ("V", encode(base("value"))),
        ("alpha", None),
        ("R", bytes(48)),
        ("rho", None),
        ("x", None),
    ]
    for label, data in script:
        if data is None:
            challenge = transcript.challenge(label)
            steps.append({"challenge": label, "value": hexed(challenge.to_bytes(32, "big"))})
        else:
            transcript.absorb(label, data)
            steps.append({"absorb": label, "data": hexed(data)})
        steps[-1]["state"] = hexed(transcript.state)
    return {"domain": DOMAIN.decode(), "steps": steps}


def commitment_vectors() -> dict[str, Any]:
    openings = {
        "never used": ZERO,
        "one": Opening(1, 0),
        "only blinding": Opening(0, 1),
        "negative": Opening(-5, 7),
        "r - 5, the same as -5": Opening(R - 5, 7),
        "large": Opening(2**150, R - 1),
    }
    return {
        "accept": [
            {"name": name, **opening_to_json(opening), "commitment": hexed(encode(commit(opening)))}
            for name, opening in openings.items()
        ],
        "reject": [
            {"name": name, "mutates": "one", "commitment": hexed(data), "error": "EncodingError"}
            for name, data in bad_points.NEVER_VALID.items()
        ],
    }


class Recorder:
    """Collects the challenges of the transcript that is used while it is active."""

    def __init__(self) -> None:
        self.challenges: list[list[str]] = []
        self._real = Transcript.challenge

    def __enter__(self) -> Recorder:
        real, challenges = self._real, self.challenges

        def recording(transcript: Transcript, label: str) -> int:
            value = real(transcript, label)
            challenges.append([label, hexed(value.to_bytes(32, "big"))])
            return value

        Transcript.challenge = recording
        return self

    def __exit__(self, *_: object) -> None:
        Transcript.challenge = self._real


def range_argument_vectors() -> dict[str, Any]:
    accepts = []
    for case in small_relations.cases():
        openings, context = case.openings(), f"vector: {case.name}".encode()
        with seeded_entropy(case.name), Recorder() as recorder:
            proof = prove(case.relation, openings, case.assignment, context=context)
        accepts.append(
            {
                "name": case.name,
                "seed": case.name,
                "relation": relation_to_json(case.relation),
                "relation_digest": hexed(case.relation.digest),
                "generators_digest": hexed(generators(case.relation.M, case.relation.N_padded).digest),
                "N_padded": case.relation.N_padded,
                "rounds": case.relation.K,
                "openings": [opening_to_json(opening) for opening in openings],
                "assignment": assignment_to_json(case.assignment),
                "context": hexed(context),
                "V": [hexed(encode(commit(opening))) for opening in openings],
                "challenges": recorder.challenges,
                "proof": hexed(proof),
            }
        )
    return {"accept": accepts, "reject": [*_rejects(accepts[4]), *_attested_rejects(accepts[8])]}


def _rejects(accept: dict[str, Any]) -> Any:
    """Mutations of one accept; each changes exactly one thing."""
    proof = bytes.fromhex(accept["proof"][2:])
    tail = 48 * (3 + 2 * accept["rounds"])

    def reject(name: str, error: str, **fields: Any) -> dict[str, Any]:
        return {"name": name, "mutates": accept["name"], "error": error, **fields}

    def with_proof(name: str, error: str, mutated: bytes) -> dict[str, Any]:
        return reject(name, error, proof=hexed(mutated))

    def replaced(at: int, data: bytes) -> bytes:
        return proof[:at] + data + proof[at + len(data) :]

    named = {"A": 0, "R": 48, "S": 96, "X_0": 144, "Y_0": 192}
    for name, at in named.items():
        for kind, data in bad_points.NEVER_VALID.items():
            if len(data) == 48:
                yield with_proof(f"{name}: {kind}", "EncodingError", replaced(at, data))
        yield with_proof(f"{name}: infinity", "EncodingError", replaced(at, b"\xc0" + bytes(47)))
        yield with_proof(f"{name}: another point", "ProofError", replaced(at, encode(base("norm", 7))))
        yield with_proof(f"{name}: negated", "ProofError", replaced(at, bytes([proof[at] ^ 0x20])))
    for at in range(tail, len(proof), 32):
        scalar = int.from_bytes(proof[at : at + 32], "big")
        yield with_proof(f"scalar at {at}: + 1", "ProofError", replaced(at, ((scalar + 1) % R).to_bytes(32, "big")))
        yield with_proof(f"scalar at {at}: + r", "EncodingError", replaced(at, (scalar + R).to_bytes(32, "big")))
        yield with_proof(f"scalar at {at}: r", "EncodingError", replaced(at, R.to_bytes(32, "big")))
    yield with_proof("A and R swapped", "ProofError", proof[48:96] + proof[:48] + proof[96:])
    yield with_proof("X_0 and Y_0 swapped", "ProofError", proof[:144] + proof[192:240] + proof[144:192] + proof[240:])
    yield with_proof("truncated by a byte", "EncodingError", proof[:-1])
    yield with_proof("truncated by a scalar", "EncodingError", proof[:-32])
    yield with_proof("extended by a byte", "EncodingError", proof + b"\x00")
    yield with_proof("extended by a scalar", "EncodingError", proof + bytes(32))
    yield with_proof("empty", "EncodingError", b"")
    yield with_proof("all zero", "EncodingError", bytes(len(proof)))

    V = accept["V"]
    yield reject("commitments swapped", "ProofError", V=V[::-1])
    yield reject("one commitment fewer", "ProofError", V=V[:-1])
    yield reject("one commitment more", "ProofError", V=[*V, V[0]])
    yield reject("no commitments", "ProofError", V=[])
    yield reject("first commitment + G", "ProofError", V=[_shifted(accept, 1), V[1]])
    yield reject("first commitment is the identity", "ProofError", V=[hexed(b"\xc0" + bytes(47)), V[1]])
    yield reject("context + a byte", "ProofError", context=accept["context"] + "00")
    yield reject("context dropped", "ProofError", context="0x")
    for what, change in RELATION_CHANGES.items():
        relation = json.loads(json.dumps(accept["relation"]))
        change(relation)
        yield reject(f"relation: {what}", "ProofError", relation=relation)


def _attested_rejects(accept: dict[str, Any]) -> Any:
    """Every way in which attested values can be others than those that were proved."""
    V = accept["V"]

    def reject(name: str, relation: Any = None, **fields: Any) -> dict[str, Any]:
        changed = {} if relation is None else {"relation": json.loads(json.dumps(accept["relation"]))}
        for change in relation or ():
            change(changed["relation"])
        return {"name": f"attested: {name}", "mutates": accept["name"], "error": "ProofError", **changed, **fields}

    margin = ["rows", 2, "P"]
    cash, size, first, second = accept["relation"]["rows"][2]["P"]
    third = [4, "1"]
    yield reject("a bit more", [_set(["attested", 0, 1], 7)])
    yield reject("a bit less", [_set(["attested", 1, 1], 3)])
    yield reject("the bits swapped", [_set(["attested"], [[2, 4], [3, 6]])])
    yield reject("of a value that was not", [_set(["attested"], [[1, 8], [2, 6], [3, 4]])])
    yield reject("a coefficient one more", [_set([*margin, 2, 1], "8")])
    yield reject("a coefficient one less", [_set([*margin, 3, 1], "34")])
    yield reject("a coefficient negated", [_set([*margin, 2, 1], "-7")])
    yield reject("not counted", [_set(margin, [cash, size, second])])
    yield reject("a commitment swapped for another", V=[*V[:2], V[3], V[2]])
    yield reject("a commitment used twice", V=[*V[:3], V[2]])
    yield reject("a commitment is the identity", V=[*V[:3], hexed(b"\xc0" + bytes(47))])
    added = [
        _set(["J"], 5),
        _set(["attested"], [[2, 6], [3, 4], [4, 1]]),
        _set(margin, [cash, size, first, second, third]),
    ]
    yield reject("a lock added", added, V=[*V, V[0]])
    yield reject("a lock added that is not counted", added[:2], V=[*V, V[0]])
    dropped = [_set(["J"], 3), _set(["attested"], [[2, 6]]), _set(margin, [cash, size, first])]
    yield reject("a lock dropped", dropped, V=V[:3])
    reordered = [_set(["attested"], [[2, 4], [3, 6]]), _set(margin, [cash, size, [2, "35"], [3, "7"]])]
    yield reject("locks in another order", reordered, V=[*V[:2], V[3], V[2]])


def _shifted(accept: dict[str, Any], by: int) -> str:
    first = accept["openings"][0]
    return hexed(encode(commit(Opening(int(first["value"]) + by, int(first["blinding"])))))


def _set(path: list[Any], value: Any) -> Any:
    def change(relation: dict[str, Any]) -> None:
        target: Any = relation
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


RELATION_CHANGES = {
    "constant of the margin row": _set(["rows", 2, "b"], "1"),
    "price of the long part": _set(["rows", 2, "P", 1, 1], "91"),
    "extra charge of the short part": _set(["rows", 2, "W", 0, 1], "19"),
    "size from minus x": _set(["rows", 1, "P", 0, 1], "-1"),
}


def bundle_vectors() -> dict[str, Any]:
    accepts = bundle_world.accepts()
    return {
        "policy": bundle_world.POLICY.to_value(),
        "params": bundle_world.SIGNED_PARAMS.to_value(),
        "round": bundle_world.ROUND.to_value(),
        "now_unix_s": bundle_world.NOW_UNIX_S,
        "accept": [
            {"name": name, "seed": name, "id": bundle.id, "bundle": bundle.to_bytes().decode()}
            for name, bundle in accepts.items()
        ],
        "reject": [
            *bundle_rejects.rejects(accepts[bundle_rejects.ACCEPT]),
            *bundle_rejects.lock_rejects(accepts[bundle_rejects.LOCKED]),
        ],
        "registry": bundle_world.SIGNED_REGISTRY.to_value(),
        "members": bundle_world.collateral_world.MEMBERS[bundle_world.collateral_world.EVM].to_value(),
        "locks": [lock.to_value() for lock in bundle_world.shown()],
    }


FILES = {
    "generators.json": generator_vectors,
    "transcript.json": transcript_vectors,
    "commitments.json": commitment_vectors,
    "range_argument.json": range_argument_vectors,
    "bundles.json": bundle_vectors,
    "collateral.json": collateral_vectors.vectors,
}


def main() -> None:
    for name, make in FILES.items():
        (HERE / name).write_text(json.dumps(make(), indent=1) + "\n")
        print(f"wrote {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
