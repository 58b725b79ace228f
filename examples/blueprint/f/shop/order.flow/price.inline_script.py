def main(items: list):
    return sum(items)
