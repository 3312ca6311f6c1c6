"""Mutations of one accepted bundle, one change each: (name, what changes, the error, its code)."""

from __future__ import annotations

from typing import Any

import bundle_world as world
import margin_accounts as accounts

from zkmargin import canonical
from zkmargin.bundle import Bundle
from zkmargin.documents import Signed

ACCEPT = "health in a box"
LOCKED = "locks on another chain"
Change = dict[str, Any]
"""``set``: [path, value] in the bundle's JSON; or ``now_unix_s``; or ``append``: hex bytes after the bundle."""


def rejects(bundle: Bundle) -> list[dict[str, Any]]:
    """Every reject of ``bundle``."""
    made: list[dict[str, Any]] = []

    def reject(name: str, error: str, code: str, **change: Any) -> None:
        made.append({"name": name, "mutates": ACCEPT, "error": error, "code": code, **change})

    value = bundle.to_value()
    proof = bundle.proof

    def request(name: str, path: list[Any], to: Any, error: str, code: str) -> None:
        reject(name, error, code, set=[["request", *path], to])

    for at in (0, 48, 96, 144, len(proof) - 1):
        flipped = proof[:at] + bytes([proof[at] ^ 0x20]) + proof[at + 1 :]
        error = "ProofError", "proof_failed"
        reject(f"proof byte {at} flipped", *error, set=[["proof"], canonical.to_hex(flipped)])
    reject("proof truncated", "EncodingError", "bad_encoding", set=[["proof"], canonical.to_hex(proof[:-32])])
    reject("proof in upper case", "EncodingError", "bad_encoding", set=[["proof"], value["proof"].upper()])
    reject("a byte after the bundle", "EncodingError", "bad_encoding", append="0x0a")
    reject("an unknown key", "EncodingError", "bad_encoding", set=[["more"], "x"])
    reject("another media type", "EncodingError", "bad_encoding", set=[["media_type"], "application/json"])

    request("another audience", ["audience"], "elsewhere", "ContextError", "wrong_audience")
    request("another account", ["account"], "0x" + "55" * 32, "ContextError", "wrong_account")
    request("a later sequence", ["seq"], 2, "ContextError", "state_mismatch")
    request("another state", ["state_digest"], "0x" + "55" * 32, "ContextError", "state_mismatch")
    request("other parameters", ["params"], "0x" + "55" * 32, "ContextError", "unknown_params")
    request("another round", ["round"], "0x" + "55" * 32, "ContextError", "unknown_round")
    request("another round number", ["round_number"], 18, "ContextError", "unknown_round")
    request("a stronger claim", ["claim"], "health>=1.26", "ProofError", "proof_failed")
    request("a weaker claim", ["claim"], "health>=1.24", "ProofError", "proof_failed")
    request("a claim spelt otherwise", ["claim"], "health>=1.250", "ContextError", "claim_not_allowed")
    request("a later expiry", ["expiry"], "2026-11-22T18:00:01Z", "ProofError", "proof_failed")
    request("an expiry too far away", ["expiry"], "2026-11-24T00:00:00Z", "ContextError", "expiry_too_far")
    request("low above high", ["box", 0, "low"], "99999", "ContextError", "bad_box")
    request("a negative low", ["box", 0, "low"], "-1", "EncodingError", "bad_encoding")
    request("a price as a number", ["box", 0, "low"], 58000, "EncodingError", "bad_encoding")
    request("a huge price", ["box", 0, "high"], "9" * 40, "ContextError", "bad_box")
    request("funding low above high", ["box", 1, "funding_low"], "5000", "ContextError", "bad_box")
    request("a narrower box", ["box", 0, "low"], "60000", "ProofError", "proof_failed")
    request("a market renamed", ["box", 0, "market"], "XBT-USD", "ContextError", "bad_box")
    request("markets in another order", ["box"], value["request"]["box"][::-1], "ContextError", "bad_box")
    request("a market left out", ["box"], value["request"]["box"][:1], "ContextError", "bad_box")
    request("a price outside the box", ["box", 0, "low"], "61874", "ContextError", "price_outside_box")
    request("a box wider than the policy", ["box", 0, "low"], "10000", "ContextError", "box_too_wide")

    state = bundle.state.document

    def attested(name: str, other: Any, signers: Any, error: str, code: str) -> None:
        reject(name, error, code, set=[["state"], Signed(other, other.sign(*signers)).to_value()])

    only_owner = (accounts.OWNER,)
    only_venue = (world.key("attestation"),)
    other_venue = (world.key("another venue"), accounts.OWNER)
    attested("not signed by the venue", state, only_owner, "ContextError", "unattested")
    attested("not signed by the owner", state, only_venue, "ContextError", "unattested")
    attested("attested by another venue", state, other_venue, "ContextError", "unattested")
    reject("a bare state", "ContextError", "unattested", set=[["state"], state.to_value()])
    first, second, *rest = state.commitments
    swapped = (
        first.model_copy(update={"commitment": second.commitment}),
        second.model_copy(update={"commitment": first.commitment}),
        *rest,
    )
    attested(
        "commitments swapped between labels",
        state.model_copy(update={"commitments": swapped}),
        world.ATTESTED,
        "ContextError",
        "state_mismatch",
    )

    reject("at its expiry", "ContextError", "expired", now_unix_s=canonical.parse_time(accounts.EXPIRY))
    reject("an old round", "ContextError", "old_round", now_unix_s=world.NOW_UNIX_S + 600)
    reject("a round in the future", "ContextError", "old_round", now_unix_s=world.NOW_UNIX_S - 200)
    return made


def lock_rejects(bundle: Bundle) -> list[dict[str, Any]]:
    """The locks of ``bundle``, changed into others than those that were proved, or that there is evidence of."""
    made: list[dict[str, Any]] = []
    collateral = bundle.request.to_value()["collateral"]
    first, second = collateral["locks"]

    def reject(name: str, path: list[Any], to: Any, error: str, code: str) -> None:
        change = {"set": [["request", "collateral", *path], to]}
        made.append({"name": f"locks: {name}", "mutates": LOCKED, "error": error, "code": code, **change})

    less, more = str(world.COEFFICIENT - 1), str(world.COEFFICIENT + 1)
    unknown, third = (
        "0x" + "00" * 31 + "01",
        {**second, "tag": "0x" + "ff" * 32, "commitment": world.UNKNOWN_COMMITMENT},
    )
    proof, context, encoding = ("ProofError", "proof_failed"), "ContextError", ("EncodingError", "bad_encoding")
    reject("a coefficient one less", ["locks", 0, "coefficient"], less, *proof)
    reject("a coefficient one more", ["locks", 1, "coefficient"], more, *proof)
    reject(
        "a coefficient above the price", ["locks", 1, "coefficient"], world.TOO_MUCH, context, "collateral_coefficient"
    )
    reject("a coefficient of 0", ["locks", 0, "coefficient"], "0", *encoding)
    reject("a coefficient as a number", ["locks", 0, "coefficient"], 75, *encoding)
    reject("a coefficient of 2^91", ["locks", 0, "coefficient"], str(2**91), *encoding)
    reject("another tag", ["locks", 0, "tag"], unknown, context, "collateral_unattested")
    reject("another class", ["locks", 0, "class"], "BTC", context, "unknown_class")
    reject("another registry", ["registry"], "0x" + "55" * 32, context, "unknown_registry")
    reject(
        "a commitment of one's own",
        ["locks", 0, "commitment"],
        world.UNKNOWN_COMMITMENT,
        context,
        "collateral_mismatch",
    )
    identity = "0xc0" + "00" * 47
    reject("a commitment that is the identity", ["locks", 0, "commitment"], identity, "EncodingError", "bad_commitment")
    swapped = [{**first, "commitment": second["commitment"]}, {**second, "commitment": first["commitment"]}]
    reject("commitments swapped", ["locks"], swapped, context, "collateral_mismatch")
    reject("a commitment twice", ["locks"], [first, {**second, "commitment": first["commitment"]}], *encoding)
    reject("one dropped", ["locks"], [first], *proof)
    reject("one added", ["locks"], [first, second, third], context, "collateral_unattested")
    reject("one twice", ["locks"], [first, second, second], *encoding)
    reject("in another order", ["locks"], [second, first], *encoding)
    reject("none", ["locks"], [], *encoding)
    end = {"now_unix_s": world.LOCKS_EXPIRE_UNIX_S}
    expired = {"error": context, "code": "collateral_expired", **end}
    made.append({"name": "locks: at the expiry of the evidence", "mutates": LOCKED, **expired})
    return made


def mutated(accept: str, reject: dict[str, Any]) -> bytes:
    """The bytes of a reject."""
    value = canonical.parse(accept.encode())
    if "set" in reject:
        path, to = reject["set"]
        target = value
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = to
    return canonical.to_bytes(value) + canonical.from_hex(reject.get("append", "0x"))
