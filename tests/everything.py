"""A store with something in every table, for what copies and checks all of it."""

from datetime import timedelta

from recommender.curation.signals import PIN, Signal
from recommender.ranking.candidates import grade_rows
from recommender.reranking.base import Verdict
from recommender.store.accounts import Account, SecondFactor
from recommender.store.audit import AuditEntry
from recommender.store.base import Store
from recommender.store.failures import Failure
from recommender.store.grading import Grade, Panel, PanelSidebar
from recommender.store.interleaving import MixedSidebar, Pick
from recommender.store.keys import ApiKey
from recommender.store.ledger import Shown
from recommender.store.reviews import Review
from recommender.store.shadow import ShadowSidebar
from recommender.store.verdicts import Failure as NoAnswer
from tests.contracts.content import FULL
from tests.factories import NOW, built, make_article

WORDS = ("junta coup", "junta vote", "gold mine")
ARTICLES = [make_article(f"a{number}", body=f"{WORDS[number % 3]} {number}") for number in range(6)]
LATER = NOW + timedelta(days=1)


def fill(store: Store) -> None:
    """Puts something into every table: a built archive, and what editors, graders and readers leave behind.

    The highest account and the highest audit entry are those of today; an article has been withdrawn.
    """
    built(store, [*ARTICLES, FULL])
    store.articles.withdraw("a5")
    factor = SecondFactor("JBSWY3DPEHPK3PXP", NOW, 59_000_000)
    ama = store.accounts.add(Account("Ama", "editor", NOW, password="scrypt$hash", second_factor=factor, told=NOW))
    store.accounts.put_recovery_codes(ama, ["hash"])
    store.failures.add(Failure(NOW, ama, "192.0.2.1", "browser"))
    store.failures.add(Failure(NOW, None, "2001:db8::/64"))
    store.accounts.open_session("token", ama, NOW, LATER)
    store.accounts.add_link("link", ama, LATER)
    store.accounts.secret("interleaving", "kept")
    store.keys.add(ApiKey("0123456789ab", "cms", "a hash", ("drafts", "articles"), NOW, until=LATER, used=NOW))
    store.signals.add([Signal(PIN, 1, 2, "Ama", NOW, "näher dran", slot=1)])
    store.audit.append(AuditEntry(NOW, "Ama", "pin", "a1", 1, {"slot": None}, {"slot": 1, "factor": 0.1}, "why"), "k")
    store.audit.append(AuditEntry(NOW, "Ama", "withdraw", "a5", 6))
    store.reviews.put(Review(1, "Ama", NOW, "digest"))
    store.reviews.look(2, "Ama", NOW, NOW)
    store.ledger.append([Shown(1, NOW, 1, "one", (2, 3), "{}", 1 / 3), Shown(1, LATER, 2, "two", (3,), "{}")])
    panel = store.grading.add_panel(Panel("p", "Ama", NOW, "m", 1, (PanelSidebar(1, (2, 3), (4,)),)))
    store.grading.put_grades([Grade(panel, 1, 2, 3, "Ama", NOW), Grade(panel, 1, None, 1, "Ama", NOW)])
    store.shadow.put(1, [ShadowSidebar(1, NOW, (2,), (3,))])
    store.verdicts.put("reader@1", "a hash", {"another": Verdict(3.5, "näher dran"), "third": None})
    store.verdicts.note_failure("reader@1", NoAnswer(NOW, "away"))
    store.generations.put_grades(1, {1: grade_rows({2: 3.5})})
    run = store.interleaving.start("sahel/1", "sahel/2", NOW)
    store.interleaving.note([MixedSidebar("request", run, 1, 400_000, (Pick(2, "live"), Pick(3, None)))])
