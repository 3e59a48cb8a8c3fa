# attack = "connects to what listens on the host, signals a process of it, and writes its files"
# threats = [27, 40]
# outcome = "OK"
# stdout = """
# loopback: ENETUNREACH
# abstract socket: ECONNREFUSED
# kill: ESRCH
# file: ENOENT
# """
# caught_by = []
import os
import socket

from attack import attempt, bait

attempt("loopback", socket.socket().connect, ("127.0.0.1", int(bait("TCP"))))
attempt("abstract socket", socket.socket(socket.AF_UNIX).connect, "\0" + bait("ABSTRACT"))
attempt("kill", os.kill, int(bait("PID")), 9)
attempt("file", open, bait("FILE"), "w")
