"""Sums, in cents until they are shown."""

TAX_PERCENT = 19


def totals(items):
    net = sum(round(item["price"] * 100) * item["pieces"] for item in items)
    tax = round(net * TAX_PERCENT / 100)
    return {"net": shown(net), "tax": shown(tax), "gross": shown(net + tax)}


def shown(cents):
    return f"{cents / 100:.2f}"
