"""Growing an atlas: strategies propose searches, a planner chooses, the engine runs them."""
