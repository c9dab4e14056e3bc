"""What a person needs in a day: energy by the formula of Mifflin and St Jeor, and what it should be made of."""

from typing import Literal

from pydantic import BaseModel, Field

ACTIVITY = {"low": 1.2, "light": 1.375, "medium": 1.55, "high": 1.725}
GOAL_KCAL = {"lose": -500, "keep": 0, "gain": 300}
#: Nobody is advised to eat less than this, kcal a day.
LEAST_KCAL = 1200


class Person(BaseModel):
    """Who asks. Weight in kg, height in cm."""

    age: int = Field(ge=18, le=100)
    sex: Literal["female", "male"]
    weight: float = Field(ge=35, le=250)
    height: float = Field(ge=120, le=230)
    activity: Literal["low", "light", "medium", "high"] = "light"
    goal: Literal["lose", "keep", "gain"] = "keep"
    diet: Literal["any", "vegetarian", "vegan"] = "any"
    dislikes: list[str] = Field(default=[], max_length=20)


class Needs(BaseModel):
    """Energy in kcal, the rest in grams, for one day."""

    kcal: float
    protein: float
    fat: float
    carbs: float
    fibre: float


def needs(person: Person) -> Needs:
    """What `person` needs in a day."""
    at_rest = 10 * person.weight + 6.25 * person.height - 5 * person.age + (5 if person.sex == "male" else -161)
    kcal = max(LEAST_KCAL, at_rest * ACTIVITY[person.activity] + GOAL_KCAL[person.goal])
    protein = (1.6 if person.goal == "gain" else 1.2) * person.weight
    fat = 0.3 * kcal / 9
    carbs = (kcal - 4 * protein - 9 * fat) / 4
    return Needs(kcal=kcal, protein=protein, fat=fat, carbs=max(0, carbs), fibre=14 * kcal / 1000)
