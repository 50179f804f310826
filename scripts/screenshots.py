"""Takes the pictures of the documentation from the running service.

    python scripts/screenshots.py http://127.0.0.1:8000 "$(recommender users add Pictures --role administrator --link)"

The second argument is a one-time link; the script signs in with it and gives the account a random password.
"""

import re
import secrets
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parents[1] / "docs" / "images"
STORY = "mali-2024-09-17-jnim-raids-bamako"
# Name: path, width and height of the window.
PUBLIC = {"article": (f"/articles/{STORY}", 1280, 900)}
DESK = {
    "desk-queue": ("/editor/", 1280, 900),
    "desk-article": (f"/editor/article/{STORY}", 1280, 1400),
    "desk-article-narrow": (f"/editor/article/{STORY}", 390, 844),
    "desk-rule": ("/editor/rules/new", 1280, 1000),
    "desk-sensitive": ("/editor/sensitive", 1280, 900),
    "desk-history": (f"/editor/history/{STORY}", 1280, 900),
    "desk-draft": ("/editor/draft", 1280, 900),
}


def main() -> None:
    """Writes one PNG for each picture."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    home, link = sys.argv[1], re.search(r"/editor/link/\S+", sys.argv[2])
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium is needed; on Debian: apt-get install chromium.")
    if link is None:
        sys.exit("The second argument holds no one-time link.")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        take(page, home, PUBLIC)
        sign_in(page, home + link[0])
        take(page, home, DESK)
        browser.close()


def sign_in(page: Page, link: str) -> None:
    """Uses a one-time link."""
    password = secrets.token_urlsafe(24)
    page.goto(link)
    for field in page.locator("main input[type=password]").all():
        field.fill(password)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/editor/")


def take(page: Page, home: str, pictures: dict[str, tuple[str, int, int]]) -> None:
    """Takes some pictures."""
    for name, (path, width, height) in pictures.items():
        page.set_viewport_size({"width": width, "height": height})
        page.goto(home + path, wait_until="networkidle")
        page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
