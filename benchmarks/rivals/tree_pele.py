"""A script for the interpreter of pele: draws its plot of a network, and prints CPU seconds."""

import sys
import time

import matplotlib

matplotlib.use("Agg")

import networkx
import numpy as np
from pele.storage.database import Minimum, TransitionState
from pele.utils.disconnectivity_graph import DisconnectivityGraph

given = np.load(sys.argv[1])
minima = [Minimum(energy, np.zeros(1)) for energy in given["energies"]]
for number, minimum in enumerate(minima, start=1):
    minimum._id = number  # minima from a database of pele have such a number
graph = networkx.Graph()
graph.add_nodes_from(minima)
for k in np.argsort(-given["heights"]):  # descending, so that the lowest of several is kept
    a, b = minima[given["first"][k]], minima[given["second"][k]]
    graph.add_edge(a, b, ts=TransitionState(given["heights"][k], np.zeros(1), a, b))
start = time.process_time()
tree = DisconnectivityGraph(graph, nlevels=30, center_gmin=True)
tree.calculate()
tree.plot()
matplotlib.pyplot.savefig("tree.png")
print(time.process_time() - start)
