"""Growing a choice with the planner asked at each step, as Extend does. What it answers also fills the matrix.

Lazily: a step's saving seldom grows when other indexes are there, so only those that look best are asked again.
"""

import time
from collections.abc import Sequence

from golive.postgres.advice.candidate import covers
from golive.postgres.advice.choose import Choice, Terms
from golive.postgres.advice.matrix import Atom, Explorer, Option, Row

LOOK_AGAIN = 8


class Climb:
    """One climb. `rows` gain the atoms that the planner tells on the way."""

    def __init__(self, explorer: Explorer, rows: Sequence[Row], options: Sequence[Option], terms: Terms) -> None:
        self.explorer, self.rows, self.terms = explorer, rows, terms
        self.options = {option.name: option for option in options}
        self.deadline = time.monotonic() + terms.seconds
        wanted = {name for row in rows for name in row.relevant}
        self.pool = [option for option in options if option.name in wanted and not option.exists]

    def ask(self, row: Row, chosen: frozenset[str]) -> float:
        """The planner's cost of a row with these options."""
        atom = self.explorer.ask(row.text, chosen & row.possible)
        if atom.cost < row.cost(chosen) * 0.9999:
            row.atoms.append(Atom(atom.options, atom.cost))
        return atom.cost

    def total(self, chosen: frozenset[str]) -> float:
        """The workload's cost, asked."""
        reading = sum(row.weight * self.ask(row, chosen) for row in self.rows)
        kept = [option for name, option in self.options.items() if name in chosen]
        return reading + sum(each.upkeep + (0 if each.exists else self.terms.worth) for each in kept)

    def run(self, chosen: frozenset[str]) -> Choice:
        """From a choice upwards, while something pays and fits, and time is left."""
        used = 0
        guess = {option.name: self._gain(chosen, option) for option in self.pool}
        while time.monotonic() < self.deadline:
            best = self._best(chosen, guess, self.terms.budget_bytes - used)
            if best is None:
                break
            chosen, size = self._with(chosen, best)
            used += size
            del guess[best.name]
        return Choice(chosen, self.total(chosen))

    def _best(self, chosen: frozenset[str], guess: dict[str, float], room: int) -> Option | None:
        """The fitting step with the largest gain; guesses are asked anew from the top until none below can win."""
        best: Option | None = None
        for looked, name in enumerate(sorted(guess, key=lambda each: -guess[each])):
            if best is not None and looked >= LOOK_AGAIN and guess[best.name] >= guess[name]:
                break
            if guess[name] <= 0 and looked >= LOOK_AGAIN:
                break
            option = self.options[name]
            guess[name] = self._gain(chosen, option)
            fits = self._with(chosen, option)[1] <= room
            if fits and guess[name] > 0 and (best is None or guess[name] > guess[best.name]):
                best = option
        return best

    def _with(self, chosen: frozenset[str], option: Option) -> tuple[frozenset[str], int]:
        """The choice with one more, in place of those that it widens."""
        replaced = {
            name
            for name in chosen
            if option.candidate and (old := self.options[name].candidate) and covers(option.candidate, old)
        }
        size = option.size_bytes - sum(self.options[name].size_bytes for name in replaced)
        return (chosen - replaced) | {option.name}, size

    def _gain(self, chosen: frozenset[str], option: Option) -> float:
        """Cost saved per byte."""
        if option.name in chosen:
            return 0.0
        then, size = self._with(chosen, option)
        touched = [row for row in self.rows if (then ^ chosen) & row.possible]
        saved = sum(row.weight * (self.ask(row, chosen) - self.ask(row, then)) for row in touched)
        return (saved - option.upkeep - self.terms.worth) / max(size, 1)
