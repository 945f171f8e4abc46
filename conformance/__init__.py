"""One suite of cases that every client of trackd passes, through the real daemon and with faults; see README.md."""
