"""`python -m bench.review`: see bench.review.weeks."""

from bench.apart import apart

DATA = apart("review")

from bench.review.weeks import main  # noqa: E402

if __name__ == "__main__":
    with DATA:
        main()
