"""The box as HTML, outside a web application: the same template as the endpoint's."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader

from recommender.serving.wording import USUAL_WORDING, day, direction

Fragment = Callable[[Mapping[str, Any]], str]


def make_fragment() -> Fragment:
    """Renders documents of the API as boxes; empty where there is nothing to show."""
    templates = files("recommender") / "web" / "templates"
    environment = Environment(
        autoescape=True, loader=FunctionLoader(lambda name: (templates / name).read_text(encoding="utf-8"))
    )
    environment.filters.update(day=day, direction=direction, reads=USUAL_WORDING.reads)
    template = environment.get_template("fragment.html")

    def fragment(document: Mapping[str, Any]) -> str:
        return template.render(**document, heading_level=2, link=None)

    return fragment
