"""A venue, its documents and two accounts, all signed with fixed keys: what the bundle vectors are made of."""

from __future__ import annotations

import hashlib
from typing import Any

import collateral_world
import margin_accounts as accounts
from vector_codec import seeded_entropy

from circuits import statement
from circuits.evidence import Evidence
from circuits.markets import RiskParameters
from circuits.policy import verify_bundle
from zkmargin import canonical
from zkmargin.bundle import Bundle, Collateral
from zkmargin.collateral import Chains, CollateralLock
from zkmargin.documents import Account, Oracle, Params, Policy, Round, Signed, Trust
from zkmargin.envelope import PrivateKey
from zkmargin.group import encode
from zkmargin.pedersen import Opening, commit


def key(name: str) -> PrivateKey:
    return PrivateKey(hashlib.sha256(f"zkmargin test vector key {name}".encode()).digest())


ORACLES = [key(f"oracle {i}") for i in range(4)]
TRUST = Trust(
    venue=accounts.VENUE,
    version=1,
    root=(key("root").public,),
    params=(key("params").public,),
    attestation=(key("attestation").public,),
    oracle=tuple(oracle.public for oracle in ORACLES),
    oracle_threshold=3,
)
POLICY = Policy(trust=TRUST, audience=accounts.AUDIENCE, max_expiry_s=86400, max_round_age_s=600, max_box_percent="10")
NOW_UNIX_S = canonical.parse_time(accounts.TIME) + 60
PARAMS: Params = accounts.params()
PARAMETERS = RiskParameters.from_document(PARAMS)
SIGNED_PARAMS = Signed(PARAMS, PARAMS.sign(key("params")))


def _round(*prices: dict[str, str]) -> Round:
    views: list[Oracle] = [accounts.oracle(each) for each in prices]
    return Round(tuple(Signed(view, view.sign(oracle)) for view, oracle in zip(views, ORACLES, strict=True)))


HIGHER = accounts.PRICES | {"BTC-USD": "61880"}
ROUND = _round(accounts.PRICES, accounts.PRICES, HIGHER, HIGHER)
"""Four reports: the price of BTC-USD is the interval between two medians."""


def openings(account: Account) -> dict[str, Opening]:
    holdings = accounts.holdings(account, PARAMETERS, accounts.prices_of(ROUND, PARAMETERS))
    return accounts.openings_of(holdings.values(PARAMETERS))


def prove(name: str, account: Account, *, signers: tuple[PrivateKey, ...], **request: Any) -> Bundle:
    """A bundle with the entropy of ``name``."""
    secret = openings(account)
    state = accounts.state(secret, PARAMETERS.units)
    asked = accounts.request(state, PARAMETERS, ROUND, **request)
    with seeded_entropy(name):
        proof = statement.build(asked, state, PARAMS, ROUND, REGISTRY).prove(secret | LOCK_OPENINGS)
    return Bundle(asked, proof, Signed(state, state.sign(*signers)), SIGNED_PARAMS, ROUND)


ATTESTED = (key("attestation"), accounts.OWNER)
HEDGED = accounts.account("20000", ("BTC-USD", "-0.75", "61250.0"), ("ETH-USD", "12.5"))
FLAT = accounts.account("0")
LIGHT = accounts.account("150", ("BTC-USD", "-0.05", "61250.0"))
LOCKS_EXPIRE_UNIX_S = collateral_world.BLOCK_TIME + 3600
UNKNOWN_COMMITMENT = canonical.to_hex(encode(commit(Opening(1, 2))))
COEFFICIENT = 204 * 10**15
TOO_MUCH = str(205 * 10**15)
"""Atto for 0.0001 ETH: below 2410.25 less 15 percent."""


REGISTRY = Chains.from_value(
    collateral_world.CHAINS
    | {
        "chains": [each | {"cap": "1000000000000"} for each in collateral_world.CHAINS["chains"]],
        "classes": [each for each in collateral_world.CHAINS["classes"] if each["class"] == "ETH"],
    }
)
"""The cap of ETH could be reached, and has a row; that of the chain could not."""
SIGNED_REGISTRY = Signed(REGISTRY, REGISTRY.sign(key("params")))
ACCOUNT = canonical.from_hex(accounts.state(openings(FLAT), PARAMETERS.units).account)
LOCKS = [collateral_world.lock(i, lots * 10**14, account=ACCOUNT) for i, lots in ((10, 12_345), (11, 20_000))]
LOCK_OPENINGS = {f"lock/{canonical.to_hex(one.note.tag)}": one.opening for one in LOCKS}


def collateral(coefficient: int) -> Collateral:
    """Both locks, at one coefficient."""
    words = {canonical.to_hex(one.note.tag): canonical.to_hex(one.note.commitment) for one in LOCKS}
    locks = [
        {"tag": tag, "class": "ETH", "commitment": commitment, "coefficient": str(coefficient)}
        for tag, commitment in sorted(words.items())
    ]
    return Collateral.from_value({"registry": REGISTRY.digest, "locks": locks})


def shown() -> list[CollateralLock]:
    """The evidence of both."""
    file = collateral_world.checkpoint_file(collateral_world.leaves([*LOCKS, *collateral_world.LOCKS[:2]]))
    tags = {one.note.tag for one in LOCKS}
    evidence = [collateral_world.tag_evidence(file, i) for i in range(len(file.leaves))]
    return [one for one in evidence if one.leaf is not None and one.leaf.leaf().tag in tags]


def accepts() -> dict[str, Bundle]:
    return {
        "health in a box": prove("health in a box", HEDGED, signers=ATTESTED, claim="health>=1.25", percent=5),
        "no position, no cash, point prices": prove(
            "no position, no cash, point prices", FLAT, signers=ATTESTED, claim="initial"
        ),
        "leverage": prove("leverage", HEDGED, signers=ATTESTED, claim="leverage<=5", percent=1),
        "locks on another chain": prove(
            "locks on another chain",
            LIGHT,
            signers=ATTESTED,
            claim="health>=2",
            percent=1,
            collateral=collateral(COEFFICIENT),
        ),
    }


def check(data: bytes, now_unix_s: int = NOW_UNIX_S, policy: Policy | None = POLICY) -> None:
    """What an offline checker with this venue's documents does."""
    evidence = Evidence.of(SIGNED_REGISTRY, collateral_world.MEMBERS, shown(), now_unix_s=NOW_UNIX_S)
    verify_bundle(
        Bundle.from_bytes(data),
        policy=policy,
        params=SIGNED_PARAMS,
        round=ROUND,
        now_unix_s=now_unix_s,
        collateral=evidence,
    )
