"""`python -m bench.hostile`: see bench.hostile.wide."""

from bench.apart import apart

DATA = apart("hostile")

from bench.hostile.wide import main  # noqa: E402

if __name__ == "__main__":
    with DATA:
        main()
