import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackd_service import attempts
from trackd_service.attempts import Attempts

SECOND = 10**9
START = 1_800_000_000 * SECOND


def allowed_times(times: list[int]) -> list[int]:
    """Returns which attempts at those times are let through."""
    known, allowed = Attempts(), []
    for time in times:
        known, wait = known.with_one(time)
        assert wait >= 0
        if not wait:
            allowed.append(time)
    return allowed


@given(st.lists(st.integers(0, 20 * SECOND), max_size=200))
def test_no_minute_has_more_than_five_attempts(gaps: list[int]) -> None:
    now, times = START, []
    for gap in gaps:
        now += gap
        times.append(now)
    allowed = allowed_times(times)
    for position in range(len(allowed) - 5):
        assert allowed[position + 5] - allowed[position] >= 60 * SECOND


@given(st.lists(st.integers(15 * SECOND, 900 * SECOND), max_size=50))
def test_who_tries_slowly_is_never_refused(gaps: list[int]) -> None:
    times = [START + sum(gaps[: position + 1]) for position in range(len(gaps))]
    assert allowed_times(times) == times


def test_waits_double_up_to_a_quarter_of_an_hour_and_begin_anew_after_an_hour() -> None:
    known, now, waits = Attempts(), START, []
    for _ in range(6):
        wait = 0
        while not wait:
            known, wait = known.with_one(now)
        waits.append(wait // SECOND)
        assert known.with_one(now + wait - 1)[1] == 1
        now += wait
    assert waits == [60, 120, 240, 480, 900, 900]
    now += 3600 * SECOND
    wait = 0
    while not wait:
        known, wait = known.with_one(now)
    assert wait == 60 * SECOND


def test_asking_again_while_refused_makes_the_wait_no_longer() -> None:
    known, wait = Attempts(), 0
    while not wait:
        known, wait = known.with_one(START)
    for _ in range(100):
        known, left = known.with_one(START + SECOND)
        assert left == wait - SECOND
    assert known.with_one(START + wait)[1] == 0


@given(st.integers(-(10**18), 10**18))
def test_a_clock_that_was_wrong_locks_nobody_out_for_longer_than_the_longest_wait(shift: int) -> None:
    known, wait = Attempts(), 0
    while not wait:
        known, wait = known.with_one(START)
    _, left = known.with_one(START + shift)
    assert left <= 900 * SECOND


def test_what_was_right_is_not_counted() -> None:
    known = Attempts()
    for second in range(50):
        known, wait = known.with_one(START + second * SECOND)
        assert wait == 0
        known = known.without_one()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("\0 some text", "unknown"),
    ],
)
def test_addresses_of_one_subscriber_are_one(address: str, network: str) -> None:
    assert attempts.network(address) == network


def test_the_address_is_counted_before_the_name() -> None:
    assert attempts.subjects("ada", "192.0.2.7") == ["address:192.0.2.7", "name:ada"]
    assert attempts.subjects("", "192.0.2.7") == ["address:192.0.2.7"]
