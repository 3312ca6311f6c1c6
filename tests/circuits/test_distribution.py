"""The packages recognise each other: ``circuits`` of another project is refused with what to do about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _import(name: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    path = ":".join(map(str, (*folders, ROOT)))
    return subprocess.run(
        [sys.executable, "-c", f"import {name}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT.anchor,
        env={"PYTHONPATH": path},
    )


@pytest.mark.parametrize("name", ["circuits", "prover", "verifier"])
def test_our_own_packages_are_accepted(name: str) -> None:
    done = _import(name)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["prover", "verifier"])
@pytest.mark.parametrize("content", ["", "ZKMARGIN = 'something else'\n"])
def test_a_foreign_package_of_the_same_name_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / "circuits").mkdir()
    (tmp_path / "circuits" / "__init__.py").write_text(content)
    done = _import(name, tmp_path)
    assert done.returncode == 1
    assert "ImportError: the package 'circuits' that Python found belongs to another project" in done.stderr
