"""The words that may leave this machine whatever they were said about: ordinary ones, those of programming, those of the field.

They are the lower-case words of clinjup's own text (code, prompts, recipes, clinical vocabulary) and a short list of what
Python's and the libraries' messages say. Names of people, places and institutions are none of them.
"""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from zlib import crc32

from clinjup.agent.words import words

WORD = re.compile(r"[^\W\d_]+")

_MESSAGES = """
abort aborted absent accept accepted access ambiguous allocate allocated allocation already append applied argument arguments array
arrays assertion assigned assignment attempt attribute available axis backend backward bad bar batch between big binary block bool
boolean bound bounds broadcast buffer byte bytes call callable called cannot cast categorical category changed channel channels char
choose chosen class classes code coerce column columns command compare comparison compatible complete complex concatenate condition
conflict connection constant contain contains content continuous convergence converge converged conversion convert converted copy
corrupt could count cuda current cycle data dataframe dataset debug decode decoding deep default defined degree delete deprecated
depth detected device diff different dimension dimensional dimensions directory disk divide division does double dtype dtypes
duplicate duplicated during each element elements else empty encode encoding end enough entries entry equal error errors estimator
even every exact exceed exceeded exceeds exception exclusive execute executed existing exists expect expected explicit expression
extra fail failed failure false feature features field file files fill filled finite first fit fitted fix flag float floating for
format forward found frame from full function future garbage generator get given global got grad gradient graph greater group half
handle has hash have header height hidden higher hint host identical identifier if ignore ignored illegal image images implemented
implicit import imported improper in include incompatible incomplete inconsistent incorrect increase indent indentation index indexed
indexer indexes indexing indices infinite infinity inf initial initialized inner inplace input inputs insert inside instance instead
insufficient int integer integers internal interpreter interrupt interval invalid is issue it item items iterable iterate iteration
iterations its job join key keys keyword kind label labels lambda large last layer layout length less level library like limit line
linear list literal load loaded local location lock long loop lower main map mask match matches matching matrix max maximum may mean
memory merge message method methods min minimum mismatch missing mixed mode model module multi multiple must name named names nan
ndarray ndim negative nested network new next no node non none nonzero normal not nothing null number numbers numeric numerical numpy
object objects of offset old on once one only open operand operands operation operator optimizer option options or order original
other out output outputs outside overflow overlap pair panel parallel parameter parameters parent parse part pass passed path paths
pattern permission pickle pixel pixels place please point pointer positional positive possible precision prediction predictions
private process product program property provide provided public query queue raise raised random range rank rate ratio raw reach
reached read reader readonly real received recent recursion reduce reference refer refers region regular reindex reject release
remain remaining remove removed rename repeat repeated replace replaced request required requires reserved reset reshape resize
resource result results retry return returned returns reverse right root row rows run running runtime safe same sample samples scalar
scale scope score second section seed segment select selected self sequence sequences series set setting shape shapes should shuffle
sign signature silent similar single size sized sizes skip slice slot small so solver some sort sorted source space specified split
square stack start state static step steps still stop stopped storage store strategy stream strict string strings structure style
subset such sum support supported syntax system table target task tensor tensors term test text than that the then there these this
thread threads threshold time timeout times to token too total train training transform transpose traceback true truth try trying
tuple two type types unable unbalanced undefined unexpected unhashable union unique unknown unpack unrecognized unreliable unseen
unset unsigned unstable unsupported until unused up update upper usage use used using valid value values variable variance vector
version view violation void wait want warning warnings was were weight weights when where which while whole width will with within
without word words work worker multiplied capacity contiguous truncated corrupted premature parser tokenizing quoting monotonic
gb mb least members populated probabilities slicing exhausted mutable immutable frozen locked busy interrupted divided exceeding rounding
worker workers would write writing written wrong yield you your zero
"""


@cache
def ordinary_words() -> frozenset[str]:
    """Lower-case words that carry nobody's identity."""
    found = set(_MESSAGES.split())
    for text in _package_texts():
        found.update(word for word in WORD.findall(text) if word.islower())
    found.update(part for name in dir(builtins) for part in parts_of(name))
    found.update(part for name in [*keyword.kwlist, *sys.stdlib_module_names] for part in parts_of(name))
    return frozenset(found)


@cache
def whole_tokens() -> frozenset[str]:
    """Tokens with letters and digits that the package itself writes: resnet18, ci95, float32."""
    mixed = re.compile(r"\b(?=[^\W\d_])(?=\w*\d)\w{2,24}\b")
    tokens = {token.lower() for text in _package_texts() for token in mixed.findall(text)}
    # Examples of file names and of patients in our own text end in numbers.
    found = {token for token in tokens if not re.search(r"_\d+$|\d{4}", token)}
    found.update(f"{kind}{bits}" for kind in ("float", "int", "uint", "complex") for bits in (8, 16, 32, 64, 128))
    return frozenset(found) | words("mat1 mat2 dim0 dim1 x1 x2 y1 y2 top1 top5 r2 l1 l2 conv1 conv2 fc1 fc2 utf8")


@cache
def package_phrases() -> frozenset[int]:
    """Fingerprints of the three-word phrases of the package's own text."""
    return frozenset(mark for text in _package_texts() for mark in phrases(text))


def phrases(text: str, length: int = 3) -> list[int]:
    """Fingerprints of all runs of `length` words, whatever stands between the words."""
    found = [word.lower() for word in WORD.findall(text)]
    return [fingerprint(found[place : place + length]) for place in range(len(found) - length + 1)]


def fingerprint(run: Sequence[str]) -> int:
    """32 bits for a run of lower-case words."""
    return crc32(" ".join(run).encode())


def parts_of(token: str) -> list[str]:
    """Words of a compound name, in lower case: 'BatchTooLargeError' -> batch, too, large, error."""
    spaced = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])", " ", token)
    return [word.lower() for word in WORD.findall(spaced)]


def _package_texts() -> Iterator[str]:
    yield from _texts(resources.files("clinjup"))


def _texts(folder: Traversable) -> Iterator[str]:
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            if entry.name not in {"testing", "__pycache__", "labextension"}:
                yield from _texts(entry)
        elif entry.name.endswith((".py", ".md")):
            yield entry.read_text(encoding="utf-8")
