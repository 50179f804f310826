"""The promise of panels and grades. Times are UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

TAKEN = "There is a panel with this name already. Choose another name."
UNACCEPTABLE, INAPPROPRIATE, SATISFACTORY = 0, 1, 2
VERDICTS = {UNACCEPTABLE: "unacceptable", INAPPROPRIATE: "inappropriate", SATISFACTORY: "satisfactory"}
GRADES = (4, 3, 2, 1, 0, -1)


@dataclass(frozen=True)
class PanelSidebar:
    """One article of a panel, its sidebar when the panel was made, and further stories to be graded; all by number."""

    source: int
    shown: tuple[int, ...]
    pool: tuple[int, ...]


@dataclass(frozen=True)
class Panel:
    """Sampled articles whose sidebars are graded; the embedding model `model` and `generation` made them.

    `model_version` is the model version, NAME/VERSION; None where the panel is older than versions.
    """

    name: str
    by: str
    created: datetime
    model: str
    generation: int
    sidebars: tuple[PanelSidebar, ...]
    model_version: str | None = None
    number: int = 0


@dataclass(frozen=True)
class Grade:
    """What a grader thinks of a pair, on the scale of GRADES; with `target` None of the sidebar, one of VERDICTS."""

    panel: int
    source: int
    target: int | None
    value: int
    grader: str
    at: datetime


class GradingStore(Protocol):
    """Panels and grades."""

    def add_panel(self, panel: Panel) -> int:
        """Keeps a new panel and gives its number. Raises InvalidInput if the name is taken."""
        ...

    def panels(self) -> list[Panel]:
        """All panels, the latest first."""
        ...

    def panel(self, number: int) -> Panel | None:
        """One panel."""
        ...

    def put_grades(self, grades: Sequence[Grade]) -> None:
        """Keeps grades. Earlier ones of the same grader for the same pair stay on record and count no more."""
        ...

    def grades(self, panel: int | None = None) -> list[Grade]:
        """The grades that count, of one panel or of all, in the order they were given."""
        ...
