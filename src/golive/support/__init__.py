"""The support inbox: what customers write by form, mail or chat, and who answers."""
