"""The JSON contracts: one pydantic model per lane, each written once per run."""
