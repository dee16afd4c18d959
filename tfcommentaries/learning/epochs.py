"""How many outer steps an epoch has."""


def steps_per_epoch(steps):
    """The divisor of a number of outer steps that is nearest to 10.

    A checkpoint is written after each epoch, and all steps are done.
    """
    divisors = (n for n in range(1, steps + 1) if steps % n == 0)
    return min(divisors, key=lambda n: abs(n - 10))
