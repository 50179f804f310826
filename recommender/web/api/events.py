"""Clicks on teasers, as the script reports them while two versions share the sidebars. Readers leave no trace."""

from apiflask import APIBlueprint
from flask import Response

from recommender.desk.keys import EVENTS
from recommender.web.api.problems import problem
from recommender.web.api.schemas import Click
from recommender.web.api.security import KEY_RESPONSES, checks_key, takes
from recommender.web.context import context

HOUR = "3600"

bp = APIBlueprint("events", __name__, url_prefix="/api/v1", tag="Sidebars")


@bp.post("/events")
@checks_key(EVENTS)
@bp.input(Click, location="json", arg_name="event")  # read whatever it is declared as: a beacon is plain text
@bp.output({}, status_code=204, description="It is counted.")
@bp.doc(
    summary="A click on a teaser",
    description="For answers with `trial`, in which two model versions share the sidebar. The script of the snippet "
    "reports clicks by itself. How often a teaser was clicked on is all that is kept. Readers need no key; a program "
    "that sends one needs the scope `events`.",
    security=takes(EVENTS),
    responses={
        **KEY_RESPONSES,
        400: "The body is not JSON.",
        404: "The answer is not of the interleaving that is running, or was given more than an hour ago.",
        413: "The body is too large.",
        422: "A field is wrong, or the answer does not show the article.",
        429: "As many clicks on this teaser have been counted as are in an hour.",
        503: "The database does not answer.",
    },
)
def click(event: Click) -> tuple[str, int] | Response:
    """Counts a click."""
    if context().interleaving.click(event.request_id, event.article_id):
        return "", 204
    return problem(
        429,
        "Too many clicks",
        "No more clicks on this teaser are counted in this hour.",
        headers={"Retry-After": HOUR},
    )
