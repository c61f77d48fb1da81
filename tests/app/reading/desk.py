"""A reader at the routes of reading, without a browser."""

import gzip
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from overread.review.queue_choice import QueueChoice
from overread.studies.run import default_run
from overread.studies.study import Study
from overread_app.reading.page_data import component_data
from overread_app.server import Guard, own_routes
from overread_app.serving import Place

PORT = 8501
READER = "Dr. Mira Sand"


def server() -> TestClient:
    """A server of the routes, behind the guard."""
    guard = Middleware(Guard, place=Place(port=PORT), headers={"X-Content-Type-Options": "nosniff"})
    app = Starlette(routes=[own_routes()], middleware=[guard])
    return TestClient(app, base_url=f"http://127.0.0.1:{PORT}", raise_server_exceptions=False)


@dataclass
class Desk:
    """What the browser does for one reader."""

    study: Study
    reader: str = READER
    choice: QueueChoice = field(default_factory=QueueChoice)
    since: int = 0
    client: TestClient = field(default_factory=server)

    def __post_init__(self) -> None:
        run = default_run(self.study)
        data = component_data(self.study, run, self.reader, choice=self.choice, since=self.since)
        self.ticket = data["ticket"]

    def post(self, path: str, /, **body: Any) -> Any:
        """The response of a route."""
        headers = {"Authorization": f"Bearer {self.ticket}", "Content-Type": "application/json"}
        return self.client.post(f"/reading/{path}", content=json.dumps(body), headers=headers)

    def queue(self, **body: Any) -> dict[str, Any]:
        response = self.post("queue", **{"have": [], "count": 3, "first": None} | body)
        assert response.status_code == 200, response.text
        return response.json()

    def shown(self) -> dict[str, Any]:
        """The packet of the sample that is up."""
        return self.queue(count=1)["samples"][0]

    def decide(self, packet: dict[str, Any], kind: str, /, **changes: Any) -> Any:
        """The response to a verdict."""
        given, other = packet["given"]["label"], packet["other"]["label"]
        body = {
            "sample_id": packet["id"],
            "visit": uuid.uuid4().hex,
            "kind": kind,
            "chosen_label": {"accept": other, "exclude": ""}.get(kind, given),
            "note": "",
            "elapsed_ms": 1234,
            "follows": packet["follows"],
            "given": given,
            "other": other,
            "image": packet["image"],
        }
        return self.post("verdict", **body | changes)

    def read(self, packet: dict[str, Any], label: str = "", /, **changes: Any) -> Any:
        """The response to a blind reading."""
        body = {"sample_id": packet["id"], "visit": uuid.uuid4().hex, "label": label, "elapsed_ms": 567}
        return self.post("reading", **body | {"image": packet["image"]} | changes)

    def undo(self, shown_key: str, key: str = "") -> Any:
        return self.post("undo", shown_key=shown_key, key=key or uuid.uuid4().hex)

    def image(self, packet: dict[str, Any]) -> Any:
        """The response with a packet's image."""
        headers = {"Authorization": f"Bearer {self.ticket}"}
        return self.client.get(f"/reading/image/{packet['id']}?v={packet['image']}", headers=headers)

    def values(self, packet: dict[str, Any]) -> np.ndarray:
        """An image as the browser will hold it: codes, scaled back."""
        response = self.image(packet)
        spec = json.loads(response.headers["X-Overread-Image"])
        kind = {"uint8": "u1", "uint16": "<u2"}[spec["type"]]
        codes = np.frombuffer(gzip.decompress(response.content), dtype=kind)
        shape = (spec["height"], spec["width"]) + ((3,) if spec["channels"] == 3 else ())
        return codes.reshape(shape) * spec["scale"] + spec["offset"]
