"""docs/protocol.md says what the code does: constants, labels, lengths, limits, closure, and the worked example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from small_relations import cases, ranges

from zkmargin import generators, range_argument, reference, reference_encoding, relation
from zkmargin.errors import EncodingError, RelationError
from zkmargin.field import R
from zkmargin.group import decode, encode
from zkmargin.pedersen import Opening, commit
from zkmargin.relation import Digit, Relation, Row
from zkmargin.transcript import DOMAIN, Transcript

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def section(number: str) -> str:
    """The text under the heading that starts with ``number``, sub-sections included."""
    heading = re.search(rf"^(#+) {re.escape(number)} .*$", TEXT, re.MULTILINE)
    assert heading, number
    body = TEXT[heading.end() :]
    following = re.search(rf"^#{{1,{len(heading[1])}}} ", body, re.MULTILINE)
    return body[: following.start()] if following else body


def table(text: str) -> list[list[str]]:
    rows = [line.strip("|").split("|") for line in text.replace("\\|", "").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def block(name: str) -> dict[str, bytes]:
    body = re.search(rf"```{name}\n(.*?)```", TEXT, re.DOTALL)[1]
    return {line[:25].strip(): bytes.fromhex(line[25:]) for line in body.splitlines()}


# §1 to §4: constants.


def test_group():
    assert f"r = {R:#x}" in section("1.")
    assert f"p = {reference_encoding.P:#x}" in section("1.")


def test_generators():
    text = section("3.")
    assert f"DST = {generators.DST.decode()}" in text
    assert generators.DST == reference_encoding.DST
    assert f"G = {encode(generators.G).hex()}" in text
    roles = re.findall(r"`([a-z]+(?:-\d)?)`", "".join(row[1] for row in table(text)))
    assert roles == ["value", "blinding", "error-1", "error-2", "error-4", "multiplicity", "norm"]
    named = [generators.base(role) for role in roles]
    assert named[:2] == [generators.G, generators.H]
    assert named[1:6] == generators.generators(1, 1).linear
    assert named[6:] == generators.generators(1, 1).norm


def relation_of(N: int, M: int) -> Relation:
    slots = (Digit(0),) * N
    return Relation(tables=(tuple(range(M)),), slots=slots, rows=(Row(W=((0, 1),), P=((0, 1),)),), gadgets=(), J=1)


@pytest.mark.parametrize("row", table(section("4.1")), ids=lambda row: f"{row[0]}-{row[1]}")
def test_lengths(row):
    N, M, K, N_padded, n, l, proof_bytes = map(int, row)
    fast = relation_of(N, M)
    assert (fast.K, fast.N_padded, *fast.final_lengths, fast.proof_bytes) == (K, N_padded, n, l, proof_bytes)
    assert reference.shape_of(fast) == (M, 4 + M, K, N_padded, n, l, proof_bytes)
    assert proof_bytes == 48 * (3 + 2 * K) + 32 * (n + l)
    assert N_padded == n * 2**K
    assert l == -(-(4 + M) // 2**K)


# §6: encodings.


def test_limits():
    stated = [int(re.match(r"\d+", row[1])[0]) for row in table(section("6.6"))]
    assert stated == [
        relation.MAX_SLOTS,
        relation.MAX_COMMITMENTS,
        relation.MAX_ROWS,
        relation.MAX_TABLES,
        relation.MAX_SYMBOLS,
        relation.MAX_ENTRIES,
        relation.MAX_ATTESTED_BITS,
        range_argument.MAX_CONTEXT_BYTES,
    ]
    assert reference.CONTEXT_LIMIT_BYTES == range_argument.MAX_CONTEXT_BYTES
    largest = relation_of(relation.MAX_SLOTS, relation.MAX_SYMBOLS)
    assert f"more than {5 + largest.M + largest.N_padded} generators" in " ".join(section("6.6").split())


@pytest.mark.parametrize("over", ["slots", "symbols", "tables", "rows", "commitments"])
def test_one_above_a_limit_is_refused(over):
    tables, slots, rows, J = [tuple(range(2))], [Digit(0)], [Row(W=((0, 1),), P=((0, 1),))], 1
    if over == "slots":
        slots *= relation.MAX_SLOTS + 1
    elif over == "symbols":
        tables = [tuple(range(relation.MAX_SYMBOLS + 1))]
    elif over == "tables":
        tables *= relation.MAX_TABLES + 1
    elif over == "rows":
        rows *= relation.MAX_ROWS + 1
    else:
        J = relation.MAX_COMMITMENTS + 1
        rows += [Row(W=((0, 1),), P=((j, 1),)) for j in range(1, J)]
    with pytest.raises(RelationError, match="limit"):
        Relation(tables=tuple(tables), slots=tuple(slots), rows=tuple(rows), gadgets=(), J=J)


def test_transcript_calls(monkeypatch):
    """Every call of both transcripts, in the order of the table in §6.3."""
    case = ranges([200], 4, 4)
    K = case.relation.K
    expected: list[tuple[str, str]] = []
    for call, _ in table(section("6.3")):
        times = K if call.startswith("K times") else 1
        calls = [
            (kind, label)
            for kind, labels in re.findall(r"(absorb|challenge) ((?:`\w+`(?:, )?)+)", call)
            for label in re.findall(r"`(\w+)`", labels)
        ]
        expected += calls * times
    made: list[tuple[str, str]] = []
    for transcript in (Transcript, reference_encoding.Transcript):
        absorb, challenge = transcript.absorb, transcript.challenge

        def absorbing(self, label, data, absorb=absorb):
            if label != "c" and data:
                made.append(("absorb", label))
            absorb(self, label, data)

        def challenging(self, label, challenge=challenge):
            made.append(("challenge", label))
            return challenge(self, label)

        monkeypatch.setattr(transcript, "absorb", absorbing)
        monkeypatch.setattr(transcript, "challenge", challenging)
    openings = [Opening(200, 7)]
    V = commit(openings[0])
    proof = range_argument.prove(case.relation, openings, case.assignment, context=b"x")
    assert made == expected
    made.clear()
    range_argument.verify(case.relation, [V], proof, context=b"x")
    assert made == expected
    made.clear()
    reference.verify(case.relation, [encode(V)], proof, context=b"x")
    assert made == expected
    assert f'SHA256("{DOMAIN.decode()}")' in section("6.3")


def test_point_of_order_3():
    assert "encoded `80` and 47 zero bytes" in section("6.2")
    with pytest.raises(EncodingError):
        decode(b"\x80" + bytes(47))
    with pytest.raises(EncodingError, match="subgroup"):
        reference_encoding.decode_point(b"\x80" + bytes(47), allow_identity=True)


def test_number_of_terms():
    assert "4 + J + 2K + L + N' terms" in section("7.")
    for case in cases():
        r = case.relation
        assert r.terms == 4 + r.J + 2 * r.K + r.L + r.N_padded


def test_verifier_steps_are_those_that_the_reference_names():
    steps = re.findall(r"^(\d)\. \*\*", section("7."), re.MULTILINE)
    assert steps == list("12345678")
    source = Path(reference.__file__).read_text(encoding="utf-8")
    assert re.findall(r"# Step (\d):", source) == steps


# §16: the worked example.


def test_worked_example():
    bases, transcript, parts = block("bases"), block("transcript"), block("proof")
    case = ranges([200], 4, 4)
    shared = generators.generators(4, 4)
    linear = dict(zip(["H", "H_1", "H_2", "H_4", "Hm_0", "Hm_1", "Hm_2", "Hm_3"], shared.linear, strict=True))
    norm = {f"G_{i}": point for i, point in enumerate(shared.norm)}
    known = {"G": generators.G, **linear, **norm}
    assert bases == {name: encode(known[name]) for name in bases}

    assert transcript["generators digest"] == shared.digest
    assert transcript["relation digest"] == case.relation.digest == reference_encoding.relation_digest(case.relation)
    assert transcript["V_0"] == encode(commit(Opening(200, 7)))
    proof = b"".join(parts.values())
    assert len(proof) == case.relation.proof_bytes == 432
    assert list(parts) == ["A", "R", "S", "X_0", "Y_0", "n'_0", "n'_1", "l'_0", "l'_1", "l'_2", "l'_3"]
    range_argument.verify(case.relation, [decode(transcript["V_0"])], proof, context=b"example")
    reference.verify(case.relation, [transcript["V_0"]], proof, context=b"example")

    told = Transcript()
    assert told.state == transcript["initial state"]
    for label, data in [
        ("generators", shared.digest),
        ("relation", case.relation.digest),
        ("context", b"example"),
        ("J", b"\x00\x00\x00\x01"),
        ("V", transcript["V_0"]),
    ]:
        told.absorb(label, data)
        assert told.state == transcript[f"state after {label}"]
    for label in ("A", "alpha", "R", "rho", "x", "lambda", "y", "S", "T", "X_0", "Y_0", "e"):
        if label in parts:
            told.absorb(label[0], parts[label])
        else:
            assert told.challenge(label).to_bytes(32, "big") == transcript[label]
