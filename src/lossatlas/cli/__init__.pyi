from .arguments import JsonOption as JsonOption, ended_cleanly as ended_cleanly
from .numbers import positive as positive
from .output import counted as counted, show_json as show_json
from .picture import save_picture as save_picture
