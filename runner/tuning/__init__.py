"""Backtests and the search for parameters: the real desk and runner over simulated markets, judged by the account.

    setup     under which conditions: market, funding, fees, line; what is coarser than real
    coarse    the market in steps: blocks of a recording, or drawn
    funding   rates from recorded history, or drawn
    world     the simulator's world with that market
    meter     what a run earned and risked, by the exchange's account
    figures   statistics over seeds, and their bootstrap intervals
    run       the one door to the simulator: one seed, from start to figures
    judge     runs over many seeds, on several processes
    options   what both commands take

    space     what is searched: a TOML file
    goal      the objective and the bounds
    study     trials in a storage that processes share
    verdict   the best trial and the baseline on seeds no trial has seen
    page      the report in one HTML file

The second half needs Optuna (the extra `tune`); a backtest does without.
"""
