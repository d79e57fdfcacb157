"""Backtests and the search for parameters: the real desk and runner over simulated markets, judged by the account.

setup     under which conditions: market, funding, fees, line; what is coarser than real
coarse    the market in steps: blocks of a recording, or drawn
funding   rates from recorded history, or drawn
world     the simulator's world with that market
meter     what a run earned and risked, by the exchange's account
figures   statistics over seeds, and their bootstrap intervals
run       the one door to the simulator: one seed, from start to figures
"""
