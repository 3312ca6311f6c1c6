"""A bundle in, a verdict out: with real proofs. A refusal has its own code and a receipt, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from service_world import AUDIENCE, MARKETS, PRICES, SOL, Holder, World, make_params, make_report

from circuits.statement import Statement
from zkmargin import canonical
from zkmargin.bundle import Bundle, Request
from zkmargin.documents import LabelledCommitment, Receipt, Round, Signed, verify_receipt
from zkmargin.envelope import Envelope, PrivateKey


def receipt_of(world: World, answer) -> Receipt:
    return verify_receipt(Envelope.from_value(answer.json()["receipt"]), world.receipt_key.public)


def test_an_accepted_bundle_gets_a_signed_receipt_and_makes_the_account_live(world: World) -> None:
    holder = world.holder().put()
    assert world.status(holder.id)["status"] == "unproven"
    bundle = holder.bundle("initial")
    answer = world.submit(bundle)
    assert answer.status_code == 201
    assert {key: answer.json()[key] for key in ("verdict", "reason")} == {"verdict": "accepted", "reason": "ok"}
    receipt = receipt_of(world, answer)
    assert (receipt.verdict, receipt.reason, receipt.audience) == ("accepted", "ok", AUDIENCE)
    assert (receipt.bundle, receipt.account, receipt.seq) == (canonical.digest(bundle), holder.id, 1)
    assert (receipt.state_digest, receipt.params) == (holder.state.state_digest, world.params.digest)
    assert (receipt.round, receipt.claim, receipt.decided) == (world.round.digest, "initial", world.round.time)
    assert world.status(holder.id) == {
        "schema": "zkmargin/status/v1", "account": holder.id, "seq": 1, "status": "live", "reason": None,
        "since_round": None, "deadline": None, "round": 1, "claim": "initial",
    }  # fmt: skip


def test_identical_bytes_get_the_first_receipt_even_when_they_would_be_refused_by_now(world: World) -> None:
    holder = world.holder().put()
    bundle = holder.bundle()
    first = world.submit(bundle)
    assert world.submit(bundle).status_code == 200
    holder.put()
    world.now += 10 * 365 * 86400
    before = world.dump()
    again = world.submit(bundle)
    assert (again.status_code, again.json()) == (200, first.json())
    assert world.dump() == before


def test_an_accepted_submission_can_be_looked_up(world: World) -> None:
    holder = world.holder().put()
    answer = world.submit(holder.bundle()).json()
    found = world.client.get(f"/v1/submissions/{answer['bundle']}")
    assert (found.status_code, found.json()) == (200, answer)
    assert found.headers["etag"] == f'"{answer["bundle"]}"'
    assert "immutable" in found.headers["cache-control"]
    held = world.client.get(f"/v1/submissions/{answer['bundle']}", headers={"if-none-match": found.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")


def tampered(proof: bytes) -> bytes:
    return proof[:-1] + bytes([proof[-1] ^ 1])


def other_box(request: Request) -> Request:
    entry = request.box[0].model_copy(update={"low": "1"})
    return request.model_copy(update={"box": (entry, *request.box[1:])})


def away(holder: Holder, **changes: object) -> bytes:
    """A bundle whose request was altered before it was proved."""
    return holder.wrap(holder.request(**changes), b"")


REFUSALS: dict[str, tuple[str, int, Callable[[Holder], bytes]]] = {
    "another audience": ("wrong_audience", 422, lambda h: away(h, audience="someone.else")),
    "an account without a state": ("unknown_account", 404, lambda h: away(h, account="0x" + "11" * 32)),
    "a sequence to come": ("unknown_sequence", 409, lambda h: away(h, seq=2)),
    "another state": ("state_mismatch", 409, lambda h: away(h, state_digest="0x" + "11" * 32)),
    "unpublished parameters": ("unknown_params", 422, lambda h: away(h, params="0x" + "11" * 32)),
    "an unpublished round": ("unknown_round", 422, lambda h: away(h, round="0x" + "11" * 32)),
    "a round under another number": ("unknown_round", 422, lambda h: away(h, round_number=2)),
    "expiry now": ("expired", 422, lambda h: away(h, expiry=canonical.format_time(h.world.now))),
    "expiry in a year": ("expiry_too_far", 422, lambda h: away(h, expiry="2027-11-22T06:00:00Z")),
    "a claim that is not one": ("claim_not_allowed", 422, lambda h: away(h, claim="leverage>=5")),
    "a claim in another spelling": ("claim_not_allowed", 422, lambda h: away(h, claim="leverage<=5.0")),
    "a box of one market": ("bad_box", 422, lambda h: away(h, box=h.request().box[:1])),
    "a box in another order": ("bad_box", 422, lambda h: away(h, box=h.request().box[::-1])),
    "a box upside down": (
        "bad_box", 422,
        lambda h: away(h, box=(h.request().box[0].model_copy(update={"low": "70000"}), h.request().box[1])),
    ),
    "a price outside the box": (
        "price_outside_box", 422,
        lambda h: away(h, box=(h.request().box[0].model_copy(update={"low": "60000.1"}), h.request().box[1])),
    ),
    "a funding index outside the box": (
        "price_outside_box", 422,
        lambda h: away(h, box=(h.request().box[0].model_copy(update={"funding_low": "0.1"}), h.request().box[1])),
    ),
    "a wide box": ("box_too_wide", 422, lambda h: h.wrap(h.request(percent="50.1"), b"")),
    "no proof": ("bad_encoding", 400, lambda h: away(h)),
    "a proof with one bit changed": (
        "proof_failed", 422, lambda h: h.wrap(h.request(), tampered(h.prove(h.request()))),
    ),
    "a proof of a weaker claim": (
        "proof_failed", 422, lambda h: h.wrap(h.request("initial"), h.prove(h.request("maintenance"))),
    ),
    "a proof of another expiry": (
        "proof_failed", 422,
        lambda h: h.wrap(h.request(), h.prove(h.request(expiry=canonical.format_time(h.world.now + 60)))),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def still_holder(still_world: World) -> Holder:
    return still_world.holder().put()


@pytest.mark.parametrize("what", REFUSALS)
def test_a_refusal_has_its_code_and_a_receipt_and_changes_nothing(
    still_world: World, still_holder: Holder, what: str
) -> None:
    world, holder = still_world, still_holder
    code, status, make = REFUSALS[what]
    bundle = make(holder)
    before = world.dump()
    answer = world.submit(bundle)
    assert (answer.json()["code"], answer.status_code) == (code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["verdict"] == "refused"
    receipt = receipt_of(world, answer)
    assert receipt.to_value() == {
        "schema": Receipt.SCHEMA, "audience": AUDIENCE, "bundle": canonical.digest(bundle), "verdict": "refused",
        "reason": code, "decided": canonical.format_time(world.now),
    }  # fmt: skip
    assert world.dump() == before
    assert world.client.get(f"/v1/submissions/{canonical.digest(bundle)}").status_code == 404


def test_an_earlier_sequence(world: World) -> None:
    holder = world.holder().put()
    bundle = holder.bundle()
    holder.put()
    assert world.submit(bundle).json()["code"] == "earlier_sequence"


def test_another_accounts_proof_is_worth_nothing(world: World) -> None:
    rich, poor = world.holder("1000000").put(), world.holder("1").put()
    request = rich.request()
    proof = rich.prove(request)
    stolen = request.model_copy(update={"account": poor.id, "state_digest": poor.state.state_digest})
    assert world.submit(poor.wrap(stolen, proof)).json()["code"] == "proof_failed"


def test_the_copies_inside_a_bundle_are_not_trusted(world: World) -> None:
    """A state of the holder's making, or rates of its making, make a good proof of a wrong statement."""
    holder = world.holder("1").put()
    rich = world.holder("1000000")
    rich.owner, rich.sealing, rich.salt, rich.id = holder.owner, holder.sealing, holder.salt, holder.id
    rich.attest(rich.next_state(), holder.owner)
    assert world.submit(rich.bundle()).json()["code"] == "state_mismatch"
    # Naming the state that the service has, with that proof and that copy:
    named = rich.request(state_digest=holder.state.state_digest)
    assert world.submit(rich.wrap(named, rich.prove(rich.request()))).json()["code"] == "state_mismatch"

    real = world.params
    mild = make_params(markets=[market | {"initial_ppm": 1, "maintenance_ppm": 1} for market in MARKETS])
    world.params = Signed(mild, mild.sign(world.keys.params))
    assert world.submit(holder.bundle()).json()["code"] == "unknown_params"
    assert world.submit(holder.wrap(holder.request(params=real.digest), b"")).json()["code"] == "unknown_params"


def test_the_round_inside_a_bundle_is_not_trusted(world: World) -> None:
    holder = world.holder().put()
    request, real = holder.request(), world.round
    proof = holder.prove(request)
    report = make_report(1, PRICES | {"BTC-USD": "59000"}, world.now)
    world.round = Round(tuple(Signed(report, report.sign(key)) for key in world.keys.quorum))
    assert world.submit(holder.bundle()).json()["code"] == "unknown_round"
    assert world.submit(holder.wrap(request, proof)).json()["code"] == "unknown_round"
    world.round = real
    assert world.submit(holder.wrap(request, proof)).status_code == 201


def test_one_proof_makes_one_bundle(world: World) -> None:
    """Else anyone could crowd an account's verdicts out, with variants of one of them whose copies differ."""
    holder = world.holder().put()
    request = holder.request()
    proof, signed, params, round_ = holder.prove(request), holder.signed, world.params, world.round
    assert signed is not None
    assert signed.envelope is not None
    assert params.envelope is not None
    stranger, reports = PrivateKey.generate(), round_.reports
    assert reports[1].envelope is not None
    more = reports[1].envelope.with_signature(stranger)
    variants = {
        "state_mismatch": [Signed(signed.document), Signed(signed.document, signed.envelope.with_signature(stranger))],
        "unknown_params": [Signed(params.document), Signed(params.document, params.envelope.with_signature(stranger))],
        "unknown_round": [Round(reports[:1]), Round((reports[0], Signed(reports[1].document, more)))],
    }
    for code, copies in variants.items():
        for copy in copies:
            parts = {"state_mismatch": signed, "unknown_params": params, "unknown_round": round_} | {code: copy}
            assert world.submit(Bundle(request, proof, *parts.values()).to_bytes()).json()["code"] == code
    assert world.submit(Bundle(request, proof, signed, params, round_).to_bytes()).status_code == 201


def test_the_first_fault_in_the_order_of_checks_gives_the_code(world: World) -> None:
    holder = world.holder().put().put()
    faults: list[tuple[str, dict[str, object]]] = [
        ("wrong_audience", {"audience": "someone.else"}),
        ("unknown_account", {"account": "0x" + "11" * 32}),
        ("earlier_sequence", {"seq": 1}),
        ("state_mismatch", {"state_digest": "0x" + "11" * 32}),
        ("unknown_params", {"params": "0x" + "11" * 32}),
        ("unknown_round", {"round": "0x" + "11" * 32}),
        ("expired", {"expiry": "2020-01-01T00:00:00Z"}),
        ("claim_not_allowed", {"claim": "solvent"}),
        ("bad_box", {"box": holder.request().box[:1]}),
    ]
    for i, (code, _) in enumerate(faults):
        changes = {name: value for _, fault in faults[i:] for name, value in fault.items()}
        assert world.submit(away(holder, **changes)).json()["code"] == code


def test_policy_limits_the_kinds_of_claims(make_begun_world: Callable[..., World]) -> None:
    world = make_begun_world(claims=("initial",))
    holder = world.holder().put()
    assert world.submit(holder.bundle("maintenance")).json()["code"] == "claim_not_allowed"
    assert world.submit(holder.bundle("initial")).status_code == 201


@pytest.mark.parametrize("claim", ["maintenance", "initial", "health>=1.25", "leverage<=5"])
def test_every_kind_of_claim_can_be_proved(world: World, claim: str) -> None:
    holder = world.holder().put()
    assert world.submit(holder.bundle(claim)).status_code == 201
    assert world.status(holder.id)["status"] == "live"


def test_an_old_round(world: World) -> None:
    holder = world.holder().put()
    bundle = holder.bundle()
    world.now += world.settings.max_round_age_s
    world_before = world.submit(bundle)
    assert world_before.status_code == 201
    world.now += 1
    late = holder.bundle()
    assert world.submit(late).json()["code"] == "old_round"


def test_an_earlier_round_within_its_age_is_accepted_and_the_status_says_what_is_current(world: World) -> None:
    holder = world.holder().put()
    inside, outside = holder.bundle(percent="1"), holder.bundle(percent="20")
    world.move_to(2, "66000")
    assert world.submit(inside).status_code == 201
    status = world.status(holder.id)
    assert (status["status"], status["reason"], status["since_round"]) == ("stale", "price_outside_box", 2)
    assert world.submit(outside).status_code == 201
    assert world.status(holder.id)["status"] == "live"


def test_old_parameters_are_good_for_their_grace(world: World) -> None:
    holder = world.holder().put()
    early, late = holder.bundle(), holder.bundle("initial")
    world.publish_params(make_params(2))
    assert world.submit(early).status_code == 201
    world.now += world.settings.params_grace_s + 1
    assert world.submit(late).json()["code"] == "old_params"


def test_a_round_before_a_market_was_listed_does_not_do_for_it(world: World) -> None:
    holder = world.holder().put()
    round_ = world.round
    world.publish_params(make_params(2, [*MARKETS, SOL]))
    world.publish_round(2, PRICES | {"SOL-USD": "100"})
    request = holder.request()
    assert world.submit(holder.wrap(request, holder.prove(request))).status_code == 201
    world.round = round_
    early = request.model_copy(update={"round": round_.digest, "round_number": 1})
    assert world.submit(holder.wrap(early, b"")).json()["code"] == "missing_price"


def test_a_state_in_a_new_market_cannot_be_proved_under_old_parameters(world: World) -> None:
    """Else what the account owes in the new market would go uncounted, within the grace of the old parameters."""
    old = world.params
    world.publish_params(make_params(2, [*MARKETS, SOL]))
    world.publish_round(2, PRICES | {"SOL-USD": "100"})
    holder = world.holder("100000", BTC="1", SOL="-90000").put()
    world.params = old
    assert world.submit(holder.wrap(holder.request(), b"")).json()["code"] == "state_mismatch"


BAD_BYTES = {
    "nothing": b"",
    "text": b"hello",
    "a number": b"1",
    "an empty object": b"{}",
    "not UTF-8": b"\xff\xfe{}",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "a float": b'{"schema": 1.5}',
    "a long integer": b'{"seq": ' + b"9" * 10_000 + b"}",
    "a surrogate": b'{"a": "\\ud800"}',
    "a key twice": b'{"a": 1, "a": 2}',
}


@pytest.mark.parametrize("what", BAD_BYTES)
def test_bytes_that_are_no_bundle(still_world: World, what: str) -> None:
    answer = still_world.submit(BAD_BYTES[what])
    assert (answer.status_code, answer.json()["code"], answer.json()["verdict"]) == (400, "bad_encoding", "refused")
    receipt = receipt_of(still_world, answer)
    assert (receipt.bundle, receipt.reason) == (canonical.digest(BAD_BYTES[what]), "bad_encoding")


def test_a_bundle_has_one_encoding(world: World) -> None:
    bundle = world.holder().put().bundle()
    assert world.submit(bundle + b"\n").json()["code"] == "bad_encoding"
    assert world.submit(bundle.replace(b'":', b'": ', 1)).json()["code"] == "bad_encoding"


def test_no_flipped_byte_of_a_bundle_is_accepted_or_breaks_the_service(
    still_world: World, still_holder: Holder
) -> None:
    bundle = still_holder.bundle()
    before = still_world.dump()
    for position in range(0, len(bundle), len(bundle) // 60):
        altered = bytearray(bundle)
        altered[position] ^= 1 << position % 8
        answer = still_world.submit(bytes(altered))
        assert 400 <= answer.status_code < 500, (position, answer.text)
    assert still_world.dump() == before


def test_the_same_bundle_at_the_same_time_is_stored_once(world: World) -> None:
    holder = world.holder().put()
    bundle = holder.bundle()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(world.submit, [bundle] * 6))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert len(world.client.get("/v1/submissions").json()["items"]) == 1


def test_a_state_that_moves_while_its_proof_is_verified(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = world.holder().put()
    bundle = holder.bundle()
    verify = Statement.verify

    def slow(statement: Statement, proof: bytes) -> None:
        verify(statement, proof)
        holder.put()

    monkeypatch.setattr(Statement, "verify", slow)
    assert world.submit(bundle).json()["code"] == "earlier_sequence"
    assert world.client.get("/v1/submissions").json()["items"] == []


def test_a_commitment_that_is_no_point_never_gets_in(world: World) -> None:
    holder = world.holder()
    state = holder.next_state()
    bad = LabelledCommitment(label="cash0", unit=state.commitments[0].unit, commitment="0x" + "ff" * 48)
    answer = world.put(
        holder.id, holder.attest(state.model_copy(update={"commitments": (bad, *state.commitments[1:])}))
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_encoding")


def test_submissions_come_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from verifier.routes import submissions

    monkeypatch.setattr(submissions, "PAGE", 2)
    holders = [world.holder().put(), world.holder().put()]
    sent = [world.submit(h.bundle(claim)).json()["bundle"] for claim in ("maintenance", "initial") for h in holders]
    first = world.client.get("/v1/submissions").json()
    second = world.client.get(f"/v1/submissions?cursor={first['next']}").json()
    assert [item["bundle"] for item in first["items"] + second["items"]] == sent
    assert second["next"] is None
    mine = world.client.get(f"/v1/submissions?account={holders[1].id}").json()
    assert [item["bundle"] for item in mine["items"]] == sent[1::2]
