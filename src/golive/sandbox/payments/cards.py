"""Test cards: what happens when a number is entered, and when it is charged again later."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A test card. `declined` says why entering it fails; `renewal_declined` why a later charge does."""

    number: str
    declined: str = ""
    renewal_declined: str = ""

    @property
    def last4(self) -> str:
        return self.number[-4:]


_CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242"),
        Card("4000056655665556"),
        Card("5555555555554444"),
        Card("4000000000000341", renewal_declined="generic_decline"),
        Card("4000000000000002", declined="generic_decline"),
        Card("4000000000009995", declined="insufficient_funds"),
        Card("4000000000000069", declined="expired_card"),
    )
}
_INVALID = "incorrect_number"


def card_of(number: str) -> Card:
    """The card behind what was typed; a number that is not a test card is refused."""
    digits = "".join(character for character in number if character.isdigit())
    return _CARDS.get(digits, Card(digits or "0000", declined=_INVALID))


def reason_for_people(code: str) -> str:
    """The sentence that the pay page shows."""
    return {
        "insufficient_funds": "Your card has insufficient funds. Try a different card.",
        "expired_card": "Your card has expired. Try a different card.",
        _INVALID: "Your card number is not one of the test cards. Try 4242 4242 4242 4242.",
    }.get(code, "Your card was declined. Try a different card.")
