import dataclasses

import pytest
from small_relations import cases

from zkmargin.batch import BatchError, Item, verify_batch
from zkmargin.errors import EncodingError, ProofError
from zkmargin.pedersen import commit
from zkmargin.range_argument import prove

CASES = cases()


@pytest.fixture(scope="module")
def items():
    """Different statements, of different shapes, two proofs of each."""
    made = []
    for i, case in enumerate(CASES + CASES):
        openings, context = case.openings(), bytes([i])
        V = [commit(o) for o in openings]
        made.append(Item(case.relation, V, prove(case.relation, openings, case.assignment, context=context), context))
    return made


def test_accepts_different_statements_together(items):
    verify_batch(items)
    verify_batch(items[:1])
    verify_batch([])


def test_names_every_bad_proof(items):
    bad = list(items)
    bad[2] = dataclasses.replace(bad[2], context=b"other")
    bad[7] = dataclasses.replace(bad[7], proof=bad[7].proof[:-1])
    bad[8] = dataclasses.replace(bad[8], V=list(bad[9].V))
    with pytest.raises(BatchError) as caught:
        verify_batch(bad)
    failures = caught.value.failures
    assert set(failures) == {2, 7, 8}
    assert isinstance(failures[7], EncodingError)
    assert isinstance(failures[2], ProofError)


def test_all_bad(items):
    with pytest.raises(BatchError) as caught:
        verify_batch([dataclasses.replace(item, context=b"other") for item in items])
    assert set(caught.value.failures) == set(range(len(items)))
