"""The runner and the stand-in exchange in one process under virtual time, with a network of faults between them.

    clock     an event loop whose time jumps to the next timer, and the clock everything reads
    market    books and trades at ten a second and leg, cheap to draw
    network   HTTP and sockets without sockets: what is sent arrives late, or not at all
    world     the exchange, the network's other end, and the moments at which something happens
    bot       the unchanged runner, gateway and sockets on that network
    swarm     which faults a seed has, and how heavy
    checks    what must hold after every event, and at the end
    run       one seed from start to verdict
    shrink    the shortest list of events that still breaks a rule

Nothing here decides about orders: desk, gateway, budget, wire parsers, subscriptions and reconnecting are the runner's
own code. What is left out: TCP, TLS, aiohttp and pybotters, the journal's and the log's files, the guardian.
"""
