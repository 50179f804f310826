"""What publishing systems leave in texts goes; what a reader is meant to read stays."""

# ruff: noqa: RUF001  # typographic quotes, dashes and Arabic are meant

import time

import pytest

from recommender.articles.markup import is_pointer, without_code
from recommender.articles.text import one_line, plain_text

CLEANED = {
    "builder": ('[et_pb_section fb_built="1"][et_pb_text]Back again.[/et_pb_text][/et_pb_section]', "Back again."),
    "caption": ('[caption id="a1" width="600"]Herds at Kidal[/caption]', "Herds at Kidal"),
    "players": ('Low. [gallery ids="1,2"] [embed]https://video.example/1[/embed]', "Low."),
    "bare name": ("[vc_row]Low.[/vc_row] [toc]", "Low."),
    "curly quotes": ("[button link=”https://a.example”]Give[/button]", "Give"),
    "liquid": ('{% image "goat.jpg" %} {{ site.url }} Low.{: .wide}', "Low."),
    "hugo": ('{{< figure src="goat.jpg" >}}Low.{{% note %}}', "Low."),
    "picture": ("![goat](goat.jpg) Low. ![goat][1]", "Low."),
    "link": ("See [the (old) market](https://a.example/b_(c) \"x\") now.", "See the (old) market now."),
    "strong": ("**Low** and __lower__ prices", "Low and lower prices"),
    "heading": ("## Prices\n\nLow.", "Prices\n\nLow."),
    "code": ("```sh\nls\n```\n\nand `ls`", "ls\n\nand ls"),
    "entities": ("What it doesn&amp;#8217;t say &amp;amp; why", "What it doesn’t say & why"),
    "escaped as a whole": ("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;", "One\n\nTwo"),
    "soft hyphens": ("Menin\u00adgitis in Dif&shy;fa", "Meningitis in Diffa"),
    "comments": ("<!-- wp:paragraph --><p>Low.</p><!-- /wp:paragraph -->", "Low."),
    "a post of another site": ('<p>Low.</p><blockquote class="twitter-tweet"><p>So low!</p></blockquote>', "Low."),
    "related posts": ('<p>Low.</p><div class="yarpp"><div>Old</div> news</div><p>High.</p>', "Low.\n\nHigh."),
    "forms": ("<p>Low.</p><form>Your address <button>Send</button></form>", "Low."),
    "lire aussi": ("Low.\n\nLire aussi : Les prix de Gao\n\nHigh.", "Low.\n\nHigh."),
    "lire aussi in HTML": ("<p>Low.</p><p><strong>À lire aussi :</strong> <a href='/x'>Gao</a></p>", "Low."),
    "read also in a line": ("Low.\nREAD ALSO: Prices of Gao\nHigh.", "Low. High."),
    "lire aussi after a break": ("<p>Low.<br>► <b>Lire aussi :</b> <a href='/x'>Gao</a></p>", "Low."),
    "lire aussi behind a sentence": ("Les prix baissent. (Lire aussi : Un forage à Dori)", "Les prix baissent."),
    "read also behind a sentence": ("<p>Low. <em>Read also: Prices of Gao.</em></p>", "Low."),
    "an embedded address": ("<p>Low.</p>\nhttps://video.example/watch?v=1", "Low."),
    "an address on its own": ("Low.\n\nhttps://video.example/1\n\nHigh.", "Low.\n\nHigh."),
    "arabic": ("الأسعار منخفضة.\n\nاقرأ أيضا: أسعار غاو", "الأسعار منخفضة."),
}  # fmt: skip

KEPT = [
    "He said [sic] that [the army] left [1] […].",
    "[Update] The market is open.",
    "2 * 3 ** 4 and a_b_c",
    "R&D; budgets and the AT&T; licence",
    "Price < 5000 francs & falling > 3 %.",
    "Related to the case is the mayor. He denies it.",
    "Read more: it was the advice of the day. He followed it. It helped.",
    "He asks his pupils: read more. Read more is what he says to all.",
    "It is at https://a.example today.",
    "{ a set } and {another}",
    "C# and F#, #Gao and # 5",
    "see (here) [there]",
]


@pytest.mark.parametrize("kind", CLEANED)
def test_code_is_gone(kind: str) -> None:
    source, text = CLEANED[kind]
    assert plain_text(source) == text
    assert plain_text(text) == text


@pytest.mark.parametrize("text", KEPT)
def test_authors_own_marks_stay(text: str) -> None:
    assert plain_text(text) == text


def test_headline_that_points_elsewhere_stays() -> None:
    assert one_line("Lire aussi : les prix de Gao") == "Lire aussi : les prix de Gao"


@pytest.mark.parametrize("line", ["Lire aussi", "► À lire aussi : Gao", "See also – Gao", "Read more >"])
def test_pointers_are_known(line: str) -> None:
    assert is_pointer(line)


@pytest.mark.parametrize("piece", ["[", "[a ", "[a=", "{{", "{%", "![", "[a](", "**", "[/a]", "[embed]", "`", "# "])
def test_hostile_marks_take_linear_time(piece: str) -> None:
    began = time.process_time()
    without_code(piece * 20_000)
    assert time.process_time() - began < 2
