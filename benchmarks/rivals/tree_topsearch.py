"""A script for the interpreter of TopSearch: draws its plot of a network, prints CPU seconds."""

import sys
import time

import matplotlib

matplotlib.use("Agg")

import numpy as np
from topsearch.data.kinetic_transition_network import KineticTransitionNetwork
from topsearch.plotting.disconnectivity import plot_disconnectivity_graph

matplotlib.rcdefaults()  # TopSearch sets LaTeX and a font that few machines have
given = np.load(sys.argv[1])
network = KineticTransitionNetwork()
for energy in given["energies"]:
    network.add_minimum(np.zeros(1), energy)
for k in np.argsort(-given["heights"]):
    a, b = int(given["first"][k]), int(given["second"][k])
    network.add_ts(np.zeros(1), given["heights"][k], a, b)
start = time.process_time()
plot_disconnectivity_graph(network, levels=30)
print(time.process_time() - start)
