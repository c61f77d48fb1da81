"""How long a part of a method lasts where there are fewer epochs than its paper has."""


def phase_length(own: int, num_epochs: int) -> int:
    """Epochs of a warm-up or a ramp: as many as its paper has, `own`, but at most a third of all, rounded, and at least
    one. In proportion it would be none at all in a short training, before the networks have learnt anything."""
    return min(own, max(1, round(num_epochs / 3)))
