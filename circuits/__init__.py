"""Margin rules as relations: the rule, its lowering, the statement both sides build, what a checker accepts."""

from zkmargin.distribution import MARKER as ZKMARGIN

__all__ = ["ZKMARGIN"]
