"""A run works on a kernel that the user works on, too: its own cells run in the run folder, the user's where they always did."""

from __future__ import annotations

import os
from typing import Any

from clinjup.secret_names import is_secret

_RUN_ID = "CLINJUP_RUN_ID"


class Owner:
    """Tells a run's cells from the user's by the session id of the request that runs them."""

    current: Owner | None = None

    def __init__(self, shell: Any, session: str, run_id: str, folder: str) -> None:
        self.shell, self.session, self.run_id, self.folder = shell, session, run_id, folder
        self._home: str | None = None

    def enter(self, *_: Any) -> None:
        if self.shell.get_parent().get("header", {}).get("session") == self.session:
            self._home = os.getcwd()
            os.environ[_RUN_ID] = self.run_id
            os.chdir(self.folder)

    def leave(self, *_: Any) -> None:
        if self._home is not None:
            home, self._home = self._home, None
            os.environ.pop(_RUN_ID, None)
            os.chdir(home)


def begin(session: str, run_id: str, folder: str, *, scrub: bool = False) -> None:
    """Run the cells that come from client `session` in `folder`, as those of the run `run_id`.

    `scrub` takes secrets out of the environment, where code that a model wrote could read them.
    """
    from IPython import get_ipython

    shell: Any = get_ipython()
    if Owner.current is not None:
        shell.events.unregister("pre_run_cell", Owner.current.enter)
        shell.events.unregister("post_run_cell", Owner.current.leave)
    owner = Owner.current = Owner(shell, session, run_id, folder)
    shell.events.register("pre_run_cell", owner.enter)
    shell.events.register("post_run_cell", owner.leave)
    if scrub:
        for name in [name for name in os.environ if is_secret(name)]:
            del os.environ[name]
