"""Where the payment provider tells what happened."""

import json
import logging
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from acme.database import Db
from acme.mail import payment_failed
from acme.payments.signature import Verdict, judge
from acme.payments.webhook import process
from acme.web.identity import AppSettings, Now

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/webhooks", include_in_schema=False)

_MOST_BYTES = 1_000_000


async def verified_event(request: Request, settings: AppSettings, at: Now) -> dict[str, Any]:
    """The event of a delivery that the provider signed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413)
    header = request.headers.get("stripe-signature", "")
    verdict = judge(header, bytes(body), settings.stripe_webhook_secret, at)
    if verdict is not Verdict.GOOD:
        logger.warning("payment webhook refused: %s", verdict)
        raise HTTPException(400, f"refused: {verdict}")
    try:
        event = json.loads(body)
    except ValueError as error:
        raise HTTPException(400, "the body is not JSON") from error
    if not isinstance(event, dict) or not event.get("id") or not event.get("type"):
        raise HTTPException(400, "the body is not an event")
    return event


@router.post("/payments")
async def payments(
    request: Request,
    db: Db,
    settings: AppSettings,
    later: BackgroundTasks,
    event: Annotated[dict[str, Any], Depends(verified_event)],
) -> dict[str, str]:
    outcome = await run_in_threadpool(process, db, request.app.state.payments, event)
    outcome.tell()
    if outcome.payment_failed and outcome.owner:
        letter = payment_failed(outcome.owner.email, outcome.owner.account.name, f"{settings.url}/billing")
        later.add_task(request.app.state.send, letter)
    logger.info("payment event %s: %s", event["type"], outcome.word, extra={"event.id": event["id"]})
    return {"status": outcome.word}
