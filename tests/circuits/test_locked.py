"""Locks of other chains in statements: where they count, how much, up to which caps, and what is refused."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from typing import Any

import pytest
from collateral_world import CHAINS, REGISTRY
from margin_accounts import PRICES, Case, account, oracle, params, round_of
from model_cases import LIFETIME, needed, point, risk
from quick_sums import quick_reference

from circuits import locked, statement
from circuits.boxes import ATTO
from circuits.claims import Claim, Claims
from circuits.layout import Layout
from circuits.locked import Lock
from circuits.markets import RiskParameters
from circuits.statement import Statement, build
from zkmargin import reference
from zkmargin.batch import verify_batch
from zkmargin.bundle import MAX_LOCKS, Collateral, Request
from zkmargin.canonical import to_hex
from zkmargin.collateral import AssetClass, Chains
from zkmargin.errors import (
    ContextError,
    EncodingError,
    InputError,
    ProofError,
    RelationError,
    VerificationError,
    WitnessError,
)
from zkmargin.group import IDENTITY, encode
from zkmargin.pedersen import Opening, commit

FREE = 2**63 - 1, 10**60  # caps that nothing reaches
A = 3 * 10**13


def lock(class_: str = "E", chain: str = "one", bits: int = 40, coefficient: int = A, **caps: int) -> Lock:
    of_class, of_chain = caps.get("lots", FREE[0]), caps.get("atto", FREE[1])
    return Lock(class_, chain, bits, coefficient, asset(), of_class, of_chain)


def asset(price: str = "M0", haircut_ppm: int = 0) -> AssetClass:
    """A class of whole units, a lot of which is worth its price."""
    return AssetClass.from_value(
        {"class": "any", "chain": "eip155:1", "asset": "0x" + "00" * 32, "decimals": 0, "lot": "1", "bits": 48,
         "price": price, "haircut_ppm": haircut_ppm, "cap_lots": 1}
    )  # fmt: skip


VENUE = risk("perpetuals-cross", {"initial_ppm": 100_000, "maintenance_ppm": 50_000})
BOX = VENUE.box(point(100))


def made(claim: str, *locks: Lock, parameters: RiskParameters = VENUE, box: Any = BOX) -> Layout:
    return statement.layout(parameters, box, Claims.parse(claim), LIFETIME, locks)


def refused(layout: Layout, values: list[int]) -> str:
    with pytest.raises(WitnessError) as error:
        layout.assign(values)
    return error.value.code


# How much they count.


@pytest.mark.parametrize("claim", ["maintenance", "initial", "health>=1.7", "leverage<=3", "initial,survives>=10"])
def test_slack_of_exactly_zero_proves_and_one_less_of_anything_does_not(claim: str) -> None:
    """Cash, a coefficient, an amount: each of them one less."""
    locks, lots = (lock(), lock("F", bits=48, coefficient=5)), [70_000, 2**48 - 1]
    worth = A * lots[0] + 5 * lots[1]
    layout = made(claim, *locks)
    cash = max(needed(VENUE, [-900], one.over(BOX, VENUE), one) for one in Claims.parse(claim).claims) - worth
    layout.assign([cash, -900, *lots])
    assert refused(layout, [cash - 1, -900, *lots]) == "not_provable"
    for less in ([lots[0] - 1, lots[1]], [lots[0], lots[1] - 1]):
        assert refused(layout, [cash, -900, *less]) == "not_provable"
    for lower in ((lock(coefficient=A - 1), locks[1]), (locks[0], replace(locks[1], coefficient_atto=4)), locks[:1]):
        assert refused(made(claim, *lower), [cash, -900, *lots][: 2 + len(lower)]) == "not_provable"


@pytest.mark.parametrize("model", ["perpetuals-cross", "perpetuals-brackets"])
def test_the_largest_slack_is_the_calculators_and_what_the_locks_add(model: str) -> None:
    """The calculator knows no locks. So the cash that is needed with them is its figure, less sum A v, to the atto."""
    rng = random.Random(5)
    flat = {"initial_ppm": 100_000, "maintenance_ppm": 50_000}
    tiers = [{"above": "20000", "initial_ppm": 200_000, "maintenance_ppm": 100_000}]
    parameters = risk(model, flat, flat | ({"tiers": tiers} if model == "perpetuals-brackets" else {}))
    for _ in range(25):
        box = parameters.box(point(rng.randrange(1, 300), rng.randrange(1, 300)))
        claim = Claim.parse(rng.choice(["maintenance", "initial", "health>=1.3", "survives>=20"]))
        sizes = [rng.randrange(-(10**6), 10**6) for _ in range(2)]
        bits = [rng.randrange(1, 49) for _ in range(rng.randrange(1, 5))]
        locks = tuple(lock(str(i), bits=n, coefficient=rng.randrange(1, 10**16)) for i, n in enumerate(bits))
        lots = [rng.choice([0, (1 << n) - 1, rng.randrange(1 << n)]) for n in bits]
        layout = statement.layout(parameters, box, Claims((claim,)), LIFETIME, locks)
        worth = sum(one.coefficient_atto * v for one, v in zip(locks, lots, strict=True))
        cash = needed(parameters, sizes, claim.over(box, parameters), claim) - worth
        slack = layout.program.witness([cash + 77, *sizes, *lots])[-1]
        assert slack == 77
        layout.assign([cash, *sizes, *lots])
        assert refused(layout, [cash - 1, *sizes, *lots]) == "not_provable"


def test_an_amount_beyond_its_bits_or_below_zero_is_not_assigned() -> None:
    layout = made("maintenance", lock(bits=4))
    layout.assign([0, 0, 15])
    for lots in (16, -1):
        assert refused(layout, [10**30, 0, lots]) == "above_range"


def test_without_locks_the_relation_is_the_one_it_was() -> None:
    assert (
        made("maintenance").relation.digest
        == statement.layout(VENUE, BOX, Claims.parse("maintenance"), LIFETIME).relation.digest
    )
    plain, with_lock = made("maintenance").relation, made("maintenance", lock()).relation
    assert (with_lock.N, with_lock.N_padded, len(with_lock.rows)) == (plain.N, plain.N_padded, len(plain.rows))
    assert (with_lock.J, with_lock.terms, with_lock.attested) == (plain.J + 1, plain.terms + 1, ((2, 40),))


# At which prices they count.


def coefficients(claim: str, *locks: Lock, low: int = 100) -> tuple[int, ...]:
    one, box = Claim.parse(claim), VENUE.box(point(low))
    return locked.coefficients(locks, one, VENUE, one.over(box, VENUE))


def test_a_lot_counts_no_more_than_it_is_worth_at_the_low_end_of_the_claims_box() -> None:
    """After the haircut of its class: 90 of 100 quote units, and 45 once the price has halved."""
    dear = replace(lock(coefficient=10**30), asset=asset(haircut_ppm=100_000))
    assert coefficients("maintenance", dear) == (90 * ATTO,)
    assert coefficients("survives>=50", dear) == coefficients("stress[M0=-50]", dear) == (45 * ATTO,)
    assert coefficients("survives>=100", dear) == (0,)
    assert coefficients("stress[M0=50]", dear) == (135 * ATTO,)
    cheap = lock(coefficient=7)
    assert coefficients("survives>=50", cheap, dear) == (7, 45 * ATTO)


def test_solvent_today_is_not_solvent_after_a_fall_with_nothing_but_locks() -> None:
    """A table of stresses: each line at the price of its own box."""
    of_class = replace(lock(coefficient=100 * ATTO), asset=asset())
    owed, lots = -80 * ATTO, 1
    made("maintenance", of_class).assign([owed, 0, lots])
    for claim in ("survives>=100", "stress[M0=-30]", "maintenance,stress[M0=-30]", "initial,survives>=25"):
        assert refused(made(claim, of_class), [owed, 0, lots]) == "not_provable"
    made("maintenance,stress[M0=-20]", of_class).assign([owed, 0, lots])


def test_a_class_that_no_market_prices() -> None:
    """No box says anything of its price; so a claim that every price moves cannot count it."""
    stable = replace(lock(coefficient=5 * ATTO), asset=asset("USDC-USD"))
    for claim in ("maintenance", "stress[M0=-90]", "survives[M0]>=90"):
        assert coefficients(claim, stable) == (5 * ATTO,)
    with pytest.raises(ContextError) as error:
        made("maintenance,survives>=10", stable)
    assert error.value.code == "claim_not_allowed"


# Where they count.


def margins(layout: Layout) -> list[dict[int, int]]:
    """The forms of the slacks: the rows of the last blocks."""
    return [unknown.row or {} for unknown in layout.program.unknowns if unknown.bits == 104]


ASSET = {"kind": "asset", "initial_ppm": 200_000, "maintenance_ppm": 150_000}


def test_they_do_not_count_in_what_stands_beside_a_claim() -> None:
    """The health of a borrower, and a collateral ratio, need cash that is no debt: locks do not repair that."""
    lending = risk("lending", ASSET, ASSET)
    bands = [replace(band, interest=True) for band in point(100, 10)]
    for parameters, claim in ((lending, "health>=1.5"), (lending, "collateral>=1.2")):
        layout = made(claim, lock(), parameters=parameters, box=parameters.box(bands))
        counted, beside = margins(layout)
        j = layout.program.J - 1
        assert (counted[0], counted[j]) == (1, A)
        assert beside[0] == 1
        assert j not in beside
        values = [0] * layout.program.J
        layout.assign(values)
        values[j] = 10**6
        layout.assign(values)
        values[0] = -1
        assert refused(layout, values) == "not_provable"


def test_they_do_not_count_in_isolated_positions() -> None:
    flat = {"initial_ppm": 100_000, "maintenance_ppm": 50_000}
    parameters = risk("perpetuals-cross", flat, flat | {"isolated": True})
    layout = made("maintenance", lock(), parameters=parameters, box=parameters.box(point(100, 100)))
    shared, alone = margins(layout)
    j = layout.program.J - 1
    assert shared[j] == A
    assert j not in alone
    values = dict.fromkeys(parameters.units, 0)
    layout.assign([*values.values(), 10**9])
    assert refused(layout, [*(values | {"i/M1": -1}).values(), 10**9]) == "not_provable"


def test_they_do_not_count_where_cash_does_not() -> None:
    """A limit of notional is no lower for an account with locks."""
    layout = made("gross<=5,maintenance", lock())
    gross, margin = margins(layout)
    assert 0 not in gross
    assert 2 not in gross
    assert margin[2] == A


@pytest.mark.parametrize("claim", ["health<=2", "leverage>=3", "maintenance,health<=2"])
def test_no_claim_of_the_other_direction_counts_locks(claim: str) -> None:
    """It would be true of whoever leaves a lock out."""
    made(claim)
    with pytest.raises(ContextError) as error:
        made(claim, lock())
    assert error.value.code == "claim_not_allowed"


# Caps.


def test_a_cap_that_cannot_be_reached_has_no_row() -> None:
    rows = len(made("maintenance", lock(), lock()).relation.rows)
    for exactly in ({"lots": 2 * 2**40}, {"atto": 2 * A * 2**40}):
        assert len(made("maintenance", lock(**exactly), lock(**exactly)).relation.rows) == rows
        below = {name: most - 1 for name, most in exactly.items()}
        assert len(made("maintenance", lock(**below), lock(**below)).relation.rows) == rows + 1


@pytest.mark.parametrize(
    ("caps", "lots", "step"),
    [({"lots": 1000}, [999, 1, 7], 0), ({"atto": 1000 * A + 5}, [400, 600, 7], 1), ({"atto": 999 * A}, [0, 999, 7], 0)],
    ids=["class", "chain", "chain, all of one lock"],
)
def test_exactly_at_the_cap_and_one_lot_above(caps: dict[str, int], lots: list[int], step: int) -> None:
    locks = (lock(**caps), lock(**caps), lock("F", "two", coefficient=5))
    layout = made("maintenance", *locks)
    locked.check_caps(locks, lots)
    layout.assign([0, 0, *lots])
    above = [lots[0], lots[1], lots[2]]
    above[step] += 1
    assert refused(layout, [0, 0, *above]) == "not_provable"
    with pytest.raises(WitnessError) as error:
        locked.check_caps(locks, above)
    assert error.value.code == "over_cap"
    assert not any(str(number) in str(error.value) for number in (*lots, *above, *caps.values()))
    layout.assign([0, 0, *lots[:2], 2**40 - 1])  # the other class, on another chain, has caps of its own


def test_a_chain_cap_counts_all_classes_of_the_chain_and_a_class_cap_its_class_alone() -> None:
    locks = (lock("E", atto=100), lock("F", coefficient=7, atto=100), lock("E", coefficient=3, atto=100))
    layout = made("maintenance", replace(locks[0], coefficient_atto=2), *locks[1:])
    layout.assign([0, 0, 5, 9, 9])
    for lots in ([6, 9, 9], [5, 10, 9], [5, 9, 10]):
        assert refused(layout, [0, 0, *lots]) == "not_provable"
    layout = made("maintenance", lock("E", lots=10), lock("F", lots=20), lock("E", lots=10))
    layout.assign([0, 0, 4, 20, 6])
    for lots in ([5, 20, 6], [4, 21, 6]):
        assert refused(layout, [0, 0, *lots]) == "not_provable"


def test_a_chain_that_may_count_nothing() -> None:
    layout = made("maintenance", lock(atto=0))
    layout.assign([0, 0, 0])
    assert refused(layout, [0, 0, 1]) == "not_provable"


# What the closure says of them.


def test_as_many_and_as_large_as_a_request_allows_do_not_wrap() -> None:
    largest = tuple(lock(str(i), bits=48, coefficient=2**91 - 1, lots=1, atto=10**40) for i in range(MAX_LOCKS))
    layout = made("maintenance", *largest)
    assert layout.relation.J == 2 + MAX_LOCKS
    assert len(layout.relation.attested) == MAX_LOCKS


def test_a_lock_that_is_not_declared_is_refused_by_the_closure() -> None:
    relation = made("maintenance", lock(), lock("F")).relation
    for declared in ((), relation.attested[:1], ((1, 40), relation.attested[0])):
        with pytest.raises(RelationError, match="bounded by no row"):
            replace(relation, attested=declared)


def test_so_many_bits_that_a_row_could_wrap_are_refused() -> None:
    with pytest.raises(RelationError):
        made("maintenance", lock(bits=65))
    with pytest.raises(RelationError):
        made("maintenance", lock(bits=64, coefficient=2**190))


# Whole statements.


CASE = Case.of(
    account("100", ("BTC-USD", "-0.75", "61873.5"), ("ETH-USD", "3.5", "2410.25")),
    params(),
    round_of(oracle(PRICES | {"USDX-USD": "0.9995"})),
)


def opened(tag: str, lots: int) -> Opening:
    return Opening(lots, int.from_bytes(hashlib.sha256(tag.encode()).digest()[:31], "big"))


LOTS = {
    "0x" + f"{i:064x}": (class_, lots)
    for i, (class_, lots) in enumerate([("ETH", 9_000), ("USDX.evm", 70_000), ("USDX.sol", 10**6)], 1)
}
COEFFICIENTS = {"ETH": 2 * 10**17, "USDX.evm": 9 * 10**15, "USDX.sol": 8 * 10**15}
OPENINGS = CASE.openings | {f"lock/{tag}": opened(tag, lots) for tag, (_, lots) in LOTS.items()}


def counted(**changes: Any) -> dict[str, Any]:
    locks = [
        {
            "tag": tag,
            "class": class_,
            "commitment": to_hex(encode(commit(opened(tag, lots)))),
            "coefficient": str(COEFFICIENTS[class_]),
        }
        for tag, (class_, lots) in LOTS.items()
    ]
    return {"registry": REGISTRY.digest, "locks": locks} | changes


COLLATERAL = counted()


def asked(value: dict[str, Any] | None = COLLATERAL, **other: Any) -> Request:
    return CASE.request(collateral=None if value is None else Collateral.from_value(value), **({"percent": 1} | other))


def _build(asking: Request | None = None, registry: Chains | None = REGISTRY, **other: Any) -> Statement:
    return build(asked(**other) if asking is None else asking, CASE.state, CASE.params, CASE.round, registry)


@pytest.fixture(scope="module")
def proof() -> bytes:
    return _build().prove(OPENINGS)


def test_prove_and_verify_by_both_paths(proof: bytes) -> None:
    made = _build()
    assert made.labels == ("cash0", "q/BTC-USD", "q/ETH-USD", *(f"lock/{tag}" for tag in LOTS))
    assert made.relation.attested == ((3, 40), (4, 48), (5, 48))
    made.verify(proof)
    verify_batch([made.item(proof)] * 2)
    with quick_reference():
        reference.verify(made.relation, [encode(point) for point in made.commitments], proof, context=made.context)
    with pytest.raises(WitnessError):
        _build(asked(None)).prove(OPENINGS)  # the account needs them


def test_the_context_is_one_field_longer() -> None:
    plain, with_locks = _build(asked(None)).context, _build().context
    assert with_locks[: len(plain) - 200] != plain
    assert len(with_locks) == len(plain) + 4 + len("collateral") + 4 + 32


def _changed(lock: int, **changes: str) -> dict[str, Any]:
    locks = [dict(each) for each in COLLATERAL["locks"]]
    locks[lock] |= changes
    return COLLATERAL | {"locks": locks}


def test_every_part_of_a_lock_is_bound(proof: bytes) -> None:
    first, second, third = COLLATERAL["locks"]
    swapped = [first | {"commitment": second["commitment"]}, second | {"commitment": first["commitment"]}, third]
    others = [
        _changed(0, coefficient="200000000000000001"),
        _changed(0, coefficient="199999999999999999"),
        _changed(2, tag="0x" + "ff" * 32),
        _changed(1, **{"class": "USDX.sol"}),
        _changed(0, commitment=to_hex(encode(commit(opened("another", 9_000))))),
        COLLATERAL | {"locks": swapped},
        COLLATERAL | {"locks": [first, second]},
        COLLATERAL | {"locks": [second, third]},
        COLLATERAL
        | {
            "locks": [
                *COLLATERAL["locks"],
                third | {"tag": "0x" + "ff" * 32, "commitment": to_hex(encode(commit(opened("more", 0))))},
            ]
        },
        None,
    ]
    for value in others:
        with pytest.raises(VerificationError):
            _build(asked(value)).verify(proof)
    newer = Chains.from_value(CHAINS | {"version": 2})
    with pytest.raises(ProofError):
        _build(asked(COLLATERAL | {"registry": newer.digest}), newer).verify(proof)


def test_other_openings_are_told_of_before() -> None:
    tag = next(iter(LOTS))
    for opening in (opened(tag, 9_001), opened("another", 9_000)):
        with pytest.raises(WitnessError) as error:
            _build().prove(OPENINGS | {f"lock/{tag}": opening})
        assert error.value.code == "wrong_openings"


def test_caps_of_the_registry() -> None:
    """ETH: 2^40 lots could be above 10^9; USDX: 2^48 above 10^12; a chain: both times a coefficient above 5 * 10^6."""
    blocks = [unknown.bits for unknown in _build().layout.program.unknowns]
    million = 5_000_000 * ATTO
    assert blocks == [
        (10**9).bit_length(),
        (10**12).bit_length(),
        (10**12).bit_length(),
        *[million.bit_length()] * 2,
        104,
    ]
    tight = Chains.from_value(
        CHAINS | {"classes": [CHAINS["classes"][0] | {"cap_lots": 8_999}, *CHAINS["classes"][1:]]}
    )
    with pytest.raises(WitnessError) as error:
        _build(asked(COLLATERAL | {"registry": tight.digest}), tight).prove(OPENINGS)
    assert error.value.code == "over_cap"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"venue": "elsewhere"}, "wrong_venue"),
        ({"quote": "EUR"}, "wrong_quote"),
        ({"classes": CHAINS["classes"][1:]}, "unknown_class"),
        ({"version": 2}, "unknown_registry"),
    ],
)
def test_a_registry_that_does_not_fit_is_refused(change: dict[str, Any], code: str) -> None:
    registry = Chains.from_value(CHAINS | change)
    digest = REGISTRY.digest if code == "unknown_registry" else registry.digest
    with pytest.raises(ContextError) as error:
        _build(asked(COLLATERAL | {"registry": digest}), registry)
    assert error.value.code == code


def test_no_registry_is_refused_and_one_too_many_is_not_looked_at() -> None:
    with pytest.raises(ContextError) as error:
        _build(registry=None)
    assert error.value.code == "unknown_registry"
    assert _build(asked(None), REGISTRY).context == _build(asked(None), None).context


@pytest.mark.parametrize(
    "commitment", [encode(IDENTITY), b"\x80" + bytes(47), bytes(48)], ids=["identity", "order 3", "0"]
)
def test_a_commitment_that_is_none_is_refused(commitment: bytes) -> None:
    with pytest.raises(EncodingError) as error:
        _build(asked(_changed(0, commitment=to_hex(commitment))))
    assert error.value.code == "bad_commitment"


FIRST, SECOND, THIRD = COLLATERAL["locks"]


@pytest.mark.parametrize(
    "value",
    [
        COLLATERAL | {"locks": []},
        COLLATERAL | {"locks": [SECOND, FIRST, THIRD]},
        COLLATERAL | {"locks": [FIRST, FIRST]},
        COLLATERAL | {"locks": [FIRST, SECOND | {"commitment": FIRST["commitment"]}]},
        COLLATERAL
        | {
            "locks": [
                FIRST | {"tag": "0x" + f"{i:064x}", "commitment": "0x" + f"{i:096x}"} for i in range(MAX_LOCKS + 1)
            ]
        },
        COLLATERAL | {"more": "x"},
        *(_changed(0, coefficient=text) for text in ("0", "-1", "01", "1.5", str(2**91), "9" * 29)),
        _changed(0, tag="0x" + "AB" * 32),
        _changed(0, **{"class": ""}),
    ],
)
def test_a_request_that_is_malformed_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Collateral.from_value(value)


def test_the_largest_coefficient_is_taken() -> None:
    Collateral.from_value(_changed(0, coefficient=str(2**91 - 1)))
