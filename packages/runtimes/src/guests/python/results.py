"""What a Python value becomes as JSON text; rules from Windmill's documented wrapper behaviour."""
import base64
import json
import math


def to_json(value):
    prepared = tabular(value)
    if isinstance(prepared, dict):
        prepared = {key: encode(inner) for key, inner in prepared.items()}
    else:
        prepared = encode(prepared)
    try:
        return json.dumps(prepared, default=fallback, allow_nan=False)
    except (ValueError, TypeError):
        # NaN, or keys that JSON has not; both are rare, so the slow way is only gone where it is needed.
        return json.dumps(finite(prepared), default=fallback)


def tabular(value):
    """pandas and polars frames become lists of rows; neither is imported here."""
    kind = type(value).__module__.partition(".")[0]
    name = type(value).__name__
    if kind == "pandas" and name == "DataFrame":
        return value.values.tolist()
    if kind == "polars" and name == "DataFrame":
        return value.rows()
    return value


def encode(value):
    return base64.b64encode(value).decode("ascii") if isinstance(value, (bytes, bytearray)) else tabular(value)


def fallback(value):
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    return str(value)


def finite(value):
    """NaN and the infinities are no JSON: null, as Windmill does."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return value
