"""No key, token or password stands in the repository."""

import re
import subprocess

from server.settings import ROOT

SHAPES = {
    "private key": r"-----BEGIN (?:RSA |EC |OPENSSH |PGP )?PRIVATE KEY",
    "cloud key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "code host token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})\b",
    "model service key": r"\bsk-[A-Za-z0-9_-]{32,}\b",
    "chat token": r"\bxox[abpr]-[A-Za-z0-9-]{10,}",
    "signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "password in an address": r"\b[a-z][a-z0-9+]*://[^\s/:@'\"{}<>$]+:[^\s/:@'\"{}<>$*]{6,}@[A-Za-z0-9.-]+",
}
HARMLESS = re.compile(r"user:pass|name:secret|example|localhost|:password@|//u:|@host", re.IGNORECASE)


def test_no_secret_is_kept_in_the_repository():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    found = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if not path.is_file() or path.stat().st_size > 5_000_000:
            continue
        text = path.read_text("utf-8", errors="ignore")
        for what, shape in SHAPES.items():
            found += [f"{name}: {what}" for match in re.finditer(shape, text) if not HARMLESS.search(match[0])]
    assert found == []


def test_the_shapes_find_what_they_are_for():
    assert re.search(SHAPES["cloud key"], "AKIA" + "ABCDEFGH12345678")
    assert re.search(SHAPES["private key"], "-----BEGIN " + "PRIVATE KEY-----")
    assert re.search(SHAPES["password in an address"], "postgresql://kefu:" + "hunter22@db.internal/kefu")
