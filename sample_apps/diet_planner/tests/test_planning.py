import itertools
from datetime import date

import pytest
from icalendar import Calendar

from planner.amounts import UnreadableAmount, grams, portions
from planner.calendars import calendar
from planner.foods import find, foods
from planner.needs import ACTIVITY, GOAL_KCAL, LEAST_KCAL, Person, needs
from planner.planning import MEALS, plan
from planner.store import Store


def somebody(**changes) -> Person:
    return Person(**({"age": 34, "sex": "female", "weight": 68, "height": 171} | changes))


def test_the_energy_is_that_of_the_formula():
    # 10 x 68 + 6.25 x 171 - 5 x 34 - 161 = 1417.75 at rest, times 1.375 for light activity
    assert needs(somebody()).kcal == pytest.approx(1417.75 * 1.375)
    assert needs(somebody(sex="male")).kcal == pytest.approx((1417.75 + 166) * 1.375)


def test_nobody_is_starved():
    assert needs(somebody(age=90, weight=40, height=140, activity="low", goal="lose")).kcal == LEAST_KCAL


@pytest.mark.parametrize(("activity", "goal", "diet"), [*itertools.product(ACTIVITY, GOAL_KCAL, ["any", "vegan"])])
def test_a_day_comes_near_to_what_is_needed(activity, goal, diet):
    made = plan(somebody(activity=activity, goal=goal, diet=diet))
    assert made.gives.kcal == pytest.approx(made.needs.kcal, rel=0.1)
    assert made.gives.protein > 0.7 * made.needs.protein
    assert set(made.meals) == set(MEALS) and all(made.meals.values())


def test_the_meals_add_up():
    made = plan(somebody())
    assert sum(item.kcal for items in made.meals.values() for item in items) == pytest.approx(made.gives.kcal, abs=1)


@pytest.mark.parametrize(("diet", "kinds"), [("vegan", {"vegan"}), ("vegetarian", {"vegan", "vegetarian"})])
def test_a_diet_is_kept(diet, kinds):
    kind = {food.name: food.kind for food in foods()}
    assert {kind[item.food] for items in plan(somebody(diet=diet)).meals.values() for item in items} <= kinds


def test_what_is_disliked_is_left_out_however_it_is_spelt():
    liked = {item.food for items in plan(somebody()).meals.values() for item in items}
    for name in liked:
        again = plan(somebody(dislikes=[name.upper()]))
        assert name not in {item.food for items in again.meals.values() for item in items}


def test_the_same_person_gets_the_same_day():
    assert plan(somebody()) == plan(somebody())


def test_the_table_is_plausible():
    assert len({food.name for food in foods()}) == len(foods())
    for food in foods():
        energy = 4 * food.protein + 9 * food.fat + 4 * food.carbs + 2 * food.fibre
        assert food.kcal == pytest.approx(energy, rel=0.2, abs=8), food.name
        assert set(food.meals) <= set(MEALS)


@pytest.mark.parametrize(("text", "weight"), [("250 g", 250), ("0.5 kg", 500), ("4 oz", 113.4), ("80", 80)])
def test_amounts_are_read(text, weight):
    assert grams(text) == pytest.approx(weight, rel=1e-3)


@pytest.mark.parametrize("text", ["", "much", "3 metres", "-5 g", "1 tonne", "1/0 g", "nan g"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(UnreadableAmount):
        grams(text)


def test_portions_are_said():
    assert portions(1, "Tofu, firm") == "one portion of tofu, firm"
    assert portions(2, "Apple") == "two portions of apple"


def test_foods_are_found_by_about_their_name():
    assert find("lentil").name == "Lentils, cooked"
    assert find("brocoli").name == "Broccoli, steamed"
    assert find("xyzzy") is None


def test_a_calendar_has_the_meals():
    read = Calendar.from_ical(calendar(plan(somebody()), date(2026, 11, 21), 7))
    events = read.walk("VEVENT")
    assert [str(event["summary"]) for event in events] == ["Breakfast", "Lunch", "Snack", "Dinner"]
    assert len({str(event["uid"]) for event in events}) == 4


def test_plans_outlive_the_service_in_a_file(tmp_path):
    url, made = f"sqlite:///{tmp_path}/plans.db", plan(somebody())
    assert Store(url).keep(made) == 1
    assert Store(url).get(1) == made and Store(url).get(2) is None
