from statistics import mean


def main(temperatures: list):
    return mean(temperatures)
