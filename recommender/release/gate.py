"""The release gate: what a model version must show before readers get it.

Three checks, each a sentence with its figures. All must pass, or the operator gives a reason to release the version all
the same; no reason releases a build that lacks articles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from recommender.errors import InvalidInput
from recommender.grading.panels import Report
from recommender.metrics import paired_difference
from recommender.release.golden_pairs import Broken
from recommender.store.grading import INAPPROPRIATE, SATISFACTORY, UNACCEPTABLE, VERDICTS

MIN_QUERIES = 20  # with fewer, an interval says nothing
MIN_SIDEBARS = 20
MIN_SAME = 0.8  # of a panel's sidebars, for its verdicts to say something of those that readers would get
MAX_REASON = 1_000
JUDGED, GOLDEN, PANEL = "judged queries", "golden pairs", "graded panel"
_SHOWN = 3

Values = Mapping[str, Sequence[float]]  # by measure, one value for each query


@dataclass(frozen=True)
class Check:
    """One check of the gate, whether it has passed, and its figures in words."""

    name: str
    passed: bool
    says: str

    def __str__(self) -> str:
        return f"{self.name}: {'passed' if self.passed else 'not passed'}; {self.says}"


class ReleaseRefused(InvalidInput):
    """The gate has not let a model version through. `checks` are all that were made."""

    def __init__(self, name: str, checks: Sequence[Check]) -> None:
        failed = "\n".join(f"  {check.name}: {check.says}" for check in checks if not check.passed)
        super().__init__(
            f"{name} is not released, and nothing has changed:\n{failed}\n"
            "Correct it, or take responsibility: `--reason TEXT` releases it all the same, and the reason is kept."
        )
        self.checks = tuple(checks)


def on_judgments(live: Values, candidate: Values, where: str) -> Check:
    """Whether no measure is below the live version's beyond the paired interval: its upper end must reach 0.

    The first measure is what readers see. The second looks at more places, and so shows a loss that the first places of
    so few queries cannot show. `live` and `candidate` have the values of the same queries in one order, by measure;
    `where` says whose judgments they are.
    """
    queries = len(next(iter(live.values())))
    if queries < MIN_QUERIES:
        says = (
            f"{where}: {queries} queries are judged here, {MIN_QUERIES} are needed; "
            "name judgments with `--qrels FILE`, or grade a panel"
        )
        return Check(JUDGED, passed=False, says=says)
    differences = {measure: paired_difference(values, candidate[measure]) for measure, values in live.items()}
    sentences = [
        f"{measure} {fmean(live[measure]):.3f} with the live model, {fmean(candidate[measure]):.3f} with this one, "
        f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
        for measure, (mean, low, high) in differences.items()
    ]
    passed = all(difference.high >= 0 for difference in differences.values())
    return Check(JUDGED, passed, f"{'; '.join(sentences)}; {queries} queries of {where}")


def on_golden(pairs: int, broken: Sequence[Broken], skipped: int) -> Check:
    """Whether all golden pairs hold; `skipped` of them are about articles that are not published here."""
    apart = f"; {skipped} more are about articles that are not published here" if skipped else ""
    if not broken:
        return Check(GOLDEN, passed=True, says=f"all {pairs} hold{apart}" if pairs else f"there are none{apart}")
    shown = "; ".join(map(str, broken[:_SHOWN])) + ("; …" if len(broken) > _SHOWN else "")
    return Check(GOLDEN, passed=False, says=f"{len(broken)} of {pairs} do not hold: {shown}{apart}")


def on_panel(report: Report | None, name: str, same: int = 0) -> Check:
    """Whether a panel of the candidate's sidebars meets the bar: see `panels`. None: there is no such panel.

    `same` of its sidebars are still those that the candidate gives now.
    """
    if report is None:
        says = (
            f"no panel shows sidebars of {name}; `recommender models shadow {name}` and then "
            f"`recommender panel create PANEL --model {name}` draw one for grading"
        )
        return Check(PANEL, passed=False, says=says)
    progress = report.progress
    size, complete = len(report.panel.sidebars), report.judged >= progress.articles
    graders = ", ".join(f"{grader} ({count})" for grader, count in progress.judged.items()) or "no grader"
    shares = "; ".join(
        f"{VERDICTS[value]} {share.share:.1%} ({share.low:.1%}-{share.high:.1%})"
        for value in (UNACCEPTABLE, INAPPROPRIATE, SATISFACTORY)
        if (share := report.verdicts.get(value)) is not None
    )
    says = (
        f"panel {report.panel.name!r} has verdicts on {report.judged} of {progress.articles} sidebars by {graders}; "
        f"{shares or 'nothing is graded'}; {same} of {size} sidebars are still the same"
    )
    if progress.articles < MIN_SIDEBARS:
        return Check(PANEL, passed=False, says=f"{says}; {MIN_SIDEBARS} sidebars are needed")
    if not complete:
        return Check(PANEL, passed=False, says=f"{says}; every sidebar needs a verdict")
    if same < MIN_SAME * size:
        says += f"; {MIN_SAME:.0%} must be, or the verdicts are on others than readers would get: draw a new panel"
        return Check(PANEL, passed=False, says=says)
    return Check(PANEL, report.passed, says)


def checked_reason(reason: str) -> str:
    """The reason for releasing a version that has not passed. Raises InvalidInput for one that cannot be kept."""
    text = " ".join(reason.split())
    if len(text) > MAX_REASON:
        raise InvalidInput(f"The reason has {len(text):,} characters; {MAX_REASON:,} are the most. Shorten it.")
    return text
