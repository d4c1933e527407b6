"""How `kairos serve` is to run: the table [serve] of a scenario, each key of which a flag may override.

[serve]
plan = "plan.json"              # a saved plan, the path from this file
policy = "shadow"
port = 8000
late = "reject"                 # or "serve"
batch_from = "header:X-Items"
admin_port = 8100
admin_token_file = "token"

[serve.backends]
"g4dn.xlarge" = ["http://10.0.0.1:8000"]
"r5n.large" = ["http://10.0.0.2:8000", "http://10.0.0.3:8000"]
"""

from __future__ import annotations

from typing import Any

from kairos_cli.loading.toml_file import TomlFile

#: The keys of texts, whole numbers, numbers and paths.
_TEXTS = ("policy", "late", "batch_from", "host", "admin_host")
_WHOLE = ("port", "grpc_port", "admin_port", "max_body_mb", "max_connections", "max_waiting")
_SECONDS = ("longest_wait_s", "answer_timeout_s", "grace_s")
_PATHS = ("plan", "admin_token_file", "tls_cert", "tls_key")
KEYS = ("backends", *_TEXTS, *_WHOLE, *_SECONDS, *_PATHS)


def read_serve_table(file: TomlFile) -> dict[str, Any]:
    """Return the values of the table, by key, those that are there; raises InputError with all problems.

    Paths start from the folder of the file. `backends` maps each type to its URLs.
    """
    file.of_type(dict, "serve", required=False)
    file.expect_keys(KEYS, "serve")
    values = {
        key: file.of_type(kind, "serve", key, required=False)
        for kind, keys in ((str, (*_TEXTS, *_PATHS)), (int, _WHOLE), (float, _SECONDS), (dict, ("backends",)))
        for key in keys
    }
    for name in values["backends"] or ():
        _expect_urls(file, name)
    file.finish()
    found = {key: value for key, value in values.items() if value is not None}
    return found | {key: file.path.parent / found[key] for key in _PATHS if key in found}


def _expect_urls(file: TomlFile, name: str) -> None:
    """Note it if the backends of a type are no list of texts."""
    urls = file.of_type(
        list, "serve", "backends", name, hint='quote a name that has a dot in it: "g4dn.xlarge" = [ … ]'
    )
    for number in range(len(urls or ())):
        file.of_type(str, "serve", "backends", name, number)
