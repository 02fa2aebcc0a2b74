"""Channels of notices: the function of a mount, and the webhook of `IU_NOTIFY_URL`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from pydantic import SecretStr

from iu_pipelines.defs.kit.configuration import Mount
from iu_pipelines.defs.kit.notices import Notice
from iu_pipelines.errors import redact
from iu_pipelines.settings import Settings

TIMEOUT_SECONDS: Final = 10
_MOST: Final = 500
_URL: Final = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)\S+")


class NotDelivered(Exception):
    """A notice could not be delivered. The message is one line without URLs and passwords."""


@dataclass(frozen=True)
class Channel:
    """One receiver of notices. `send` raises NotDelivered."""

    name: str
    send: Callable[[Notice], None]


def channels(mount: Mount, settings: Settings) -> list[Channel]:
    """Return the channels that are configured."""
    found = []
    if mount.notify:
        found.append(Channel("notify", partial(_call, mount.notify)))
    if settings.notify_url:
        found.append(Channel("webhook", partial(_post, settings.notify_url)))
    return found


def clean(text: str) -> str:
    """Return `text` in one line of at most 500 characters, without passwords and without URLs."""
    line = " ".join(redact(_URL.sub(r"\1…", text)).split())
    return line if len(line) <= _MOST else f"{line[: _MOST - 1]}…"


def _call(notify: Callable[[Notice], None], notice: Notice) -> None:
    try:
        notify(notice)
    except Exception as error:  # noqa: BLE001  # it is the user's own code
        reason = clean(f"{type(error).__name__}: {error}")
        raise NotDelivered(f"notify raised {reason}") from None


def _post(url: SecretStr, notice: Notice) -> None:
    """Post `notice` as JSON. A redirect is not followed, because it would become a GET."""
    import requests  # noqa: PLC0415  each code location would wait for it, and few have such a URL

    body = {**asdict(notice), "happened_at": notice.happened_at.isoformat()}
    try:
        with requests.post(
            url.get_secret_value(), json=body, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as answer:
            status = answer.status_code
    except requests.Timeout:
        raise NotDelivered(f"IU_NOTIFY_URL did not answer within {TIMEOUT_SECONDS} s") from None
    except (requests.RequestException, ValueError) as error:
        raise NotDelivered(f"IU_NOTIFY_URL cannot be reached ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise NotDelivered(f"IU_NOTIFY_URL answered {status}")
