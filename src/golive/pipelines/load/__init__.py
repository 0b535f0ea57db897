"""Load tests: users are added until a target breaks; the answer is one sentence, beside the release before."""
