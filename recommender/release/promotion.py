"""Use case: a model version gets to readers through the gate, is taken back, or runs in the shadow.

What readers get is switched by one transaction. The files are written inside it, and last: where the process dies
before it is committed, readers stay with the generation that they have, and a build makes what `models/live` names.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from recommender.build.builder import Builder
from recommender.errors import InvalidInput, NotBuilt, Unavailable
from recommender.evaluation.baselines import service_system, sidebars
from recommender.evaluation.evaluation import MAIN
from recommender.grading.grading import Grading
from recommender.grading.panels import Report
from recommender.progress import Progress, quiet
from recommender.release.base import Registry
from recommender.release.cards import BUILT_IN, CANDIDATE, LIVE, RETIRED, SHADOW, HistoryEntry
from recommender.release.comparison import JudgedSet, learned_queries, lineage, published, remembered, values
from recommender.release.gate import (
    MIN_QUERIES,
    Check,
    ReleaseRefused,
    checked_reason,
    on_golden,
    on_judgments,
    on_panel,
)
from recommender.release.golden_pairs import GoldenPair, broken, unknown
from recommender.release.interleaving import end_left
from recommender.serving.answers import Query
from recommender.serving.recommender import Recommender
from recommender.store.audit import END_SHADOW, PROMOTE, ROLL_BACK, START_SHADOW, AuditEntry
from recommender.store.base import Store
from recommender.store.generation_view import generation_view
from recommender.store.generations import Generation

GATED = (MAIN, "nDCG@10")  # of the service; see `gate.on_judgments`


@dataclass(frozen=True)
class Promotion:
    """A model version that is live now: in which generation, instead of which version, after which checks."""

    name: str
    generation: int
    before: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


class Releasing:
    """Promotes, rolls back, and runs model versions in the shadow."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        builder_of: Callable[[str], Builder],
        recommender_of: Callable[[Store], Recommender],
        clock: Callable[[], datetime],
    ) -> None:
        """`builder_of` gives the builder of a model version, `recommender_of` the service over a store."""
        self._store = store
        self._registry = registry
        self._builder_of = builder_of
        self._recommender_of = recommender_of
        self._clock = clock

    # -- promotion -----------------------------------------------------------------------------------------------------

    def promote(
        self,
        name: str,
        by: str,
        judged: Sequence[JudgedSet],
        golden: Sequence[GoldenPair],
        *,
        reason: str = "",
        progress: Progress = quiet,
    ) -> Promotion:
        """Builds a model version beside the live one, makes the checks of the gate, and switches to it.

        A `reason` releases one that has not passed. Raises ReleaseRefused where there is none; InvalidInput for a
        damaged version, or one that is live already; NotBuilt; Unavailable where another build came between.
        """
        reason = checked_reason(reason)
        live = self._live()
        before = self._version_of(live)
        self._check_files(name)
        if before == name:
            raise InvalidInput(f"{name} is live already, in generation {live.number}.")
        builder = self._builder_of(name)
        numbers = self._store.generations.numbers(live.number)
        number = builder.build_beside(progress)
        self._unchanged(before, name)
        self._check_build(name, numbers, number)
        checks, notes = self.checks(name, number, judged, golden)
        if not reason and not all(check.passed for check in checks):
            self._store.generations.drop_retired()
            raise ReleaseRefused(name, checks)
        with self._store.writing():
            live = self._unchanged(before, name)
            self._store.generations.activate(number, keep=True)
            self._end_shadow_of(name)
            self._audit(PROMOTE, by, reason, before=(before, live.number), after=(name, number), checks=checks)
            end_left(self._store, by, self._clock())
            self._put_live(name, before, by, reason, checks)
        self._store.generations.drop_retired()
        self._store.generations.prune_vectors()
        with suppress(Unavailable):  # what was published since the build began; the worker would take it in too
            builder.update()
        return Promotion(name, number, before, tuple(checks), tuple(notes))

    def checks(
        self, name: str, number: int, judged: Sequence[JudgedSet], golden: Sequence[GoldenPair]
    ) -> tuple[list[Check], list[str]]:
        """The gate, for a generation beside the live one; and messages about golden pairs with unknown articles.

        Each judged set with enough queries is a check of its own, without queries that the version has learned from.
        """
        site = self._recommender_of(self._store)
        candidate = self._recommender_of(generation_view(self._store, number))
        articles = published(self._store, site)
        before, after = (remembered(service_system(judged_set)) for judged_set in (site, candidate))
        present = [pair for pair in golden if pair.article in articles]
        answers = sidebars(candidate, [pair.article for pair in present], Query())
        report, same = self._panel(name, candidate)
        checks = [
            *(
                on_judgments(
                    {measure: values(before, judged_set, measure) for measure in GATED},
                    {measure: values(after, judged_set, measure) for measure in GATED},
                    judged_set.name,
                )
                for judged_set in self._unseen(name, judged, articles)
            ),
            on_golden(len(present), broken(present, answers), len(golden) - len(present)),
            on_panel(report, name, same),
        ]
        return checks, unknown(golden, articles)

    def _unseen(self, name: str, judged: Sequence[JudgedSet], articles: Collection[str]) -> list[JudgedSet]:
        """The sets with enough queries that a version has not learned from; the largest one where none has enough.

        What both versions have learned from, since they come from one, is left in: it favours neither.
        """
        common = lineage(self._registry, self._live().model_version or "")
        learned = learned_queries(
            self._registry, (version for version in lineage(self._registry, name) if version not in common)
        )
        unseen = [judged_set.among(articles).without(learned) for judged_set in judged]
        enough = [judged_set for judged_set in unseen if len(judged_set.qrels) >= MIN_QUERIES]
        return enough or [max(unseen, key=lambda judged_set: len(judged_set.qrels), default=JudgedSet("this site", {}))]

    def _panel(self, name: str, candidate: Recommender) -> tuple[Report | None, int]:
        """What the latest panel of a version's sidebars says, and how many of them are still the same."""
        panel = next((panel for panel in self._store.grading.panels() if panel.model_version == name), None)
        if panel is None:
            return None, 0
        sources = self._store.articles.get([sidebar.source for sidebar in panel.sidebars], texts=False)
        same = 0
        for sidebar in panel.sidebars:
            article = sources.get(sidebar.source)
            if article is not None and article.status == "published":
                items = candidate.for_article(article.id, Query()).items
                same += tuple(item.teaser.number for item in items) == sidebar.shown
        return Grading(self._store, candidate, self._clock).report(panel.number), same

    def _unchanged(self, before: str, name: str) -> Generation:
        """The live generation. Raises Unavailable where it is not of the version that `name` was to replace."""
        live = self._live()
        if live.model_version != before:
            raise Unavailable(
                f"While {name} was built {live.model_version} has replaced {before}, and readers keep it. "
                "Compare with that one and try again."
            )
        return live

    def _check_build(self, name: str, known: Sequence[int], number: int) -> None:
        """Raises Unavailable for a generation that no reason can release.

        It lacks articles that were `known` before it was built and are still published, or its vectors are not finite.
        """
        generations = self._store.generations
        missing = set(known) - set(generations.numbers(number))
        gone = {
            trace.number
            for trace in self._store.articles.traces(sorted(missing)).values()
            if trace.status != "published"
        }
        if missing - gone:
            raise Unavailable(
                f"The build of {name} lacks {len(missing - gone):,} articles that the live one has. Try again."
            )
        model = generations.model(number) or ""
        if not all(np.isfinite(member.vector).all() for member in generations.members(model, number)):
            raise Unavailable(f"The embedding model of {name} gives vectors that are not finite: it is not released.")

    # -- rollback ------------------------------------------------------------------------------------------------------

    def roll_back(self, by: str, reason: str = "") -> tuple[str, str]:
        """Goes back to the generation before the last promotion; gives the versions that were and are live.

        Raises InvalidInput where there is none, or where it names no version.
        """
        reason = checked_reason(reason)
        with self._store.writing():
            live = self._live()
            before, previous = self._version_of(live), self._store.generations.previous()
            if previous is None:
                raise InvalidInput("There is no generation to go back to: only a promotion keeps the one before it.")
            name = self._store.generations.model_version(previous)
            if name is None:
                raise InvalidInput(
                    "The generation before was built by an earlier release of this software and names no model "
                    "version. Name one in models/live and run `recommender build`."
                )
            self._store.generations.swap_back()
            self._end_shadow_of(name)
            self._audit(ROLL_BACK, by, reason, before=(before, live.number), after=(name, previous))
            end_left(self._store, by, self._clock())
            self._put_live(name, before, by, reason, ())
        return before, name

    # -- shadow --------------------------------------------------------------------------------------------------------

    def start_shadow(self, name: str, by: str, progress: Progress = quiet) -> int:
        """Builds a model version beside the live one and runs it in the shadow; gives its generation.

        One that is in the shadow already is built anew. Raises InvalidInput for the live one or a damaged one.
        """
        self._check_files(name)
        if self._version_of(self._live()) == name:
            raise InvalidInput(f"{name} is live; only another version can run in its shadow.")
        number = self._builder_of(name).build_beside(progress)
        with self._store.writing():
            if self._version_of(self._live()) == name:
                raise Unavailable(f"{name} went live during the build; only another version can run in its shadow.")
            other = self._shadow()
            self._store.generations.put_shadow(number)
            self._store.shadow.clear()
            self._audit(START_SHADOW, by, before=other, after=(name, number))
            end_left(self._store, by, self._clock())
            if other is not None and other[0] != name:
                self._record(other[0], CANDIDATE, by, "", ())
            if other is None or other[0] != name:
                self._record(name, SHADOW, by, "", ())
        self._store.generations.drop_retired()
        return number

    def end_shadow(self, by: str) -> str:
        """Ends the shadow run; gives the version. Raises InvalidInput where there is none."""
        with self._store.writing():
            shadow = self._shadow()
            if shadow is None:
                raise InvalidInput("No model version runs in the shadow.")
            self._store.generations.put_shadow(None)
            self._store.shadow.clear()
            self._audit(END_SHADOW, by, before=shadow)
            end_left(self._store, by, self._clock())
            self._record(shadow[0], CANDIDATE, by, "", ())
        self._store.generations.drop_retired()
        return shadow[0]

    def _shadow(self) -> tuple[str, int] | None:
        number = self._store.generations.shadow()
        if number is None:
            return None
        return self._store.generations.model_version(number) or "", number

    def _end_shadow_of(self, name: str) -> None:
        shadow = self._shadow()
        if shadow is not None and shadow[0] == name:
            self._store.generations.put_shadow(None)
            self._store.shadow.clear()

    # -- what all of them need -----------------------------------------------------------------------------------------

    def _live(self) -> Generation:
        live = self._store.generations.live()
        if live is None:
            raise NotBuilt
        return live

    def _version_of(self, live: Generation) -> str:
        if live.model_version is None:
            raise InvalidInput(
                "What readers get was built by an earlier release of this software and names no model version. "
                "Run `recommender build` first."
            )
        return live.model_version

    def _check_files(self, name: str) -> None:
        if name == BUILT_IN and name not in self._registry.names():
            return
        problems = self._registry.verify(name)
        if problems:
            raise InvalidInput(f"{name} is damaged: {'; '.join(problems)}")

    def _put_live(self, name: str, before: str, by: str, reason: str, checks: Sequence[Check]) -> None:
        self._record(name, LIVE, by, reason, checks)
        self._record(before, RETIRED, by, "", ())
        self._registry.put_live(name)

    def _record(self, name: str, state: str, by: str, reason: str, checks: Sequence[Check]) -> None:
        """Writes into the card of a version. One that is gone or damaged must not keep readers with a bad version.

        What a promotion makes live has been verified before, and the audit trail has everything.
        """
        entry = HistoryEntry(self._clock(), by, state, reason, tuple(asdict(check) for check in checks))
        with suppress(InvalidInput):
            if name in self._registry.names():
                self._registry.record(name, entry)

    def _audit(
        self,
        action: str,
        by: str,
        why: str = "",
        *,
        before: tuple[str, int] | None = None,
        after: tuple[str, int] | None = None,
        checks: Sequence[Check] = (),
    ) -> None:
        """Writes into the audit trail which version, in which generation, replaced which."""
        later = {} if after is None else _version_record(*after)
        later |= {"checks": [str(check) for check in checks]} if checks else {}
        name, _ = after or before or ("", 0)
        earlier = None if before is None else _version_record(*before)
        self._store.audit.append(AuditEntry(self._clock(), by, action, name, before=earlier, after=later, why=why))


def _version_record(name: str, generation: int) -> dict[str, Any]:
    return {"model": name, "generation": generation}
