"""The exception tree.

Every error carries ``code``, a stable machine-readable reason, and a message that is one sentence a person
can act on. No message ever contains a secret: no amount, opening, key, password or submitted value.

    ZkMarginError
    ├── InputError            a file, a rule or an argument is bad
    │   └── RelationError     the relation is refused before anything is proved or verified
    ├── WitnessError          not provable; a shortfall is told by the calculator on the holder's own screen only
    └── VerificationError     untrusted bytes raise nothing else
        ├── EncodingError     not the one canonical encoding of anything
        ├── ContextError      well-formed, but about something else: audience, account, sequence, round, expiry, policy
        └── ProofError        the proof does not verify
"""

from __future__ import annotations


class ZkMarginError(Exception):
    """Base of every error that the four packages raise on purpose."""

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.default_code


class InputError(ZkMarginError):
    """A file, a rule or an argument is bad."""

    default_code = "bad_input"


class RelationError(InputError):
    """A relation is ill-formed, too large, or could wrap around modulo r."""

    default_code = "bad_relation"


class WitnessError(ZkMarginError):
    """The witness does not satisfy the statement. Carries no amount."""

    default_code = "not_provable"


class VerificationError(ZkMarginError):
    """Untrusted bytes were refused."""

    default_code = "invalid"


class EncodingError(VerificationError):
    """The bytes are not the canonical encoding of anything."""

    default_code = "bad_encoding"


class ContextError(VerificationError):
    """Well-formed, but about another audience, account, state, round, time, or against policy."""

    default_code = "bad_context"


class ProofError(VerificationError):
    """The proof does not verify."""

    default_code = "proof_failed"
