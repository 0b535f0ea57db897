"""A stateful stand-in for Stripe: REST API, hosted pay page, signed webhooks, a clock that can be moved.

Written from Stripe's public API reference; it holds what a subscription business needs and refuses live keys.
"""

from golive.sandbox.payments.signature import sign
from golive.sandbox.payments.simulator import PaymentSimulator

__all__ = ["PaymentSimulator", "sign"]
