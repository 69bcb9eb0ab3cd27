"""The network of an atlas as a graph, for NetworkX and as GraphML for other programs.

Nodes are minima, named by their ids. Edges are transition states, with one edge for each pair of a
minimum on one side and a minimum on the other side. Nodes and edges have the loss and all columns
of the atlas as attributes; values that are not finite are left out.
"""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from lossatlas.errors import BadInputError
from lossatlas.network.links import side_pairs
from lossatlas.network.points import Network
from lossatlas.optional import optional

Rows = list[dict[str, float | int]]


def nodes_and_edges(network: Network) -> tuple[Rows, Rows]:
    """The nodes and edges of the graph, each a dictionary of values by name.

    Args:
        network: the network of points.

    Returns:
        Nodes with ``id``, ``loss`` and the columns of the minima, and edges with ``id``,
        ``source``, ``target``, ``loss`` and the columns of the transition states.

    Examples:
        >>> network = Network.of_pairs([0.0, 1.0], [2.0], [0], [1])
        >>> nodes_and_edges(network)[1]
        [{'id': 1, 'source': 1, 'target': 2, 'loss': 2.0}]
    """
    pairs = side_pairs(network.links)
    states = pairs.transition_state
    nodes = _rows({"id": network.minimum_ids, "loss": network.minimum_energies, **network.columns})
    edges = _rows(
        {
            "id": network.transition_state_ids[states],
            "source": network.minimum_ids[pairs.minimum_1],
            "target": network.minimum_ids[pairs.minimum_2],
            "loss": network.transition_state_energies[states],
            **{name: column[states] for name, column in network.transition_state_columns.items()},
        }
    )
    return nodes, edges


def to_networkx(network: Network) -> Any:
    """The network as a `networkx.MultiGraph`.

    Args:
        network: the network of points, e.g. from `Atlas.network`.

    Returns:
        A graph whose nodes are the ids of the minima. The attribute ``id`` of an edge is the id of
        the transition state.

    Raises:
        BadInputError: if NetworkX is not installed.

    Examples:
        >>> graph = to_networkx(Network.of_pairs([0.0, 1.0], [2.0], [0], [1]))
        >>> graph.nodes[2]["loss"], list(graph.edges(data="id"))
        (1.0, [(1, 2, 1)])
    """
    graph = optional("networkx", "networkx").MultiGraph()
    nodes, edges = nodes_and_edges(network)
    for node in nodes:
        graph.add_node(node.pop("id"), **node)
    for edge in edges:
        graph.add_edge(edge.pop("source"), edge.pop("target"), **edge)
    return graph


def write_graphml(path: str | Path, network: Network) -> None:
    """Write the network to a new GraphML file.

    Args:
        path: the file to be written.
        network: the network of points, e.g. from `Atlas.network`.

    Raises:
        BadInputError: if the file exists.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "wells.graphml"
        >>> write_graphml(path, Network.of_pairs([0.0, 1.0], [2.0], [0], [1]))
        >>> "<node" in path.read_text()
        True
    """
    path = Path(path).expanduser()
    if path.exists():
        raise BadInputError(str(path), "exists already", "choose another name")
    nodes, edges = nodes_and_edges(network)
    root = ElementTree.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    for kind, rows, left_out in (("node", nodes, {"id"}), ("edge", edges, {"source", "target"})):
        for name in dict.fromkeys(name for row in rows for name in row if name not in left_out):
            whole = all(isinstance(row.get(name, 0), int) for row in rows)
            attributes = {"attr.name": name, "attr.type": "long" if whole else "double"}
            ElementTree.SubElement(root, "key", {"id": f"{kind}_{name}", "for": kind, **attributes})
    graph = ElementTree.SubElement(root, "graph", edgedefault="undirected")
    for row in nodes:
        _add(graph, "node", {"id": str(row.pop("id"))}, row)
    for row in edges:
        ends = {"source": str(row.pop("source")), "target": str(row.pop("target"))}
        _add(graph, "edge", ends, row)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _rows(columns: dict[str, np.ndarray]) -> Rows:
    """The columns of a table as one dictionary for each row, without values that are not finite."""
    lists = {name: np.asarray(column).tolist() for name, column in columns.items()}
    length = len(next(iter(lists.values())))
    return [
        {name: values[k] for name, values in lists.items() if np.isfinite(values[k])}
        for k in range(length)
    ]


def _add(graph: Any, kind: str, attributes: dict[str, str], row: dict[str, Any]) -> None:
    element = ElementTree.SubElement(graph, kind, attributes)
    for name, value in row.items():
        ElementTree.SubElement(element, "data", key=f"{kind}_{name}").text = repr(value)
