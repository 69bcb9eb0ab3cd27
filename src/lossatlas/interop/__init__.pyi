from .pathsample import read_database as read_database, write_database as write_database
