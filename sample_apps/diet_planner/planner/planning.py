"""Choosing the meals: one portion at a time, always the one that brings the day nearest to what is needed."""

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel

from planner.amounts import portions
from planner.foods import Food, find, foods
from planner.needs import Needs, Person, needs

#: Which part of the day's energy each meal is to have.
MEALS = {"breakfast": 0.25, "lunch": 0.35, "snack": 0.1, "dinner": 0.3}
#: How much it matters that each need is met.
WEIGHTS = {"kcal": 4.0, "protein": 2.0, "fat": 1.0, "carbs": 1.0, "fibre": 0.5}
#: What each further portion of the same food costs: people like a change.
BOREDOM = 0.05
#: More than this of one food in a meal is no meal.
MOST_PORTIONS = 2
EATEN_BY = {"any": {"any", "vegetarian", "vegan"}, "vegetarian": {"vegetarian", "vegan"}, "vegan": {"vegan"}}


class Item(BaseModel):
    food: str
    portions: int
    grams: float
    kcal: float
    said: str


class Plan(BaseModel):
    """A day: what is needed, what the meals give, and the meals."""

    needs: Needs
    gives: Needs
    meals: dict[str, list[Item]]


def plan(person: Person) -> Plan:
    """A day of meals for `person`. The same person gets the same day."""
    day, disliked = needs(person), {food.name for word in person.dislikes if (food := find(word))}
    allowed = [f for f in foods() if f.kind in EATEN_BY[person.diet] and f.name not in disliked]
    chosen: dict[str, Counter[str]] = {}
    for meal, share in MEALS.items():
        wanted = Needs(**{name: value * share for name, value in day})
        chosen[meal] = _meal(wanted, [f for f in allowed if meal in f.meals], sum(chosen.values(), Counter()))
    by_name = {food.name: food for food in foods()}
    meals = {meal: [_item(by_name[name], n) for name, n in counts.items()] for meal, counts in chosen.items()}
    eaten = [(by_name[name], n) for counts in chosen.values() for name, n in counts.items()]
    return Plan(needs=_rounded(day), gives=_rounded(_sum(eaten)), meals=meals)


def _meal(wanted: Needs, choices: list[Food], eaten: Counter[str]) -> Counter[str]:
    """Portions by food: one more each time, as long as that brings the meal nearer to what is wanted."""
    meal, best = Counter(), float("inf")
    while True:
        tries = [(meal + Counter([f.name]), f) for f in choices if meal[f.name] < MOST_PORTIONS]
        scored = [(_distance(wanted, m, choices, eaten), f.name, m) for m, f in tries]
        distance, _, nearest = min(scored, key=lambda s: s[:2], default=(best, "", meal))
        if distance >= best:
            return meal
        meal, best = nearest, distance


def _distance(wanted: Needs, meal: Counter[str], choices: list[Food], eaten: Counter[str]) -> float:
    has = _sum((food, meal[food.name]) for food in choices if meal[food.name])
    off = sum(weight * abs(getattr(has, name) / max(getattr(wanted, name), 1) - 1) for name, weight in WEIGHTS.items())
    return off + BOREDOM * sum(count - 1 + eaten[name] for name, count in meal.items())


def _sum(eaten: Iterable[tuple[Food, int]]) -> Needs:
    total = dict.fromkeys(Needs.model_fields, 0.0)
    for food, count in eaten:
        for name in total:
            total[name] += getattr(food, name) * food.portion / 100 * count
    return Needs(**total)


def _rounded(values: Needs) -> Needs:
    return Needs(**{name: round(value, 1) for name, value in values})


def _item(food: Food, count: int) -> Item:
    weight = food.portion * count
    return Item(
        food=food.name,
        portions=count,
        grams=weight,
        kcal=round(food.kcal * weight / 100, 1),
        said=portions(count, food.name),
    )
