"""The example of every margin model, from the holder's commands to the verifier's statuses and back."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from cli_run import EXAMPLES
from model_session import Example, Session, session
from service_worlds import Beginning

from circuits.models import MODELS
from zkmargin import canonical
from zkmargin.documents import Params

FOLDERS = {path.parent.name: path.parent for path in sorted(EXAMPLES.rglob("params.json"))}
WITH_OPTIONS = ("options-standard", "portfolio-scenarios")


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path, blank: Beginning) -> Iterator[Session]:
    with session(tmp_path, Example.read(FOLDERS[request.param]), blank) as made:
        made.publish()
        yield made


def test_every_model_has_an_example() -> None:
    shown = {Params.from_bytes((folder / "params.json").read_bytes()).model for folder in FOLDERS.values()}
    assert shown == set(MODELS)


@pytest.mark.parametrize("example", FOLDERS, indirect=True)
def test_an_account_is_live_while_the_market_stays_in_its_box(example: Session) -> None:
    _commit(example)
    _become_live(example)
    for moved in (Fraction(4, 1000), Fraction(-4, 1000)):
        example.publish(moved, calmer=Fraction(1, 100))
        assert example.status == ("live", None)
    one = example.oracle["prices"][-1]["market"]
    example.publish({one: Fraction(6, 1000)})
    assert example.status == ("stale", "price_outside_box")
    example.publish()
    assert example.status == ("live", None)


@pytest.mark.parametrize(
    "example",
    [pytest.param(name, marks=[pytest.mark.slow] if name == "portfolio-scenarios" else []) for name in WITH_OPTIONS],
    indirect=True,
)
def test_an_account_outlives_its_options(example: Session) -> None:
    """No proof is about a time at which an option has expired, or about an account that still holds one; the account
    without it is proved at a round that has no price of it."""
    expiry = min(canonical.parse_time(market.expiry) for market in example.params.markets if market.expiry is not None)
    _commit(example)
    beyond = example.prove("--expiry", expiry - example.world.now)
    assert (beyond.code, beyond.error) == (1, "expired_option"), beyond.out

    example.world.now = expiry
    example.publish()
    assert example.expired
    held = example.prove()
    assert (held.code, held.error) == (2, "expired_option"), held.out
    assert not example.bundle.exists()

    example.settle()
    _commit(example)
    _become_live(example)


def _commit(example: Session) -> None:
    committed = example.commit()
    assert (committed.code, example.status[0]) == (0, "unproven"), committed.out


def _become_live(example: Session) -> None:
    proved = example.prove()
    assert (proved.code, proved.json["claim"]) == (0, "maintenance"), proved.out
    checked = example.verify()
    assert (checked.code, checked.json["valid"], checked.json["covers_maintenance"]) == (0, True, True), checked.out
    submitted = example.submit()
    assert (submitted.code, submitted.json["verdict"]) == (0, "accepted"), submitted.out
    assert example.status == ("live", None)
