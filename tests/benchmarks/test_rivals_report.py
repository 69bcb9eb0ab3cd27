"""Rows, targets, tables and pages."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest
from benchmarks.rivals import __main__ as program, report
from benchmarks.rivals.measure import Context, Row, Target, interleaved, run_processes
from benchmarks.rivals.report import Results

QUENCH = Row("quench", "GMIN", "CPU s", (3.0, 1.0, 2.0), (0.5, 0.25, 1.0), Target(ratio=4), "same")
HELP = Row("help", "", "wall s", (), (0.3,), Target(limit=0.4))
SKIPPED = Row("digits", "GMIN", target=Target(ratio=10), skipped="no files | at all")
ROWS = [QUENCH, HELP, SKIPPED]


def test_ratio_and_verdict():
    assert QUENCH.ratio == 4.0
    assert QUENCH.holds is True
    assert replace(QUENCH, target=Target(ratio=4.1)).holds is False
    assert replace(QUENCH, target=Target(ratio=4, limit=0.4)).holds is False
    assert replace(QUENCH, target=None).holds is None
    assert HELP.ratio is None
    assert HELP.holds is True
    assert replace(HELP, ours=(0.5,)).holds is False
    assert SKIPPED.holds is None


def test_a_ratio_that_could_not_be_measured_is_not_judged():
    assert replace(QUENCH, rival_values=()).holds is None
    assert replace(HELP, ours=()).holds is None


def test_results_survive_json(tmp_path):
    results = Results({"quench": [QUENCH], "start": [HELP, SKIPPED]}, {"cores": "2"})
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results
    assert results.rows == ROWS


def test_spread():
    assert report.spread(()) == "-"
    assert report.spread((2.0,)) == "2 (once)"
    assert report.spread((3.0, 1.0, 2.0)) == "2 (1 to 3) 3"


def test_tables_have_a_cell_for_every_column():
    lines = report.markdown_table(ROWS).splitlines()
    table, notes = lines[: len(ROWS) + 2], lines[len(ROWS) + 2 :]
    cells = [line.replace("\\|", "").count("|") for line in table]
    assert cells == [len(report.COLUMNS) + 2] * len(table)
    assert "2 (1 to 3) 3 | 0.5 (0.25 to 1) 3 | 4 | ratio >= 4 | yes" in table[2]
    assert "<= 0.4 wall s | yes" in table[3]
    assert "not measured" in table[4]
    assert [note[:4] for note in notes if note] == ["* 1:", "* 3:"]


def test_the_terminal_says_why_something_is_missing():
    text = report.text_table(ROWS)
    assert "no files | at all" in text
    assert "ratio 4; target ratio >= 4; holds: yes" in text
    assert len(report.summary(ROWS).splitlines()) == 1 + len(ROWS)


def test_sections_of_a_page_are_replaced_and_the_rest_is_kept():
    page = "# Title\n\n<!-- a: begin -->\nold\n<!-- a: end -->\n\ntext\n"
    once = report.between_marks(page, "a", "new")
    assert once == "# Title\n\n<!-- a: begin -->\n\nnew\n\n<!-- a: end -->\n\ntext\n"
    assert report.between_marks(once, "a", "new") == once
    with pytest.raises(ValueError, match="b: begin"):
        report.between_marks(page, "b", "new")


def test_the_page_has_its_marks():
    text = program.PAGE.read_text(encoding="utf-8")
    for name in ("rivals", "machine", "scaling"):
        assert f"kept {name}" in report.between_marks(text, name, f"kept {name}")


def test_picture(tmp_path):
    report.draw(ROWS, tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").read_bytes().startswith(b"\x89PNG")


def test_arguments(tmp_path):
    options = program.parser().parse_args(["--quick", "--only", "quench", "tree"])
    assert options.quick
    assert options.only == ["quench", "tree"]
    with pytest.raises(SystemExit):
        program.parser().parse_args(["--only", "nonsense"])


def test_a_comparison_that_fails_is_a_row(tmp_path, monkeypatch):
    arguments = ["--environments", str(tmp_path), "--results", str(tmp_path)]
    options = program.parser().parse_args(arguments)
    monkeypatch.setattr("benchmarks.rivals.mnist.mnist", lambda folder: 1 / 0)
    (row,) = program.rows_of("mnist", options)
    assert "ZeroDivisionError" in row.skipped


def test_sides_take_turns():
    calls = []

    def side(name, value):
        return lambda: calls.append(name) or value

    assert interleaved([side("a", 1.0), side("b", 2.0)], 3) == ((1.0,) * 3, (2.0,) * 3)
    assert calls == list("ababab")


def test_the_time_of_a_process_is_that_of_its_children_too(tmp_path):
    """Used by the process below: 0.3 s of CPU, in a process started by one that only waits."""
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    waits = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    context = Context(True, tmp_path, tmp_path, tmp_path)
    folders = [context.folder("run") for _ in range(2)]
    started = time.monotonic()
    used = list(run_processes([[sys.executable, "-c", waits]] * 2, folders, 2))
    assert all(usage.cpu >= 0.3 and usage.returncode == 0 for usage in used)
    assert all(0.3 <= usage.wall <= time.monotonic() - started for usage in used)
    assert all(usage.peak_bytes > 1e6 for usage in used)


def test_a_program_that_fails_is_noticed(tmp_path):
    used = list(run_processes([[sys.executable, "-c", "raise SystemExit(3)"]], [tmp_path], 1))
    assert used[0].returncode == 3


def test_help():
    for name in ("rivals", "scaling"):
        command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
        ran = subprocess.run(command, cwd=program.REPOSITORY, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        assert "--write-docs" in ran.stdout
