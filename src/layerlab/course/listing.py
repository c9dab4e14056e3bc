"""What a variant's build context holds, file by file, with the rule that decided."""

from __future__ import annotations

import pandas as pd

from ..contexts.listing import list_context
from ..errors import AppError
from ..machine.resolving import resolve
from ..project.app import App


def context_files(app: App, variant: str) -> pd.DataFrame:
    """List every file of the folder that is the variant's build context, the largest first: see `list_context`.

    Raises AppError where there is no such variant or its context is no folder here, BadPattern for a rule that BuildKit refuses.
    """
    definition = resolve(app, variant)
    if "context" not in definition.folders:
        raise AppError(f"the context of {variant} is no folder: {definition.contexts['context']}")
    return list_context(definition.folders["context"], definition.file_in_context)
