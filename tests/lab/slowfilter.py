"""slowfilter: a milter that takes its time, for what an MTA makes of that.

    with SlowFilter(path, rcpt=8, end=14, progress=4) as slow: ...      # seconds
"""
import socket
import struct
import threading
import time

# No connect, HELO, MAIL, body, headers, end of headers, unknown command or DATA is wanted.
STEPS = 0x01 | 0x02 | 0x04 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200


class SlowFilter:
    def __init__(self, path, rcpt, end, progress):
        self.milter = f"unix:{path}"
        self.rcpt, self.end, self.progress = rcpt, end, progress
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(16)
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _listen(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    @staticmethod
    def _put(stream, data):
        stream.write(struct.pack("!I", len(data)) + data)
        stream.flush()

    def _talk(self, connection):
        try:
            with connection, connection.makefile("rwb") as stream:
                while len(size := stream.read(4)) == 4:
                    self._answer(stream, stream.read(struct.unpack("!I", size)[0])[:1])
        except OSError:
            pass  # the MTA did not wait

    def _answer(self, stream, command):
        if command == b"O":
            self._put(stream, b"O" + struct.pack("!III", 6, 0, STEPS))
        elif command == b"R":
            time.sleep(self.rcpt)
            self._put(stream, b"c")
        elif command == b"E":
            left = self.end
            while self.progress and left > self.progress:
                time.sleep(self.progress)
                left -= self.progress
                self._put(stream, b"p")
            time.sleep(left)
            self._put(stream, b"c")
