"""The table [data] of a study, with one model for each source of data."""

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from lossatlas.data import LJAT3_SIDES, SKLEARN_NAMES
from lossatlas.data.idx import Pixels
from lossatlas.data.scaling import ScalingMethod
from lossatlas.data.split import SplitMode

POSITIVE_WHOLE = "a whole number, 1 or more"
POSITIVE = "a positive number"
SEED = "a whole number from 0 to 2^63 - 1"

Whole = Annotated[int, Field(strict=True)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1, description=SEED, examples=[1])]
ROWS = "a whole number, 1 or more, or a share from 0 to 1, e.g. 0.8"
Share = Annotated[float, Field(strict=True, gt=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=1, description=POSITIVE_WHOLE, examples=[1000])]


def _printable(path: str) -> str:
    """Refuse control characters, as in a Windows path in double quotes, where ``\\n`` is one."""
    if any(unicodedata.category(character) == "Cc" for character in path):
        raise PydanticCustomError("control_characters", "control characters")
    return path


PathText = Annotated[str, Field(strict=True, min_length=1), AfterValidator(_printable)]


class Table(BaseModel):
    """A table of a study file. The description of every field is used in messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Table):
    """The keys that all sources of data have in common.

    Attributes:
        train: number of training rows, or their share of all rows.
        test: number of testing rows, or their share of all rows.
        seed: seed of the split, and of the starts of LJAT3; default 0.
        split: how rows are chosen: ``random`` (the default); ``stratified``, class by class in
            proportion to the classes; or ``ordered``, the first `train` rows and then the next
            `test` rows.
        scaling: how columns are scaled, by statistics of the training rows that are used: ``none``
            (the default), ``mean-absolute`` or ``standard``.
        target_scaling: how numbers to be predicted are scaled, in the same way; default ``none``.
    """

    train: Count | Share = Field(description=ROWS, examples=[1000])
    test: Count | Share = Field(description=ROWS, examples=[1000])
    seed: Seed = 0
    split: SplitMode = Field(
        "random", description='"random", "stratified" or "ordered"', examples=["random"]
    )
    scaling: ScalingMethod = Field(
        "none", description='"none", "mean-absolute" or "standard"', examples=["none"]
    )
    target_scaling: ScalingMethod = Field(
        "none", description='"none", "mean-absolute" or "standard"', examples=["none"]
    )


class LJAT3Source(Source):
    """Outcomes of three-atom minimizations, see `lossatlas.data.load_ljat3`."""

    source: Literal["ljat3"]
    side: Literal["D1", "D2", "D3"] | Positive = Field(
        description=f"one of {', '.join(LJAT3_SIDES)} or a positive number", examples=["D2"]
    )
    items: int = Field(
        200_000, strict=True, ge=2, description="a whole number, 2 or more", examples=[200_000]
    )
    inputs: tuple[Literal["r12", "r13", "r23"], ...] = Field(
        ("r12", "r13"),
        description="a list of different distances out of r12, r13, r23",
        examples=[["r12", "r13"]],
    )
    step_cap: Positive = Field(0.4, description=POSITIVE, examples=[0.4])
    curvature: Literal["signed", "absolute"] = Field(
        "signed", description='"signed" or "absolute"', examples=["signed"]
    )

    @field_validator("inputs")
    @classmethod
    def _different(cls, inputs: tuple[str, ...]) -> tuple[str, ...]:
        if not inputs or len(set(inputs)) < len(inputs):
            raise ValueError
        return inputs


class FileSource(Source):
    """A user's table or ``.npz`` file, see `lossatlas.data.read_table`.

    Attributes:
        path: path of the file.
        test_path: path of a file of testing rows; by default None: they are taken from `path`.
        label: name of the column of the labels; by default the column called label, or else the
            last one.
        drop: names of columns to leave out; default none.
        header: whether the first line has the names of the columns; default true.
    """

    source: Literal["file"]
    path: PathText = Field(
        description="the path of a .npz file or a table (.csv, .tsv, .txt, .parquet)",
        examples=["data.npz"],
    )
    test_path: PathText | None = Field(
        default=None, description="the path of a file like that of path", examples=["test.csv"]
    )
    label: Annotated[str, Field(strict=True, min_length=1)] | None = Field(
        default=None, description="the name of a column", examples=["species"]
    )
    drop: tuple[Annotated[str, Field(strict=True)], ...] = Field(
        default=(), description="a list of names of columns", examples=[["Id"]]
    )
    header: bool = Field(True, strict=True, description="true or false", examples=[False])


class SklearnSource(Source):
    """A data set that comes with scikit-learn, see `lossatlas.data.sklearn_dataset`."""

    source: Literal["sklearn"]
    name: Literal["breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine"] = Field(
        description=f"one of {', '.join(SKLEARN_NAMES)}", examples=["digits"]
    )


class OpenMLSource(Source):
    """A data set of openml.org by its number, see `lossatlas.data.openml_dataset`."""

    source: Literal["openml"]
    number: Count = Field(description="the number of a data set of openml.org", examples=[61])
    label: Annotated[str, Field(strict=True, min_length=1)] | None = Field(
        default=None, description="the name of a column", examples=["class"]
    )
    drop: tuple[Annotated[str, Field(strict=True)], ...] = Field(
        default=(), description="a list of names of columns", examples=[["Id"]]
    )


class MNISTSource(Source):
    """Handwritten digits, see `lossatlas.data.load_mnist`."""

    source: Literal["mnist"]
    path: PathText | None = Field(
        default=None, description="the path of a folder", examples=["mnist"]
    )
    pixels: Pixels = Field("unit", description='"unit" or "raw"', examples=["unit"])


class IDXSource(Source):
    """Images in IDX files, as of Fashion-MNIST and EMNIST, see `lossatlas.data.load_idx`."""

    source: Literal["idx"]
    path: PathText = Field(description="the path of a folder", examples=["fashion-mnist"])
    prefix: PathText | None = Field(
        default=None,
        description="what the names of the files begin with",
        examples=["emnist-letters"],
    )
    pixels: Pixels = Field("unit", description='"unit" or "raw"', examples=["unit"])
