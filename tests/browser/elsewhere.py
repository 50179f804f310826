"""A site of somebody else, whose pages hold the snippet; and what the box is found by on any page."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOX = ":is(related-stories, [data-recommender])"
LINKS = f"{BOX} .rec-link"
API = "**/api/v1/recommend*"


class Elsewhere(ThreadingHTTPServer):
    """A site of somebody else. Under the name localhost it may read the API, under 127.0.0.1 it may not."""

    page = ""
    policy = ""  # the content security policy that its pages come with

    def url(self, host: str) -> str:
        return f"http://{host}:{self.server_port}"


class Pages(BaseHTTPRequestHandler):
    """Answers with the page that the test has set."""

    server: Elsewhere

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if self.server.policy:
            self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        pass
