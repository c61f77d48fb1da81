"""The draw of a simulated audit as arrays: what `draw_order` draws, without tables."""

from dataclasses import dataclass

import numpy as np

from overread.audit.design import CENSUS, GROUP_BELIEF, REST, Stratum, reading_order


@dataclass(frozen=True, slots=True)
class Drawn:
    """M labels in the order of reading."""

    places: np.ndarray
    """(M,) int64, of the labels in their population."""
    numbers: np.ndarray
    """(M,) int64: their strata."""
    strata: tuple[Stratum, ...]

    @property
    def sampled(self) -> list[int]:
        """The strata that are not read whole."""
        return [number for number, stratum in enumerate(self.strata) if not stratum.is_census]


def draw(probability: np.ndarray, planned: tuple[int, int], seed: int, *, num_grouped: int = 0) -> Drawn:
    """probability: (M,); planned: of `plan`. The last labels of all, num_grouped, are one group that stands out."""
    num_census, num_rest = planned
    num_free = len(probability) - num_grouped
    numbers = np.ones(len(probability), dtype=np.int64)
    numbers[np.argsort(-probability[:num_free], kind="stable")[:num_census]] = 0
    numbers[num_free:] = 2
    numbers -= numbers.min()
    names = [CENSUS, REST, "group"] if num_census else [REST, "group"]
    strata = []
    for number, name in enumerate(names[: int(numbers.max()) + 1]):
        is_in, group = numbers == number, "g" if name == "group" else ""
        belief = GROUP_BELIEF if group else float(probability[is_in].mean())
        num_planned = min(num_rest, int(is_in.sum())) if name == REST else 0
        strata.append(Stratum(name, int(is_in.sum()), name == CENSUS, belief, group, num_planned))
    places = reading_order(numbers, strata, num_rest, np.random.default_rng(seed))
    return Drawn(places, numbers[places], tuple(strata))
