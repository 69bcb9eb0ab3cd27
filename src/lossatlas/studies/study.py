"""The study file: which data, which network, which loss, how long to explore.

A study is a TOML file of five tables. Everything in it is checked before any work starts, and a
key that nobody knows is refused: a misspelled option must not be an ignored one. Nothing here
loads JAX, so a mistake is answered at once.
"""

import os
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic_core import PydanticCustomError

from lossatlas.data import LJAT3_SIDES, SKLEARN_NAMES
from lossatlas.data.idx import Pixels
from lossatlas.data.noise import check_confusion
from lossatlas.data.scaling import ScalingMethod
from lossatlas.data.split import SplitMode
from lossatlas.errors import BadInputError
from lossatlas.exploration.stop_rules import SETTINGS, ExploreOptions, Setting
from lossatlas.studies.messages import explained
from lossatlas.studies.toml_file import read_toml

POSITIVE_WHOLE = "a whole number, 1 or more"
POSITIVE = "a positive number"
SEED = "a whole number from 0 to 2^63 - 1"

Whole = Annotated[int, Field(strict=True)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1, description=SEED, examples=[1])]
Count = Annotated[int, Field(strict=True, ge=1, description=POSITIVE_WHOLE, examples=[1000])]


def _printable(path: str) -> str:
    """Refuse what becomes of a Windows path in double quotes: ``\\n`` is a line break there."""
    if any(unicodedata.category(character) == "Cc" for character in path):
        raise PydanticCustomError("control_characters", "control characters")
    return path


PathText = Annotated[str, Field(strict=True, min_length=1), AfterValidator(_printable)]


class Table(BaseModel):
    """A table of the file. Every field describes its values, for messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Table):
    """What all kinds of data have in common.

    Attributes:
        train: training rows.
        test: testing rows.
        seed: of the starts of LJAT3 and of the split.
        split: ``random``; ``stratified``: drawn class by class, in proportion to the classes;
            ``ordered``: the first `train` rows, then the next `test` rows.
        scaling: of the columns, by statistics of the training rows used.
    """

    train: Count
    test: Count
    seed: Seed = 0
    split: SplitMode = Field(
        "random", description='"random", "stratified" or "ordered"', examples=["random"]
    )
    scaling: ScalingMethod = Field(
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
    """A user's ``.npz``, or table in a text file, see `lossatlas.data.read_table`.

    Attributes:
        path: of the file.
        label: the column of the labels; by default the one called label, or else the last one.
        drop: columns to leave out.
        header: whether the first line names the columns.
    """

    source: Literal["file"]
    path: PathText = Field(
        description="the path of a .npz file or a table (.csv, .tsv, .txt)", examples=["data.npz"]
    )
    label: Annotated[str, Field(strict=True, min_length=1)] | None = Field(
        default=None, description="the name of a column", examples=["species"]
    )
    drop: tuple[Annotated[str, Field(strict=True)], ...] = Field(
        default=(), description="a list of names of columns", examples=[["Id"]]
    )
    header: bool = Field(True, strict=True, description="true or false", examples=[False])


class SklearnSource(Source):
    """A set that comes with scikit-learn, see `lossatlas.data.sklearn_dataset`."""

    source: Literal["sklearn"]
    name: Literal["breast_cancer", "digits", "iris", "wine"] = Field(
        description=f"one of {', '.join(SKLEARN_NAMES)}", examples=["digits"]
    )


class MNISTSource(Source):
    """Handwritten digits, see `lossatlas.data.load_mnist`."""

    source: Literal["mnist"]
    path: PathText | None = Field(
        default=None, description="the path of a folder", examples=["mnist"]
    )
    pixels: Pixels = Field("unit", description='"unit" or "raw"', examples=["unit"])


class IDXSource(Source):
    """Pictures in the files of MNIST's relatives, see `lossatlas.data.load_idx`."""

    source: Literal["idx"]
    path: PathText = Field(description="the path of a folder", examples=["fashion-mnist"])
    prefix: PathText | None = Field(
        default=None,
        description="what the names of the files begin with",
        examples=["emnist-letters"],
    )
    pixels: Pixels = Field("unit", description='"unit" or "raw"', examples=["unit"])


class Noise(Table):
    """Training labels changed on purpose, see `lossatlas.data.noise`; test data stay clean.

    Attributes:
        kind: which labels are changed, and to what.
        fraction: share of the training items whose label is changed; 0 for clean data.
        seed: of the kinds that draw.
        common_random_numbers: one draw for all fractions, so that the items changed at a smaller
            one are among those changed at a larger one.
        confusion: of kind ``class-conditional``: row i holds the probabilities of the labels that
            an item of class i is given.
        reference: of kinds ``boundary`` and ``adversarial``: an atlas of the clean data, whose
            lowest minimum classifies the items.
    """

    kind: Literal["uniform", "class-conditional", "permutation", "boundary", "adversarial"] = Field(
        default="uniform",
        description='"uniform", "class-conditional", "permutation", "boundary" or "adversarial"',
        examples=["uniform"],
    )
    fraction: float = Field(
        default=0.0, strict=True, ge=0, le=1, description="a number from 0 to 1", examples=[0.1]
    )
    seed: Seed = 0
    common_random_numbers: bool = Field(
        default=False, strict=True, description="true or false", examples=[True]
    )
    confusion: tuple[tuple[Annotated[float, Field(strict=True)], ...], ...] | None = Field(
        default=None,
        validate_default=True,
        description="a matrix of probabilities, one row a class",
        examples=[[[0.9, 0.1], [0.2, 0.8]]],
    )
    reference: PathText | None = Field(
        default=None,
        validate_default=True,
        description="the path of an atlas of the clean data",
        examples=["clean.atlas"],
    )

    @field_validator("seed", "common_random_numbers", "confusion", "reference")
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        name, kind = str(info.field_name), info.data.get("kind")
        kinds = KINDS_WITH[name]
        given = value != cls.model_fields[name].default
        if given and kind is not None and kind not in kinds:
            whose = " or ".join(f'"{one}"' for one in kinds)
            raise PydanticCustomError("other_kind", "only {whose} has it", {"whose": whose})
        if not given and kind in kinds and name in ("confusion", "reference"):
            raise PydanticCustomError("missing", "the key is missing")
        return value

    @field_validator("confusion")
    @classmethod
    def _probabilities(cls, confusion: Any) -> Any:
        if confusion is not None:
            try:
                check_confusion(confusion)
            except BadInputError as error:
                raise ValueError(error.problem) from error
        return confusion


KINDS_WITH = {
    "seed": ("uniform", "class-conditional", "permutation"),
    "common_random_numbers": ("uniform", "class-conditional", "permutation"),
    "confusion": ("class-conditional",),
    "reference": ("boundary", "adversarial"),
}
"""The kinds of noise that a key of [noise] belongs to; `kind` and `fraction` belong to all."""


class Network(Table):
    """The tanh network.

    Attributes:
        hidden: units of each hidden layer, inputs first.
        neighbors: reduced connectivity, the paper's eq. (5); 0 for full connectivity.
        ties: which of two equally near nodes is kept: ``lowest`` index (paper) or ``highest``.
    """

    hidden: tuple[Annotated[int, Field(strict=True, ge=1)], ...] = Field(
        description="a list of layer widths, each 1 or more", examples=[[10]]
    )
    neighbors: int = Field(
        0, strict=True, ge=0, description="a whole number, 0 or more", examples=[0]
    )
    ties: Literal["lowest", "highest"] = Field(
        "lowest", description='"lowest" or "highest"', examples=["lowest"]
    )

    @field_validator("hidden")
    @classmethod
    def _deep(cls, hidden: tuple[int, ...]) -> tuple[int, ...]:
        if not hidden:
            raise ValueError(
                "a network without hidden layers has a convex loss with a single minimum"
            )
        return hidden


class Loss(Table):
    """The loss: softmax cross-entropy plus l2 times the sum of squared weights.

    Attributes:
        l2: lambda of the paper's eq. (3).
        regularize_biases: whether the sum includes the biases.
    """

    l2: Positive = Field(
        description=f"{POSITIVE} (without it minima are not isolated)", examples=[1e-4]
    )
    regularize_biases: bool = Field(True, strict=True, description="true or false", examples=[True])


def _explore_table() -> type[Table]:
    """The table [explore]: a key for each setting of an exploration."""
    defaults = ExploreOptions()
    keys = {name: _key(setting, getattr(defaults, name)) for name, setting in SETTINGS.items()}
    return create_model("Explore", __base__=Table, **keys)


def _key(setting: Setting, default: float | str | None) -> Any:
    """Type and field of a key that holds a setting."""
    if setting.choices:
        options = {"description": setting.allowed, "examples": [setting.example]}
        return (Literal[setting.choices], Field(default=default, **options))  # type: ignore[valid-type]
    bounds = {"gt": setting.above, "ge": setting.least, "lt": setting.below, "le": setting.most}
    options = {**bounds, "description": setting.allowed, "strict": True}
    if setting.kind is float:
        options["allow_inf_nan"] = False
    kind: Any = setting.kind
    field = Field(default=default, examples=[setting.example], **options)
    return (kind if default is not None else kind | None, field)


class Explore(_explore_table()):
    """When to stop, unless the command line says otherwise; see `ExploreOptions`."""


class Study(Table):
    """A study, checked.

    Attributes:
        data: `LJAT3Source`, `FileSource`, `SklearnSource`, `MNISTSource` or `IDXSource`.
        noise: `Noise`; none by default.
        network: `Network`.
        loss: `Loss`.
        explore: `Explore`.

    Examples:
        >>> study = Study.model_validate(
        ...     {
        ...         "data": {"source": "sklearn", "name": "iris", "train": 100, "test": 50},
        ...         "network": {"hidden": [3]},
        ...         "loss": {"l2": 1e-3},
        ...     }
        ... )
        >>> study.network.hidden, study.data.scaling
        ((3,), 'none')
    """

    data: LJAT3Source | FileSource | SklearnSource | MNISTSource | IDXSource = Field(
        discriminator="source"
    )
    noise: Noise = Noise()
    network: Network
    loss: Loss
    explore: Explore = Explore()
    _file: Path = PrivateAttr(Path("study.toml"))

    @property
    def file(self) -> Path:
        """Where it was read from; paths in the study are relative to its folder."""
        return self._file

    def beside(self, path: str) -> Path:
        """The place of a path that the study names: ``~`` is the home folder.

        Examples:
            >>> study = Study.model_validate(
            ...     {
            ...         "data": {"source": "sklearn", "name": "iris", "train": 100, "test": 50},
            ...         "network": {"hidden": [3]},
            ...         "loss": {"l2": 1e-3},
            ...     }
            ... )
            >>> study.beside("rows.csv").as_posix(), study.beside("~") == Path.home()
            ('rows.csv', True)
        """
        return self._file.parent / os.path.expanduser(path)

    @property
    def name(self) -> str:
        """The file name without its suffix."""
        return self._file.stem

    @property
    def tables(self) -> dict[str, Any]:
        """The five tables as JSON types, defaults filled in."""
        return self.model_dump(mode="json")


def load_study(path: str | Path) -> Study:
    """Read and check a study file.

    Raises:
        BadInputError: for a file that is missing or no TOML, an unknown or missing key, or a
            value that cannot be used; says which, and what is allowed.

    Examples:
        >>> load_study("examples/d2.toml").data.side         # doctest: +SKIP
        'D2'
    """
    path = Path(os.path.expanduser(path))
    tables = read_toml(path)
    try:
        study = Study.model_validate(tables)
    except ValidationError as error:
        raise explained(error, tables, Study, str(path)) from error
    study._file = path
    return study
