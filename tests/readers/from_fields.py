#!/usr/bin/python3
"""from_fields.py: six other programs read the table of crooked From fields.  By hand, not in `make check`.

Where a reader shows an address, or in a forgiven field a display name, with a domain with a dot
that the table does not say is judged, the row must be refused.  Prints such rows, and how often each
reader saw a domain at all; status 1 when there is one.

    apt-get install python3-gi gir1.2-gmime-3.0 libemail-address-xs-perl libmailtools-perl \\
        ruby-mail php-cli php-mailparse
    tests/readers/from_fields.py [TABLE]

The table (tests/unit/core/mail/fromheader_crooked.txt) has the answer, the domains and the field,
between tabs; tests/unit holds the parser to it.
"""
import email.policy
import email.utils
import json
import os
import re
import subprocess
import sys
import warnings

import gi

gi.require_version("GMime", "3.0")
from gi.repository import GMime  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "../unit/core/mail/fromheader_crooked.txt")
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
# What a program may make of a wide "@" or full stop, or of one that cannot be seen.
WIDE = str.maketrans({"\uff20": "@", "\ufe6b": "@", "\u3002": ".", "\uff0e": ".", "\uff61": ".",
                      "\ufe52": ".", "\u2024": ".", "\u200b": "", "\u2060": "", "\u00ad": ""})
DISPLAYED = re.compile(r'@\s*([^\s,;:<>@()"]+)')


def unescape(text):
    def one(match):
        return bytes([int(match[1][1:], 16)]).decode("latin-1") if match[1][0] == "x" else \
            ESCAPES[match[1]].decode()
    return re.sub(r"\\(x[0-9a-f]{2}|.)", one, text).encode("latin-1")


def rows(path):
    with open(path, encoding="ascii") as table:
        for number, line in enumerate(table, 1):
            if line.strip() and not line.startswith("#"):
                answer, domains, field = line.rstrip("\n").split("\t")
                yield number, answer, set(domains.split()) - {"-"}, unescape(field)


# ---- readers in this program: [(display name, address)] of a field ----------------------------

def text_of(field):
    try:
        return field.decode()
    except UnicodeDecodeError:
        return field.decode("latin-1")


def python_legacy(field):
    text = text_of(field)
    return (email.utils.getaddresses([text], strict=False) + email.utils.getaddresses([text]) +
            [email.utils.parseaddr(text, strict=False), email.utils.parseaddr(text)])


def python_default(field):
    try:
        message = email.message_from_bytes(b"From: " + field + b"\r\n\r\n",
                                           policy=email.policy.default)
        return [(a.display_name, a.addr_spec) for a in message["from"].addresses]
    except Exception:  # it raises what it likes on crooked fields, and then shows nothing
        return []


def gmime_list(addresses):
    for i in range(addresses.length()):
        address = addresses.get_address(i)
        if isinstance(address, GMime.InternetAddressGroup):
            yield address.get_name() or "", ""
            yield from gmime_list(address.get_members())
        else:
            yield address.get_name() or "", address.get_addr() or ""


def gmime(field):
    if b"\0" in field:
        return []
    addresses = GMime.InternetAddressList.parse(None, text_of(field))
    return list(gmime_list(addresses)) if addresses else []


# ---- readers in other languages: a hexadecimal field a line in, a JSON list a line out --------

def elsewhere(command, fields):
    done = subprocess.run(command, input="".join(f.hex() + "\n" for f in fields), check=True,
                          stdout=subprocess.PIPE, encoding="utf-8")
    return [[tuple(p) for p in json.loads(line)] for line in done.stdout.splitlines()]


def all_readers(fields):
    def here(reader):
        return [reader(f) for f in fields]

    def script(name, *args):
        return elsewhere([*args, os.path.join(HERE, name)], fields)

    perl = [elsewhere(["perl", os.path.join(HERE, "from_reader.pl"), module], fields)
            for module in ("Email::Address::XS", "Mail::Address")]
    return {
        "Python, legacy": here(python_legacy),
        "Python, default": here(python_default),
        "GMime": here(gmime),
        "Email::Address::XS": perl[0],
        "Mail::Address": perl[1],
        "Ruby mail": script("from_reader.rb", "ruby"),
        "PHP mailparse": script("from_reader.php", "php"),
    }


# ---- what they show -------------------------------------------------------------------------

def canonical(domain):
    """Without the punctuation that some readers leave at its ends, as an A-label."""
    domain = re.sub(r"^[^\w-]+|[^\w-]+$", "", domain).lower()
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain


def shown(pairs, forgiven):
    """The domains with a dot in addresses; of a forgiven field, also in display names and wide."""
    found = set()
    for name, address in pairs:
        if forgiven:
            address = (address or "").translate(WIDE)
            found |= {canonical(d) for d in DISPLAYED.findall((name or "").translate(WIDE))}
        found |= {canonical(d) for d in (address or "").split("@")[1:]}
    return {d for d in found if "." in d}


def main():
    table = list(rows(sys.argv[1] if len(sys.argv) > 1 else TABLE))
    warnings.simplefilter("ignore")
    GMime.init()
    wrong = 0
    for reader, answers in all_readers([row[3] for row in table]).items():
        assert len(answers) == len(table), (reader, len(answers))
        seen = 0
        for (number, answer, domains, field), pairs in zip(table, answers):
            found = shown(pairs, answer == "forgiven")
            seen += bool(found)
            if answer != "refused" and found - domains:
                wrong += 1
                print(f"{number}: {reader} shows {' '.join(sorted(found - domains))}: {answer} {field}")
        print(f"{reader}: sees a domain in {seen} of {len(table)} fields")
    print(f"{wrong} rows to refuse")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
