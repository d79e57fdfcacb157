"""Proof by exhaustion: every order of an environment's choices, up to a bound, on the real tables and the real desk.

    search        walks the orders, and finds the way home from everywhere
    running       which tables run, which rows fire, and what a part of a world did before
    venue         the exchange as a set of choices: what may become of an order, and in which order it is told
    canonical     what makes two worlds the same; copying: worlds of their own to take a choice in
    model         what a model is, and the invariants' numbers and names
    tickets       tickets and their orders, on their tables alone; ticket_model: its invariants
    world, desks  the real desk against the venue; desk_model: quotes × orders × feeds, and session × restart
    reading       what the exchange answers when it is read; sending: what may be wrong with what is sent

`python -m mmfsm.explore` runs them.
"""
