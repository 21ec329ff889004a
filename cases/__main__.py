"""``python -m cases``: the program.  Until its own handling is in place Ctrl-C ends it silently."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from cases.cli import program

program()
