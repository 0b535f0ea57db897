"""Tests of golive.releases."""
