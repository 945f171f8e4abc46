"""Owns the names that a run gets when nobody names it: a friendly one to read, and an id that no other run has."""

from __future__ import annotations

import random

_ADJECTIVES = (
    "amber autumn bold brave bright brisk calm clear clever cosmic crimson crisp curious dapper deep eager early earnest "
    "fair fancy fleet floral fresh frosty gentle giddy glad golden grand green happy hazel honest icy jolly keen kind late "
    "lively lucid lunar magic mellow merry mild misty neat noble northern patient polar proud quick quiet radiant rapid "
    "rare regal rosy royal sandy scarlet serene sharp shiny silent silver sleek smooth snowy solar spring stellar still "
    "sunny super swift tidy vivid warm wild wise witty woven young"
).split()
_NOUNS = (
    "arch aspen badger bay beacon bird bloom breeze brook canyon cedar cloud comet coral cove crane creek dawn delta dew "
    "dune eagle ember fern field fjord flame forest fox galaxy garden glade grove harbor hawk heron hill island ivy jay "
    "lagoon lake lark leaf lion lynx maple marsh meadow mesa moon moss oak ocean orbit otter owl peak pearl pine planet "
    "plateau pond prairie rain raven reef ridge river robin sea shore sky smoke snow sound sparrow spruce star stone storm "
    "stream summit sun sunset surf swan thunder tide tree valley violet water wave willow wind wolf wood"
).split()
_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
ID_CHARACTERS = 8

_random = random.SystemRandom()  # not the script's seeded generator: two runs of one script must differ


def generate_id(length: int = ID_CHARACTERS) -> str:
    """Returns a new run id of lower-case letters and digits."""
    return "".join(_random.choice(_ID_ALPHABET) for _ in range(length))


def generate_name() -> str:
    """Returns a new display name such as "swift-otter-42"."""
    return f"{_random.choice(_ADJECTIVES)}-{_random.choice(_NOUNS)}-{_random.randrange(1, 1000)}"
