from .arguments import JsonOption as JsonOption, ended_cleanly as ended_cleanly
from .numbers import positive as positive
from .output import counted as counted, show_json as show_json
from .picture import save_picture as save_picture
from .progress import ExploreDisplay as ExploreDisplay
from .runtime import set_up_jax as set_up_jax
