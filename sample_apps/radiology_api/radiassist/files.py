"""Pixels out of the files a hospital sends: DICOM, or an ordinary PNG or JPEG."""

from io import BytesIO

import numpy as np
import PIL.Image
import pydicom
from pydicom.errors import InvalidDicomError

from radiassist.schemas import LARGEST, SMALLEST


class UnreadableImage(Exception):
    """Bytes that are no image we can read."""


def read_image(data: bytes) -> np.ndarray:
    """The greyscale pixels of a DICOM, PNG or JPEG file."""
    pixels = _read_dicom(data) if data[128:132] == b"DICM" else _read_picture(data)
    if pixels.ndim != 2 or min(pixels.shape) < SMALLEST:
        raise UnreadableImage(f"a single greyscale image of at least {SMALLEST} x {SMALLEST} is needed")
    step = -(-max(pixels.shape) // LARGEST)
    return pixels[::step, ::step]


def _read_dicom(data: bytes) -> np.ndarray:
    try:
        dataset = pydicom.dcmread(BytesIO(data))
        pixels = dataset.pixel_array.astype(np.float64)
    except (InvalidDicomError, AttributeError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UnreadableImage(f"not a readable DICOM image: {error}") from error
    inverted = dataset.get("PhotometricInterpretation") == "MONOCHROME1"
    return pixels.max() - pixels if inverted else pixels


def _read_picture(data: bytes) -> np.ndarray:
    try:
        with PIL.Image.open(BytesIO(data)) as picture:
            return np.asarray(picture.convert("L"), dtype=np.float64)
    except (OSError, PIL.Image.DecompressionBombError) as error:
        raise UnreadableImage("neither DICOM nor a readable PNG or JPEG") from error
