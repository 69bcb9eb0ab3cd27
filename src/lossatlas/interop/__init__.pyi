from .graphs import to_networkx as to_networkx, write_graphml as write_graphml
from .importing import Imported as Imported, import_database as import_database
from .locating import Located as Located, locate as locate
from .model_files import read_layers as read_layers, write_layers as write_layers
from .models import (
    to_equinox as to_equinox,
    to_flax as to_flax,
    to_sklearn as to_sklearn,
    to_torch as to_torch,
    weights_of as weights_of,
)
from .pathsample import read_database as read_database, write_database as write_database
