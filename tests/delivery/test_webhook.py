"""Webhooks: what is sent, what each answer means, and that a bad receiver harms only itself."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from delivery.kind_parts import VALUE, Authority, granted, listening, message, secrets, send
from delivery.receiver import Behaviour, Receiver, Tls
from delivery.world import World
from iu_pipelines.delivery import webhook
from iu_pipelines.delivery.kind import MOST_BODY_BYTES, Answer, Message
from iu_pipelines.delivery.webhook import WebhookTarget
from iu_pipelines.errors import ArgumentInvalid, TargetNotSafe, UsageError


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {VALUE}")


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path / "receiver") as found:
        yield found


def _answer(address: str, **changes: Any) -> Answer:
    (answer,) = send(WebhookTarget, granted(address, **changes), of=secrets())
    return answer


def test_a_message_arrives_whole_and_signed(receiver: Receiver) -> None:
    sent = message(3)
    (answer,) = send(WebhookTarget, granted(receiver.url()), sent, of=secrets())
    assert answer == Answer("sent", "2xx", 200, None, sha256(b"ok").hexdigest())
    (found,) = receiver.requests()
    assert (found.method, found.path, found.body) == ("POST", "/hook", sent.body)
    assert Webhook(VALUE).verify(found.body, found.headers) == found.content
    assert {name: found.headers[name] for name in sent.headers} == {
        name: str(value) for name, value in sent.headers.items()
    }
    assert set(found.headers) - set(sent.headers) == {
        "host", "user-agent", "accept", "accept-encoding", "content-length", "webhook-timestamp",
        "webhook-signature",
    }  # fmt: skip
    assert abs(int(found.headers["webhook-timestamp"]) - time.time()) < 60


_STATUS: Final = {
    200: ("sent", "2xx"), 201: ("sent", "2xx"), 202: ("sent", "2xx"), 204: ("sent", "2xx"),
    301: ("retry", "3xx"), 304: ("retry", "3xx"), 400: ("retry", "4xx"), 401: ("retry", "4xx"),
    403: ("retry", "4xx"), 404: ("retry", "4xx"), 408: ("retry", "4xx"), 409: ("retry", "4xx"),
    410: ("failed", "4xx"), 422: ("retry", "4xx"), 425: ("retry", "4xx"), 429: ("retry", "4xx"),
    500: ("retry", "5xx"), 502: ("retry", "5xx"), 503: ("retry", "5xx"), 599: ("retry", "5xx"),
}  # fmt: skip


def test_each_status_has_a_meaning(receiver: Receiver) -> None:
    for status, expected in _STATUS.items():
        answer = _answer(receiver.url(status=status, body=""))
        assert (answer.decision, answer.status_class, answer.status_code) == (*expected, status)
        assert not answer.local_fault
        assert (answer.error is None) == (answer.decision == "sent")


@pytest.mark.parametrize(
    ("mode", "status_class"),
    [("close", "closed"), ("drop", "closed"), ("reset", "closed"), ("garbage", "malformed"),
     ("endless_headers", "malformed"), ("hang", "timeout"), ("trickle", "timeout")],
)  # fmt: skip
def test_an_answer_that_is_not_complete_is_tried_again(
    receiver: Receiver, mode: str, status_class: str
) -> None:
    began = time.monotonic()
    answer = _answer(receiver.url(mode=mode), timeout_seconds=1)
    assert (answer.decision, answer.status_class, answer.local_fault) == ("retry", status_class, False)
    assert (bool(answer.error), answer.may_have_arrived) == (True, True)
    assert time.monotonic() - began < 5


def test_a_target_where_nothing_listens_refuses() -> None:
    with listening() as listener:
        port = listener.port
    answer = _answer(f"http://127.0.0.1:{port}/")
    assert (answer.decision, answer.status_class, answer.may_have_arrived) == ("retry", "refused", False)


def test_a_host_that_does_not_exist_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IU_SECRET_HOOK", f"host=hooks.invalid {VALUE}")
    assert _answer("https://hooks.invalid/").status_class == "unknown_host"


def test_of_a_huge_answer_only_64_kib_are_read(receiver: Receiver) -> None:
    async def run() -> list[Answer]:
        target = WebhookTarget(granted(receiver.url(mode="huge")), secrets())
        await target.open()
        answers = [await target.send(message(number)) for number in range(3)]
        await target.close()
        return answers

    expected = ("sent", sha256(b"x" * MOST_BODY_BYTES).hexdigest())
    assert [(one.decision, one.response_hash) for one in asyncio.run(run())] == [expected] * 3
    assert receiver.connections() == 3, "a connection with an unread rest is not used again"


def test_a_compressed_answer_is_not_expanded(receiver: Receiver) -> None:
    assert _answer(receiver.url(mode="gzip")).response_hash != sha256(b"x" * MOST_BODY_BYTES).hexdigest()


def test_cookies_are_not_kept_and_connections_are(receiver: Receiver) -> None:
    async def run() -> None:
        target = WebhookTarget(granted(receiver.url(mode="cookie")), secrets())
        await target.open()
        for number in range(20):
            assert (await target.send(message(number))).decision == "sent"
        await target.close()

    asyncio.run(run())
    assert [one.headers.get("cookie") for one in receiver.requests()] == [None] * 20
    assert receiver.connections() == 1


def test_a_body_that_is_too_large_is_not_sent(receiver: Receiver) -> None:
    limit = message(1, body="x" * MOST_BODY_BYTES)
    beyond = message(2, body="x" * (MOST_BODY_BYTES - 1) + "ü")
    answers = send(WebhookTarget, granted(receiver.url()), limit, beyond, of=secrets())
    assert [answer.decision for answer in answers] == ["sent", "failed"]
    assert answers[1].status_class == "too_large"
    assert [one.key for one in receiver.requests()] == [limit.key]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("7", 7), ("604800", 604_800), ("999999999999", 604_800), ("-1", None), ("1.5", None),
     ("soon", None), ("", None), ("1e3", None), ("Fri, 27 Nov 2099 00:00:00 GMT", 604_800),
     ("Fri, 27 Nov 1999 00:00:00 GMT", 0), ("Fri, 99 Nov 2099 00:00:00 GMT", None), ("9" * 40, None),
     ("Fri, 27 Nov 99999 00:00:00 GMT", None), ("27 Nov", None)],
)  # fmt: skip
def test_retry_after_is_read_with_care(receiver: Receiver, text: str, seconds: int | None) -> None:
    assert _answer(receiver.url(status=503, retry_after=text)).retry_after_seconds == seconds


def test_retry_after_may_be_a_date(receiver: Receiver) -> None:
    date = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=3600), usegmt=True)
    found = _answer(receiver.url(status=429, retry_after=date)).retry_after_seconds
    assert found is not None
    assert 3500 < found <= 3601


@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_any_retry_after_is_a_number_or_nothing(text: str) -> None:
    class Some:
        headers: Final = {"Retry-After": text}

    found = webhook._retry_after(Some())  # type: ignore[arg-type]
    assert found is None or 0 <= found <= 604_800


@pytest.mark.parametrize(
    ("subject", "encoded"),
    [("doc/1", "doc/1"), ("a b", "a%20b"), ("100%", "100%25"), ('"', "%22"), ("ü€", "%C3%BC%E2%82%AC"),
     ("a\r\nx-evil: 1", "a%0D%0Ax-evil:%201"), ("\n", "%0A"), ("\x7f\t", "%7F%09"), ("~!'()*", "~!'()*"),
     ("😀", "%F0%9F%98%80")],
)  # fmt: skip
def test_headers_are_encoded_as_cloudevents_says(receiver: Receiver, subject: str, encoded: str) -> None:
    send(WebhookTarget, granted(receiver.url()), message(1, subject), of=secrets())
    (found,) = receiver.requests()
    assert found.headers["ce-subject"] == encoded
    assert "x-evil" not in found.headers


@given(st.text())
def test_an_encoded_value_is_one_line_of_ascii(text: str) -> None:
    found = webhook._encoded(text)
    assert all("!" <= letter <= "~" and letter != '"' for letter in found)


def test_a_header_without_a_value_is_left_out(receiver: Receiver) -> None:
    one = message(1)
    none: dict[str, Any] = {**one.headers, "ce-subject": None}
    send(WebhookTarget, granted(receiver.url()), Message(**{**_fields(one), "headers": none}), of=secrets())
    assert "ce-subject" not in receiver.requests()[0].headers


def _fields(one: Message) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Message.__slots__}


@pytest.mark.parametrize(
    ("options", "error"),
    [({"colour": 1}, "'colour'"), ({"authorization_secret": "../x"}, "'authorization_secret' of length 4 "),
     ({"authorization_secret": 1}, "'authorization_secret' of length 1 "),
     ({"client_certificate_secret": "lower"}, "'client_certificate_secret' of length 5 "),
     ({"headers": []}, "'headers'"), ({"headers": {"Authorization": "x"}}, "'Authorization'"),
     ({"headers": {"webhook-signature": "x"}}, "'webhook-signature'"), ({"headers": {"Host": "x"}}, "'Host'"),
     ({"headers": {"ce-id": "x"}}, "'ce-id'"), ({"headers": {"content-LENGTH": ""}}, "of length 14"),
     ({"headers": {"Transfer-Encoding": "chunked"}}, "'Transfer-Encoding'"),
     ({"headers": {"X-A": "1\r\nX-B: 2"}}, "'X-A'"), ({"headers": {"X A": "1"}}, "a header of length 3"),
     ({"headers": {"X-A": 1}}, "'X-A'"), ({"headers": {"X-A": "ü"}}, "'X-A'"),
     ({"headers": {"": "1"}}, "a header of length 0")],
)  # fmt: skip
def test_wrong_options_are_refused_by_name(options: dict[str, Any], error: str) -> None:
    with pytest.raises(ArgumentInvalid, match=error):
        WebhookTarget.check("https://hooks.example.com/", options, "HOOK", private=False)


@pytest.mark.parametrize("name", ["hook", "", "A/B", "../A", "A.B", "A" * 64, "1A", "A\n", "Ä"])
def test_a_wrong_name_of_a_secret_is_refused(name: str) -> None:
    with pytest.raises(ArgumentInvalid, match="is not a name"):
        WebhookTarget.check("https://hooks.example.com/", {}, name, private=False)


def test_a_webhook_is_always_signed() -> None:
    with pytest.raises(ArgumentInvalid, match="needs a secret"):
        WebhookTarget.check("https://hooks.example.com/", {}, None, private=False)


def test_further_headers_and_an_authorization_are_sent(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IU_SECRET_AUTH", "host=127.0.0.1 Bearer abc.def")
    options = {"headers": {"X-Tenant": "one two"}, "authorization_secret": "AUTH"}
    assert _answer(receiver.url(), options=options).decision == "sent"
    (found,) = receiver.requests()
    assert (found.headers["x-tenant"], found.headers["authorization"]) == ("one two", "Bearer abc.def")


@pytest.mark.parametrize("text", ["host=127.0.0.1 a\nb", "host=127.0.0.1 ü", "host=other Bearer x", ""])
def test_a_wrong_authorization_is_found_when_the_target_is_opened(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("IU_SECRET_AUTH", text)
    with pytest.raises(UsageError, match="AUTH"):
        _answer(receiver.url(), options={"authorization_secret": "AUTH"})
    assert receiver.connections() == 0


def test_a_secret_that_vanishes_is_a_fault_of_the_sender(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> list[Answer]:
        target = WebhookTarget(granted(receiver.url()), secrets())
        await target.open()
        monkeypatch.delenv("IU_SECRET_HOOK")
        missing = await target.send(message(1))
        monkeypatch.setenv("IU_SECRET_HOOK", f"host=other.example {VALUE}")
        unbound = await target.send(message(2))
        monkeypatch.setenv("IU_SECRET_HOOK", f"host=127.0.0.1 {VALUE}")
        found = await target.send(message(3))
        await target.close()
        return [missing, unbound, found]

    missing, unbound, found = asyncio.run(run())
    assert [one.decision for one in (missing, unbound, found)] == ["retry", "retry", "sent"]
    assert missing.local_fault
    assert unbound.local_fault
    assert [one.key for one in receiver.requests()] == [message(3).key]


def test_one_subject_that_fails_does_not_disturb_the_others(receiver: Receiver) -> None:
    receiver.behave(subjects={"doc/bad": Behaviour(status=500), "doc/slow": Behaviour(delay=0.5)})
    messages = [message(1, "doc/bad"), message(2, "doc/slow"), *(message(n) for n in range(3, 60))]
    answers = send(WebhookTarget, granted(receiver.url()), *messages, of=secrets())
    assert [answer.status_code for answer in answers] == [500] + [200] * 58


def test_a_hanging_target_does_not_delay_another(receiver: Receiver) -> None:
    async def run() -> float:
        hanging = WebhookTarget(granted(receiver.url(mode="hang"), timeout_seconds=3), secrets())
        other = WebhookTarget(granted(receiver.url()), secrets())
        await hanging.open()
        await other.open()
        stuck = [asyncio.ensure_future(hanging.send(message(n))) for n in range(100)]
        await asyncio.sleep(0)
        began = time.monotonic()
        for number in range(100):
            assert (await other.send(message(number))).decision == "sent"
        took = time.monotonic() - began
        assert not any(one.done() for one in stuck)
        assert {one.status_class for one in await asyncio.gather(*stuck)} == {"timeout"}
        await hanging.close()
        await other.close()
        return took

    assert asyncio.run(run()) < 3


# TLS.


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def _tls_answer(tmp_path: Path, tls: Tls, host: str = "127.0.0.1", **changes: Any) -> Answer:
    with Receiver(tmp_path / "tls", tls=tls) as receiver:
        return _answer(receiver.url(host=host), **changes)


def test_a_certificate_of_a_known_authority_is_accepted(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    assert _tls_answer(tmp_path, Tls(*authority.issue("127.0.0.1"))).decision == "sent"
    assert not keys.exists(), "the keys of the connection were written to a file"


def test_a_certificate_that_is_not_valid_is_refused(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = _tls_answer(tmp_path, Tls(*authority.issue("127.0.0.1")))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    other_name = _tls_answer(tmp_path, Tls(*authority.issue("hooks.example.com")))
    expired = _tls_answer(tmp_path, Tls(*authority.issue("127.0.0.1", days=-1)))
    for answer in (unknown, other_name, expired):
        assert (answer.decision, answer.status_class, answer.status_code) == ("retry", "tls", None)


def test_a_receiver_that_speaks_no_tls_gets_no_request(receiver: Receiver) -> None:
    address = receiver.url().replace("http:", "https:")
    answer = _answer(address, timeout_seconds=2)
    assert answer.decision == "retry"
    assert receiver.requests() == []


def test_a_client_certificate_is_presented(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    tls = Tls(*authority.issue("127.0.0.1"), client_authority=authority.certificate)
    certificate, key = authority.issue("client.example.com")
    options = {"client_certificate_secret": "CLIENT"}
    pem = f"{certificate.read_text()}{key.read_text()}"
    monkeypatch.setenv("IU_SECRET_CLIENT", f"host=127.0.0.1\n{pem}")
    assert _tls_answer(tmp_path, tls, options=options).decision == "sent"
    assert _tls_answer(tmp_path, tls).decision == "retry"
    monkeypatch.setenv("IU_SECRET_CLIENT", f"host=127.0.0.1\n{certificate.read_text()}")
    with pytest.raises(UsageError, match="CLIENT is no certificate with its key"):
        _tls_answer(tmp_path, tls, options=options)
    assert not list(Path(tmp_path).rglob("certificate"))


# The definition in the database.


def test_an_option_may_name_a_secret_and_not_contain_one(world: World) -> None:
    named = {"authorization_secret": "AUTH", "client_certificate_secret": "CLIENT", "headers": {"X-A": "1"}}
    world.add_target("named", options=named)
    for number, options in enumerate(
        (
            {"authorization_secret": "Bearer abcdefghij"},
            {"authorization_secret": "hunter2"},
            {"authorization_secret": "AKIAABCDEFGHIJKLMNOP"},
            {"client_certificate_secret": "-----BEGIN EC PRIVATE KEY-----"},
            {"secret": "NAME"},
            {"headers": {"X-Token": "NAME"}},
            {"authorization_secret": {"password": "NAME"}},
        )
    ):
        with pytest.raises(TargetNotSafe):
            world.add_target(f"unsafe{number}", options=options)
