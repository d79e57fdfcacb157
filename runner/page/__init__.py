"""The operator's page: what a run is doing, live, and four buttons; served on loopback by the runner's own process.

view.py        the one snapshot that the page, `top` and others show
diagrams.py    the machines as small pictures, drawn from the tables
records.py     records as lines for a screen
frames.py      the snapshot as text, made once for all who watch
guard.py       the token, and which requests are answered at all
doors.py       the listening socket: how many connections, and for how long without a request
server.py      the routes
words.py       reasons and answers in English and Japanese, one file a language
static/        the page itself
"""
