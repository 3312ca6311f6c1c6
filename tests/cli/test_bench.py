"""The bench, as a program: its document is exactly as promised, and every margin model has a sample that proves."""

from __future__ import annotations

import pytest
from cli_run import zkmargin

from circuits.models import MODELS
from prover import bench, bench_samples
from prover.bench_samples import SAMPLES


def test_the_bench_document() -> None:
    ran = zkmargin("bench", "--markets", "2", "--markets", "3", "--batch", "2", "--runs", "5", "-o", "json")
    assert ran.code == 0
    assert list(ran.json) == ["unit_msm_ms", "results"]
    keys = [
        "markets", "terms", "proof_bytes", "prove_ms", "verify_ms", "batch_ms_per_proof", "prove_over_msm",
        "verify_over_msm", "batch_over_msm", "model", "sample", "slots", "rows", "build_ms", "own_msm_ms",
        "prove_over_own", "verify_over_own",
    ]  # fmt: skip
    assert [list(result) for result in ran.json["results"]] == [keys, keys]
    assert [result["markets"] for result in ran.json["results"]] == [2, 3]
    for result in ran.json["results"]:
        for name, ratio in (("prove_ms", "prove_over_msm"), ("verify_ms", "verify_over_msm")):
            assert abs(result[name] / ran.json["unit_msm_ms"] - result[ratio]) < 0.02
    assert "run 5 of 5" in ran.err


@pytest.mark.slow
def test_the_bench_is_a_table_too() -> None:
    assert "\n" in zkmargin("bench", "--markets", "2", "--batch", "2").out


def test_the_bench_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SAMPLES, "lending", lambda: (bench_samples.lending(2),))
    _check_bench_of("lending")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["lending", "portfolio-scenarios"])
def test_the_bench_of_a_model_at_its_size(model: str) -> None:
    _check_bench_of(model)


def _check_bench_of(model: str) -> None:
    ran = zkmargin("bench", "--model", model, "--batch", "2", "--runs", "5", "-o", "json")
    assert ran.code == 0
    for result in ran.json["results"]:
        assert result["model"] == model
        assert result["terms"] > result["slots"] > result["rows"] > 0
        assert min(result["build_ms"], result["prove_over_own"], result["verify_over_own"]) > 0


def test_every_model_has_samples_that_can_be_proved() -> None:
    assert SAMPLES.keys() == MODELS.keys()
    for samples in SAMPLES.values():
        for sample in samples():
            (case,) = bench._cases(sample, 1)
            opened = case.openings.by_label
            case.statement.layout.assign([opened[label].value for label in case.statement.labels])


@pytest.mark.slow
@pytest.mark.parametrize("model", SAMPLES)
def test_every_sample_proves(model: str) -> None:
    for sample in SAMPLES[model]():
        (case,) = bench._cases(sample, 1)
        case.statement.verify(case.statement.prove(case.openings.by_label))
