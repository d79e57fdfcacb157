"""The thin process around mmfsm: Bitget's wire, sockets, files, signals and the command line."""
