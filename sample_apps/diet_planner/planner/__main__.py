"""A plan in the terminal: python -m planner < person.json"""

import sys

from rich.console import Console
from rich.table import Table

from planner.needs import Person
from planner.planning import plan


def main() -> None:
    made = plan(Person.model_validate_json(sys.stdin.read()))
    table = Table(title=f"{made.gives.kcal:.0f} of {made.needs.kcal:.0f} kcal")
    for heading in ("meal", "food", "grams"):
        table.add_column(heading)
    for meal, items in made.meals.items():
        for item in items:
            table.add_row(meal, item.food, f"{item.grams:.0f}")
    Console().print(table)


main()
