"""Oracle rounds: medians, digest, and who may have reported."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest
from document_examples import ORACLE, ORACLES, TRUST, TRUST_DOCUMENT, key, report, signed_report
from hypothesis import given, settings
from hypothesis import strategies as st

from zkmargin.documents import Oracle, Round, Signed, Trust, reporter
from zkmargin.envelope import Envelope
from zkmargin.errors import ContextError, InputError

ONE, TWO, THREE, _FOUR = ORACLES


def _round(*prices: str) -> Round:
    return Round(tuple(signed_report(oracle, price) for oracle, price in zip(ORACLES, prices, strict=False)))


@pytest.mark.parametrize(
    ("prices", "lower", "upper"),
    [
        (("5",), 5, 5),
        (("9", "1"), 1, 9),
        (("9", "1", "4"), 4, 4),
        (("9", "10", "1", "4"), 4, 9),  # as numbers, not as strings: "10" is above "9"
        (("4", "4", "4", "1"), 4, 4),
    ],
)
def test_prices_lie_between_the_medians(prices: tuple[str, ...], lower: int, upper: int) -> None:
    assert _round(*prices).prices["BTC-USD"] == (lower, upper)
    assert _round(*prices).prices["ETH-USD"] == (2710, 2710)


def test_so_do_funding_indices_and_a_missing_one_is_zero() -> None:
    without = Oracle.from_value(ORACLE | {"funding": []})
    reports = (signed_report(ONE, index="-1"), signed_report(TWO, index="0.5"), Signed(without, without.sign(THREE)))
    assert Round(reports).funding == {"BTC-USD": (0, 0), "ETH-USD": (0, 0)}
    assert Round(reports[:2]).funding["BTC-USD"] == (-1, Fraction(1, 2))


def test_the_time_is_the_lower_median() -> None:
    times = ("2026-11-22T06:00:09Z", "2026-11-22T06:00:00Z", "2026-11-22T06:00:05Z")
    reports = [signed_report(oracle, time=time) for oracle, time in zip(ORACLES, times, strict=False)]
    assert Round(tuple(reports)).time == "2026-11-22T06:00:05Z"
    assert Round(tuple(reports[:2])).time == "2026-11-22T06:00:00Z"
    assert Round(tuple(reports[:2])).time_unix_s == 1795327200


@given(st.lists(st.integers(0, 30), min_size=1, max_size=9))
@settings(deadline=None)
def test_at_most_half_of_the_reports_lie_beyond_either_median(prices: list[int]) -> None:
    reports = tuple(signed_report(key(n + 30), str(price)) for n, price in enumerate(prices))
    lower, upper = Round(reports).prices["BTC-USD"]
    assert lower in prices
    assert upper in prices
    assert 2 * sum(price < lower for price in prices) < len(prices)
    assert 2 * sum(price > upper for price in prices) < len(prices)
    assert 2 * sum(price <= lower for price in prices) >= len(prices)
    assert 2 * sum(price >= upper for price in prices) >= len(prices)
    assert (lower == upper) or len(prices) % 2 == 0


def test_the_digest_is_of_the_set_of_reports() -> None:
    digests = sorted(bytes.fromhex(report(price).digest[2:]) for price in ("1", "2", "3"))
    fields = [b"zkmargin/round/v1", (3).to_bytes(4, "big"), *digests]
    plain = hashlib.sha256(b"".join(len(f).to_bytes(4, "big") + f for f in fields)).hexdigest()
    rounds = [
        Round(tuple(signed_report(oracle, price) for oracle, price in order))
        for order in permutations(zip(ORACLES, ("1", "2", "3"), strict=False))
    ]
    assert {round_.digest for round_ in rounds} == {"0x" + plain}
    assert len({round_.to_bytes() for round_ in rounds}) == 1
    assert _round("1", "2").digest != _round("1", "2", "2").digest != _round("1", "2", "3").digest


def test_a_round_is_read_again() -> None:
    round_ = _round("1", "2", "3")
    assert Round.from_bytes(round_.to_bytes()) == round_
    assert Round.from_bytes(round_.to_bytes()).digest == round_.digest


def test_a_single_report_is_a_round_of_one() -> None:
    signed = signed_report(ONE)
    bare = Round.from_bytes(signed.document.to_bytes())
    enveloped = Round.from_value(signed.to_value())
    assert bare.digest == enveloped.digest
    assert bare.reports == (Signed(signed.document),)
    assert enveloped.reports == (signed,)
    assert Round.from_value(bare.to_value()) == bare


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"venue": "other"}, "one venue and one round number"),
        ({"round": 18}, "one venue and one round number"),
        ({"prices": ORACLE["prices"][:1], "funding": []}, "price the same markets"),
    ],
)
def test_reports_are_of_one_round(changes: dict[str, Any], sentence: str) -> None:
    other = Oracle.from_value(ORACLE | changes)
    with pytest.raises(InputError, match=sentence):
        Round((signed_report(ONE), Signed(other, other.sign(TWO))))


def test_a_report_counts_once() -> None:
    for twice in (signed_report(ONE), Signed(report())):
        with pytest.raises(InputError, match="the same report occurs twice"):
            Round((twice, twice))


def test_a_round_has_one_to_sixty_four_reports() -> None:
    reports = tuple(Signed(report(str(price))) for price in range(65))
    assert len(Round(reports[:64]).reports) == 64
    for wrong in ((), reports):
        with pytest.raises(InputError, match="1 to 64 reports"):
            Round(wrong)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"schema": "zkmargin/round/v1"},
        {"schema": "zkmargin/round/v1", "reports": []},
        {"schema": "zkmargin/round/v1", "reports": {}},
        {"schema": "zkmargin/round/v1", "reports": [ORACLE], "more": 1},
        {"schema": "zkmargin/round/v2", "reports": [ORACLE]},
        {"schema": "zkmargin/round/v1", "reports": [ORACLE | {"round": n} for n in range(1, 66)]},
    ],
)
def test_what_is_not_a_round_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        Round.from_value(value)


def test_an_error_names_the_report() -> None:
    bad = ORACLE | {"prices": [{"market": "BTC-USD", "price": 1}]}
    with pytest.raises(InputError, match=r"reports\[1\]: zkmargin/oracle/v1: prices\[0\].price: must be a decimal"):
        Round.from_value({"schema": "zkmargin/round/v1", "reports": [ORACLE, bad]})


# Who reported


def _code(round_: Round, trust: Trust = TRUST_DOCUMENT) -> str:
    with pytest.raises(ContextError) as caught:
        round_.verify(trust)
    return caught.value.code


def test_enough_reports_by_distinct_oracle_keys_are_accepted() -> None:
    _round("1", "2", "3").verify(TRUST_DOCUMENT)
    _round("1", "2", "3", "4").verify(TRUST_DOCUMENT)
    # Reporters may say the same.
    _round("1", "1", "1").verify(TRUST_DOCUMENT)


def test_too_few_are_not() -> None:
    assert _code(_round("1", "2")) == "unsigned"


def test_a_report_that_does_not_verify_is_refused_not_ignored() -> None:
    good = (signed_report(ONE, "1"), signed_report(TWO, "2"), signed_report(THREE, "3"))
    stranger = signed_report(key(99), "4")
    unsigned = Signed(report("4"))
    assert _code(Round((*good, stranger))) == "unsigned"
    assert _code(Round((*good, unsigned))) == "unsigned"
    forged = Signed(report("4"), Envelope(Oracle.media_type(), report("4").to_bytes(), ((THREE.public, b"\x00" * 64),)))
    assert _code(Round((*good[:2], forged))) == "bad_signature"


def test_one_key_reports_once_in_a_round() -> None:
    assert _code(Round((signed_report(ONE, "1"), signed_report(ONE, "2")))) == "bad_signature"
    assert _code(Round((*_round("1", "2").reports, signed_report(ONE, "3")))) == "bad_signature"


def test_a_report_by_two_oracle_keys_counts_for_neither() -> None:
    document = report("1")
    both = Signed(document, document.sign(ONE, TWO))
    assert _code(Round((both, signed_report(THREE, "2")))) == "bad_signature"
    with pytest.raises(ContextError):
        reporter(both, TRUST_DOCUMENT)


def test_a_signature_by_a_stranger_beside_that_of_an_oracle_changes_nothing() -> None:
    document = report("1")
    beside = Signed(document, document.sign(ONE, key(99)))
    Round((beside, signed_report(TWO, "2"), signed_report(THREE, "3"))).verify(TRUST_DOCUMENT)
    assert reporter(beside, TRUST_DOCUMENT) == ONE.public


def test_the_keys_of_another_role_or_venue_do_not_report() -> None:
    assert _code(Round((signed_report(key(12), "1"), signed_report(key(11), "2")))) == "unsigned"
    assert _code(_round("1", "2"), Trust.from_value(TRUST | {"venue": "other"})) == "bad_signature"


def test_all_thresholds() -> None:
    for keys, threshold in ((1, 1), (3, 3), (4, 3)):
        trust = Trust.from_value(TRUST | {"oracle": TRUST["oracle"][:keys], "oracle_threshold": threshold})
        for reports in range(1, keys + 1):
            round_ = _round(*(str(n) for n in range(reports)))
            if reports >= threshold:
                round_.verify(trust)
            else:
                assert _code(round_, trust) == "unsigned"


@given(
    st.permutations([0, 1, 2, 3]),
    st.sampled_from([3, 4]),
    st.integers(0, 3),
    st.lists(st.integers(5, 9), min_size=4, max_size=4),
)
def test_one_liar_moves_no_median_of_a_round_that_can_be(
    order: list[int], reports: int, lie: int, honest: list[int]
) -> None:
    values = [honest[i] for i in order[: reports - 1]]
    for wrong in (0, 100):
        said = [*values[:lie], wrong, *values[lie:]]
        lower, upper = _round(*map(str, said)).prices["BTC-USD"]
        assert min(values) <= lower <= upper <= max(values)
