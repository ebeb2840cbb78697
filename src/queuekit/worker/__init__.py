"""The worker: a supervisor that runs no user code, and children that run nothing else.

`core` decides, as a step function of events and time; `supervisor` is the shell of processes,
threads and sockets around it.
"""
