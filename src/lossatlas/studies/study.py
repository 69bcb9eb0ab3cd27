"""The study file, which describes the data, the network, the loss and how long to explore.

A study is a TOML file of five tables. Everything in it is checked before any work starts. Unknown
keys are refused, so that a misspelled key is not ignored. Nothing here loads JAX, so a mistake is
reported at once.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)
from pydantic_core import PydanticCustomError

from lossatlas.data.noise import check_confusion
from lossatlas.errors import BadInputError
from lossatlas.exploration.stop_rules import SETTINGS, ExploreOptions, Setting
from lossatlas.parts.registry import check_name, check_parameter
from lossatlas.studies.messages import explained
from lossatlas.studies.sources import (
    POSITIVE,
    FileSource,
    IDXSource,
    LJAT3Source,
    MNISTSource,
    OpenMLSource,
    PathText,
    Positive,
    Seed,
    SklearnSource,
    Table,
)
from lossatlas.studies.toml_file import parsed_toml, read_toml


class Noise(Table):
    """The table [noise]: training labels that are changed on purpose, see `lossatlas.data.noise`.

    Testing labels are not changed.

    Attributes:
        kind: how labels are changed: ``uniform`` (the default), ``class-conditional``,
            ``permutation``, ``boundary`` or ``adversarial``.
        fraction: share of the training items whose label is changed; 0 (the default) for clean
            data.
        seed: seed of the kinds that draw random numbers; default 0.
        common_random_numbers: whether the same random numbers are used for all fractions, so that
            the items changed at a smaller fraction are among those changed at a larger one; default
            false.
        confusion: for the kind ``class-conditional``, a matrix whose row i holds the probabilities
            of the labels that an item of class i is given.
        reference: for the kinds ``boundary`` and ``adversarial``, the path of an atlas of the clean
            data, whose lowest minimum classifies the items.
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
"""The kinds of noise that have each key of [noise]; all kinds have `kind` and `fraction`."""


class Network(Table):
    """The table [network]: the shape of the network and its activation.

    Attributes:
        hidden: number of units of each hidden layer, from the inputs to the outputs.
        activation: name of the activation of the hidden units, see `lossatlas.parts`; default
            ``tanh``.
        smoothing: for the activation ``relu`` only, the width of its rounded corner.
        neighbors: number of nodes of a neighboring layer to which a hidden node is connected
            (reduced connectivity, paper, eq. 5); 0 (the default) for full connectivity.
        ties: which of two equally distant nodes is kept: that with the ``lowest`` index (the
            default, as in the paper) or the ``highest``.
    """

    hidden: tuple[Annotated[int, Field(strict=True, ge=1)], ...] = Field(
        description="a list of layer widths, each 1 or more", examples=[[10]]
    )
    activation: Annotated[str, Field(strict=True)] = Field(
        "tanh", description="the name of an activation", examples=["tanh"]
    )
    smoothing: Positive | None = Field(
        default=None, validate_default=True, description=POSITIVE, examples=[0.1]
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

    @field_validator("activation")
    @classmethod
    def _known(cls, name: str) -> str:
        return _known_part("[network] activation", name)

    @field_validator("smoothing")
    @classmethod
    def _of_its_activation(cls, value: float | None, info: ValidationInfo) -> float | None:
        return _parameter("[network] activation", info.data.get("activation"), value)


class Loss(Table):
    """The table [loss]: a mean over the items plus `l2` times the sum of squared weights.

    Attributes:
        l2: lambda of the paper, eq. (3); with the convention ``scikit-learn`` its alpha.
        function: name of the loss that is averaged over the items, see `lossatlas.parts`; default
            ``softmax-cross-entropy``.
        sharpness: for the loss ``smooth-auc`` only, the steepness of the step between two scores.
        regularize_biases: whether the sum of squares includes the biases; default true.
        convention: ``paper`` (the default); or ``scikit-learn``, where the penalty is
            alpha / (2 N) times the sum of squares of the weights without biases, for N training
            rows.
    """

    l2: Positive = Field(
        description=f"{POSITIVE} (without it minima are not isolated)", examples=[1e-4]
    )
    function: Annotated[str, Field(strict=True)] = Field(
        "softmax-cross-entropy",
        description="the name of a loss",
        examples=["softmax-cross-entropy"],
    )
    sharpness: Positive | None = Field(
        default=None, validate_default=True, description=POSITIVE, examples=[10.0]
    )
    regularize_biases: bool = Field(True, strict=True, description="true or false", examples=[True])
    convention: Literal["paper", "scikit-learn"] = Field(
        "paper", description='"paper" or "scikit-learn"', examples=["paper"]
    )

    @field_validator("function")
    @classmethod
    def _known(cls, name: str) -> str:
        return _known_part("[loss] function", name)

    @field_validator("sharpness")
    @classmethod
    def _of_its_loss(cls, value: float | None, info: ValidationInfo) -> float | None:
        return _parameter("[loss] function", info.data.get("function"), value)

    @field_validator("convention")
    @classmethod
    def _consistent(cls, convention: str, info: ValidationInfo) -> str:
        if convention == "scikit-learn" and info.data.get("function") == "mean-squared-error":
            raise ValueError("scikit-learn has half of it: half-mean-squared-error")
        return convention

    def penalty(self, rows: int) -> tuple[float, bool]:
        """Lambda, and whether biases are penalized, for a number of training rows."""
        if self.convention == "scikit-learn":
            return self.l2 / (2.0 * rows), False
        return self.l2, self.regularize_biases


def _known_part(where: str, name: str) -> str:
    """The name of a part, after a check that it is known."""
    try:
        check_name(where, name)
    except BadInputError as error:
        raise ValueError(error.remedy) from error
    return name


def _parameter(where: str, name: str | None, value: float | None) -> float | None:
    """The parameter of a part, after a check that the part has one."""
    if name is not None:
        try:
            check_parameter(where, name, value)
        except BadInputError as error:
            raise PydanticCustomError(
                "part", "{why}", {"why": error.problem, "remedy": error.remedy}
            ) from error
    return value


def _explore_table() -> type[Table]:
    """Make the model of the table [explore], with a key for each setting of an exploration."""
    defaults = ExploreOptions()
    keys = {name: _key(setting, getattr(defaults, name)) for name, setting in SETTINGS.items()}
    return create_model("Explore", __base__=Table, **keys)


def _key(setting: Setting, default: float | str | None) -> Any:
    """The type and the field of a key for a setting."""
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
    """The table [explore]: when and how to explore; options of the command line take precedence.

    The keys are the settings of `lossatlas.explore`.
    """


class Study(Table):
    """The content of a study file, checked.

    Attributes:
        data: the table [data], with the keys of its source: ``ljat3``, ``file``, ``sklearn``,
            ``openml``, ``mnist`` or ``idx``.
        noise: the table [noise]; by default no label noise.
        network: the table [network].
        loss: the table [loss].
        explore: the table [explore]; by default no stop rules.

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

    data: LJAT3Source | FileSource | SklearnSource | OpenMLSource | MNISTSource | IDXSource = Field(
        discriminator="source"
    )
    noise: Noise = Noise()
    network: Network
    loss: Loss
    explore: Explore = Explore()
    _file: Path = PrivateAttr(Path("study.toml"))

    @property
    def file(self) -> Path:
        """The path of the study file; paths in the study are relative to its folder."""
        return self._file

    def beside(self, path: str) -> Path:
        """The full path of a file that the study names.

        Args:
            path: a path relative to the folder of the study, or absolute; ``~`` is the home folder.

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
        """The name of the study file without its suffix."""
        return self._file.stem

    @property
    def tables(self) -> dict[str, Any]:
        """The five tables as JSON types, including all defaults."""
        return self.model_dump(mode="json")


def load_study(path: str | Path) -> Study:
    """Read and check a study file.

    Args:
        path: path of the file; ``~`` is the home folder.

    Raises:
        BadInputError: if the file is missing or is not TOML, a key is unknown or missing, or a
            value cannot be used; the message says which one, and what is allowed.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "iris.toml"
        >>> _ = path.write_text('''
        ... [data]
        ... source = "sklearn"
        ... name = "iris"
        ... train = 100
        ... test = 50
        ... [network]
        ... hidden = [3]
        ... [loss]
        ... l2 = 1e-3
        ... ''')
        >>> load_study(path).network.hidden
        (3,)
    """
    path = Path(os.path.expanduser(path))
    return _study_of_tables(read_toml(path), path)


def study_of_text(text: str, path: Path) -> Study:
    """Check the text of a study that is not written to a file yet.

    Args:
        text: the text of the file.
        path: the path that the file will have; paths in the study are relative to its folder.

    Raises:
        BadInputError: if the study is not valid, for the reasons of `load_study`.
    """
    return _study_of_tables(parsed_toml(text, path), path)


def _study_of_tables(tables: dict[str, Any], path: Path) -> Study:
    try:
        study = Study.model_validate(tables)
    except ValidationError as error:
        raise explained(error, tables, Study, str(path)) from error
    study._file = path
    return study
