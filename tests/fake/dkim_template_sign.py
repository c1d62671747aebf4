"""Fills in a DKIM-Signature field that the caller wrote, for spellings that no signer writes.

usage: dkim_template_sign.py KEYFILE TEMPLATE

The message is on standard input.  TEMPLATE is the field with @BODY@ and @SIGNATURE@ where the two
values of bh= and b= belong; h=, c= and a= are read from it.  Prints the field.  Canonicalization is
written out here (RFC 6376 3.4, 3.7, 5.4.2); only the RSA of python3-dkim is used.
"""
import base64
import hashlib
import re
import sys

import dkim.crypto


def canonical_field(field, relaxed):
    if not relaxed:
        return field
    name, value = field.split(b":", 1)
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")
    return name.strip(b" \t").lower() + b":" + value


def canonical_body(body, relaxed):
    if relaxed:
        body = re.sub(rb"[ \t]+", b" ", body)
        body = re.sub(rb" (?=\r\n)", b"", body)
    body = re.sub(rb"(\r\n)*\Z", b"", body)
    return body + b"\r\n" if body or not relaxed else b""


def select(fields, names):
    left = list(fields)
    for name in names:
        for i in reversed(range(len(left))):
            if left[i].split(b":", 1)[0].strip(b" \t").lower() == name.strip().lower():
                yield left.pop(i)
                break


def tag(field, name, default=b""):
    found = re.search(rb"(?:[:;]\s*)" + name + rb"\s*=([^;]*)", field)
    return found.group(1) if found else default


key_file, template = sys.argv[1], sys.argv[2].encode("utf-8", "surrogateescape")
header, body = sys.stdin.buffer.read().split(b"\r\n\r\n", 1)
fields = re.split(rb"\r\n(?![ \t])", header)
canon = tag(template, b"c", b"simple/simple").strip().lower().split(b"/")
relaxed_header, relaxed_body = [part == b"relaxed" for part in (canon + [b"simple"])[:2]]
body_hash = hashlib.sha256(canonical_body(body, relaxed_body)).digest()
field = template.replace(b"@BODY@", base64.b64encode(body_hash))
h = hashlib.sha256()
for selected in select(fields, tag(field, b"h").split(b":")):
    h.update(canonical_field(selected, relaxed_header) + b"\r\n")
h.update(canonical_field(re.sub(rb"\s*@SIGNATURE@\s*", b"", field), relaxed_header))
with open(key_file, "rb") as pem:
    key = dkim.crypto.parse_pem_private_key(pem.read())
signature = dkim.crypto.RSASSA_PKCS1_v1_5_sign(h, key)
sys.stdout.buffer.write(field.replace(b"@SIGNATURE@", base64.b64encode(signature)) + b"\r\n")
