"""checks: what a wire test expects, counted, and told when it is not so.

    checks = Checks("mta")
    checks.same("reply to RCPT", reply, "250")
    sys.exit(checks.summary())
"""
import sys


class Checks:
    def __init__(self, name):
        self.name, self.count, self.failures = name, 0, 0

    def true(self, label, holds, seen=""):
        self.count += 1
        if not holds:
            self.failures += 1
            print(f"{self.name}: FAILED: {label}" + (f"\n    seen: {seen}" if seen != "" else ""),
                  file=sys.stderr)
        return holds

    def same(self, label, seen, wanted):
        return self.true(label, seen == wanted, f"{seen!r}\n  wanted: {wanted!r}")

    def summary(self):
        """Prints the result; the exit status."""
        print(f"{self.name}: {self.count} checks, {self.failures} failures")
        return 1 if self.failures else 0
