"""Reading any document: strict, one canonical form, errors that name the field and never the value."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from document_examples import ACCOUNT, EXAMPLES, OWNER, PARAMS_VALUE, key
from pydantic import ValidationError

from zkmargin import canonical
from zkmargin.documents import Account, Document, Params, Position, Signed, Trust, read
from zkmargin.envelope import sign
from zkmargin.errors import ContextError, InputError

KINDS = pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a JSON value."""
    yield path
    if isinstance(value, (dict, list)):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(item, (*path, step))


def _changed(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    value = copy.deepcopy(value)
    place = value
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    return value


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


@KINDS
def test_what_is_written_is_read_again(kind: type[Document]) -> None:
    document = read(_bytes(EXAMPLES[kind]), kind).document
    assert document.to_bytes() == canonical.to_bytes(EXAMPLES[kind])
    assert document.digest == "0x" + hashlib.sha256(document.to_bytes()).hexdigest()
    assert read(document.to_bytes(), kind).document == document
    _, name, version = kind.SCHEMA.split("/")
    assert document.media_type() == f"application/vnd.zkmargin.{name}.{version}+json"


@KINDS
def test_the_same_document_in_an_envelope(kind: type[Document]) -> None:
    document = kind.from_value(EXAMPLES[kind])
    signed = read(document.sign(OWNER).to_bytes(), kind)
    assert signed.document == signed.verify([OWNER.public]) == document
    assert signed.digest == document.digest
    with pytest.raises(ContextError) as caught:
        Signed(document).verify([OWNER.public])
    assert caught.value.code == "unsigned"


@KINDS
def test_another_type_of_document_in_the_envelope_is_refused(kind: type[Document]) -> None:
    document = kind.from_value(EXAMPLES[kind])
    envelope = sign("application/vnd.zkmargin.other.v1+json", document.to_bytes(), OWNER)
    with pytest.raises(InputError, match=f"does not hold a {kind.SCHEMA} document"):
        read(envelope.to_bytes(), kind)
    with pytest.raises(InputError, match=f"does not hold a {kind.SCHEMA} document"):
        Signed(document, envelope)


@KINDS
def test_a_payload_in_another_form_is_refused(kind: type[Document]) -> None:
    payload = json.dumps(EXAMPLES[kind], indent=1).encode()
    with pytest.raises(InputError, match="not in canonical form"):
        read(sign(kind.media_type(), payload, OWNER).to_bytes(), kind)


def test_a_signed_document_is_what_the_envelope_holds() -> None:
    document = Params.from_value(PARAMS_VALUE)
    other = Params.from_value(PARAMS_VALUE | {"version": 4})
    with pytest.raises(InputError, match="not in canonical form"):
        Signed(document, other.sign(OWNER))


@KINDS
def test_unknown_keys_are_refused_everywhere_and_not_repeated(kind: type[Document]) -> None:
    for path in _paths(EXAMPLES[kind]):
        if not isinstance(_at(EXAMPLES[kind], path), dict):
            continue
        with pytest.raises(InputError) as caught:
            read(_bytes(_changed(EXAMPLES[kind], (*path, "secretkey"), 1)), kind)
        assert "secretkey" not in str(caught.value)


@KINDS
def test_keys_that_are_needed_are_missed(kind: type[Document]) -> None:
    for field, description in kind.model_fields.items():
        name = description.alias or field
        if description.is_required() or name == "schema":
            without = {k: v for k, v in EXAMPLES[kind].items() if k != name}
            with pytest.raises(InputError, match=name):
                read(_bytes(without), kind)


@KINDS
def test_every_scalar_has_its_type(kind: type[Document]) -> None:
    """A string where a number belongs, a number (or true, null, a list) where a string belongs: refused, by path."""
    wrong: dict[type, list[Any]] = {str: [4711, True, None, ["4711"]], int: ["4711", True, 4711.0, None]}
    for path in _paths(EXAMPLES[kind]):
        for new in wrong.get(type(_at(EXAMPLES[kind], path)), []):
            if new is None and path[-1] == "entry_price":
                continue
            with pytest.raises(InputError) as caught:
                read(_bytes(_changed(EXAMPLES[kind], path, new)), kind)
            last_name = next(step for step in reversed(path) if isinstance(step, str))
            assert last_name in str(caught.value) or kind.SCHEMA in str(caught.value)
            assert "4711" not in str(caught.value)


@KINDS
def test_another_schema_or_version_is_refused(kind: type[Document]) -> None:
    for schema in (kind.SCHEMA[:-1] + "2", kind.SCHEMA + " ", "", None, 1):
        with pytest.raises(InputError, match=f"this is not a {kind.SCHEMA} document"):
            read(_bytes(EXAMPLES[kind] | {"schema": schema}), kind)
    for value in ([], "x", None, 7):
        with pytest.raises(InputError):
            read(_bytes(value), kind)


AMOUNTS = [
    (Account, ("cash",), "cash"),
    (Account, ("positions", 0, "size"), "positions[0].size"),
    (Account, ("positions", 0, "entry_price"), "positions[0].entry_price"),
    (Params, ("markets", 1, "lot"), "markets[1].lot"),
    (Params, ("markets", 1, "max_size"), "markets[1].max_size"),
]


@pytest.mark.parametrize(("kind", "path", "name"), AMOUNTS)
@pytest.mark.parametrize("amount", [4711, 4711.5, 4711e30, float("nan"), 10**30])
def test_a_number_where_an_amount_belongs_is_refused_by_name(
    kind: type[Document], path: tuple[str | int, ...], name: str, amount: Any
) -> None:
    with pytest.raises(InputError) as caught:
        read(_bytes(_changed(EXAMPLES[kind], path, amount)), kind)
    assert f"{name}: " in str(caught.value)
    assert "decimal string" in str(caught.value)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "1e3", "+1", "1,5", ".5", "1.", "01", " 1", "1\n", "NaN", "٣", "1" * 61])
def test_a_string_that_is_no_decimal_is_refused_by_name(text: str) -> None:
    for kind, path, name in AMOUNTS:
        with pytest.raises(InputError) as caught:
            read(_bytes(_changed(EXAMPLES[kind], path, text)), kind)
        assert f"{name}: must be a decimal string" in str(caught.value)


def test_making_a_document_in_python_is_as_strict() -> None:
    assert Account(account="alice", cash="1").cash == "1"
    for wrong in (1, 1.5, "1e3", None):
        with pytest.raises(InputError, match="cash: must be a decimal string"):
            Account(account="alice", cash=wrong)
    with pytest.raises(InputError, match="size"):
        Position(market="BTC-USD", size="x4711")
    for wrong_integer in ("3", 3.0, True):
        with pytest.raises(InputError, match="version: must be an integer"):
            Params(**{**Params.from_value(PARAMS_VALUE).__dict__, "version": wrong_integer})


def test_secrets_stay_out_of_repr() -> None:
    account = Account.from_value(ACCOUNT)
    for secret in ("152340", "0.75", "61250", "BTC"):
        assert secret not in repr(account)
        assert secret not in repr(account.positions[0])
        assert secret not in str(Signed(account))


def test_an_option_that_is_null_is_absent() -> None:
    account = Account.from_value(_changed(ACCOUNT, ("positions", 0, "entry_price"), None) | {"owner": None})
    assert account.to_value()["positions"] == [{"market": "BTC-USD", "size": "-0.75"}]
    assert "owner" not in account.to_value()


def test_documents_do_not_change() -> None:
    account = Account.from_value(ACCOUNT)
    with pytest.raises(ValidationError):
        account.cash = "5"


def test_a_changed_copy_has_a_digest_of_its_own() -> None:
    params = Params.from_value(PARAMS_VALUE)
    before = params.digest
    changed = params.model_copy(update={"version": 4})
    assert changed.digest == Params.from_value(PARAMS_VALUE | {"version": 4}).digest != before == params.digest


def test_a_value_from_a_looser_parser_is_held_to_the_same_rules() -> None:
    for cash in (1.5, float("nan"), "\ud800", b"1"):
        with pytest.raises(InputError):
            Account.from_value(ACCOUNT | {"cash": cash})


def test_unsigned_documents_of_other_keys_do_not_pass() -> None:
    trust = Trust.from_value(EXAMPLES[Trust])
    signed = read(trust.sign(key(99)).to_bytes(), Trust)
    with pytest.raises(ContextError) as caught:
        signed.verify(trust.root)
    assert caught.value.code == "unsigned"
