"""From a picture of any size to the 56 numbers the model compares."""

import numpy as np
import PIL.Image
import PIL.ImageFilter
import PIL.ImageOps

SIDE = 56
GRID = (7, 4)  # 28 cells; the brightness and the texture of each make 56 features
FEATURES = 2 * GRID[0] * GRID[1]


def normalise(pixels: np.ndarray) -> np.ndarray:
    """A SIDE x SIDE image between 0 and 1: outliers clipped, noise smoothed, contrast evened out."""
    image = np.asarray(pixels, dtype=np.float64)
    low, high = np.percentile(image, (1, 99))
    if high <= low:
        return np.zeros((SIDE, SIDE))
    image = np.clip((image - low) / (high - low), 0, 1)
    picture = PIL.Image.fromarray((255 * image).round().astype(np.uint8))
    picture = picture.resize((SIDE, SIDE), PIL.Image.Resampling.LANCZOS)
    picture = picture.filter(PIL.ImageFilter.GaussianBlur(0.8))
    return np.asarray(PIL.ImageOps.equalize(picture), dtype=np.float64) / 255


def features(pixels: np.ndarray) -> np.ndarray:
    """The mean and the spread of each cell of the grid, centred and of length 1 (all 0 for an empty image)."""
    rows, columns = GRID
    cells = normalise(pixels).reshape(rows, SIDE // rows, columns, SIDE // columns)
    brightness, texture = cells.mean(axis=(1, 3)).ravel(), cells.std(axis=(1, 3)).ravel()
    vector = np.concatenate([brightness - brightness.mean(), texture - texture.mean()])
    length = np.linalg.norm(vector)
    return (vector / length if length else vector).astype(np.float32)
