"""Finding secrets in text, trees and history. No finding ever holds the secret: only its rule, place and a print."""
