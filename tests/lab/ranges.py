"""ranges: the published list of address ranges, or as many that are made up."""
import ipaddress
import random

import not_run

COUNT = 253458


def published(path):
    """One "NETWORK" each, without the host bits that some lines have; made up, with a note, where
    it is not there."""
    if path and path.exists():
        words = (line.split("#")[0].strip() for line in path.read_text().splitlines())
        return [str(ipaddress.ip_network(word, strict=False)) for word in words if word]
    if path:
        not_run.note("published ranges: as many made-up ones are used", path)
    choose = random.Random(1)
    return [f"{choose.randrange(1, 192)}.{choose.randrange(256)}.{choose.randrange(256)}.0/24"
            for _ in range(COUNT)]
