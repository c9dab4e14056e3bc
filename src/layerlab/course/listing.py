"""The files in the folder of a variant's build context, each with the rule that keeps it in or out."""

from __future__ import annotations

import pandas as pd

from ..contexts.listing import list_context
from ..errors import AppError
from ..machine.resolving import resolve
from ..project.app import App


def context_files(app: App, variant: str) -> pd.DataFrame:
    """List every file in the folder of the variant's build context, the largest first; see `list_context`.

    Raises AppError if there's no such variant or its context isn't a local folder, BadPattern for a rule that BuildKit refuses.
    """
    definition = resolve(app, variant)
    if "context" not in definition.folders:
        raise AppError(f"the context of {variant} isn't a folder: {definition.contexts['context']}")
    return list_context(definition.folders["context"], definition.file_in_context)
