"""`python -m bench.check`: acme as it should be and with each planted fault, and which item convicts it."""
