"""What all tests have in common: the commands of a program are built once, as they are in a process of their own."""

from __future__ import annotations

import functools

import typer.main
import typer.testing

# A runner builds every command of the program again each time, which takes longer than most commands do.
typer.testing._get_command = functools.cache(typer.main.get_command)
