"""The network of points: minima joined by transition states, its trees, barriers and paths."""

from lossatlas.network.disconnectivity import Tree, build_tree
from lossatlas.network.links import Edges, Links
from lossatlas.network.paths import PathPoint
from lossatlas.network.points import Network

__all__ = ["Edges", "Links", "Network", "PathPoint", "Tree", "build_tree"]
