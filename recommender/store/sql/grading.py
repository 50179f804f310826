"""Panels and grades in the database. Grades are added, and never changed or removed."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from recommender.errors import InvalidInput
from recommender.store.grading import TAKEN, Grade, Panel, PanelSidebar
from recommender.store.sql.database import Database
from recommender.store.sql.tables import grade, panel, panel_sidebar
from recommender.store.sql.texts import storable
from recommender.store.sql.times import milliseconds, moment

LARGEST = 2**31 - 1  # what the column holds; PostgreSQL refuses to look for more

_PANELS = sa.select(panel).order_by(panel.c.number.desc())
_SIDEBARS = sa.select(panel_sidebar).order_by(panel_sidebar.c.panel, panel_sidebar.c.place)


class SqlGrading:
    """`GradingStore` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_panel(self, new: Panel) -> int:
        name = storable(new.name)
        with self._database.writing() as connection:
            if connection.execute(sa.select(panel.c.number).where(panel.c.name == name)).first() is not None:
                raise InvalidInput(TAKEN)
            values = {
                "name": name,
                "by": storable(new.by),
                "created": milliseconds(new.created),
                "model": new.model,
                "generation": new.generation,
                "release": new.model_version,
            }
            number = int(connection.execute(sa.insert(panel).values(values).returning(panel.c.number)).scalar_one())
            rows = [
                {
                    "panel": number,
                    "place": place,
                    "source": sidebar.source,
                    "shown": list(sidebar.shown),
                    "pool": list(sidebar.pool),
                }
                for place, sidebar in enumerate(new.sidebars)
            ]
            if rows:
                connection.execute(sa.insert(panel_sidebar), rows)
        return number

    def panels(self) -> list[Panel]:
        return self._read(_PANELS, _SIDEBARS)

    def panel(self, number: int) -> Panel | None:
        if not 0 < number <= LARGEST:
            return None
        panels = self._read(_PANELS.where(panel.c.number == number), _SIDEBARS.where(panel_sidebar.c.panel == number))
        return panels[0] if panels else None

    def _read(self, panels: sa.Select[Any], sidebars: sa.Select[Any]) -> list[Panel]:
        sidebars_of_panel: dict[int, list[PanelSidebar]] = defaultdict(list)
        with self._database.reading() as connection:
            for row in connection.execute(sidebars):
                sidebars_of_panel[row.panel].append(PanelSidebar(row.source, tuple(row.shown), tuple(row.pool)))
            return [_panel(row, sidebars_of_panel[row.number]) for row in connection.execute(panels)]

    def put_grades(self, grades: Sequence[Grade]) -> None:
        if not grades:
            return
        rows = [
            {
                "panel": given.panel,
                "source": given.source,
                "target": given.target,
                "value": given.value,
                "grader": storable(given.grader),
                "at": milliseconds(given.at),
            }
            for given in grades
        ]
        with self._database.writing() as connection:
            connection.execute(sa.insert(grade), rows)

    def grades(self, panel: int | None = None) -> list[Grade]:
        pair = (grade.c.panel, grade.c.source, grade.c.target, grade.c.grader)
        last = sa.select(sa.func.max(grade.c.number)).group_by(*pair)
        if panel is not None:
            last = last.where(grade.c.panel == panel)
        query = sa.select(grade).where(grade.c.number.in_(last)).order_by(grade.c.number)
        with self._database.reading() as connection:
            return [_grade(row) for row in connection.execute(query)]


def _panel(row: Any, sidebars: Sequence[PanelSidebar]) -> Panel:
    return Panel(
        number=row.number,
        name=row.name,
        by=row.by,
        created=moment(row.created),
        model=row.model,
        generation=row.generation,
        model_version=row.release,
        sidebars=tuple(sidebars),
    )


def _grade(row: Any) -> Grade:
    return Grade(row.panel, row.source, row.target, row.value, row.grader, moment(row.at))
