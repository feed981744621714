"""An HTTP proxy before kinesis-mock that answers as Kinesis does under load, which kinesis-mock cannot."""

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

THROTTLED = "ProvisionedThroughputExceededException"


class KinesisProxy:
    """`endpoint` is its URL. `refuse(requests, record)` says whether Kinesis should not take a record of a PutRecords
    request: `requests` are all of them so far, this one included. `fail(requests)` gives the error code of a whole
    request, or None. `deny` has error codes for other actions. A `port` that was used before is one that comes back.
    """

    def __init__(
        self,
        behind: str,
        refuse: Callable[[list[list[dict[str, Any]]], dict[str, Any]], bool] = lambda requests, record: False,
        fail: Callable[[list[list[dict[str, Any]]]], str | None] = lambda requests: None,
        deny: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.requests: list[list[dict[str, Any]]] = []
        self._behind = urlsplit(behind).netloc
        self._refuse, self._fail, self._deny = refuse, fail, deny or {}
        self._ended = False
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.close_connection = proxy._ended
                if proxy._ended:
                    return
                status, answer = proxy._answer(dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def _answer(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        action = headers["X-Amz-Target"].partition(".")[2]
        if action in self._deny:
            return _error(self._deny[action])
        if action != "PutRecords":
            return self._forward(headers, body)
        request = json.loads(body)
        records = request["Records"]
        self.requests.append(records)
        failure = self._fail(self.requests)
        if failure is not None:
            return _error(failure)
        refused = [self._refuse(self.requests, record) for record in records]
        request["Records"] = [record for record, no in zip(records, refused, strict=True) if not no]
        taken: list[dict[str, Any]] = []
        if request["Records"]:
            status, answer = self._forward(headers, json.dumps(request).encode())
            assert status == 200, answer
            taken = json.loads(answer)["Records"]
        answers = [{"ErrorCode": THROTTLED, "ErrorMessage": "slow down"} if no else taken.pop(0) for no in refused]
        return 200, json.dumps({"FailedRecordCount": sum(refused), "Records": answers}).encode()

    def _forward(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._behind, timeout=30)
        kept = {name: value for name, value in headers.items() if name.lower() not in ("content-length", "host")}
        connection.request("POST", "/", body, kept)
        answer = connection.getresponse()
        try:
            return answer.status, answer.read()
        finally:
            connection.close()

    def __enter__(self) -> "KinesisProxy":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True  # for connections that are open still
        self._server.shutdown()
        self._server.server_close()


def _error(code: str) -> tuple[int, bytes]:
    return 400, json.dumps({"__type": code, "message": "told so"}).encode()
