"""TLS of the behaviours that are about certificates and versions."""

import ssl
import warnings
from pathlib import Path

# Cipher suites of TLS 1.2 without forward secrecy.
RSA_KEY_EXCHANGE = "AES128-GCM-SHA256:AES256-GCM-SHA384"


class CertificateError(Exception):
    """A folder of certificates that lacks one, or has one that cannot be read."""


def context(name: str, folder: Path) -> ssl.SSLContext:
    """The server's side of a behaviour: `NAME.pem` has the certificates, the server's own first, and the key."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = folder / f"{name}.pem"
    try:
        if name == "tls-1-0":
            # OpenSSL has signatures with SHA-1, as TLS 1.0 needs them, at level 0 only.
            made.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1
        elif name == "tls-rsa-key-exchange":
            made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_2
            made.set_ciphers(RSA_KEY_EXCHANGE)
        made.load_cert_chain(file)
    except OSError as error:
        raise CertificateError(f"{file}: {error.strerror or error}; it holds a chain and its key in PEM") from error
    return made
