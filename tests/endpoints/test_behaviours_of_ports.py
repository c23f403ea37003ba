"""Behaviours that begin with the connection: ports of their own, and TLS."""

import concurrent.futures
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from endpoints_peer import Endpoints, Peer, names

SHOWN: set[str] = set()
ROOT = Path(__file__).with_name("certificates") / "root.pem"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
# The kernel never answers, so this is waited for in full.
NEVER_SECONDS = 0.5


def shows(*shown: str) -> Callable[..., object]:
    """Runs a test for each of some behaviours."""
    SHOWN.update(shown)
    return pytest.mark.parametrize("name", shown)


@shows("refuses")
def test_port_refuses(endpoints: Endpoints, name: str) -> None:
    """A port that is bound and does not listen."""
    with pytest.raises(ConnectionRefusedError):
        Peer.dial(endpoints.port(name))


@shows("never-accepts")
def test_port_ignores_connections(endpoints: Endpoints, name: str) -> None:
    """The connection is not made, however often it is tried."""
    for _ in range(2):
        with socket.socket() as client:
            client.settimeout(NEVER_SECONDS)
            with pytest.raises(TimeoutError):
                client.connect(("127.0.0.1", endpoints.port(name)))


@shows("never-reads")
def test_port_does_not_read(endpoints: Endpoints, name: str) -> None:
    """A large body is not taken, and the server notices a reset although it does not read."""
    with Peer.dial(endpoints.port(name)) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        peer.socket.settimeout(NEVER_SECONDS)
        with pytest.raises(TimeoutError):
            peer.send(bytes(256 * 1024))
        assert endpoints.control("GET", "/connections")["by_name"][name]["open"] == 1
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert endpoints.control("GET", "/connections")["by_name"][name]["open"] == 0


@shows("one-connection")
def test_second_connection_waits_for_the_first(endpoints: Endpoints, name: str, instance: str) -> None:
    """A connection in the queue is accepted when the first closes."""
    with endpoints.sent(name, instance) as first:
        assert first.answer().raw == OK
        with endpoints.sent(name, instance) as second:
            first.post(f"/{name}/{instance}")
            assert first.answer().raw == OK
            seen = endpoints.requests(f"/{name}/{instance}")
            assert len({request["connection"] for request in seen}) == 1
            first.socket.close()
            assert second.answer().raw == OK
    assert endpoints.control("GET", "/connections")["by_name"][name]["most"] == 1


@shows("dies")
def test_port_dies_and_comes_back(endpoints: Endpoints, name: str, instance: str) -> None:
    """Open connections are reset, new ones refused, and the port is the same afterwards."""
    with endpoints.sent(name, instance) as peer:
        assert peer.answer().raw == OK
        for _ in range(2):
            endpoints.set(name, instance, down=True)
        with pytest.raises(ConnectionResetError):
            peer.rest()
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            Peer.dial(endpoints.port(name))
    for _ in range(2):
        endpoints.set(name, instance, down=False)
    assert endpoints.answer(name, instance).raw == OK
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda down: endpoints.set(name, instance, down=down), [True, False] * 20))
    endpoints.set(name, instance, down=True)
    endpoints.control("DELETE", f"/behaviours/{name}/{instance}")
    assert endpoints.answer(name, instance).raw == OK


@contextlib.contextmanager
def encrypted(endpoints: Endpoints, name: str, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """A connection over TLS."""
    with (
        socket.create_connection(("127.0.0.1", endpoints.port(name)), 30) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        yield wrapped


def answered(connected: ssl.SSLSocket, name: str, instance: str) -> bytes:
    """The head of the answer to a request over TLS."""
    peer = Peer(connected)
    peer.post(f"/{name}/{instance}")
    return peer.answer().raw


def trusting() -> ssl.SSLContext:
    """A context as careful as any, which trusts the tests' root."""
    return ssl.create_default_context(cafile=str(ROOT))


@shows("tls-ok")
def test_good_certificate_is_accepted(endpoints: Endpoints, name: str, instance: str) -> None:
    """A careful client is content, and the request is recorded."""
    with encrypted(endpoints, name, trusting()) as connected:
        assert connected.version() == "TLSv1.3"
        assert answered(connected, name, instance) == OK
    seen = endpoints.request(name, instance)
    assert (seen["name"], seen["port"]) == (name, endpoints.port(name))


# Codes of OpenSSL's X509_V_ERR_…: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
VERDICTS = {
    "tls-expired": (10, "certificate has expired"),
    "tls-other-name": (62, "Hostname mismatch"),
    "tls-self-signed": (18, "self-signed certificate"),
    "tls-incomplete-chain": (20, "unable to get local issuer certificate"),
}


@shows(*VERDICTS)
def test_bad_certificate_is_bad_for_its_own_reason(endpoints: Endpoints, name: str, instance: str) -> None:
    """Nothing else is wrong with it: a client that does not care gets an answer."""
    with pytest.raises(ssl.SSLCertVerificationError) as refused, encrypted(endpoints, name, trusting()):
        pass
    code, message = VERDICTS[name]
    assert refused.value.verify_code == code
    assert refused.value.verify_message.startswith(message)
    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    with encrypted(endpoints, name, careless) as connected:
        assert answered(connected, name, instance) == OK


@shows("tls-1-0")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_version_is_the_only_one(endpoints: Endpoints, name: str, instance: str) -> None:
    """A client of today finds no version in common; one of old days does."""
    modern = trusting()
    modern.minimum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"), encrypted(endpoints, name, modern):
        pass
    old = trusting()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    with encrypted(endpoints, name, old) as connected:
        assert connected.version() == "TLSv1"
        assert answered(connected, name, instance) == OK


@shows("tls-rsa-key-exchange")
def test_key_exchange_without_forward_secrecy_is_the_only_one(endpoints: Endpoints, name: str, instance: str) -> None:
    """A client that insists on forward secrecy finds no cipher suite in common."""
    modern = trusting()
    modern.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"), encrypted(endpoints, name, modern):
        pass
    old = trusting()
    old.set_ciphers("AES128-GCM-SHA256")
    with encrypted(endpoints, name, old) as connected:
        assert connected.cipher()[:2] == ("AES128-GCM-SHA256", "TLSv1.2")
        assert answered(connected, name, instance) == OK


HELLO = b"\x16\x03\x01\x00\x05hello"


@shows("tls-silent")
def test_handshake_is_not_answered(endpoints: Endpoints, name: str) -> None:
    """Nothing comes until the peer leaves."""
    with Peer.dial(endpoints.port(name)) as peer:
        peer.send(HELLO)
        assert peer.leave() == b""


@shows("tls-plain")
def test_handshake_is_answered_in_plain_http(endpoints: Endpoints, name: str) -> None:
    """A TLS client sees no TLS."""
    with Peer.dial(endpoints.port(name)) as peer:
        peer.send(HELLO)
        assert peer.rest().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"), encrypted(endpoints, name, trusting()):
        pass


@shows("tls-closes")
def test_handshake_is_answered_by_the_end(endpoints: Endpoints, name: str) -> None:
    """A FIN in place of a handshake."""
    with Peer.dial(endpoints.port(name)) as peer:
        peer.send(HELLO)
        assert peer.rest() == b""


def test_every_port_has_a_test() -> None:
    """The table, this file and the server's first line have the same names."""
    assert names("port") | names("tls") == SHOWN


def test_first_line_has_every_port(endpoints: Endpoints) -> None:
    """A behaviour that is a path is not in it."""
    assert set(endpoints.ready["ports"]) == names("port")
    assert set(endpoints.ready["tls"]) == names("tls")
    assert all(url.startswith("https://localhost:") for url in endpoints.ready["tls"].values())
