import hashlib

from zkmargin.field import R
from zkmargin.transcript import DOMAIN, Transcript


def test_layout_by_hand():
    transcript = Transcript()
    transcript.absorb("A", b"xyz")
    state = hashlib.sha256(DOMAIN).digest()
    state = hashlib.sha256(state + b"\0\0\0\1A" + b"\0\0\0\3xyz").digest()
    assert transcript.state == state
    challenge = transcript.challenge("alpha")
    state = hashlib.sha256(state + b"\0\0\0\5alpha" + b"\0\0\0\0").digest()
    wide = hashlib.sha256(state + b"\0").digest() + hashlib.sha256(state + b"\1").digest()
    assert challenge == int.from_bytes(wide, "big") % R
    assert (
        transcript.state
        == hashlib.sha256(state + b"\0\0\0\1c" + b"\0\0\0\x20" + challenge.to_bytes(32, "big")).digest()
    )


def test_zero_is_drawn_again(monkeypatch):
    """A challenge of 0 repeats all of challenge(label)."""
    draws = []
    real = hashlib.sha256

    class FirstIsZero:
        def __init__(self, data):
            self.data = data

        def digest(self):
            if self.data[-1:] in (b"\0", b"\1") and len(self.data) == 33 and len(draws) < 2:
                draws.append(self.data)
                return bytes(32)
            return real(self.data).digest()

    transcript = Transcript()
    monkeypatch.setattr("zkmargin.transcript.hashlib.sha256", FirstIsZero)
    assert transcript.challenge("x") != 0
    assert len(draws) == 2


def test_framing_is_injective():
    def state(*calls):
        transcript = Transcript()
        for label, data in calls:
            transcript.absorb(label, data)
        return transcript.state

    states = [
        state(("ab", b"c")),
        state(("a", b"bc")),
        state(("a", b"b"), ("c", b"")),
        state(("abc", b"")),
        state(("", b"abc")),
    ]
    assert len(set(states)) == len(states)
