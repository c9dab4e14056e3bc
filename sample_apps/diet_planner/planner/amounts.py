"""Amounts as people write and say them."""

import pint
from num2words import num2words

_UNITS = pint.UnitRegistry()


class UnreadableAmount(ValueError):
    """Text that is no weight."""


def grams(text: str) -> float:
    """Grams of "250 g", "0.5 kg" or "4 oz"; a bare number is grams. Raises UnreadableAmount."""
    try:
        quantity = _UNITS.Quantity(text)
        weight = float(quantity) if quantity.dimensionless else quantity.to("gram").magnitude
    except Exception as error:  # pint raises what its tokenizer, its parser or the arithmetic happens to raise
        raise UnreadableAmount(f"{text!r} is no weight") from error
    if not 0 < weight < 10_000:
        raise UnreadableAmount(f"{text!r} is no portion")
    return float(weight)


def portions(count: int, name: str) -> str:
    """Read aloud: "two portions of lentils, cooked"."""
    return f"{num2words(count)} portion{'s' if count > 1 else ''} of {name.lower()}"
