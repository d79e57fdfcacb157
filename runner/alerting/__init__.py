"""Alerts: told to every address of ALERT_URLS, at once where a person must act, never in a trade's way.

run.py        a run's alerts: looks at its records and its desk
guardians.py  the guardian's, out of its own process
watch.py      what is worth telling
pace.py       how often
message.py    in which words; they are the catalogue's (`mmfsm.reasons`, `runner.reasons`)
teller.py     the three together, kept.py what of it outlives a process
post.py       a bounded queue and a thread for each address
addresses.py  apprise
command.py    `python -m runner alert --test`
"""
