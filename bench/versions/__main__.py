"""`python -m bench.versions`: see bench.versions.rooms."""

from bench.apart import apart

DATA = apart("versions")

from bench.versions.rooms import main  # noqa: E402

if __name__ == "__main__":
    with DATA:
        main()
