"""not_run: a test that lacks its data, see tests/fake/not_run.h.

    if not lists.is_dir():
        not_run.note("model: sessions over real lists", lists)
"""
import os


def note(what, path):
    print(f"NOT RUN: {what}: there is no {path}")
    if os.environ.get("NOT_RUN"):
        with open(os.environ["NOT_RUN"], "a", encoding="utf-8") as notes:
            notes.write(f"{what}\t{path}\n")
