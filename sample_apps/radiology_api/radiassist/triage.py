"""What is read first."""

URGENT = {"pneumothorax": 0.80, "effusion": 0.90}
SOON = 0.75


def triage(probabilities: dict[str, float]) -> tuple[str, str]:
    """The priority of an image and the reason for it, in words a radiologist can check."""
    for name, threshold in URGENT.items():
        if probabilities[name] >= threshold:
            return "urgent", f"{name} at {probabilities[name]:.0%}, urgent from {threshold:.0%}"
    name = max(probabilities, key=probabilities.__getitem__)
    if probabilities[name] >= SOON:
        return "soon", f"{name} at {probabilities[name]:.0%}"
    return "routine", f"nothing at {SOON:.0%} or more"
