"""`python -m bench.secrets`: accuracy of the secret scan on a generated corpus, and its speed on a long history."""
