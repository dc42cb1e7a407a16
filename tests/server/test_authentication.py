"""No route and no websocket answers somebody who is not logged in or not allowed; all stand below the server's base URL."""

from __future__ import annotations

import re

import pytest
import websocket
from tornado.websocket import WebSocketHandler

from clinjup.server.handlers import routes

from .door import Server

EXAMPLES = {
    "run_id": "a1b2c3",
    "action": None,  # each of its own alternatives
    "sha256": "0" * 64,
    "name": "report.html",
    "path": "folder/notebook.ipynb",
}


def addresses() -> list[tuple[str, str]]:
    """(method, address) of every handler of every route; 'WS' for websockets."""
    found = []
    for pattern, handler in routes():
        for address in filled(pattern.lstrip("/")):
            if issubclass(handler, WebSocketHandler):
                found.append(("WS", address))
                continue
            for method in ("get", "post", "put", "patch", "delete"):
                if method in vars(handler):
                    found.append((method.upper(), address))
    return found


def filled(pattern: str) -> list[str]:
    group = re.search(r"\(\?P<(\w+)>((?:[^()]|\([^()]*\))*)\)", pattern)
    if group is None:
        return [pattern]
    example = EXAMPLES[group[1]]
    values = group[2].split("|") if example is None else [example]
    return [address for value in values for address in filled(pattern.replace(group[0], value))]


def test_every_route_of_the_protocol_is_walked():
    walked = {re.sub(r"[0-9a-f]{64}", "SHA", address) for _, address in addresses()}
    assert len(walked) == 15
    assert "clinjup/v1/runs/a1b2c3/approvals/SHA" in walked
    assert "clinjup/v1/notebooks/folder/notebook.ipynb/ops" in walked


@pytest.mark.parametrize(("method", "address"), addresses(), ids=lambda value: str(value)[:40])
def test_nobody_gets_in_without_the_token(server, method, address):
    if method == "WS":
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            server.socket(address, token=False)
        assert refused.value.status_code == 403
    else:
        status, answer = server.ask(method, address, {} if method == "POST" else None, token=False)
        assert status in {302, 403} and b"clinjup" not in (answer if isinstance(answer, bytes) else b"")
        if status == 403 and isinstance(answer, dict) and "code" in answer:
            assert answer["code"] == "not_allowed" and "log in" in answer["sentence"]


# An administrator's configuration: `allows` says which actions on clinjup people may take.
AUTHORIZER = """
from jupyter_server.auth import Authorizer

class Some(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource != "clinjup" or action in {allows}

c.ServerApp.authorizer_class = Some
"""


@pytest.fixture(scope="module")
def server_with_authorizer(tmp_path_factory):
    started = []

    def start(*allows):
        folder = tmp_path_factory.mktemp("authorizer")
        (folder / "root").mkdir()
        (folder / "config.py").write_text(AUTHORIZER.replace("{allows}", repr(allows)), encoding="utf-8")
        started.append(Server(folder / "root", f"--config={folder / 'config.py'}"))
        return started[-1]

    yield start
    for running in started:
        running.close()


def test_nobody_gets_in_whom_the_servers_authorizer_does_not_allow_it(server_with_authorizer):
    server = server_with_authorizer()
    for method, address in addresses():
        if method == "WS":
            with pytest.raises(websocket.WebSocketBadStatusException) as refused:
                server.socket(address)
            assert refused.value.status_code == 403
        else:
            status, problem = server.ask(method, address, {} if method == "POST" else None)
            assert (status, problem.get("code")) == (403, "not_allowed"), address
            assert "administrator" in problem["sentence"] and "log in" not in problem["sentence"]


def test_who_may_only_read_sees_the_runs_and_cannot_start_approve_or_resume_one(server_with_authorizer):
    server = server_with_authorizer("read")
    assert server.get("clinjup/v1/runs") == (200, {"v": 1, "runs": []})
    assert server.get("clinjup/v1/runs/a1b2c3")[0] == 404
    for method, address in addresses():
        if method == "POST":
            assert server.post(address)[0] == 403, address


def test_with_the_token_the_same_door_opens(server):
    status, answer = server.get("clinjup/v1/about")
    assert status == 200
    assert [example["id"] for example in answer["examples"] if example["available"]][:1] == ["pneumothorax"]
    assert all(example["sentence"] for example in answer["examples"] if not example["available"])
    server.socket("clinjup/v1/events").close()


def test_errors_are_sentences(server):
    for method, route, body, status, word in [
        ("GET", "clinjup/v1/runs/nosuchrun", None, 404, "no run"),
        ("POST", "clinjup/v1/runs", {"intent": 3}, 400, "cannot be read"),
        ("POST", "clinjup/v1/runs", {"intent": "Find pneumothorax."}, 400, "folder"),
        ("POST", "clinjup/v1/runs", {"intent": "Find pneumothorax.", "data": "nowhere"}, 422, "nowhere"),
        ("GET", "clinjup/v1/runs/nosuchrun/files/../../secret", None, 404, ""),
    ]:
        found, problem = server.ask(method, route, body)
        assert found == status, (route, problem)
        assert word in problem.get("sentence", problem.get("message", ""))
