"""What is known not to hold, where, and why: each from the runs, each with what shows it.

A case that is listed here is still run. It must fail; the day it holds, the run says so.
"""

import fnmatch
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """A case that does not hold for these cells (a pattern)."""

    cells: str
    case: str
    why: str

    def covers(self, cell, case):
        return case == self.case and fnmatch.fnmatch(cell.name, self.cells)


NOT_TOLD = (
    "A guest is not told that its client has left, and this runtime does nothing of its own: "
    "the call goes on until the guest's next write fails."
)
ENDED_WITH_ITS_ANSWER = (
    "Under WASI 0.3 wash gives each request an instance of its own and ends it as soon as the answer's last byte is out or its client has "
    "left (wasmCloud pull request 5264), with the settlement that was on its way. A stream's end is held back until it is settled; the last "
    "byte of a length that the chain states, or of a client that has left, cannot be. "
    "The control plane then charges the reservation at its estimate, when its lease is over."
)

ONE_LATE = (
    "jco hands a piece of the provider's answer to the guest when the next piece has come: every event is one late, the first "
    "(and with it the head) as well. None is lost."
)
WRITES_FOR_NOBODY = (
    "jco does not fail a guest's writes when its client has left: they go into a buffer, and wait for ever when it is full. "
    "The call to the provider goes on until one of its timeouts, and holds one of the workers."
)
NOT_BROKEN_OFF = (
    "jco ends a body that its guest gave up as if it were whole: the client has the error event, and no transfer that is broken off."
)
A_WORKER_EACH = "jco has a worker for each request, a thread of Node with an engine of its own: 200 are not served at once."

KNOWN = [
    Known("wasmtime*", "test_client_gone_at_once", NOT_TOLD),
    # Under WASI 0.2 wash lets an instance work on when its answer is over; so it does not break off anything, either.
    Known("wash/gateway-p2", "test_client_gone_at_once", NOT_TOLD),
    *(
        Known(f"wash/{build}", case, ENDED_WITH_ITS_ANSWER)
        for build, case in (
            ("chain", "test_settled"),
            ("chain", "test_settled_client_gone"),
            ("gateway", "test_settled_client_gone"),
        )
    ),
    Known("jco*", "test_streamed", ONE_LATE),
    *(Known("jco*", case, WRITES_FOR_NOBODY) for case in ("test_client_gone", "test_settled_client_gone", "test_client_gone_at_once")),
    Known("jco*", "test_truncated", NOT_BROKEN_OFF),
    Known("jco*", "test_many_streams", A_WORKER_EACH),
]
