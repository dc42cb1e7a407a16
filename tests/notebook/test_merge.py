"""Rules 3, 4, 6, 7: run and user edit one notebook at the same time; whatever the connection does, no text of the user is lost."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from clinjup.notebook.cells import KEPT_TAG
from clinjup.notebook.merge import SharedNotebook
from clinjup.ops import AppendStream, SnapshotCell

from .replica import Tab, TabCell


def opened(*sources: str) -> tuple[SharedNotebook, Tab]:
    """A notebook of markdown cells c0, c1 ... and a tab that shows it."""
    cells = [new_markdown_cell(source, id=f"c{number}") for number, source in enumerate(sources)]
    shared = SharedNotebook(new_notebook(cells=cells))
    return shared, Tab.of("tab", cells)


def tell(shared: SharedNotebook, tab: Tab) -> None:
    tab.apply(tab.seq, shared.seq, shared.since(tab.seq))


def hear(shared: SharedNotebook, tab: Tab, **keywords: Any) -> list[str]:
    snapshot = tab.snapshot(**keywords)
    _, changes = shared.merge(tab.client, snapshot.n, snapshot.seq, snapshot.cells)
    return [change.how for change in changes]


def texts(shared: SharedNotebook) -> list[str]:
    return [cell.source for cell in shared.cells]


def test_rule_4_the_users_text_wins_where_the_run_did_not_touch_the_cell():
    shared, tab = opened("one", "two")
    tab.cells[1].source = "two, by the user"
    assert hear(shared, tab) == ["edited"]
    assert texts(shared) == ["one", "two, by the user"]


def test_rule_4_where_both_wrote_the_runs_text_stays_and_the_users_stands_below_marked():
    shared, tab = opened("one", "two")
    tab.cells[0].source = "one, by the user"
    shared.write(shared.cells[0], "one, by the run")
    assert hear(shared, tab) == ["kept_beside"]
    assert texts(shared) == ["one, by the run", "one, by the user", "two"]
    assert KEPT_TAG in shared.cells[1].metadata["tags"]
    tell(shared, tab)
    assert [cell.source for cell in tab.cells] == texts(shared)


def test_rule_4_a_cell_that_the_tab_lacks_was_deleted_unless_the_run_touched_it_since():
    shared, tab = opened("one", "two")
    del tab.cells[1]
    assert hear(shared, tab) == ["deleted"]
    assert texts(shared) == ["one"]

    shared, tab = opened("one", "two")
    del tab.cells[1]
    shared.write(shared.cells[1], "two, by the run")
    assert hear(shared, tab) == []
    assert texts(shared) == ["one", "two, by the run"]


def test_a_cell_that_the_run_put_in_meanwhile_is_not_taken_for_deleted_and_keeps_its_place():
    shared, tab = opened("one", "two")
    shared.put(new_markdown_cell("new", id="new"), after="c0")
    tab.cells.reverse()
    hear(shared, tab)
    assert [cell.id for cell in shared.cells] == ["c1", "c0", "new"]


def test_the_run_writes_over_what_the_user_wrote_only_after_it_stands_below():
    shared, tab = opened("one")
    tab.cells[0].source = "by the user"
    hear(shared, tab)
    shared.write(shared.cells[0], "by the run")
    assert texts(shared) == ["by the run", "by the user"]


def test_going_back_to_a_checkpoint_takes_out_no_cell_that_holds_the_users_text():
    shared, tab = opened("one", "two")
    tab.cells[1].source = "two, by the user"
    hear(shared, tab)
    assert [op.op for op in [*shared.remove("c0"), *shared.remove("c1")]] == ["delete"]
    assert texts(shared) == ["two, by the user"]


def test_a_snapshot_takes_no_clock_from_a_cell_that_runs_and_leaves_the_users_own_as_they_are():
    """nbclient notes when the cell began in its metadata, and fails where that is gone when it ends."""
    shared = SharedNotebook(new_notebook(cells=[new_code_cell("1", id="runs"), new_code_cell("2", id="mine")]))
    runs, mine = shared.cells
    shared.set_running(runs, True)
    runs.metadata["execution"] = {"iopub.execute_input": "now"}
    told = [
        SnapshotCell(id="runs", type="code", source=None, seq=0, metadata={"collapsed": True}),
        SnapshotCell(
            id="mine", type="code", source=None, seq=0, metadata={"execution": {"shell.execute_reply": "later"}}
        ),
    ]
    shared.merge("tab", 1, shared.seq, told)
    assert runs.metadata == {"collapsed": True, "execution": {"iopub.execute_input": "now"}}
    assert mine.metadata == {"execution": {"shell.execute_reply": "later"}}


def test_a_deleted_cell_that_the_user_brings_back_by_undo_is_back():
    shared, tab = opened("one", "two")
    cell = tab.cells.pop(1)
    hear(shared, tab)
    tab.cells.append(cell)
    assert hear(shared, tab) == ["brought_back"]
    assert texts(shared) == ["one", "two"]


def test_the_cell_that_jupyterlab_puts_into_an_empty_notebook_is_nobodys_until_somebody_writes_in_it():
    shared = SharedNotebook(new_notebook())
    tab = Tab("tab", [TabCell("blank", "code", "")])
    assert hear(shared, tab, full=True) == [] and shared.cells == []
    tab.cells[0].source = "mine"
    hear(shared, tab)
    assert texts(shared) == ["mine"]


def test_rule_7_a_stale_tab_that_comes_back_loses_neither_its_edits_nor_the_runs_cells():
    shared, tab = opened("one", "two")
    tab.cells[0].source = "one, written offline"
    tab.cells.append(TabCell("mine", "markdown", "new, written offline"))
    for number in range(100):  # far more than is remembered
        shared.write(shared.cells[0], f"one, version {number}")
    shared.put(new_markdown_cell("from the run", id="run"), after=None)
    hear(shared, tab, full=True)
    assert set(texts(shared)) >= {
        "one, version 99",
        "one, written offline",
        "new, written offline",
        "from the run",
        "two",
    }


def test_rule_6_outputs_of_a_cell_that_the_user_ran_are_kept():
    shared = SharedNotebook(new_notebook(cells=[new_code_cell("1 + 1", id="sum")]))
    outputs = [{"output_type": "stream", "name": "stdout", "text": "2"}]
    shared.take_outputs("tab", "sum", outputs, 7)
    assert (shared.cells[0].outputs[0].text, shared.cells[0].execution_count) == ("2", 7)


def test_a_stream_that_grows_is_told_by_its_growth_and_replayed_whole():
    shared = SharedNotebook(new_notebook(cells=[new_code_cell("train()", id="train")]))

    def show(text: str) -> list[Any]:
        stream = {"output_type": "stream", "name": "stdout", "text": text}
        return shared.show(shared.cells[0], [stream], running=True)

    show("epoch 1\n")
    (op,) = show("epoch 1\nepoch 2\n")
    assert isinstance(op, AppendStream) and (op.offset, op.text) == (8, "epoch 2\n")
    assert show("epoch 1\nepoch 2\n") == []
    (replayed,) = shared.since(0)
    assert replayed.outputs[0]["text"] == "epoch 1\nepoch 2\n"


def test_a_snapshot_that_comes_twice_or_late_changes_nothing():
    shared, tab = opened("one")
    tab.cells[0].source = "early"
    early = tab.snapshot()
    tab.cells[0].source = "later"
    late = tab.snapshot()
    for snapshot in (late, early):
        shared.merge("tab", snapshot.n, snapshot.seq, snapshot.cells)
    assert texts(shared) == ["later"]
    assert shared.merge("other", 0, 0, [SnapshotCell(id="c0", type="markdown", source=None)]) == ([], [])


def test_a_tab_that_passed_over_an_op_because_the_user_was_writing_gets_it_again_when_they_take_it_back():
    shared, tab = opened("one")
    tab.cells[0].source = "half a wo"
    shared.write(shared.cells[0], "by the run")
    tell(shared, tab)
    assert (tab.cells[0].source, tab.waiting) == ("half a wo", True)
    tab.cells[0].source = "one"
    assert hear(shared, tab) == []
    tell(shared, tab)
    assert tab.cells[0].source == "by the run"


PICTURE = {"figure.png": {"image/png": "AAAA"}}


def test_a_picture_that_is_pasted_into_a_known_cell_and_its_tags_reach_the_server():
    shared, tab = opened("see the figure")
    tab.cells[0].attachments, tab.cells[0].metadata = PICTURE, {"tags": ["mine"], "collapsed": True}
    hear(shared, tab)
    assert shared.cells[0].attachments == PICTURE
    assert shared.cells[0].metadata == {"tags": ["mine"], "collapsed": True}
    tell(shared, tab)
    tab.cells[0].attachments, tab.cells[0].metadata = {}, {"collapsed": True}
    hear(shared, tab)
    assert "attachments" not in shared.cells[0] and shared.cells[0].metadata == {"collapsed": True}


def test_the_runs_mark_on_a_cell_and_the_users_tag_are_both_kept():
    shared, tab = opened("one")
    tab.cells[0].metadata = {"tags": ["mine"]}
    shared.cells[0].metadata["tags"] = ["raises-exception"]
    shared.touch(shared.cells[0])
    hear(shared, tab)
    tell(shared, tab)
    assert set(shared.cells[0].metadata["tags"]) == set(tab.cells[0].metadata["tags"]) == {"raises-exception", "mine"}


def test_a_tab_that_missed_the_runs_mark_on_its_own_text_is_told_it_and_does_not_take_it_away():
    shared, tab = opened("one")
    tab.cells[0].source = "mine"
    hear(shared, tab)
    shared.cells[0].metadata["tags"] = ["raises-exception"]
    shared.touch(shared.cells[0])
    tell(shared, tab)
    hear(shared, tab)
    assert shared.cells[0].metadata["tags"] == tab.cells[0].metadata["tags"] == ["raises-exception"]


def test_a_tag_alone_does_not_make_a_cell_the_users_text():
    shared, tab = opened("one")
    tab.cells[0].metadata = {"tags": ["mine"]}
    hear(shared, tab)
    assert [op.op for op in shared.remove("c0")] == ["delete"]


def test_a_cell_that_comes_back_by_undo_has_its_figures_tags_and_pictures_again():
    figure = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "AAAA"}}
    code = new_code_cell("plot()", id="code", metadata={"tags": ["mine"]}, outputs=[figure])
    note = new_markdown_cell("see", id="note", attachments=PICTURE)
    shared = SharedNotebook(new_notebook(cells=[code, note]))
    tab = Tab.of("tab", shared.cells)
    cells, tab.cells = tab.cells, []
    hear(shared, tab)
    assert shared.cells == []
    tab.cells = cells
    hear(shared, tab)
    assert shared.cell("code").outputs == [figure] and shared.cell("code").metadata == {"tags": ["mine"]}
    assert shared.cell("note").attachments == PICTURE


class TwoWriters(RuleBasedStateMachine):
    """A run and a user on one notebook, with a connection that delivers late, twice, out of order, or breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count()
        self.written: dict[str, str] = {}  # what the user wrote -> cell id it was written in
        self.tagged: dict[str, str] = {}  # what tag or picture the user put -> cell id it was put on
        self.down: list[tuple[int, int, list[Any]]] = []
        self.up: list[Any] = []

    @initialize(cells=st.integers(0, 4))
    def start(self, cells: int) -> None:
        self.shared, self.tab = opened(*[f"cell {number}" for number in range(cells)])
        self.told = 0

    # -- the run

    @rule(place=st.integers(0, 9), end=st.booleans())
    def run_puts_a_cell(self, place: int, end: bool) -> None:
        cells = self.shared.cells
        after = None if end or not cells else cells[place % len(cells)].id
        number = next(self.numbers)
        self.shared.put(new_markdown_cell(f"run {number}", id=f"run-{number}"), after)

    @precondition(lambda self: self.shared.cells)
    @rule(place=st.integers(0, 9))
    def run_writes(self, place: int) -> None:
        cell = self.shared.cells[place % len(self.shared.cells)]
        self.shared.write(cell, f"run {next(self.numbers)}")

    @precondition(lambda self: self.shared.cells)
    @rule(place=st.integers(0, 9))
    def run_removes(self, place: int) -> None:
        self.shared.remove(self.shared.cells[place % len(self.shared.cells)].id)

    @precondition(lambda self: self.shared.cells)
    @rule(place=st.integers(0, 9))
    def run_marks(self, place: int) -> None:
        cell = self.shared.cells[place % len(self.shared.cells)]
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), f"seen {next(self.numbers)}"]
        self.shared.touch(cell)

    @precondition(lambda self: self.tab.cells)
    @rule(place=st.integers(0, 9), picture=st.booleans())
    def user_puts_a_tag_or_a_picture(self, place: int, picture: bool) -> None:
        cell, name = self.tab.cells[place % len(self.tab.cells)], f"user {next(self.numbers)}"
        if picture:
            cell.attachments = {**cell.attachments, name: {"image/png": name}}
        else:
            cell.metadata = {**cell.metadata, "tags": [*cell.metadata.get("tags", []), name]}
        self.tagged[name] = cell.id

    # -- the user

    @rule(place=st.integers(0, 9))
    def user_adds(self, place: int) -> None:
        number = next(self.numbers)
        word = f"<user {number}>"
        cell = TabCell(f"user-{number}", "markdown", word)
        self.tab.cells.insert(place % (len(self.tab.cells) + 1), cell)
        self.written[word] = cell.id

    @precondition(lambda self: self.tab.cells)
    @rule(place=st.integers(0, 9))
    def user_writes(self, place: int) -> None:
        cell = self.tab.cells[place % len(self.tab.cells)]
        word = f"<user {next(self.numbers)}>"
        cell.source += word
        self.written[word] = cell.id

    @precondition(lambda self: self.tab.cells)
    @rule(place=st.integers(0, 9))
    def user_takes_back_what_was_not_sent(self, place: int) -> None:
        cell = self.tab.cells[place % len(self.tab.cells)]
        if cell.base is not None:
            self._gave_up(cell.source, cell.base)
            cell.source = cell.base

    @precondition(lambda self: self.tab.cells)
    @rule(place=st.integers(0, 9))
    def user_deletes(self, place: int) -> None:
        cell = self.tab.cells.pop(place % len(self.tab.cells))
        self._gave_up(cell.source, "")
        self.tagged = {name: cell_id for name, cell_id in self.tagged.items() if cell_id != cell.id}

    @precondition(lambda self: len(self.tab.cells) > 1)
    @rule(place=st.integers(0, 9), to=st.integers(0, 9))
    def user_moves(self, place: int, to: int) -> None:
        cell = self.tab.cells.pop(place % len(self.tab.cells))
        self.tab.cells.insert(to % (len(self.tab.cells) + 1), cell)

    def _gave_up(self, before: str, after: str) -> None:
        """The user saw these words and took them away."""
        for word in [word for word in self.written if word in before and word not in after]:
            del self.written[word]

    # -- the connection

    @rule()
    def server_sends(self) -> None:
        if self.shared.seq > self.told:
            self.down.append((self.told, self.shared.seq, self.shared.since(self.told)))
            self.told = self.shared.seq

    @rule(place=st.integers(0, 3), again=st.booleans())
    def tab_receives(self, place: int, again: bool) -> None:
        if self.down:
            place %= len(self.down)
            self.tab.apply(*self.down[place])
            if not again:
                del self.down[place]
        if self.tab.missed:
            self.connection_breaks()

    @rule()
    def tab_sends(self) -> None:
        self.up.append(self.tab.snapshot())

    @rule(place=st.integers(0, 3), again=st.booleans())
    def server_receives(self, place: int, again: bool) -> None:
        if self.up:
            place %= len(self.up)
            snapshot = self.up[place]
            self.shared.merge("tab", snapshot.n, snapshot.seq, snapshot.cells)
            if not again:
                del self.up[place]

    @rule()
    def connection_breaks(self) -> None:
        """All that is under way is gone; the tab says hello, then rejoins with all that it has."""
        self.down, self.up = [], []
        self.tab.missed = False
        self.told = self.tab.seq
        snapshot = self.tab.snapshot(full=True)
        self.shared.merge("tab", snapshot.n, snapshot.seq, snapshot.cells)

    # -- what must hold

    @invariant()
    def ids_are_unique(self) -> None:
        if hasattr(self, "shared"):
            ids = [cell.id for cell in self.shared.cells]
            assert len(ids) == len(set(ids))
            assert len(self.tab.ids()) == len(set(self.tab.ids()))

    def teardown(self) -> None:
        if not hasattr(self, "shared"):
            return
        self.down, self.up = [], []
        for _ in range(12):
            tell(self.shared, self.tab)
            hear(self.shared, self.tab)
            if self.shared.seq == self.tab.seq and not self.tab.waiting:
                break
        assert [(cell.id, cell.source) for cell in self.shared.cells] == [(c.id, c.source) for c in self.tab.cells]
        for mine, theirs in zip(self.tab.cells, self.shared.cells, strict=True):
            assert set(mine.metadata.get("tags", [])) == set(theirs.metadata.get("tags", []))
            assert mine.attachments == theirs.get("attachments", {})
            put = {*theirs.metadata.get("tags", []), *theirs.get("attachments", {})}
            assert {name for name, cell_id in self.tagged.items() if cell_id == theirs.id} <= put
        whole = "\n".join(cell.source for cell in self.shared.cells)
        assert [word for word in self.written if word not in whole] == []


TestTwoWriters = TwoWriters.TestCase
TestTwoWriters.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
