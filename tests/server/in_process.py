"""The runs of a Jupyter server without the server: Service on Jupyter's own managers, in this process."""

from __future__ import annotations

from pathlib import Path

from jupyter_server.services.contents.filemanager import AsyncFileContentsManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.services.sessions.sessionmanager import SessionManager

from clinjup.runs import JupyterDesk, RunManager
from clinjup.server.service import Service


def service_in(root: Path) -> Service:
    """The runs of a server on the folder `root`. Made inside of an event loop."""
    contents = AsyncFileContentsManager(root_dir=str(root))
    kernels = AsyncMappingKernelManager(connection_dir=str(root))
    sessions = SessionManager(kernel_manager=kernels, contents_manager=contents)
    desk = JupyterDesk(contents, sessions, kernels, root)
    return Service(RunManager(desk), desk, root, root / "runs", {}, [])
