"""Signs the message on standard input with Debian's python3-dkim; prints the DKIM-Signature field.

usage: dkimpy_sign.py KEYFILE SELECTOR DOMAIN IDENTITY HEADER/BODY ALGORITHM LENGTH FIELDS
       IDENTITY and FIELDS may be "-": none, and all fields of the message
"""
import sys

import dkim

keyfile, selector, domain, identity, canon, algorithm, length, fields = sys.argv[1:]
message = sys.stdin.buffer.read()
with open(keyfile, "rb") as key:
    signature = dkim.sign(
        message,
        selector.encode(),
        domain.encode(),
        key.read().strip(),
        identity=None if identity == "-" else identity.encode(),
        canonicalize=tuple(part.encode() for part in canon.split("/")),
        signature_algorithm=algorithm.encode(),
        include_headers=None if fields == "-" else fields.encode().split(b":"),
        length=length != "-1",
    )
sys.stdout.buffer.write(signature)
