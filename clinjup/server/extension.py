"""Wires clinjup into a Jupyter server. What an administrator may set stands here as traits (`c.Clinjup.…`)."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Enum, Float, List, Unicode
from traitlets.config import Config

from clinjup import __version__

PERSONA_ID = "jupyter-ai-personas::clinjup::ClinjupPersona"


class Clinjup(ExtensionApp):
    """The server half of the clinjup sidebar."""

    name = "clinjup"
    default_url = "/lab"
    load_other_extensions = True
    version = __version__

    max_approval = Enum(
        ["plan-only", "each", "risky", "none"],
        default_value="none",
        config=True,
        help="The freest approval that a user may choose: plan-only < each < risky < none.",
    )
    allowed_hosts = List(
        Unicode(), config=True, help="Hosts that a model may be reached at, e.g. ['localhost']. Empty = any."
    )
    run_dir = Unicode("clinjup-runs", config=True, help="Where runs are kept; relative to the server's root folder.")
    allow_images = Bool(True, config=True, help="Whether a run may show its figures, which can show films, to a model.")
    max_run_hours = Float(24.0, config=True, help="A run is stopped after this many hours.")

    def _link_jupyter_server_extension(self, serverapp: Any) -> None:
        """Make clinjup the persona of new chats, unless an administrator has chosen one. No other place is read in time."""
        super()._link_jupyter_server_extension(serverapp)
        if "default_persona_id" not in serverapp.config.get("PersonaManager", {}):
            serverapp.update_config(Config({"PersonaManager": {"default_persona_id": PERSONA_ID}}))

    def initialize_settings(self) -> None:
        # Nothing is imported yet that a server without runs would not need; the first request pays for it.
        server: Any = self.serverapp
        self.settings["clinjup"] = Lazily(self, server)

    def initialize_handlers(self) -> None:
        from clinjup.server.handlers import routes

        self.handlers.extend(routes())

    async def stop_extension(self) -> None:
        """Stop what runs, and save it."""
        await self.settings["clinjup"].close()


class Lazily:
    """Makes the service of this server when it is first asked for, in a thread as far as that takes time."""

    def __init__(self, config: Clinjup, server: Any) -> None:
        self._config, self._server = config, server
        self._service: Any = None
        self._making = asyncio.Lock()

    async def service(self) -> Any:
        async with self._making:
            if self._service is None:
                await asyncio.to_thread(importlib.import_module, "clinjup.server.service")
                self._service = self._make()
        return self._service

    def _make(self) -> Any:
        from clinjup.contracts import Approval
        from clinjup.runs import JupyterDesk, Limits, RunManager
        from clinjup.server.service import Service

        config, server = self._config, self._server
        root = Path(getattr(server.contents_manager, "root_dir", server.root_dir))
        desk = JupyterDesk(server.contents_manager, server.session_manager, server.kernel_manager, root)
        limits = Limits(
            Approval(config.max_approval), tuple(config.allowed_hosts), config.max_run_hours, config.allow_images
        )
        run_dir = root / Path(config.run_dir).expanduser()
        manager = RunManager(desk, limits)
        return Service(manager, desk, root, run_dir, server.web_app.settings, self._warnings())

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()

    def _warnings(self) -> list[str]:
        from clinjup.server.mcp_port import warning

        return [sentence] if (sentence := warning(self._server)) else []
