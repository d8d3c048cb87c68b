"""HTTP/1.1 as bytes on a socket: what an SDK hides, such as how a transfer ended."""

import json
import socket

# As long as anything may take that is to come.
PATIENCE = 20.0


class Transfer:
    """One request on a connection of its own, and its answer as it comes."""

    def __init__(self, port, head, body=b""):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ahead = b""
        self.whole = False
        try:
            self.socket.sendall(head)
            self.socket.sendall(body)
        except ConnectionError:
            # It may have answered before it had everything; what it said is still to be read.
            pass

    @classmethod
    def post(cls, port, key, body, path="/v1/chat/completions"):
        """A request with this JSON body, which is bytes where it was encoded already."""
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(encoded)}\r\n\r\n"
        )
        return cls(port, head.encode(), encoded)

    def head(self):
        """Status and headers."""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), headers

    def chunks(self):
        """The chunks until the last or the end of the connection; `whole` says afterwards which of them it was."""
        while True:
            try:
                size = int(self._until(b"\r\n").split(b";")[0], 16)
                if size == 0:
                    while self._until(b"\r\n"):
                        pass
                    self.whole = True
                    return
                yield self._exactly(size)
                self._exactly(2)
            except BrokenOff:
                return

    def body(self):
        """All of the answer's body, after its head."""
        status, headers = self.head()
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, b"".join(self.chunks())
        length = int(headers.get("content-length", "0"))
        return status, headers, self._exactly(length)

    def leave(self):
        """Closes, as a client that has seen enough."""
        self.socket.close()

    def _until(self, mark):
        while mark not in self.ahead:
            self._read()
        found, _, self.ahead = self.ahead.partition(mark)
        return found

    def _exactly(self, count):
        while len(self.ahead) < count:
            self._read()
        found, self.ahead = self.ahead[:count], self.ahead[count:]
        return found

    def _read(self):
        try:
            more = self.socket.recv(65536)
        except ConnectionError:
            more = b""
        if not more:
            raise BrokenOff
        self.ahead += more


class BrokenOff(Exception):
    """The connection ended where more had to come."""


def frames(data):
    """The data of the events in the body of an event stream."""
    lines = (line for event in data.decode().split("\n\n") for line in event.split("\n"))
    return [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
