"""A guest on examples/vm, seen from outside: its console, its disk, and servers that it talks to."""
import gzip
import hashlib
import http.server
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BIN = os.environ.get("VML_BIN", os.path.join(TOP, "build/posix-" + os.uname().machine + "/bin"))
VM = os.path.join(BIN, "vm")
SKIP = 77


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIP)


def guest_folder(name):
    """Where a guest's files are; without them, and without the network, the test is skipped."""
    run = subprocess.run([os.path.join(TOP, "tools/guest"), name], stdout=subprocess.PIPE, check=False)
    if run.returncode != 0:
        skip(f"the guest '{name}' cannot be had here")
    return run.stdout.decode().strip().splitlines()[-1]


def cpio(name, data, mode=0o755):
    """One file as a cpio archive of the kind that Linux unpacks."""
    def entry(name, data, mode, inode):
        fields = [inode, stat.S_IFREG | mode if data is not None else 0, 0, 0, 1, 0,
                  len(data or b""), 0, 0, 0, 0, len(name) + 1, 0]
        head = b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
        head += b"\0" * (-len(head) % 4)
        return head + (data or b"") + b"\0" * (-len(data or b"") % 4)
    return entry(name, data, mode, 1) + entry("TRAILER!!!", None, 0, 0)


def check_initramfs(folder, work):
    """The guest's initramfs with support/check in it, which runs instead of a shell."""
    path = os.path.join(work, "initramfs.gz")
    with open(os.path.join(os.path.dirname(__file__), "check"), "rb") as file:
        check = file.read()
    with open(os.path.join(folder, "initramfs.gz"), "rb") as base, open(path, "wb") as out:
        shutil.copyfileobj(base, out)
        out.write(gzip.compress(cpio("check", check)))
    return path


class Console:
    """What comes out of a descriptor, collected by a thread."""

    def __init__(self, descriptor):
        self.text = b""
        self.at = 0
        self.changed = threading.Condition()
        self.ended = False
        self.descriptor = descriptor
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                part = os.read(self.descriptor, 65536)
            except OSError: # a pseudo-terminal whose other end is gone
                part = b""
            with self.changed:
                self.text += part
                self.ended = not part
                self.changed.notify_all()
            if not part:
                return

    def expect(self, pattern, timeout=60):
        """Waits for a regular expression behind what was found last; returns the match."""
        deadline = time.monotonic() + timeout
        compiled = re.compile(pattern.encode() if isinstance(pattern, str) else pattern)
        with self.changed:
            while True:
                match = compiled.search(self.text, self.at)
                if match:
                    self.at = match.end()
                    return match
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    self.die(f"the guest did not say {pattern!r}")
                self.changed.wait(left)

    def die(self, why):
        sys.stdout.flush()
        print(f"FAILED: {why}; the end of its console:")
        print(self.text[-3000:].decode(errors="replace"))
        sys.stdout.flush()
        os._exit(1)


class Vm(Console):
    """A running vm. Its serial line is its standard input and output."""

    def __init__(self, *args, environment=None):
        self.process = subprocess.Popen([VM, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment)
        super().__init__(self.process.stdout.fileno())
        self.errors = b""
        self.threads = [self.reader, threading.Thread(target=self.read_errors, daemon=True)]
        self.threads[1].start()

    def read_errors(self):
        while part := os.read(self.process.stderr.fileno(), 65536):
            self.errors += part

    def send(self, data):
        self.process.stdin.write(data if isinstance(data, bytes) else data.encode())
        self.process.stdin.flush()

    def signal(self, number):
        self.process.send_signal(number)

    def finish(self, timeout=60):
        """Waits for the end of the vm; returns its exit status."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.die("the vm did not end")
        for thread in self.threads:
            thread.join(timeout)
        return code

    def die(self, why):
        self.process.kill()
        print(self.errors[-2000:].decode(errors="replace"))
        super().die(why)


class Download(threading.Thread):
    """A web server on the host, by default on its loopback: random bytes, and their hash."""

    def __init__(self, size, address="127.0.0.1"):
        super().__init__(daemon=True)
        self.data = os.urandom(1 << 20) * (size >> 20)
        self.hash = hashlib.sha256(self.data).hexdigest()
        data = self.data

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = http.server.HTTPServer((address, 0), Handler)
        self.port = self.server.server_port
        self.start()

    def run(self):
        self.server.serve_forever()


class Upload(threading.Thread):
    """Takes one connection's bytes and hashes them."""

    def __init__(self, address="127.0.0.1"):
        super().__init__(daemon=True)
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        self.hash = hashlib.sha256()
        self.size = 0
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        while part := connection.recv(1 << 16):
            self.hash.update(part)
            self.size += len(part)
        connection.close()


class Tests:
    """Counts, and says so in the words that tools/run-tests reads."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.work = tempfile.mkdtemp(prefix="vml-test-")

    def check(self, name, condition, detail=""):
        if condition:
            self.passed += 1
            print(f"[       OK ] {name}")
        else:
            self.failed += 1
            print(f"[  FAILED  ] {name} {detail}")
        sys.stdout.flush()
        return condition

    def path(self, name):
        return os.path.join(self.work, name)

    def end(self):
        shutil.rmtree(self.work, ignore_errors=True)
        print(f"[  PASSED  ] {self.passed} test(s).")
        if self.failed:
            print(f"[  FAILED  ] {self.failed} test(s).")
        sys.exit(1 if self.failed else 0)
