from .show import TreePage as TreePage, show_tree as show_tree
