"""How many events of each kind there were, from a list of them on standard input."""

import collections
import json
import sys

from common.events import KINDS, Event
from tabulate import tabulate

if __name__ == "__main__":
    counts = collections.Counter(Event(**item).kind for item in json.load(sys.stdin))
    print(tabulate([(kind, counts[kind]) for kind in KINDS], headers=("event", "count")))
