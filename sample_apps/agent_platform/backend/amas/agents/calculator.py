import re

from simpleeval import simple_eval

from amas.knowledge import Knowledge
from amas.schemas import Result, Task

WORDS = {"times": "*", "plus": "+", "minus": "-"}
FORMULA = re.compile(r"[-(]*\d[\d\s.+\-*/%()]*")


def calculate(task: Task, given: list[Result], knowledge: Knowledge) -> str:
    """Works out the sum in a sentence, and nothing but sums: no names, no calls."""
    text = re.sub("|".join(WORDS), lambda word: WORDS[word[0].lower()], task.text, flags=re.IGNORECASE)
    formula = max(FORMULA.findall(text), key=len).strip(" .")
    return f"{formula} = {simple_eval(formula):g}"
