"""Polls that see at once what lies in the state directory."""

import os

import fcgi
from support import RESPONDER


class Poll:
    """Answers of the responder as a CGI program: each process opens the snapshot anew."""

    def __init__(self, directory, state):
        self.out = os.open(directory / "answer", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        self.environment = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "REQUEST_METHOD": "GET",
            "QUERY_STRING": "format=links",
            "SIGNPOST_CONFIG": "/dev/null",
            "SIGNPOST_STATE": str(state),
        }
        self.files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, self.out, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]

    def close(self):
        os.close(self.out)

    def ask(self, uuid):
        """A reply; a process that does not end with 0 is an error."""
        os.ftruncate(self.out, 0)
        os.lseek(self.out, 0, os.SEEK_SET)
        environment = dict(self.environment, PATH_INFO=f"/{uuid}")
        pid = os.posix_spawn(RESPONDER, ["signpost.fcgi"], environment, file_actions=self.files)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status != 0:
            raise AssertionError(f"the responder ended with {status}")
        return fcgi.Reply([(fcgi.STDOUT, 1, os.pread(self.out, 1 << 20, 0))])
