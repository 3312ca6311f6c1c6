"""What must be true before the venue signs. Reasons are told, amounts never are."""

from __future__ import annotations

from circuits import policy
from circuits.holdings import holdings
from circuits.markets import RiskParameters
from circuits.prices import prices_of
from zkmargin import canonical
from zkmargin.documents import Account, AttestationRequest, Openings, Params, Round, Trust
from zkmargin.errors import ContextError, InputError
from zkmargin.group import decode
from zkmargin.pedersen import commit

FIRST_EPOCH = 1


def check_request(
    request: AttestationRequest, params: Params, trust: Trust, *, now_unix_s: int, max_round_age_s: int
) -> Round:
    """Everything about a request that is public; gives the round that fixes the funding index of cash0.

    Raises: ContextError "unsupported_epoch", "missing_label", "unknown_label", "lot_changed", "unsigned",
            "bad_signature", "old_round"; InputError.
    """
    if request.state.epoch != FIRST_EPOCH:
        raise ContextError("keys of accounts cannot be rotated yet: the key epoch is 1", code="unsupported_epoch")
    units = RiskParameters.from_document(params).units
    entries = request.state.commitment_of
    if units.keys() - entries.keys():
        raise ContextError(
            "the state must have every label of the risk parameters, zeros included", code="missing_label"
        )
    if entries.keys() - units.keys():
        raise ContextError("the state has a label that the risk parameters do not have", code="unknown_label")
    if any(entries[label].unit != unit for label, unit in units.items()):
        raise ContextError("the unit of a label is not the lot of its market", code="lot_changed")
    round_ = request.oracle_round
    round_.verify(trust)
    policy.check_round_age(round_.time_unix_s, now_unix_s, max_round_age_s)
    return round_


def check_not_passed(round_: Round, newest: int) -> None:
    """No state was attested at a later round: a holder takes the round that is, not the best of the last few.

    Raises: ContextError "old_round".
    """
    if round_.number < newest:
        raise ContextError("the venue has attested at a later round already: commit at that one", code="old_round")


def check_openings(
    request: AttestationRequest, openings: Openings, positions: Account, params: Params, round_: Round
) -> None:
    """Every commitment of the state is V_j = v_j*G + beta_j*H with the v_j of the venue's own positions.

    Raises: EncodingError: a commitment is not a point.   ContextError "bad_opening", "positions_differ".   InputError:
            the position file does not fit the parameters.
    """
    opened = openings.by_label
    if opened.keys() != request.state.commitment_of.keys():
        raise ContextError("the openings are not of the labels of the state", code="bad_opening")
    for label, entry in request.state.commitment_of.items():
        point = decode(canonical.from_hex(entry.commitment), allow_identity=True)
        if commit(opened[label]) != point:
            raise ContextError("an opening does not open its commitment", code="bad_opening")
    parameters = RiskParameters.from_document(params)
    try:
        held = holdings(positions, parameters, prices_of(round_, parameters)).values(parameters)
    except InputError as error:
        # Its sentence names sizes, and is for whoever keeps the file: the code is enough here.
        raise ContextError(
            "the venue's positions of this account do not fit the risk parameters", code=error.code
        ) from None
    # Equal as integers, not only modulo r: what is proved about the state must be true of the positions.
    if any(opened[label].value != value for label, value in held.items()):
        raise ContextError(
            "the state is not of the positions that the venue has for this account", code="positions_differ"
        )
