"""Which modules and functions generated code may use unasked, and what to say about the others."""

from __future__ import annotations

from clinjup.agent.policy.verdict import Concern, Decision
from clinjup.agent.words import words

# Enough for tables, arrays, figures and models. A submodule listed in `_KINDS` below is still asked about.
ALLOWED = words(
    "abc bisect collections contextlib copy csv dataclasses datetime decimal enum fractions functools glob gzip heapq io "
    "itertools json logging math numbers operator os pathlib pprint random re shutil statistics string textwrap time typing "
    "uuid warnings zlib __future__ concurrent threading "
    "numpy pandas scipy sklearn matplotlib PIL torch torchvision timm torchmetrics lightning pytorch_grad_cam great_tables "
    "pydicom tqdm skimage seaborn statsmodels "
    "IPython.display ipywidgets "
    "clinjup.imaging clinjup.learning clinjup.evaluation clinjup.kernel clinjup.contracts"
)

_KINDS: dict[str, tuple[Decision, str, str]] = {
    "network": (
        Decision.ASK,
        "It can open a connection to the network, and data could leave this machine that way.",
        "socket ssl urllib http ftplib smtplib poplib imaplib telnetlib xmlrpc webbrowser socketserver asyncio.open_connection "
        "asyncio.start_server requests httpx httpx2 aiohttp urllib3 websockets websocket paramiko fabric boto3 botocore "
        "google azure huggingface_hub wandb mlflow neptune comet_ml openai anthropic gradio streamlit fastapi flask zmq "
        "torch.hub torch.distributed torch.utils.tensorboard torch.utils.model_zoo torchvision.datasets.utils fsspec s3fs gcsfs "
        "pandas.io.common.urlopen pandas.read_sql pandas.read_gbq sqlalchemy psycopg2 pymysql pymongo redis "
        "IPython.display.IFrame IPython.display.YouTubeVideo IPython.display.VimeoVideo logging.handlers logging.config "
        "matplotlib.pyplot.switch_backend uuid.getnode",
    ),
    "process": (
        Decision.ASK,
        "It can start other programs on this machine.",
        "subprocess os.system os.popen os.fork os.forkpty os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp "
        "os.execvpe os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve os.spawnvp os.spawnvpe os.posix_spawn "
        "os.posix_spawnp os.startfile os.kill os.killpg os.abort os._exit pty multiprocessing torch.multiprocessing "
        "asyncio.create_subprocess_exec asyncio.create_subprocess_shell concurrent.futures.ProcessPoolExecutor signal "
        "psutil sh pexpect plumbum torch.utils.cpp_extension numpy.f2py ensurepip pip venv",
    ),
    "unpickling": (
        Decision.ASK,
        "It loads pickled objects, and such a file can run any code when it is opened.",
        "pickle _pickle cPickle cloudpickle dill joblib shelve marshal pandas.read_pickle pandas.compat.pickle_compat copyreg "
        "torch.jit.load torch.serialization.load",
    ),
    "dynamic_code": (
        Decision.ASK,
        "It runs code that is put together while it runs, so nobody can read beforehand what will happen.",
        "eval exec compile __import__ importlib runpy code codeop builtins __builtins__ imp pkgutil zipimport "
        "pandas.core.computation pandas.eval",
    ),
    "environment": (
        Decision.ASK,
        "It reads or changes settings of this machine's environment, where passwords may lie.",
        "os.environ os.environb os.getenv os.getenvb os.putenv os.unsetenv getpass keyring netrc pwd grp os.getlogin platform "
        "os.setuid os.setgid os.chdir os.fchdir os.chroot os.chmod os.chown os.umask os.nice os.mount resource PIL.ImageGrab",
    ),
    "native_code": (
        Decision.ASK,
        "It calls native code past Python, which cannot be read beforehand.",
        "ctypes cffi numpy.ctypeslib _ctypes mmap torch.ops.load_library torch.classes.load_library numba cython",
    ),
    "introspection": (
        Decision.ASK,
        "It reaches into Python's own machinery, which can lead around every other rule.",
        "sys gc inspect types traceback linecache dis tracemalloc faulthandler atexit weakref sysconfig site",
    ),
    "notebook_command": (
        Decision.ASK,
        "It uses a notebook command (a line with %, ! or a shell word), which can start other programs.",
        "get_ipython IPython.get_ipython IPython.core IPython.terminal IPython.utils IPython.start_ipython IPython.embed "
        "exit quit breakpoint IPython.Application IPython.extensions ipykernel jupyter_client nbformat nbclient",
    ),
    "web_script": (
        Decision.DENY,
        "It puts a script or a web frame into the notebook, which would run with the rights of your browser. "
        "Show figures and tables instead.",
        "IPython.display.Javascript IPython.display.display_javascript IPython.core.display.Javascript "
        "IPython.core.display_functions.display_javascript",
    ),
    "guards": (
        Decision.DENY,
        "It reaches for the parts of clinjup that guard and record this run. Cells use clinjup.imaging, clinjup.learning and "
        "clinjup.evaluation only.",
        "clinjup.agent clinjup.notebook clinjup.reporting clinjup.runs clinjup.cli clinjup.server clinjup.testing "
        "clinjup.persona clinjup.kernel.findings clinjup.kernel.progress",
    ),
}
_BY_NAME = {name: kind for kind, (_, _, names) in _KINDS.items() for name in names.split()}
# Modules that others carry along as attributes (`pathlib.os`): the path is read again from there.
CARRIED = words("os sys subprocess socket builtins importlib ctypes urllib shutil pickle marshal io")


def concern_about(name: str, line: int) -> Concern | None:
    """What to say about the use of `name`, a dotted name such as 'os.system'; None when it is harmless."""
    if name.startswith("sklearn.datasets.fetch_"):
        name = "urllib"
    kind = _longest(name, _BY_NAME)
    if kind is None:
        return None
    decision, sentence, _ = _KINDS[_BY_NAME[kind]]
    return Concern(_BY_NAME[kind], decision, f"'{name}': {sentence}", line, hazard=True)


def concern_about_import(module: str, line: int) -> Concern | None:
    """What to say about `import module`; None for the allowed ones."""
    known = concern_about(module, line)
    if known is not None or _longest(module, ALLOWED) is not None or module in {"IPython", "clinjup"}:
        return known
    sentence = f"'{module}' is not among the modules that cells of a run use, so what it does is not known beforehand."
    return Concern("other_import", Decision.ASK, sentence, line, hazard=True)


def _longest(name: str, names: frozenset[str] | dict[str, str]) -> str | None:
    """The longest leading part of a dotted name that is in `names`."""
    parts = name.split(".")
    return next((part for end in range(len(parts), 0, -1) if (part := ".".join(parts[:end])) in names), None)
