"""Turn an order (JSON) into an invoice (HTML)."""

import json
from datetime import date

import chevron
import click
import markdown
from dateutil.relativedelta import relativedelta

from invoices.template import TEMPLATE
from invoices.totals import totals


@click.group()
def main():
    """Invoices from orders."""


@main.command()
@click.argument("order", type=click.File())
@click.option("--days", default=30, show_default=True, help="Days until it is due.")
def render(order, days):
    """Print the invoice of ORDER."""
    data = json.load(order)
    due = date.fromisoformat(data["date"]) + relativedelta(days=days)
    text = chevron.render(TEMPLATE, {**data, **totals(data["items"]), "due": due.isoformat()})
    click.echo(markdown.markdown(text, extensions=["tables"]))


if __name__ == "__main__":
    main()
