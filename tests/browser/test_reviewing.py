"""An editor reviews articles by keyboard, and twice all processes of the service are killed meanwhile.

Each time a keystroke is on its way. Then the editor does what people do: loads the page again until it comes, looks
whether the decision is there, and presses the key once more if it is not.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import pytest
from playwright.sync_api import Error, Page, expect

from recommender.curation.signals import REJECT
from recommender.desk.decisions import APPROVE, UNDO
from tests.browser.conftest import MakePage
from tests.browser.served_desk import ARTICLES, ServedDesk, serving_desk, sign_in, told
from tests.web.served import eventually

VISITS = [  # how many articles are reviewed, and at which decision about which of them the service is killed
    pytest.param(30, {12: APPROVE, 25: REJECT}, id="30"),
    pytest.param(200, {70: APPROVE, 135: REJECT}, id="200", marks=pytest.mark.long),
]
KEYS = {APPROVE: "a", REJECT: "1", UNDO: "u"}
LINE = """() => {
    const item = document.querySelector("[data-list] > [aria-current]");
    const teasers = [...item.querySelectorAll(".teaser-title")].map((one) => one.textContent);
    return [item.querySelector("h2 a").pathname, item.querySelector("h2").textContent, teasers];
}"""
IS_LAST = """() => document.querySelector("[data-list]").lastElementChild.hasAttribute("aria-current")"""
# 250 keystrokes, each with a page to load: less than two minutes, unless the machine is busy with other things.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def desk(sample_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDesk]:
    """A service with two workers that nobody else uses."""
    with serving_desk(sample_database, tmp_path_factory.mktemp("reviewing")) as served:
        yield served


class Decision(NamedTuple):
    """What was decided about which article; `story` is the title of a teaser that it is about."""

    article: str
    action: str
    story: str = ""


@dataclass
class Editor:
    """Somebody at the queue, who writes down each decision that a page has confirmed."""

    page: Page
    desk: ServedDesk
    killed_at: dict[int, str]
    confirmed: list[Decision] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    def review(self, number: int) -> None:
        """One article: most are approved, some after a rejection, some twice with an undo between; some passed over."""
        article, title, teasers = self._current()
        if number % 20 == 11:
            assert self._goes_on(), "the queue has ended"
            self.passed.append(article)
            return
        if number % 10 in (3, 5):
            rejection = Decision(article, REJECT, teasers[0])
            self._decide(rejection, f"Rejected. {teasers[0]}", killed=self.killed_at.get(number) == REJECT)
        approval = Decision(article, APPROVE)
        self._decide(approval, f"Approved. {title}", killed=self.killed_at.get(number) == APPROVE)
        if number % 10 == 8:
            self._decide(Decision(article, UNDO), "Undone: sidebar approved.")
            self._decide(approval, f"Approved. {title}")

    def _decide(self, decision: Decision, says: str, *, killed: bool = False) -> None:
        if not (killed and self._kept_though_killed(decision)):
            self.page.keyboard.press(KEYS[decision.action])
            told(self.page, says)
        self.confirmed.append(decision)

    def _kept_though_killed(self, decision: Decision) -> bool:
        """Presses a key, loses the service, and looks whether the decision was kept; then stands where it was."""
        with self.page.expect_request(lambda request: request.method == "POST"):
            self.page.keyboard.press(KEYS[decision.action])
        self.desk.kill()
        self.desk.start()
        assert eventually(lambda: self._opens(f"/editor/article/{decision.article}"))
        kept = self._shows(decision)
        assert eventually(lambda: self._opens("/editor/"))
        is_there = self._walks_to(decision.article)
        assert is_there is not (kept and decision.action == APPROVE)
        if not is_there:
            assert eventually(lambda: self._opens("/editor/"))
        return kept

    def _opens(self, address: str) -> bool:
        try:
            answer = self.page.goto(self.desk.url + address)
        except Error:  # what has failed before is still on its way into the window
            return False
        return answer is not None and answer.ok

    def _shows(self, decision: Decision) -> bool:
        if decision.action == APPROVE:
            return self.page.locator(".page-head .tag").first.inner_text() == "approved"
        force = self.page.get_by_role("region", name="In force about this article")
        return force.get_by_role("link", name=decision.story).count() > 0

    def _current(self) -> tuple[str, str, list[str]]:
        """The article that keys act on: id, title, teasers. What was passed over before is passed over again.

        An article that a decision has moved far down the queue is shown on a page of its own, for the next key.
        """
        if "/editor/article/" in self.page.url:
            self.page.keyboard.press("q")
            self.page.wait_for_url(f"{self.desk.url}/editor/")
        while True:
            path, title, teasers = self.page.evaluate(LINE)
            article = path.removeprefix("/editor/article/")
            if article not in self.passed:
                return article, title, teasers
            assert self._goes_on(), "the queue has ended"

    def _walks_to(self, article: str) -> bool:
        """Whether the article stands in the queue from here on; then keys act on it."""
        while self.page.evaluate(LINE)[0] != f"/editor/article/{article}":
            if not self._goes_on():
                return False
        return True

    def _goes_on(self) -> bool:
        """To the line after this one, and after the last of a page to the page that follows, if there is one."""
        if not self.page.evaluate(IS_LAST):
            self.page.keyboard.press("n")
            return True
        if not self.page.locator("a[rel=next]").count():
            return False
        with self.page.expect_navigation():
            self.page.keyboard.press("n")
        return True


def doubled_requests(desk: ServedDesk) -> list[str]:
    """Keys of requests that more than one entry of the audit trail has."""
    query = "SELECT request FROM audit WHERE request IS NOT NULL GROUP BY request HAVING count(*) > 1"
    with closing(sqlite3.connect(desk.database)) as connection:
        return [key for (key,) in connection.execute(query)]


@pytest.mark.parametrize(("reviewed", "killed_at"), VISITS)
def test_no_decision_is_lost_or_kept_twice(
    desk: ServedDesk, make_page: MakePage, reviewed: int, killed_at: dict[int, str]
) -> None:
    """What a page has confirmed is in the audit trail once, in its order, and in force: also beside a kill."""
    page = make_page()
    page.goto(f"{desk.url}/editor/")
    sign_in(page, "first")
    expect(page.locator("[data-list] > [aria-current]")).to_be_visible()
    editor = Editor(page, desk, killed_at)
    for number in range(reviewed):
        editor.review(number)

    confirmed = [(one.article, one.action) for one in editor.confirmed]
    trail = [(entry.subject, entry.action) for entry in desk.entries(by="first") if entry.subject in ARTICLES]
    assert trail == confirmed
    assert doubled_requests(desk) == []
    for article in {article for article, _action in trail}:
        actions = [action for subject, action in trail if subject == article]
        assert all(one != other for one, other in pairwise(actions))

    approved = {article for article, action in trail if action == APPROVE}
    assert len(approved) + len(editor.passed) == reviewed
    with desk.store() as store:
        numbers = store.articles.numbers(sorted(approved))
        assert {review.article for review in store.reviews.all()} == set(numbers.values())
    for one in editor.confirmed:
        if one.action == REJECT:
            assert one.story not in {teaser.title for teaser in desk.sidebar(one.article)}
    assert eventually(lambda: counts_approved(page, desk, len(approved)))


def counts_approved(page: Page, desk: ServedDesk, number: int) -> bool:
    """Whether the queue says that so many are approved, as they are, and the rest is left."""
    page.goto(f"{desk.url}/editor/")
    return f"{len(ARTICLES) - number} left, {number} approved." in page.locator(".progress-line").inner_text()
