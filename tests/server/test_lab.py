"""`clinjup lab` leaves no unguarded port open; the server half is quick to start and never imports torch."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import psutil
import pytest

LAB = [sys.executable, "-c", "from clinjup.cli import main; main()", "lab", "."]


def listening(pid: int) -> set[int]:
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {
        connection.laddr.port
        for process in processes
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }


def test_clinjup_lab_listens_on_its_own_port_alone_and_serves_the_panels_routes(own_server):
    server = own_server(command=LAB)
    assert listening(server.process.pid) == {server.port}
    status, about = server.get("clinjup/v1/about")
    assert status == 200 and about["warnings"] == []
    assert server.get("lab")[0] == 200


@pytest.mark.parametrize(
    ("command", "lets_in"),
    [(LAB, False), ([sys.executable, "-m", "jupyterlab"], True)],
    ids=["clinjup lab", "plain jupyter lab"],
)
def test_nobody_reaches_jupyter_ais_unguarded_port_under_clinjup_lab(command, lets_in, own_server):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = own_server(f"--MCPExtensionApp.mcp_port={port}", command=command, installed_config=True)
    # The port opens a while after the server answers: at once on an idle machine, seconds later on a busy one.
    deadline = time.monotonic() + (60 if lets_in else 3)
    while not (came_in := connects(port)) and time.monotonic() < deadline:
        assert server.get("api/status")[0] == 200
    assert came_in is lets_in


def connects(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_doctor_warns_of_the_port_that_plain_jupyter_lab_opens():
    from clinjup.server.mcp_port import warning_before_start

    assert "3001" in warning_before_start() and "clinjup lab" in warning_before_start()


def test_clinjup_lab_in_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    said = subprocess.run(
        [*LAB[:-1], str(tmp_path / "nowhere")], capture_output=True, text=True, timeout=300, check=False
    )
    assert said.returncode == 2 and "nowhere" in said.stderr and "Traceback" not in said.stderr


def test_the_extension_and_the_service_never_import_torch():
    program = (
        "import sys\nimport jupyter_server.serverapp\nbefore = set(sys.modules)\n"
        "import clinjup.server.extension, clinjup.server.handlers\n"
        "light = {'clinjup.runs', 'clinjup.contracts', 'anthropic', 'pandas', 'pydantic'} & (set(sys.modules) - before)\n"
        "import clinjup.server.handlers, clinjup.server.service, clinjup.persona\n"
        "print(sorted(light), [name for name in ('torch', 'torchvision', 'timm', 'lightning') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True)
    assert said.stdout.strip() == "[] []"
