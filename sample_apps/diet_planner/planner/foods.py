"""The table of foods."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, Field
from rapidfuzz import fuzz, process, utils

TABLE = Path(__file__).with_name("foods.yaml")
#: How alike two names must be for one to be taken for the other, 0 to 100.
ALIKE = 75


class Food(BaseModel):
    """A food: kcal and grams in 100 g of it, how much a portion is, and when it is eaten. Rounded textbook values."""

    name: str
    kcal: float = Field(gt=0)
    protein: float = Field(ge=0)
    fat: float = Field(ge=0)
    carbs: float = Field(ge=0)
    fibre: float = Field(ge=0)
    portion: float = Field(gt=0)
    meals: tuple[str, ...]
    kind: str = "vegan"


@cache
def foods() -> tuple[Food, ...]:
    """All foods of the table."""
    return tuple(Food(**row) for row in yaml.load(TABLE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def find(name: str) -> Food | None:
    """The food whose name is most like `name`; None where none is."""
    names = [food.name for food in foods()]
    found = process.extractOne(name, names, scorer=fuzz.WRatio, processor=utils.default_process, score_cutoff=ALIKE)
    return foods()[found[2]] if found else None
