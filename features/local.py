"""What a site adds to the declarations: its own features, and the record tables that its contracts imply.

A table is added only when a group reads it, so that a source without features changes nothing.
"""

from __future__ import annotations

from typing import Any

import yaml

from data_contracts import site
from features.errors import FeatureError
from record import plain_tables


def site_documents(shipped: dict[str, Any]) -> dict[str, Any]:
    """The site's declaration files by family; a family may not take the name of one that is shipped."""
    documents: dict[str, Any] = {}
    for path in site.files("features"):
        if path.stem in shipped or path.stem in ("tables", "deficits"):
            raise FeatureError(f"{path.name}: the product ships a family {path.stem!r}; give the file another name")
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if document:
            documents[path.stem] = {"features": [], **document}
    return documents


def implied_tables(documents: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Tables implied by contracts that a group of the documents reads, as ``tables.yaml`` would declare them."""
    plain = plain_tables()
    read = {
        member["table"]
        for document in documents.values()
        for group in document.get("groups", {}).values()
        for member in group.get("from", [])
    }
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(read & set(plain)):
        contract, table = plain[name], plain[name].record_table
        assert table is not None
        found[name] = {"date": "event_date", "end": table.end, "sources": [contract.id]}
    return found
