"""Proof by exhaustion: every order of an environment's choices, up to a bound, on the real tables and the real desk.

`search` walks the orders, `running` says which tables run and which rows fired, `venue` is the exchange as a set of
choices, `tickets`, `desks` and `sessions` are the models. `python -m mmfsm.explore` runs them.
"""
