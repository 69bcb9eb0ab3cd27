"""Malformed studies, data, atlases, URLs and arguments: a clear message, exit code 2, no traceback,
and nothing is written."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from good_inputs import STUDY, rows


class Case(NamedTuple):
    """One input that cannot be used.

    Attributes:
        command: the arguments of the program.
        says: what the message has to contain, in lower case.
        files: what lies in the folder besides, or in place of, good files.
    """

    command: str
    says: str
    files: dict[str, str | bytes] = {}  # noqa: RUF012 (never changed in place)


EXPLORE = "explore s.toml"


def study(says: str, old: str, new: str) -> Case:
    """A study in which one thing is another."""
    assert old in STUDY
    return Case(EXPLORE, says, {"s.toml": STUDY.replace(old, new)})


def table(says: str, content: str | bytes, name: str = "bad.csv", more: str = "") -> Case:
    """A study whose table is spoilt."""
    text = STUDY.replace('"rows.csv"', f'"{name}"{more}')
    return Case(EXPLORE, says, {"s.toml": text, name: content})


def option(arguments: str, says: str) -> Case:
    return Case(f"explore good.toml {arguments}", says)


GOOD = rows()
LINES = GOOD.splitlines()
STUDIES = [
    Case(EXPLORE, "s.toml", {}),
    Case(EXPLORE, "s.toml", {"s.toml": ""}),
    Case(EXPLORE, "s.toml", {"s.toml": "\0\1\2"}),
    Case(EXPLORE, "s.toml", {"s.toml": b"\xff\xfe\x00["}),
    Case(EXPLORE, "s.toml", {"s.toml": "[data"}),
    Case(EXPLORE, "s.toml", {"s.toml": "data = 3\n"}),
    Case(EXPLORE, "s.toml", {"s.toml": STUDY + "[data]\n"}),
    Case(EXPLORE, "s.toml", {"s.toml": STUDY + "[surprise]\n"}),
    Case(EXPLORE, "s.toml", {"s.toml": STUDY + "[explore]\nminutes = 0\n"}),
    Case(EXPLORE, "s.toml", {"s.toml": STUDY + "[explore]\nminutes = nan\n"}),
    Case(EXPLORE, "s.toml", {"s.toml": STUDY + "[explore]\nminutes = '2'\n"}),
    Case(EXPLORE, "s.toml", {"s.toml": STUDY + "[explore]\nseed = -1\n"}),
    Case(EXPLORE, "s.toml", {"s.toml": STUDY + "[explore]\nwidth = 1\n"}),
    Case(EXPLORE, "s.toml", {"s.toml": STUDY + "[explore]\nuntil = 1.0\n"}),
    Case(EXPLORE, "s.toml", {"s.toml": STUDY + "[noise]\nfraction = 2.0\n"}),
    Case("explore .", "", {}),
    Case("explore none/s.toml", "none/s.toml", {}),
    study("source", 'source = "file"', ""),
    study("source", '"file"', '"files"'),
    study("source", '"file"', "7"),
    study("path", 'path = "rows.csv"', ""),
    study("path", '"rows.csv"', '""'),
    study("path", '"rows.csv"', "3"),
    study("none.csv", "rows.csv", "none.csv"),
    study("train", "train = 8", ""),
    study("train", "train = 8", "train = 0"),
    study("train", "train = 8", "train = -8"),
    study("train", "train = 8", "train = 8.5"),
    study("train", "train = 8", 'train = "8"'),
    study("train", "train = 8", "train = true"),
    study("rows", "train = 8", "train = 9999999999999999999999"),
    study("rows", "train = 8", "train = 1000"),
    study("trian", "train = 8", "train = 8\ntrian = 8"),
    study("split", '"ordered"', '"sorted"'),
    study("hidden", "[2]", "[]"),
    study("hidden", "[2]", "[0]"),
    study("hidden", "[2]", "[-2]"),
    study("hidden", "[2]", "[2.5]"),
    study("hidden", "[2]", "2"),
    study("hidden", "[2]", '["2"]'),
    study("hidden", "[2]", "[[2]]"),
    study("neighbors", "hidden = [2]", "hidden = [2]\nneighbors = -1"),
    study("ties", "hidden = [2]", 'hidden = [2]\nties = "none"'),
    study("l2", "l2 = 1e-3", ""),
    study("l2", "1e-3", "0"),
    study("l2", "1e-3", "-1e-3"),
    study("l2", "1e-3", "nan"),
    study("l2", "1e-3", "inf"),
    study("l2", "1e-3", '"small"'),
    study("l2", "1e-3", "{}"),
]
DATA = [
    table("bad.csv", ""),
    table("bad.csv", "\n\n\n"),
    table("bad.csv", LINES[0] + "\n"),
    table("bad.csv", b"\x89PNG\r\n\x1a\n" + bytes(200)),
    table("bad.csv", b"PK\x03\x04" + bytes(200)),
    table("bad.csv", "x,y,label\n1,2\n3,4,0\n"),
    table("bad.csv", GOOD + "1,2,3,4,5\n"),
    table("bad.csv", GOOD.replace(LINES[3], "a,b,0")),
    table("bad.csv", GOOD.replace(LINES[3], "nan,1,0")),
    table("bad.csv", GOOD.replace(LINES[3], "inf,1,0")),
    table("bad.csv", GOOD.replace(LINES[3], ",1,0")),
    table("bad.csv", GOOD.replace(LINES[3], "1e999,1,0")),
    table("bad.csv", GOOD.replace(LINES[3], "0x10,1,0")),
    table("bad.csv", GOOD.replace(LINES[3], '"1,1,0')),
    table("bad.csv", GOOD.replace("x,y,label", "x,x,label")),
    table("target", GOOD, more='\nlabel = "target"'),
    table("drop", GOOD, more='\ndrop = ["z"]'),
    table("bad.csv", "\n".join([LINES[0], *(line[:-1] + "0" for line in LINES[1:])]) + "\n"),
    table("bad.npz", b"not a zip", "bad.npz"),
    table("bad.npz", b"PK\x05\x06" + bytes(18), "bad.npz"),
    table("folder", "", "folder/x.csv"),
    table("bad.parquet", b"PAR1" + bytes(40), "bad.parquet"),
]
ATLASES = [
    Case(f"{command} {name}", says, files)
    for command in ("status", "minima", "verify", "compact")
    for name, says, files in (
        ("none.atlas", "none.atlas", {}),
        ("none/x.atlas", "none", {}),
        ("other.db", "another program", {}),
        ("good.toml", "sqlite", {}),
        ("empty.atlas", "empty", {"empty.atlas": ""}),
        ("cut.atlas", "cut short", {"cut.atlas": b"SQLite format 3\0" + bytes(60)}),
        (".", "folder", {}),
    )
]
URLS = [
    Case(f"status {url}", says)
    for url, says in (
        ("mysql://host/d2", "mysql"),
        ("postgresql+asyncpg://host/d2", "asyncpg"),
        ("postgresql+nothing://host/d2", "nothing"),
        ("nothing://host/d2", "nothing"),
        ("http://host/d2.atlas", "http"),
        ("://", "url"),
        ("sqlite://", "file of its own"),
        ("sqlite:///:memory:", "file of its own"),
        ("sqlite+aiosqlite:///x.atlas", "aiosqlite"),
        ("postgresql+psycopg://host:port/d2", "url"),
        ("postgresql+psycopg://me:geheim@127.0.0.1:1/d2", "127.0.0.1"),
        ("postgresql+psycopg://me:geheim@host:port/d2", "url"),
        ("postgresql+psycopg://127.0.0.1:1/d2?password=geheim", "127.0.0.1"),
    )
]
ARGUMENTS = [
    option("--atlas other.atlas", "another landscape"),
    option("--atlas other.db", "another program"),
    option("--atlas none/x.atlas", "none"),
    option("--atlas good.toml", "sqlite"),
    option("--atlas .", "folder"),
    option("--minutes 0", "--minutes"),
    option("--minutes nan", "--minutes"),
    option("--width 1", "--width"),
    option("--progress loud", "--progress"),
    option("--cluster local:0", "--cluster"),
    option("--cluster local", "--cluster"),
    option("--cluster tcp://host", "--cluster"),
    option("--cluster http://host:1", "--cluster"),
    option("--cluster none/scheduler.json", "--cluster"),
    option("--unknown 3", "--unknown"),
    option("surplus", "surplus"),
    Case("status other.atlas --watch 0", "--watch"),
    Case("status other.atlas --watch nan", "--watch"),
    Case("status", "atlas"),
    Case("nonsense other.atlas", "nonsense"),
    Case("history other.atlas --minimum 0", "--minimum"),
    Case("history other.atlas --minimum 3", "no minimum 3"),
    Case("history other.atlas --minimum 3 --transition-state 4", "leave one out"),
    Case("history other.atlas --json --csv", "--json --csv"),
    Case("backup other.atlas", "--output"),
    Case("backup other.atlas -o other.db", "is there already"),
    Case("backup other.atlas -o other.atlas", "is there already"),
    Case("backup other.atlas -o none/x.atlas", "none"),
    Case("backup other.atlas -o .", "folder"),
    Case("backup other.atlas -o mysql://host/x", "mysql"),
    Case("merge other.atlas -o x.atlas", "two atlases"),
    Case("merge other.atlas none.atlas -o x.atlas", "none.atlas"),
    Case("merge other.atlas other.db -o x.atlas", "another program"),
    Case("merge other.atlas other.atlas -o other.db", "is there already"),
    Case("merge other.atlas other.atlas", "--output"),
    Case("verify other.atlas", "no network that"),
    Case("verify other.atlas --sample 0", "--sample"),
    Case("verify other.atlas --flow --trust-confirmed", "--trust-confirmed"),
    Case("verify other.atlas --cluster local:x", "--cluster"),
    Case("tree other.atlas -o none/tree.png", "none"),
    Case("minima other.atlas --merge -1", "--merge"),
    Case("auc other.atlas", ""),
]
CASES = [*STUDIES, *DATA, *ATLASES, *URLS, *ARGUMENTS]


def test_there_are_enough():
    assert len(CASES) >= 100


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.command}-{case.says}"[:60])
def test_it_is_refused_and_nothing_is_written(run, folder: Path, case: Case):
    for name, content in case.files.items():
        path = folder / name
        if path.parent.is_dir():
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = contents(folder)
    result = run(*case.command.split())
    assert result.exit_code == 2, result.output
    said = result.stderr.lower()
    assert case.says in said
    assert said.strip()
    assert "traceback" not in result.output.lower()
    assert "geheim" not in result.output
    assert isinstance(result.exception, SystemExit)
    logs = {name for name in contents(folder) if name.endswith(".log")}
    after = {name: text for name, text in contents(folder).items() if name not in logs}
    assert after == before


def test_nothing_is_unpickled(run, folder: Path):
    """A file that holds a pickle is refused, and its content is not executed."""

    class Trap:
        def __reduce__(self):
            return Path.touch, (folder / "sprung",)

    np.savez(folder / "trap.npz", inputs=np.array([Trap()], object), labels=np.array([0]))
    text = STUDY.replace("rows.csv", "trap.npz")
    (folder / "s.toml").write_text(text)
    result = run("explore", "s.toml")
    assert result.exit_code == 2
    assert not (folder / "sprung").exists()


def test_no_message_or_log_shows_a_password(run, folder: Path):
    url = "postgresql+psycopg://me:geheim@127.0.0.1:1/d2"
    result = run("explore", "good.toml", "--atlas", url, "--log", "run.log")
    assert result.exit_code == 2
    assert "geheim" not in result.output + Path("run.log").read_text()
    assert json.dumps(url) not in result.output
