"""What a bundle tells whoever gets it: every field of the file, so that a holder can decide before sending it."""

from __future__ import annotations

from typing import Any

from zkmargin.bundle import Bundle
from zkmargin.envelope import Envelope
from zkmargin.group import IDENTITY, encode

_IDENTITY = "0x" + encode(IDENTITY).hex()


def inspection(bundle: Bundle) -> dict[str, Any]:
    """The bundle, field by field: value, and what a reader learns from it."""
    request, state, params, round_ = bundle.request, bundle.state.document, bundle.params.document, bundle.round
    shown: list[tuple[str, str, str]] = [
        ("request.audience", request.audience, "who is to accept the proof"),
        ("request.account", request.account, "which account: all bundles of one account name the same one"),
        ("request.seq", str(request.seq), "how many states the account has had: how often it was committed to"),
        ("request.state_digest", request.state_digest, "which state"),
        ("request.params", request.params, "which risk parameters"),
        ("request.round", request.round, "which oracle round"),
        ("request.round_number", str(request.round_number), "which oracle round"),
        ("request.claim", request.claim, "what is true of the account over the whole box: every claim of the list"),
        ("request.box", f"{len(request.box)} markets", "for which prices; a wide box hints at a low leverage"),
        ("request.expiry", request.expiry, "until when"),
        ("request.collateral", _locks(bundle), "how many locks on other chains back the account; of which assets"),
        ("proof", f"{len(bundle.proof)} bytes", "that the claim is true, and nothing else (zero knowledge)"),
        ("state.venue", state.venue, "at which venue"),
        ("state.account", state.account, "the account again"),
        ("state.owner", state.owner, "the owner's public key: the same in every state"),
        ("state.sealing_key", state.sealing_key, "the key that others seal messages for the owner with"),
        ("state.salt", state.salt, "nothing: it makes the account's identifier unique"),
        ("state.epoch", str(state.epoch), "how often the keys were changed, plus one"),
        ("state.seq", str(state.seq), "the sequence number again"),
        ("state.previous", state.previous, "which state came before"),
        ("state.commitments", _commitments(bundle), "nothing about any amount, and not which markets are held"),
        ("state signatures", _signers(bundle.state.envelope), "who says that the commitments are the venue's books"),
        ("params", f"{params.venue} version {params.version}", "public"),
        ("params signatures", _signers(bundle.params.envelope), "public"),
        ("round", f"{round_.venue} round {round_.number}, {round_.time}", "public"),
        ("round signatures", _reporters(bundle), "public"),
    ]
    return {
        "schema": "zkmargin/inspection/v1",
        "bundle": bundle.id,
        "reveals": [{"field": field, "value": value, "tells": tells} for field, value, tells in shown],
        "hides": [{"what": what, "why": why} for what, why in _HIDDEN],
        "box": [entry.to_value() for entry in request.box],
    }


_HIDDEN = (
    ("cash", "inside a commitment"),
    ("size of every position, and its sign", "inside a commitment"),
    ("which markets are held", "every market has a commitment, held or not"),
    ("entry prices", "they are part of the committed cash"),
    ("which locks on other chains, and how much they hold", "a tag and a commitment stand for each"),
    ("equity, requirement, slack", "the proof says that the slack is not negative, never how large it is"),
)


def _commitments(bundle: Bundle) -> str:
    commitments = bundle.state.document.commitments
    unused = sum(entry.commitment == _IDENTITY for entry in commitments)
    return f"{len(commitments)} points" + (f", {unused} of them visibly zero" if unused else "")


def _locks(bundle: Bundle) -> str:
    counted = bundle.request.collateral
    return "none" if counted is None else ", ".join(f"{lock.class_} {lock.tag}" for lock in counted.locks)


def _signers(envelope: Envelope | None) -> str:
    return "none: not attested" if envelope is None or not envelope.keys else ", ".join(envelope.keys)


def _reporters(bundle: Bundle) -> str:
    signed = [report.envelope for report in bundle.round.reports if report.envelope is not None]
    return ", ".join(key for envelope in signed for key in envelope.keys) or "none: not attested"
