"""Commands without the second that a process takes to start: each is a fork of one process that has started.

What a test sees is what a process shows: its own environment, folder, streams and exit code, a death by a
signal, processes of its own. `tests/surface` keeps real starts where the start is what is tested.
"""
