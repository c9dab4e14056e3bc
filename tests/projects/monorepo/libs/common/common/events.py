"""What happens to a parcel."""

from dataclasses import asdict, dataclass

KINDS = ("accepted", "sorted", "loaded", "delivered")


@dataclass(frozen=True)
class Event:
    parcel: str
    kind: str
    place: str

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of event: {self.kind}")

    def as_dict(self):
        return asdict(self)
