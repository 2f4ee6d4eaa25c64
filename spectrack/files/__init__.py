"""What this package writes, whole or not at all and never over others', and whether what it reads is still the same."""

from spectrack.files.claims import Claim, claim_folder, write_file, write_folder
from spectrack.files.configurations import differences, refuse_other
from spectrack.files.manifest import MANIFEST, Manifest
from spectrack.files.places import FileTerms, Terms, check_file, check_folder, resolved
from spectrack.files.user_folders import cache_to_write, expanded, user_cache_folder
from spectrack.files.writing import naming, number_key, write_atomically, write_json, write_text

__all__ = [
    "MANIFEST",
    "Claim",
    "FileTerms",
    "Manifest",
    "Terms",
    "cache_to_write",
    "check_file",
    "check_folder",
    "claim_folder",
    "differences",
    "expanded",
    "naming",
    "number_key",
    "refuse_other",
    "resolved",
    "user_cache_folder",
    "write_atomically",
    "write_file",
    "write_folder",
    "write_json",
    "write_text",
]
