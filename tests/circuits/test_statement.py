"""Statements with the real proof system: what they bind, what is refused; that they say what the calculator says."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from margin_accounts import PRICES, Case, account, openings_of, oracle, params, request, round_of, state

from circuits.boxes import Band, PriceBox
from circuits.calculators.cross import shortfall
from circuits.claims import Claim
from circuits.holdings import Holdings
from circuits.markets import RiskParameters
from circuits.statement import Statement, build
from zkmargin.batch import verify_batch
from zkmargin.canonical import to_hex
from zkmargin.documents import LabelledCommitment
from zkmargin.errors import ContextError, EncodingError, InputError, ProofError, WitnessError
from zkmargin.group import IDENTITY, encode
from zkmargin.pedersen import ZERO, Opening

ROUND = round_of(oracle(PRICES, {"BTC-USD": "-12.5"}))
CASE = Case.of(account("8000", ("BTC-USD", "-0.75", "61250.0"), ("ETH-USD", "3.5", "2400")), params(), ROUND)


def _build(case: Case = CASE, **other: object) -> Statement:
    return build(case.request(**other), case.state, case.params, case.round)


@pytest.fixture(scope="module")
def proof() -> bytes:
    return _build(percent=2).prove(CASE.openings)


def test_prove_and_verify(proof: bytes) -> None:
    statement = _build(percent=2)
    assert statement.labels == ("cash0", "q/BTC-USD", "q/ETH-USD")
    assert len(proof) == statement.relation.proof_bytes
    statement.verify(proof)
    verify_batch([statement.item(proof)] * 2)
    with pytest.raises(ProofError):
        statement.verify(bytes([*proof[:-1], proof[-1] ^ 1]))


@pytest.mark.parametrize("claim", ["maintenance", "initial", "health>=2.5", "leverage<=20"])
def test_every_claim_over_a_funding_interval(claim: str) -> None:
    statement = _build(percent=1, claim=claim)
    statement.verify(statement.prove(CASE.openings))


OTHER = "0x" + "99" * 32


@pytest.mark.parametrize(
    "changed",
    [
        {"audience": "someone-else"},
        {"claim": "health>=0.999999"},
        {"expiry": "2026-11-22T18:00:01Z"},
        {"percent": Fraction(199, 100)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_field_of_the_request_is_bound(proof: bytes, changed: dict[str, object]) -> None:
    """A proof of one request is no proof of another, even of a weaker one."""
    with pytest.raises(ProofError):
        _build(**({"percent": 2} | changed)).verify(proof)


@pytest.mark.parametrize("changed", [{"round": 18}, {"time": "2026-11-22T06:00:01Z"}], ids=["number", "digest"])
def test_the_round_is_bound(proof: bytes, changed: dict[str, object]) -> None:
    """The same prices, in another round."""
    other = Case(CASE.params, round_of(oracle(PRICES, {"BTC-USD": "-12.5"}, **changed)), CASE.held)
    statement = _build(other, percent=2)
    assert statement.relation.digest == _build(percent=2).relation.digest
    with pytest.raises(ProofError):
        statement.verify(proof)


def test_state_labels_units_and_parameters_are_bound(proof: bytes) -> None:
    """The same commitments, as the next state of the account, or under parameters of another version."""
    later = state(CASE.openings, CASE.parameters.units, seq=2)
    with pytest.raises(ProofError):
        build(request(later, CASE.parameters, ROUND, percent=2), later, CASE.params, ROUND).verify(proof)
    newer = params(version=2)
    parameters = RiskParameters.from_document(newer)
    with pytest.raises(ProofError):
        build(request(CASE.state, parameters, ROUND, percent=2), CASE.state, newer, ROUND).verify(proof)


def test_commitments_cannot_be_swapped_between_labels(proof: bytes) -> None:
    cash, btc, eth = CASE.state.commitments
    swapped = CASE.state.model_copy(
        update={
            "commitments": (
                cash,
                btc.model_copy(update={"commitment": eth.commitment}),
                eth.model_copy(update={"commitment": btc.commitment}),
            )
        }
    )
    with pytest.raises(ProofError):
        build(request(swapped, CASE.parameters, ROUND, percent=2), swapped, CASE.params, ROUND).verify(proof)


# What is refused


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"account": OTHER}, "wrong_account"),
        ({"seq": 2}, "state_mismatch"),
        ({"state_digest": OTHER}, "state_mismatch"),
        ({"params": OTHER}, "unknown_params"),
        ({"round": OTHER}, "unknown_round"),
        ({"round_number": 18}, "unknown_round"),
        ({"claim": "health>=2000"}, "claim_not_allowed"),
        ({"claim": "health>=1.0"}, "claim_not_allowed"),
        ({"claim": "wealth>=1"}, "claim_not_allowed"),
        ({"claim": "maintenance,initial"}, "claim_not_allowed"),
        ({"claim": "survives[SOL-USD]>=5"}, "claim_not_allowed"),
        ({"claim": "gross<=5"}, "claim_not_allowed"),
        ({"bands": [Band(Fraction(2), Fraction(1), Fraction(0), Fraction(0))] * 2}, "bad_box"),
        ({"bands": [Band(Fraction(1), Fraction(10**40), Fraction(0), Fraction(0))] * 2}, "bad_box"),
        ({"bands": [Band(Fraction(1), Fraction(1), Fraction(1), Fraction(0))] * 2}, "bad_box"),
        ({"bands": [Band(Fraction(1), Fraction(1), Fraction(-(10**40)), Fraction(0))] * 2}, "bad_box"),
        ({"bands": [Band(Fraction(1), Fraction(1), Fraction(0), Fraction(10**40))] * 2}, "bad_box"),
    ],
)
def test_a_request_that_does_not_fit_is_refused(changed: dict[str, object], code: str) -> None:
    with pytest.raises(ContextError) as error:
        _build(**changed)
    assert error.value.code == code


def test_a_state_of_another_venue_is_refused() -> None:
    foreign = state(CASE.openings, CASE.parameters.units, venue="elsewhere")
    with pytest.raises(ContextError, match="different venues") as error:
        build(request(foreign, CASE.parameters, ROUND), foreign, CASE.params, ROUND)
    assert error.value.code == "state_mismatch"


def test_a_box_names_every_market_in_order() -> None:
    btc, eth = CASE.request().box
    more = eth.model_copy(update={"market": "SOL-USD"})
    for box in [(btc,), (btc, eth, more), (eth, btc), (btc, more)]:
        with pytest.raises(ContextError) as error:
            _build(box=box)
        assert error.value.code == "bad_box"


@pytest.mark.parametrize("claim", ["maintenance", "health>=3"])
def test_a_negative_price_cannot_be_asked_for(claim: str) -> None:
    with pytest.raises(InputError):
        CASE.request(bands=[Band(Fraction(-1), Fraction(1), Fraction(0), Fraction(0))] * 2, claim=claim)


def _with_labels(units: dict[str, str], openings: dict[str, Opening]) -> ContextError | Statement:
    changed = state(openings, units)
    try:
        return build(request(changed, CASE.parameters, ROUND), changed, CASE.params, ROUND)
    except ContextError as error:
        return error


def test_another_lot_is_refused() -> None:
    units = CASE.parameters.units | {"q/BTC-USD": "0.0001"}
    refused = _with_labels(units, CASE.openings)
    assert isinstance(refused, ContextError)
    assert refused.code == "lot_changed"
    assert isinstance(_with_labels(CASE.parameters.units | {"q/BTC-USD": "0.000010"}, CASE.openings), Statement)
    cash_in_cents = _with_labels(CASE.parameters.units | {"cash0": "0.01"}, CASE.openings)
    assert isinstance(cash_in_cents, ContextError)


def test_a_label_in_use_that_the_parameters_do_not_cover_is_refused() -> None:
    """A position in a market that was dropped, or a loan: what it owes would go uncounted."""
    for label in ("q/OLD-USD", "d/USD"):
        units = CASE.parameters.units | {label: "1"}
        refused = _with_labels(units, CASE.openings | {label: Opening(-5, 7)})
        assert isinstance(refused, ContextError)
        assert refused.code == "state_mismatch"
        assert isinstance(_with_labels(units, CASE.openings | {label: ZERO}), Statement)


def test_a_label_never_used_is_the_identity() -> None:
    openings = {"cash0": Opening(0, 5), "q/BTC-USD": Opening(3, 6)}
    changed = state(openings, CASE.parameters.units)
    statement = build(request(changed, CASE.parameters, ROUND), changed, CASE.params, ROUND)
    assert statement.commitments[2] == IDENTITY
    statement.verify(statement.prove(openings))
    explicit = state(openings | {"q/ETH-USD": ZERO}, CASE.parameters.units)
    assert explicit.state_digest == changed.state_digest


def test_a_commitment_that_is_no_point_is_an_encoding_error() -> None:
    for junk in ("0x" + "ff" * 48, "0x" + "00" * 48, to_hex(encode(IDENTITY))[:-2] + "01"):
        entry = LabelledCommitment(label="cash0", unit="0.000000000000000001", commitment=junk)
        broken = CASE.state.model_copy(update={"commitments": (entry,)})
        fields = CASE.request().model_copy(update={"state_digest": broken.state_digest})
        with pytest.raises(EncodingError):
            build(fields, broken, CASE.params, ROUND)


@pytest.mark.parametrize("expiry", ["0001-01-01T00:00:01Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z"])
def test_the_ends_of_time_are_encoded(expiry: str) -> None:
    account_ = account("8000", ("BTC-USD", "-0.75", "61250.0"))
    case = Case.of(account_, params(), round_of(oracle(PRICES, time="0001-01-01T00:00:00Z")))
    assert _build(case, expiry=expiry).context != _build(case).context


def test_the_context_of_five_hundred_markets_stays_small() -> None:
    names = [f"{'M' * 60}{i:04d}" for i in range(500)]
    many = params([(name, "0.000000000000000001", 50_000, 30_000) for name in names])
    case = Case(many, round_of(oracle(dict.fromkeys(names, "1"))), Holdings(10**18, (0,) * 500))
    assert len(_build(case).context) < 1000


# Openings


def test_openings_of_another_state_are_named() -> None:
    statement = _build()
    for wrong in ({}, CASE.openings | {"cash0": Opening(10**30, 1)}, openings_of({"cash0": 1})):
        with pytest.raises(WitnessError) as error:
            statement.prove(wrong)
        assert error.value.code == "wrong_openings"


def test_not_provable_and_above_the_range_tell_no_amount() -> None:
    poor = Case.of(account("1234.5", ("BTC-USD", "-0.75")), params(), ROUND)
    with pytest.raises(WitnessError) as error:
        _build(poor).prove(poor.openings)
    assert error.value.code == "not_provable"
    assert not any(character.isdigit() for character in str(error.value))
    rich = Case(params(), ROUND, Holdings(_build().layout.bound(0), (0, 0)))
    with pytest.raises(WitnessError, match="above the provable range") as error:
        _build(rich).prove(rich.openings)
    assert error.value.code == "above_range"


# Against the calculator

TWO = params([("X-USD", "0.001", 500_000, 500_000), ("Y-USD", "10", 900_000, 123_457)])
price = st.integers(0, 10**24).map(lambda n: Fraction(n, 10**18))
index = st.integers(-(10**22), 10**22).map(lambda n: Fraction(n, 10**18))
claims = st.sampled_from(["maintenance", "initial", "health>=3", "health>=0.7", "leverage<=3", "leverage<=0.3"])


@st.composite
def bands(draw: st.DrawFn) -> Band:
    low, high = sorted((draw(price), draw(price)))
    F_low, F_high = sorted((draw(index), draw(index)))
    return Band(low, high if draw(st.booleans()) else low, F_low, F_high if draw(st.booleans()) else F_low)


size = st.integers(-(2**48) + 1, 2**48 - 1) | st.integers(-20, 20)
ROUND_XY = round_of(oracle({"X-USD": "1", "Y-USD": "1"}))
PARAMETERS_XY = RiskParameters.from_document(TWO)


@settings(max_examples=25, deadline=None)
@given(sizes=st.tuples(size, size), box=st.tuples(bands(), bands()), claim=claims)
def test_provable_exactly_when_the_calculator_says_so(
    sizes: tuple[int, int], box: tuple[Band, Band], claim: str
) -> None:
    """At the least cash that the calculator calls enough, the slack is 0 and proves; with one atto less it does not."""
    needed = _shortfall(Holdings(0, sizes), PARAMETERS_XY.box(box), Claim.parse(claim))
    surplus = 0 if needed else _surplus(sizes, box, claim)
    for cash, provable in ((needed - surplus, True), (needed - surplus - 1, False)):
        case = Case(TWO, ROUND_XY, Holdings(cash, sizes))
        statement = _build(case, bands=box, claim=claim)
        assert (_shortfall(case.held, statement.box, Claim.parse(claim)) == 0) is provable
        if provable:
            statement.verify(statement.prove(case.openings))
        else:
            with pytest.raises(WitnessError):
                statement.prove(case.openings)


def _shortfall(held: Holdings, box: PriceBox, claim: Claim) -> int:
    return shortfall(held, PARAMETERS_XY, box, claim, (0, 0))


def _surplus(sizes: tuple[int, int], box: tuple[Band, Band], claim: str) -> int:
    """How much cash could go before the calculator calls it short."""
    huge = 2**200
    held = Holdings(-huge, sizes)
    return huge - _shortfall(held, PARAMETERS_XY.box(box), Claim.parse(claim))


@settings(max_examples=60, deadline=None)
@given(sizes=st.tuples(size, size), box=st.tuples(bands(), bands()), claim=claims, data=st.data())
def test_one_proof_holds_for_every_price_vector_in_its_box(
    sizes: tuple[int, int], box: tuple[Band, Band], claim: str, data: st.DataObject
) -> None:
    """The box theorem, from the definition: at the least provable cash, equity covers the requirement everywhere."""
    wanted = Claim.parse(claim)
    cash = -_surplus(sizes, box, claim) or _shortfall(Holdings(0, sizes), PARAMETERS_XY.box(box), wanted)
    worst = []
    for market, q, band in zip(PARAMETERS_XY.markets, sizes, box, strict=True):
        fractions = st.fractions(0, 1, max_denominator=50)
        p_at = [Fraction(0), Fraction(1), data.draw(fractions), data.draw(fractions)]
        values = []
        for s in p_at:
            for t in p_at:
                p = (band.low + s * (band.high - band.low)) * market.atto_per_lot
                F = (band.funding_low + t * (band.funding_high - band.funding_low)) * market.atto_per_lot
                values.append(q * (p - F) - wanted.rate(market) * p * abs(q))
        worst.append(min(values))
    slack = cash + sum(worst)
    assert slack >= 0
    # The stated rounding: less than 3 + f atto a lot (docs/margin.md, "Rounding").
    lost = [abs(q) * (3 + wanted.rate(market)) for market, q in zip(PARAMETERS_XY.markets, sizes, strict=True)]
    assert slack <= sum(lost)


# Imports


def test_sympy_is_not_imported_to_build_and_prove_a_statement() -> None:
    code = """
import sys
from margin_accounts import Case, account, oracle, params, round_of, PRICES
from circuits import calculators, policy
from circuits.statement import build
case = Case.of(account("1"), params(), round_of(oracle(PRICES)))
statement = build(case.request(), case.state, case.params, case.round)
statement.verify(statement.prove(case.openings))
print(sorted({name.split(".")[0] for name in sys.modules} & {"sympy", "mpmath"}))
"""
    support = Path(__file__).parents[1] / "support"
    root = Path(__file__).parents[2]
    path = f"{support}:{root}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert done.stdout.strip() == "[]"
