"""What goes into the service and what comes out of it."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

SMALLEST, LARGEST = 8, 1024

Grey = Annotated[float, Field(ge=0, le=255)]


class Image(BaseModel):
    """A greyscale image, row by row: 0 is black, 255 is white."""

    pixels: list[list[Grey]] = Field(min_length=SMALLEST, max_length=LARGEST)

    @field_validator("pixels")
    @classmethod
    def rows_are_equally_long(cls, pixels: list[list[float]]) -> list[list[float]]:
        width = len(pixels[0])
        if any(len(row) != width for row in pixels):
            raise ValueError("all rows must be equally long")
        if not SMALLEST <= width <= LARGEST:
            raise ValueError(f"a row has {SMALLEST} to {LARGEST} pixels, not {width}")
        return pixels


class Finding(BaseModel):
    name: str
    probability: float


class Report(BaseModel):
    findings: list[Finding]
    priority: Literal["urgent", "soon", "routine"]
    reason: str
    weights: str


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    weights: str
