"""nginx with the configuration of deploy/, in front of a served instance, for tests."""

import http.client
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.web.served import eventually, free_port

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "deploy" / "nginx" / "recommender.conf.template"
DOMAIN = "localhost"
# What Debian's package and nginx's own image put around it, with every file in one folder.
AROUND = """
user root;
worker_processes 2;
pid $folder/nginx.pid;
error_log $folder/error.log warn;
events { worker_connections 1024; }
http {
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    include $folder/recommender.conf;
}
"""


@dataclass(frozen=True)
class Answer:
    """What a request got."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


@dataclass(frozen=True)
class Proxy:
    """A running nginx."""

    port: int
    plain_port: int
    folder: Path

    def connection(self, source: str = "127.0.0.1") -> http.client.HTTPSConnection:
        """A connection from an address of this machine."""
        trusted = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        return http.client.HTTPSConnection(DOMAIN, self.port, timeout=30, source_address=(source, 0), context=trusted)

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> Answer:
        """One request on a connection of its own; the time it took is without the handshake."""
        connection = self.connection(source)
        try:
            connection.connect()
            began = time.perf_counter()
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
            return Answer(response.status, dict(response.headers), content, time.perf_counter() - began)
        finally:
            connection.close()

    def log(self) -> str:
        """The access log so far."""
        return (self.folder / "access.log").read_text()


@contextmanager
def proxying(service_port: int, writers: str = "127.0.0.1") -> Iterator[Proxy]:
    """Runs nginx with a certificate of its own until the block ends; files lie in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="proxy-") as name:
        folder, port, plain_port = Path(name), free_port(), free_port()
        certify(folder)
        filled = fill_in(
            TEMPLATE.read_text(),
            DOMAIN=DOMAIN,
            UPSTREAM=f"127.0.0.1:{service_port}",
            TLS=name,
            CACHE=f"{name}/cache",
            ACME=name,
            WRITERS=writers,
            HTTP_PORT=str(plain_port),
            HTTPS_PORT=str(port),
        )
        (folder / "recommender.conf").write_text(filled.replace("/dev/stdout", f"{name}/access.log"))
        (folder / "nginx.conf").write_text(Template(AROUND).substitute(folder=name))
        command = ["nginx", "-p", name, "-c", f"{name}/nginx.conf", "-g", "daemon off;", "-e", f"{name}/error.log"]
        with subprocess.Popen(command) as process:
            proxy = Proxy(port, plain_port, folder)
            try:
                assert eventually(lambda: answers(proxy) or process.poll() is not None)
                assert process.poll() is None, (folder / "error.log").read_text()
                yield proxy
            finally:
                process.terminate()
                process.wait(30)


def answers(proxy: Proxy) -> bool:
    """Whether nginx listens."""
    try:
        return proxy.ask("/nowhere").status == 404
    except OSError:
        return False


def fill_in(template: str, **values: str) -> str:
    """What `envsubst` makes of a template: only these names are replaced, nginx's own variables are not."""
    for name, value in values.items():
        template = template.replace(f"${{{name}}}", value)
    return template


def certify(folder: Path) -> None:
    """A key and a certificate that signs itself."""
    subject = ["-subj", f"/CN={DOMAIN}", "-addext", f"subjectAltName=DNS:{DOMAIN}"]
    files = ["-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run(["openssl", "req", "-x509", *curve, *subject, *files], check=True, capture_output=True)
