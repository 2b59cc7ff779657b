"""An independent peer for Sotto, written from PROTOCOL.md (part II) alone.

It reads one JSON command a line and answers with one JSON object a line; all bytes are hex. With
`--replay TRANSCRIPT` it does a recorded conversation again and checks that it says the same.
Nothing here is fit for use: it is a second reading of the document, not a client.
"""

import hashlib
import hmac
import json
import sys

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM1024PrivateKey, MLKEM1024PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HEADER_LEN = 1785
SEALED_HEADER_LEN = 68


class Refused(Exception):
    """The other side's input does not hold."""


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


class Randomness:
    """Repeatable: SHA-256 of a seed and a counter. For tests alone."""

    def __init__(self, seed):
        self.seed, self.count = seed, 0

    def take(self, length):
        out = b""
        while len(out) < length:
            out += hashlib.sha256(u64(self.seed) + u64(self.count)).digest()
            self.count += 1
        return out[:length]


# Primitives


def raw(public_key):
    return public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def hkdf(salt, ikm, info, length):
    return HKDF(hashes.SHA256(), length, salt or bytes(32), info).derive(ikm)


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def dh(secret, public):
    try:
        return secret.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise Refused("small order") from error


def seal(key, nonce, aad, text):
    return AESGCMSIV(key).encrypt(nonce, text, aad)


def open_sealed(key, nonce, aad, sealed):
    try:
        return AESGCMSIV(key).decrypt(nonce, sealed, aad)
    except InvalidTag as error:
        raise Refused("tampered") from error


def verify(public, signature, text):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except InvalidSignature as error:
        raise Refused("signature") from error


# Signature inputs


def certificate_fields(certificate):
    return (
        u32(certificate["device"])
        + certificate["signing"]
        + certificate["exchange"]
        + u64(certificate["issued_at"])
    )


def verify_certificate(identity, certificate):
    text = b"sotto/1 device certificate\0" + certificate_fields(certificate)
    verify(identity, certificate["signature"], text)


def signed_prekey_text(number, key):
    return b"sotto/1 signed prekey\0" + u32(number) + b"\x05" + key


def kem_prekey_text(number, key):
    return b"sotto/1 kem prekey\0" + u32(number) + b"\x0a" + key


# Padding


def padded_len(length):
    size = 256
    while size < length + 1:
        size *= 2
    if size > 131072:
        raise Refused("too large")
    return size


def pad(content):
    return (content + b"\x80").ljust(padded_len(len(content)), b"\0")


def unpad(padded):
    content = padded.rstrip(b"\0")
    if content[-1:] != b"\x80" or padded_len(len(content) - 1) != len(padded):
        raise Refused("padding")
    return content[:-1]


# Handshake


def session_keys(dhs, kem_secret):
    info = b"SottoMessengerV1_CURVE25519_SHA-256_ML-KEM-1024"
    secret = hkdf(bytes(32), b"\xff" * 32 + b"".join(dhs) + kem_secret, info, 32)
    keys = hkdf(b"", secret, b"sotto/1 session keys", 96)
    return keys[:32], keys[32:64], keys[64:]


def associated_data(initiator, responder, header):
    """Each side is (identity, certificate)."""
    data = b"".join(b"\x05" + side[1]["exchange"] for side in (initiator, responder))
    for identity, certificate in (initiator, responder):
        data += identity + certificate["signing"] + u32(certificate["device"])
    return data + hashlib.sha256(header).digest()


def parse_header(header):
    fields, at = [], 0
    for length in (32, 4, 32, 32, 8, 64, 32, 4, 1, 4, 4, 1568):
        fields.append(header[at : at + length])
        at += length
    identity, device, signing, exchange, issued_at, signature, ephemeral = fields[:7]
    signed, flag, one_time, kem, ciphertext = fields[7:]
    if flag not in (b"\0", b"\1") or (flag == b"\0" and one_time != bytes(4)):
        raise Refused("malformed")
    number = lambda field: int.from_bytes(field, "big")
    return {
        "identity": identity,
        "certificate": {
            "device": number(device),
            "signing": signing,
            "exchange": exchange,
            "issued_at": number(issued_at),
            "signature": signature,
        },
        "ephemeral": ephemeral,
        "signed_prekey": number(signed),
        "one_time_prekey": number(one_time) if flag == b"\1" else None,
        "kem_prekey": number(kem),
        "kem_ciphertext": ciphertext,
    }


# Ratchet


class Ratchet:
    """The state of section 4 of the Double Ratchet, under its names."""

    def __init__(self, random, ad, root, own):
        self.random, self.ad, self.rk, self.dhs = random, ad, root, own
        self.cks = self.ckr = self.hks = self.hkr = self.nhks = self.nhkr = None
        self.ns = self.nr = self.pn = 0
        self.skipped = {}

    def turn_root(self, public):
        keys = hkdf(self.rk, dh(self.dhs, public), b"sotto/1 ratchet", 96)
        self.rk = keys[:32]
        return keys[32:64], keys[64:]

    def encrypt(self, content):
        header = raw(self.dhs.public_key()) + u32(self.pn) + u32(self.ns)
        nonce = self.random.take(12)
        sealed_header = nonce + seal(self.hks, nonce, b"", header)
        key, self.cks = mac(self.cks, b"\1"), mac(self.cks, b"\2")
        self.ns += 1
        return sealed_header + seal(key, bytes(12), self.ad + sealed_header, pad(content))

    def copy(self):
        other = Ratchet.__new__(Ratchet)
        other.__dict__ = dict(self.__dict__, skipped=dict(self.skipped))
        return other

    def decrypt(self, message):
        """The content, and the state behind it; None if no header key fits."""
        sealed_header, text = message[:SEALED_HEADER_LEN], message[SEALED_HEADER_LEN:]
        if len(text) < 16:
            raise Refused("malformed")
        state = self.copy()
        for (header_key, number), key in self.skipped.items():
            header = try_header(header_key, sealed_header)
            if header and header[2] == number:
                del state.skipped[header_key, number]
                return state.open_text(key, sealed_header, text), state, False
        header = self.hkr and try_header(self.hkr, sealed_header)
        if not header:
            header = try_header(self.nhkr, sealed_header)
            if not header:
                return None
            state.skip(header[1])
            state.turn(header[0])
        if header[2] < state.nr:
            raise Refused("repeated")
        state.skip(header[2])
        key, state.ckr = mac(state.ckr, b"\1"), mac(state.ckr, b"\2")
        state.nr += 1
        return state.open_text(key, sealed_header, text), state, True

    def open_text(self, key, sealed_header, text):
        return unpad(open_sealed(key, bytes(12), self.ad + sealed_header, text))

    def skip(self, until):
        if until > self.nr + 25000:
            raise Refused("too far ahead")
        while self.ckr and self.nr < until:
            self.skipped[self.hkr, self.nr] = mac(self.ckr, b"\1")
            self.ckr = mac(self.ckr, b"\2")
            self.nr += 1

    def turn(self, public):
        self.pn, self.ns, self.nr = self.ns, 0, 0
        self.hks, self.hkr = self.nhks, self.nhkr
        self.ckr, self.nhkr = self.turn_root(public)
        self.dhs = X25519PrivateKey.from_private_bytes(self.random.take(32))
        self.cks, self.nhks = self.turn_root(public)


def try_header(key, sealed):
    try:
        header = open_sealed(key, sealed[:12], b"", sealed[12:])
    except Refused:
        return None
    return header[:32], int.from_bytes(header[32:36], "big"), int.from_bytes(header[36:], "big")


# The peer


class Session:
    def __init__(self, ratchet, header, by_peer):
        self.ratchet, self.header, self.by_peer, self.answered = ratchet, header, by_peer, by_peer


class Peer:
    def __init__(self, seed):
        self.random = Randomness(seed)
        self.identity = Ed25519PrivateKey.from_private_bytes(self.random.take(32))
        self.signing = Ed25519PrivateKey.from_private_bytes(self.random.take(32))
        self.exchange = X25519PrivateKey.from_private_bytes(self.random.take(32))
        self.certificate = {
            "device": 7,
            "signing": raw(self.signing.public_key()),
            "exchange": raw(self.exchange.public_key()),
            "issued_at": 1_700_000_000_000,
        }
        text = b"sotto/1 device certificate\0" + certificate_fields(self.certificate)
        self.certificate["signature"] = self.identity.sign(text)
        self.signed, self.one_time, self.kem, self.last_resort = {}, {}, {}, {}
        self.next_id = 100
        self.sessions = []

    def side(self):
        return raw(self.identity.public_key()), self.certificate

    def take_id(self):
        self.next_id += 1
        return self.next_id

    def bundle(self, one_time):
        signed_id, kem_id = self.take_id(), self.take_id()
        self.signed[signed_id] = X25519PrivateKey.from_private_bytes(self.random.take(32))
        kem = MLKEM1024PrivateKey.from_seed_bytes(self.random.take(64))
        (self.kem if one_time else self.last_resort)[kem_id] = kem
        signed_key, kem_key = raw(self.signed[signed_id].public_key()), raw(kem.public_key())
        bundle = {
            "certificate": self.certificate,
            "signed_prekey": {
                "id": signed_id,
                "key": signed_key,
                "signature": self.signing.sign(signed_prekey_text(signed_id, signed_key)),
            },
            "one_time_prekey": None,
            "kem_prekey": {
                "id": kem_id,
                "key": kem_key,
                "signature": self.signing.sign(kem_prekey_text(kem_id, kem_key)),
            },
        }
        if one_time:
            number = self.take_id()
            self.one_time[number] = X25519PrivateKey.from_private_bytes(self.random.take(32))
            bundle["one_time_prekey"] = {"id": number, "key": raw(self.one_time[number].public_key())}
        return bundle

    def start(self, identity, bundle, recorded_kem):
        certificate, signed, kem = (
            bundle[name] for name in ("certificate", "signed_prekey", "kem_prekey")
        )
        one_time = bundle["one_time_prekey"]
        verify_certificate(identity, certificate)
        signing = certificate["signing"]
        verify(signing, signed["signature"], signed_prekey_text(signed["id"], signed["key"]))
        verify(signing, kem["signature"], kem_prekey_text(kem["id"], kem["key"]))
        ephemeral = X25519PrivateKey.from_private_bytes(self.random.take(32))
        if recorded_kem:
            ciphertext, kem_secret = recorded_kem["ciphertext"], recorded_kem["secret"]
        else:
            kem_secret, ciphertext = MLKEM1024PublicKey.from_public_bytes(kem["key"]).encapsulate()
        dhs = [
            dh(self.exchange, signed["key"]),
            dh(ephemeral, certificate["exchange"]),
            dh(ephemeral, signed["key"]),
        ]
        if one_time:
            dhs.append(dh(ephemeral, one_time["key"]))
        root, hka, nhkb = session_keys(dhs, kem_secret)
        header = (
            raw(self.identity.public_key())
            + certificate_fields(self.certificate)
            + self.certificate["signature"]
            + raw(ephemeral.public_key())
            + u32(signed["id"])
            + (b"\1" + u32(one_time["id"]) if one_time else bytes(5))
            + u32(kem["id"])
            + ciphertext
        )
        assert len(header) == HEADER_LEN
        ad = associated_data(self.side(), (identity, certificate), header)
        own = X25519PrivateKey.from_private_bytes(self.random.take(32))
        ratchet = Ratchet(self.random, ad, root, own)
        ratchet.hks, ratchet.nhkr = hka, nhkb
        ratchet.cks, ratchet.nhks = ratchet.turn_root(signed["key"])
        self.sessions.insert(0, Session(ratchet, header, by_peer=False))
        return {"kem": {"ciphertext": ciphertext, "secret": kem_secret}}

    def seal(self, content):
        session = self.sessions[0]
        message = session.ratchet.encrypt(content)
        return b"\x11" + message if session.answered else b"\x12" + session.header + message

    def open(self, sealed):
        if sealed[:1] == b"\x11":
            for session in self.sessions:
                content = self.open_in(session, sealed[1:])
                if content is not None:
                    return content
            raise Refused("no session")
        if sealed[:1] != b"\x12" or len(sealed) < 1 + HEADER_LEN:
            raise Refused("malformed")
        header, message = sealed[1 : 1 + HEADER_LEN], sealed[1 + HEADER_LEN :]
        for session in self.sessions:
            if session.by_peer and session.header == header:
                content = self.open_in(session, message)
                if content is None:
                    raise Refused("no session")
                return content
        return self.open_initial(header, message)

    def open_in(self, session, message):
        opened = session.ratchet.decrypt(message)
        if opened is None:
            return None
        content, session.ratchet, newest = opened
        session.answered = True
        if newest:
            self.sessions.remove(session)
            self.sessions.insert(0, session)
        return content

    def open_initial(self, header, message):
        fields = parse_header(header)
        verify_certificate(fields["identity"], fields["certificate"])
        one_time_id, kem_id = fields["one_time_prekey"], fields["kem_prekey"]
        signed = self.signed.get(fields["signed_prekey"])
        kem = self.kem.get(kem_id) or self.last_resort.get(kem_id)
        one_time = self.one_time.get(one_time_id)
        if not signed or not kem or (one_time_id is not None and not one_time):
            raise Refused("unknown prekey")
        ephemeral = fields["ephemeral"]
        dhs = [
            dh(signed, fields["certificate"]["exchange"]),
            dh(self.exchange, ephemeral),
            dh(signed, ephemeral),
        ]
        if one_time:
            dhs.append(dh(one_time, ephemeral))
        root, hka, nhkb = session_keys(dhs, kem.decapsulate(fields["kem_ciphertext"]))
        ad = associated_data((fields["identity"], fields["certificate"]), self.side(), header)
        ratchet = Ratchet(self.random, ad, root, signed)
        ratchet.nhks, ratchet.nhkr = nhkb, hka
        session = Session(ratchet, header, by_peer=True)
        opened = ratchet.decrypt(message)
        if opened is None:
            raise Refused("tampered")
        content, session.ratchet, _ = opened
        self.one_time.pop(one_time_id, None)
        self.kem.pop(kem_id, None)
        self.sessions.insert(0, session)
        return content


# What needs no session


def safety_number(sides):
    fingerprints = []
    for account, identity in sides:
        digest = hashlib.sha512(b"\0\0" + identity + account + identity).digest()
        for _ in range(5199):
            digest = hashlib.sha512(digest + identity).digest()
        fingerprints.append(digest[:32])
    fingerprints.sort()
    groups = [int.from_bytes(f[at : at + 5], "big") % 100000 for f in fingerprints for at in range(0, 30, 5)]
    qr = "sotto-safety:1:" + "".join(f.hex() for f in fingerprints)
    return {"digits": "".join(f"{group:05}" for group in groups), "qr": qr}


def padded_file(content):
    size = len(content)
    if size <= 4096:
        return content.ljust(4096, b"\0")
    exponent = size.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return content.ljust(min(-(-size // step) * step, 104857600), b"\0")


def chunk_nonce(index, last):
    return bytes(7) + u32(index) + bytes([last])


def seal_file(key, content):
    padded = padded_file(content)
    count = -(-len(padded) // 65536)
    return b"".join(
        seal(key, chunk_nonce(i, i + 1 == count), b"", padded[i * 65536 : (i + 1) * 65536])
        for i in range(count)
    )


def open_file(key, blob, size):
    count = -(-len(blob) // 65552)
    chunks = [
        open_sealed(key, chunk_nonce(i, i + 1 == count), b"", blob[i * 65552 : (i + 1) * 65552])
        for i in range(count)
    ]
    return b"".join(chunks)[:size]


# Commands

TEXTS = {"do", "text", "digits", "qr"}


def from_json(value, name=None):
    if isinstance(value, dict):
        return {key: from_json(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return bytes.fromhex(value) if isinstance(value, str) and name not in TEXTS else value


def to_json(value):
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value.hex() if isinstance(value, bytes) else value


class Commands:
    peer = None

    def reset(self, seed):
        self.peer = Peer(seed)
        identity, certificate = self.peer.side()
        return {"identity": identity, "certificate": certificate}

    def bundle(self, one_time):
        return {"bundle": self.peer.bundle(one_time)}

    def start(self, identity, bundle, kem=None):
        return self.peer.start(identity, bundle, kem)

    def seal(self, text):
        return {"sealed": self.peer.seal(text.encode())}

    def open(self, sealed):
        return {"text": self.peer.open(sealed).decode()}

    def sign_login(self, exporter, relay):
        return {"signature": self.peer.signing.sign(b"sotto/1 device login\0" + exporter + relay)}

    def verify_login(self, device, exporter, relay, signature):
        verify(device, signature, b"sotto/1 device login\0" + exporter + relay)
        return {}

    def safety_number(self, sides):
        return safety_number(sides)

    def seal_file(self, key, size):
        content = bytes(at % 253 for at in range(size))
        blob = seal_file(key, content)
        assert open_file(key, blob, size) == content
        return {"digest": hashlib.sha256(blob).digest()}

    def open_file(self, key, blob, size):
        return {"content": open_file(key, blob, size)}

    def run(self, command):
        arguments = from_json(command)
        try:
            return to_json(getattr(self, arguments.pop("do"))(**arguments))
        except Refused as refusal:
            return {"refused": str(refusal)}


def serve():
    commands = Commands()
    for line in sys.stdin:
        print(json.dumps(commands.run(json.loads(line))), flush=True)


def replay(path):
    with open(path, encoding="utf-8") as file:
        exchanges = json.load(file)["exchanges"]
    commands = Commands()
    for number, exchange in enumerate(exchanges):
        command = dict(exchange["command"])
        if command["do"] == "start":
            command["kem"] = exchange["reply"]["kem"]
        if commands.run(command) != exchange["reply"]:
            sys.exit(f"exchange {number} of {path} differs: {command['do']}")
    print(f"{len(exchanges)} exchanges")


if __name__ == "__main__":
    replay(sys.argv[2]) if sys.argv[1:2] == ["--replay"] else serve()
