"""Files and folders that this package writes: whole or not at all, and never over somebody else's."""

from spectrack.files.writing import (
    check_folder_for_results,
    number_key,
    user_cache_folder,
    write_atomically,
    write_folder_atomically,
    write_json,
    write_text,
)

__all__ = [
    "check_folder_for_results",
    "number_key",
    "user_cache_folder",
    "write_atomically",
    "write_folder_atomically",
    "write_json",
    "write_text",
]
