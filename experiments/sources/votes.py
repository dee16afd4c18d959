"""Labels from those of several sources, which need no checked examples."""

import numpy as np


def counts(votes, number):
    """How many sources give each class to each example, `(examples, classes)`."""
    return np.stack([(votes == c).sum(1) for c in range(number)], 1)


def by_majority(votes):
    """The class that most sources give; of several, a class by lot."""
    found = counts(votes, votes.max() + 1)
    lots = np.random.default_rng(0).random(found.shape)
    return (found + 0.5 * lots).argmax(1)


def dawid_skene(votes, number, rounds=100):
    """Labels, and how often each source is right, by expectation maximisation.

    Args:
        votes: classes `(examples, sources)`, -1 is none.
        number: of classes.
        rounds: of both steps.

    Returns:
        `(labels, rates)`: the most probable class of each example; for each source the
        mean over classes of the probability that it names the right one.

    Reference:
        [Dawid and Skene, Maximum likelihood estimation of observer error-rates](
            https://doi.org/10.2307/2346806)
    """
    said = votes[..., None] == np.arange(number)  # (examples, sources, classes)
    classes = counts(votes, number) / (votes >= 0).sum(1, keepdims=True)
    for _ in range(rounds):
        prior = classes.mean(0)
        confusion = np.einsum("ec,esk->sck", classes, said) + 0.01
        confusion /= confusion.sum(2, keepdims=True)
        evidence = np.einsum("esk,sck->ec", said, np.log(confusion)) + np.log(prior)
        classes = np.exp(evidence - evidence.max(1, keepdims=True))
        classes /= classes.sum(1, keepdims=True)
    return classes.argmax(1), np.einsum("scc->s", confusion) / number
