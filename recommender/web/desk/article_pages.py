"""Pages about one article: what is shown of it, what a decision would change, and who was faster."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from markupsafe import Markup

from recommender.articles.article import HOLD_FLAG, Article
from recommender.curation.signals import APART, BOOST, BURY, EXCLUDE, KINDS, MAX_SLOT, OFF, PIN, REJECT, Signal
from recommender.desk.decisions import APPROVE, END
from recommender.desk.review import Page, Preview
from recommender.errors import ArticleNotFound, Conflict, InvalidSignal, NotFound
from recommender.serving.document import make_document
from recommender.serving.recommender import Item, Query, Recommendation
from recommender.store.audit import AuditEntry
from recommender.web import languages
from recommender.web.api.recommend import render_fragment
from recommender.web.context import context
from recommender.web.desk import ui_labels
from recommender.web.desk.access import local_path, who
from recommender.web.desk.forms import ENDING, FACTORS, MAX_DAYS, ON_A_STORY, REORDER, TypedForm, told, wishes
from recommender.web.desk.messages import ACTIONS
from recommender.web.desk.queue import carried

# What is done with a story, as the heading of its preview.
HEADINGS = {
    REJECT: lazy_gettext("Reject here"),
    PIN: lazy_gettext("Pin"),
    REORDER: lazy_gettext("Keep this order"),
    BOOST: lazy_gettext("Boost"),
    BURY: lazy_gettext("Bury"),
    EXCLUDE: lazy_gettext("Exclude everywhere"),
    APART: lazy_gettext("Never together"),
    OFF: lazy_gettext("Turn the box off"),
    END: lazy_gettext("Take back"),
}


@dataclass(frozen=True)
class ChangedSidebar:
    """The sidebar of an article before and after, its teasers each with whether they go or come."""

    article: Article
    before: list[tuple[Item, bool]]
    after: list[tuple[Item, bool]]

    @property
    def differs(self) -> bool:
        """Whether readers would see any difference."""
        return [item.article.id for item, _gone in self.before] != [item.article.id for item, _new in self.after]


def shown(template: str, page: Page, **values: Any) -> str:
    """A page that shows an article and its sidebar."""
    return render_template(
        template,
        page=page,
        fragment=_fragment(page.recommendation),
        held=HOLD_FLAG in page.article.flags,
        carried=carried(),
        words=ui_labels,
        ACTIONS=ACTIONS,
        names=_names,
        **values,
    )


def _fragment(found: Recommendation) -> Markup:
    """The box as readers see it: a teaser without an address leads to its page of this service."""
    language = found.article.language if found.article else "en"
    document = make_document(found, context().recommender.gazetteer, language)
    box = render_fragment(
        document,
        context().settings.sidebar_heading,
        lambda item: item["url"] or url_for("site.article", article_id=item["id"]),
    )
    return Markup(box)  # noqa: S704  # made by our own template, which escapes


def _names(item: Item) -> list[str]:
    """What a story and the article both name, as editors read it."""
    gazetteer, language = context().recommender.gazetteer, languages.language()
    return [gazetteer[key].label(language) for key in item.shared["names"] if key in gazetteer]


def known(article_id: str) -> tuple[int, Article]:
    """The number and the card of a published article. Raises ArticleNotFound."""
    found = context().store.articles.by_id(article_id)
    if found is None:
        raise ArticleNotFound(article_id)
    return found


def signal_of(article_id: str, asked: TypedForm) -> Signal:
    """The signal that a form would end; it has to do with the article. Raises NotFound."""
    number, _article = known(article_id)
    found = context().store.signals.get([asked.number]).get(asked.number)
    if found is None or found.kind not in KINDS:
        raise NotFound(f"There is no signal {asked.number}.")
    if found.source not in (None, number) and found.target != number:
        raise NotFound(f"Signal {asked.number} does not concern this article.")
    return found


def address(article_id: str, asked: TypedForm, back: str | None = None) -> str:
    """The page of an article, at the story that a decision was about."""
    anchor = f"story-{known(asked.story)[0]}" if asked.action in ON_A_STORY else None
    return url_for("review.article", article_id=article_id, **carried(), back=back, _anchor=anchor)


def way_back(article_id: str, asked: TypedForm) -> str:
    """The same for a link on a page that answers a form, and so has the article's address itself.

    Where two addresses differ in nothing but the anchor, browsers stay on the page that they show.
    """
    return address(article_id, asked, back="yes")


def preview(article_id: str, asked: TypedForm, problems: dict[str, str] | None = None) -> tuple[str, int]:
    """What a decision would change, with its fields to be completed, and a button that saves it."""
    problems = problems or {}
    story = known(asked.story) if asked.action in ON_A_STORY else None
    _number, here = known(article_id)
    added: list[Signal] = []
    ended: list[int] = []
    if asked.action == END:
        ended = [signal_of(article_id, asked).number]
    elif not problems:
        wished, problems = wishes(asked, context().now())
        try:
            added, ended = (
                ([], []) if problems else context().decisions.signals(article_id, wished, asked.sent(who().name, None))
            )
        except InvalidSignal as error:
            problems = told(error)
    found = None if problems else context().reviewing.preview(article_id, added, ended)
    changes = [] if found is None else [_change(here, found)]
    if found is not None and story is not None and asked.action == APART:
        changes.append(_change(story[1], context().reviewing.preview(story[1].id, added, ended)))
    page = render_template(
        "desk/preview.html",
        article=here,
        story=None if story is None else story[1],
        asked=asked,
        heading=HEADINGS[asked.action],
        problems=problems,
        changes=changes,
        kept_out=[] if found is None else _kept_out(added, found),
        standing=context().store.ledger.counts([story[0]]).get(story[0], 0) if story else 0,
        signal=context().store.signals.get(ended).get(ended[0]) if asked.action == END else None,
        places=Query().n,
        MAX_SLOT=MAX_SLOT,
        MAX_DAYS=MAX_DAYS,
        factors=FACTORS,
        ends=asked.action in ENDING,
        back=way_back(article_id, asked),
        carried=carried(),
        words=ui_labels,
    )
    return page, 422 if problems else 200


def _change(of: Article, found: Preview) -> ChangedSidebar:
    before, after = found.before.items, found.after.items
    old, new = ({item.article.id for item in items} for items in (before, after))
    return ChangedSidebar(
        of,
        [(item, item.article.id not in new) for item in before],
        [(item, item.article.id not in old) for item in after],
    )


def _kept_out(added: Iterable[Signal], found: Preview) -> list[str]:
    """What is wished into a sidebar and does not come, in words, and why."""
    wished = [(one, one.target) for one in added if one.target is not None]
    titles = context().store.articles.get(list(found.obstacles), texts=False)
    told_of = []
    for signal, target in wished:
        if target not in found.obstacles:
            continue
        why = ui_labels.obstacle_text(found.obstacles[target])
        if signal.kind == PIN:
            told_of.append(_("The pin to place %(slot)d is kept out. %(why)s", slot=signal.slot, why=why))
        else:
            told_of.append(_("“%(title)s” is still not shown. %(why)s", title=titles[target].title, why=why))
    return told_of


def conflict(article_id: str, asked: TypedForm, error: Conflict) -> tuple[str, int]:
    """Somebody else has decided, or the sidebar has changed: the present one, and whether to do it all the same."""
    page = context().reviewing.page(article_id, depth=0)
    again = TypedForm({**asked.values, "seen": str(page.seen), "digest": page.digest}, asked.order, preview=False)
    other = context().store.audit.get(error.entry) if error.entry != asked.seen else None
    heading = _("Approve") if asked.action == APPROVE else HEADINGS[asked.action]
    back = asked.values.get("next")
    leave = local_path(back) if back else way_back(article_id, asked)
    return shown("desk/conflict.html", page, asked=again, other=other, heading=heading, leave=leave), 409


def not_undone(entry: AuditEntry, error: Conflict) -> tuple[str, int]:
    """What was to be undone has been changed since: by what, and the present sidebar."""
    one = published(entry)
    if one is None:
        raise error
    page = context().reviewing.page(one.id, depth=0)
    other = context().store.audit.get(error.entry)
    leave = url_for("review.article", article_id=one.id, **carried())
    return shown("desk/conflict.html", page, asked=None, other=other, heading=_("Undo"), leave=leave), 409


def published(entry: AuditEntry) -> Article | None:
    """The article that a decision was about, if it is still published."""
    found = {} if entry.article is None else context().store.articles.get([entry.article], texts=False)
    return next((one for one in found.values() if one.status == "published"), None)
