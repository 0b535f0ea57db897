"""Feature flags, asked through OpenFeature: whoever serves them by OFREP can be put behind it.

Without ACME_FLAGS_URL, and while nobody answers there, every flag has the default that the code gives.
"""

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagValueType
from openfeature.hook import Hook, HookContext, HookHints
from opentelemetry import trace

from acme.models import User
from acme.settings import Settings

PROJECT_FIGURES = "project-figures"
_TIMEOUT_SECONDS = 0.5  # a flag is never worth a slow page


class SpanHook(Hook):
    """Writes onto the request's span which variant it got, so that what a variant does can be told apart."""

    def after(self, hook_context: HookContext, details: FlagEvaluationDetails[FlagValueType], hints: HookHints) -> None:
        span = trace.get_current_span()
        span.set_attribute("feature_flag.key", details.flag_key)
        span.set_attribute("feature_flag.result.variant", details.variant or "")


def start_flags(settings: Settings) -> None:
    """Ask the configured server from now on."""
    if settings.flags_url:
        key = settings.flags_key
        api.set_provider(
            OFREPProvider(
                settings.flags_url,
                headers_factory=lambda: {"Authorization": f"Bearer {key}"},
                timeout=_TIMEOUT_SECONDS,
            )
        )
        api.add_hooks([SpanHook()])


def enabled(flag: str, user: User, default: bool) -> bool:
    """Whether somebody has a feature; everybody of one account has the same."""
    context = EvaluationContext(f"account-{user.account_id}", {"plan": user.account.plan})
    return api.get_client().get_boolean_value(flag, default, context)
