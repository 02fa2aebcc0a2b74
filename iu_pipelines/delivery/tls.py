"""TLS for the connections of kinds of targets: certificates are verified, and keys are never logged."""

from __future__ import annotations

import os
import ssl
import tempfile

from iu_pipelines.delivery.secrets import Secret
from iu_pipelines.errors import UsageError


def context(*protocols: str) -> ssl.SSLContext:
    """Return a context that verifies, and offers `protocols` by ALPN.

    `ssl.create_default_context` would log keys if SSLKEYLOGFILE is set.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_default_certs()
    if protocols:
        made.set_alpn_protocols(list(protocols))
    return made


def load_certificate(made: ssl.SSLContext, secret: Secret) -> None:
    """Load a client certificate with its key. The ssl module reads files only, so the text gets a hidden one.

    Raises:
        UsageError: the secret is no certificate with its key.
    """
    with tempfile.TemporaryDirectory(prefix="iu-") as directory:
        path = os.path.join(directory, "certificate")  # noqa: PTH118
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(secret.text)
        try:
            made.load_cert_chain(path, password=lambda: b"")
        except (ssl.SSLError, ValueError, OSError):
            raise UsageError(
                f"secret {secret.name} is no certificate with its key",
                hint="Write host=NAME, and then the certificate and its unencrypted key in PEM form.",
            ) from None


def trust(made: ssl.SSLContext, secret: Secret) -> None:
    """Trust the authorities in a secret besides those of the system.

    Raises:
        UsageError: the secret is no certificate.
    """
    try:
        made.load_verify_locations(cadata=secret.text)
    except (ssl.SSLError, ValueError):
        raise UsageError(
            f"secret {secret.name} is no certificate of an authority",
            hint="Write host=NAME, and then one or more certificates in PEM form.",
        ) from None
