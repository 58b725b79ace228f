def main(broken: bool = False):
    if broken:
        raise RuntimeError("no data tonight")
    return {"rows": 12}
