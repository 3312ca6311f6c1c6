"""Which market of the venue a symbol of another program means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zkmargin.documents import Params
from zkmargin.errors import InputError


@dataclass(frozen=True)
class Markets:
    """The venue's markets, in order, and the holder's own mapping of symbols."""

    quote: str
    names: tuple[str, ...]
    mapping: Mapping[str, str]
    options: frozenset[str] = frozenset()

    @classmethod
    def of(cls, params: Params, mapping: Mapping[str, str]) -> Markets:
        """The markets of ``params``.

        Raises: InputError: the mapping names a market that the venue does not list.
        """
        names = tuple(market.market for market in params.markets)
        for market in mapping.values():
            if market not in names:
                raise InputError(f"--map: the venue lists no market {market}", code="unknown_market")
        options = frozenset(market.market for market in params.markets if market.kind == "option")
        return cls(params.quote, names, mapping, options)

    def find(self, symbol: str) -> str:
        """The market of ``symbol``: by --map, else by its own name, else 'BTC/USDC:USDC' as BTC-USDC or BTC-USD.

        Raises: InputError: none of these is listed.
        """
        if symbol in self.mapping:
            return self.mapping[symbol]
        candidates = [symbol]
        pair = symbol.split(":", 1)[0].split("/")
        if len(pair) == 2:
            candidates += [f"{pair[0]}-{pair[1]}", f"{pair[0]}-{self.quote}", f"{pair[0]}-USD"]
        for candidate in candidates:
            if candidate in self.names:
                return candidate
        raise InputError(
            f"{symbol}: no market of the venue has this name; say which one with --map '{symbol}=MARKET'",
            code="unknown_market",
        )
