"""The addresses of ALERT_URLS, each a URL of apprise's: https://github.com/caronc/apprise/wiki lists them.

apprise is needed only where addresses are given. It blocks while it sends, so only `post.py`'s threads send.
"""

from __future__ import annotations

import logging
import threading
from importlib.util import find_spec
from typing import Any

from mmfsm.errors import ParamError
from runner.settings import HIDDEN, alert_urls_of, secrets_of

MAX = 10
"""More addresses than anybody reads: each has a thread of its own."""

NEEDED = "apprise, which is not installed: pip install '.[alerts]' in mmfsm's source"


class Unsent(Exception):
    """A message did not go out; the words say why, without the address."""


class Address:
    """One address. `shown` names it without its secrets."""

    def __init__(self, url: str, number: int) -> None:
        self._url = url
        self._plugin: Any = None
        self.shown = f"{number}:{url.partition('://')[0]}://{HIDDEN}"

    def send(self, title: str, body: str) -> None:
        """Send one message, and block until it is out or given up (apprise's own timeouts: 4 s, and 4 s).

        Raises:
            Unsent: it is not out.
        """
        heard = _Heard()
        try:
            if not self.plugin.notify(body=body, title=title):
                raise Unsent(self._hide("; ".join(heard.words) or "refused, without a word"))
        except Unsent:
            raise
        except Exception as error:  # a plugin's own mistake
            raise Unsent(self._hide(f"{type(error).__name__}: {error}")) from None
        finally:
            heard.close()

    @property
    def plugin(self) -> Any:
        """What sends to this address; None when apprise does not know what the URL means. Made at the first use."""
        if self._plugin is None:
            import apprise  # only here: a run without addresses does not need it

            log = logging.getLogger("apprise")
            log.propagate = False  # whoever sends hears it, and says it once, whatever the console's level
            log.setLevel(logging.WARNING)
            self._plugin = apprise.Apprise.instantiate(self._url)
        return self._plugin

    def _hide(self, text: str) -> str:
        for secret in sorted(secrets_of(self._url), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


class _Heard(logging.Handler):
    """Keeps what apprise says in this thread while it sends: the only place where it gives a reason."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words: list[str] = []
        self._thread = threading.get_ident()
        logging.getLogger("apprise").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.words.append(record.getMessage().strip())

    def close(self) -> None:
        logging.getLogger("apprise").removeHandler(self)
        super().close()


def addresses_of(urls: str) -> list[Address]:
    """Return the addresses of ALERT_URLS.

    Raises:
        ParamError: apprise is not installed, or does not know what a URL means.
    """
    found = [Address(url, number) for number, url in enumerate(alert_urls_of(urls), start=1)]
    if found and find_spec("apprise") is None:
        raise ParamError("ALERT_URLS", HIDDEN, NEEDED)
    if len(found) > MAX or (urls.strip() and not found):
        raise ParamError("ALERT_URLS", HIDDEN, f"up to {MAX} URLs such as tgram://token/chat, with spaces between")
    for address in found:
        if address.plugin is None:
            raise ParamError("ALERT_URLS", address.shown, "URLs that apprise knows, whole (see its list of services)")
    return found
