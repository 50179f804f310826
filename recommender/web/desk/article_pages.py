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
from recommender.serving.answers import Item, Query, Recommendation
from recommender.serving.document import make_document
from recommender.store.audit import AuditEntry
from recommender.web import languages
from recommender.web.api.recommend import render_fragment
from recommender.web.context import context
from recommender.web.desk import ui_labels
from recommender.web.desk.access import local_path, who
from recommender.web.desk.forms import ENDING, FACTORS, MAX_DAYS, ON_A_STORY, REORDER, TypedForm, messages, wishes
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


def _fragment(recommendation: Recommendation) -> Markup:
    """The box as readers see it: a teaser without an address leads to its page of the desk."""
    language = recommendation.article.language if recommendation.article else "en"
    document = make_document(
        recommendation, context().recommender.gazetteer, language, wording=context().recommender.wording
    )
    box = render_fragment(
        document,
        context().settings.sidebar_heading,
        lambda item: item["url"] or url_for("review.article", article_id=item["id"]),
    )
    return Markup(box)  # noqa: S704  # made by our own template, which escapes


def _names(item: Item) -> list[str]:
    """What a story and the article both name, as editors read it."""
    gazetteer, language = context().recommender.gazetteer, languages.language()
    return [gazetteer[key].label(language) for key in item.shared["names"] if key in gazetteer]


def known(article_id: str) -> tuple[int, Article]:
    """The number and the card of a published article. Raises ArticleNotFound."""
    row = context().store.articles.by_id(article_id)
    if row is None:
        raise ArticleNotFound(article_id)
    return row


def signal_of(article_id: str, form: TypedForm) -> Signal:
    """The signal that a form would end; it has to do with the article. Raises NotFound."""
    number, _article = known(article_id)
    signal = context().store.signals.get([form.number]).get(form.number)
    if signal is None or signal.kind not in KINDS:
        raise NotFound(f"There is no signal {form.number}.")
    if signal.source not in (None, number) and signal.target != number:
        raise NotFound(f"Signal {form.number} does not concern this article.")
    return signal


def address(article_id: str, form: TypedForm, back: str | None = None) -> str:
    """The page of an article, at the story that a decision was about."""
    anchor = f"story-{known(form.story)[0]}" if form.action in ON_A_STORY else None
    return url_for("review.article", article_id=article_id, **carried(), back=back, _anchor=anchor)


def way_back(article_id: str, form: TypedForm) -> str:
    """The same for a link on a page that answers a form, and so has the article's address itself.

    Where two addresses differ in nothing but the anchor, browsers stay on the page that they show.
    """
    return address(article_id, form, back="yes")


def preview(article_id: str, form: TypedForm, problems: dict[str, str] | None = None) -> tuple[str, int]:
    """What a decision would change, with its fields to be completed, and a button that saves it."""
    problems = problems or {}
    story = known(form.story) if form.action in ON_A_STORY else None
    _number, here = known(article_id)
    added: list[Signal] = []
    ended: list[int] = []
    if form.action == END:
        ended = [signal_of(article_id, form).number]
    elif not problems:
        wished, problems = wishes(form, context().now())
        try:
            added, ended = (
                ([], []) if problems else context().decisions.signals(article_id, wished, form.sent(who().name, None))
            )
        except InvalidSignal as error:
            problems = messages(error)
    previewed = None if problems else context().reviewing.preview(article_id, added, ended)
    changes = [] if previewed is None else [_change(here, previewed)]
    if previewed is not None and story is not None and form.action == APART:
        changes.append(_change(story[1], context().reviewing.preview(story[1].id, added, ended)))
    page = render_template(
        "desk/preview.html",
        article=here,
        story=None if story is None else story[1],
        form=form,
        heading=HEADINGS[form.action],
        problems=problems,
        changes=changes,
        kept_out=[] if previewed is None else _kept_out(added, previewed),
        standing=context().store.ledger.counts([story[0]]).get(story[0], 0) if story else 0,
        signal=context().store.signals.get(ended).get(ended[0]) if form.action == END else None,
        places=Query().n,
        MAX_SLOT=MAX_SLOT,
        MAX_DAYS=MAX_DAYS,
        factors=FACTORS,
        ends=form.action in ENDING,
        back=way_back(article_id, form),
        carried=carried(),
        words=ui_labels,
    )
    return page, 422 if problems else 200


def _change(of: Article, previewed: Preview) -> ChangedSidebar:
    before, after = previewed.before.items, previewed.after.items
    old, new = ({item.article.id for item in items} for items in (before, after))
    return ChangedSidebar(
        of,
        [(item, item.article.id not in new) for item in before],
        [(item, item.article.id not in old) for item in after],
    )


def _kept_out(added: Iterable[Signal], previewed: Preview) -> list[str]:
    """What is wished into a sidebar and does not come, in words, and why."""
    wished = [(signal, signal.target) for signal in added if signal.target is not None]
    titles = context().store.articles.get(list(previewed.obstacles), texts=False)
    reasons = []
    for signal, target in wished:
        if target not in previewed.obstacles:
            continue
        why = ui_labels.obstacle_text(previewed.obstacles[target])
        if signal.kind == PIN:
            reasons.append(_("The pin to place %(slot)d is kept out. %(why)s", slot=signal.slot, why=why))
        else:
            reasons.append(_("“%(title)s” is still not shown. %(why)s", title=titles[target].title, why=why))
    return reasons


def conflict(article_id: str, form: TypedForm, error: Conflict) -> tuple[str, int]:
    """Another editor has decided, or the sidebar has changed: the present one, and whether to do it all the same."""
    page = context().reviewing.page(article_id, depth=0)
    again = TypedForm({**form.values, "seen": str(page.seen), "digest": page.digest}, form.order, preview=False)
    other = context().store.audit.get(error.entry) if error.entry != form.seen else None
    heading = _("Approve") if form.action == APPROVE else HEADINGS[form.action]
    back = form.values.get("next")
    leave = local_path(back) if back else way_back(article_id, form)
    return shown("desk/conflict.html", page, form=again, other=other, heading=heading, leave=leave), 409


def not_undone(entry: AuditEntry, error: Conflict) -> tuple[str, int]:
    """What was to be undone has been changed since: by what, and the present sidebar."""
    article = published(entry)
    if article is None:
        raise error
    page = context().reviewing.page(article.id, depth=0)
    other = context().store.audit.get(error.entry)
    leave = url_for("review.article", article_id=article.id, **carried())
    return shown("desk/conflict.html", page, form=None, other=other, heading=_("Undo"), leave=leave), 409


def published(entry: AuditEntry) -> Article | None:
    """The article that a decision was about, if it is still published."""
    articles = {} if entry.article is None else context().store.articles.get([entry.article], texts=False)
    return next((article for article in articles.values() if article.status == "published"), None)
