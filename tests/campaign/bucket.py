"""The S3 bucket of a campaign: sources that take their time, and a record of every result that was written.

GET of "SECONDS--N.csv" is a table of its own for each N, whose bytes come over SECONDS: a job that lasts without computing.
"""
import hashlib
import http.server
import random
import re
import threading
import time
import urllib.parse

BUCKET = "c"
ROWS = 40


def table(number):
    dice = random.Random(number)
    return ("id,x,y\n" + "".join("r%d,%.3f,%.3f\n" % (row, dice.random(), dice.random()) for row in range(ROWS))).encode()


def source_name(seconds, number):
    return "s3://%s/%.2f--%d.csv" % (BUCKET, seconds, number)


class Bucket:
    def __init__(self):
        self.objects = {}         # key: bytes
        self.writes = {}          # key: the SHA-256 of every PUT, in order
        self.lock = threading.Lock()
        self.server = _Server(self)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def toml(self):
        return ('[buckets.%s]\nendpoint = "http://127.0.0.1:%d"\nregion = "us-east-1"\npath-style = "true"\nwritable = true\n'
                'access-key-id = "campaign"\nsecret-access-key = "no secret"\n' % (BUCKET, self.server.server_address[1]))

    def put(self, key, data):
        with self.lock:
            self.objects[key] = data
            self.writes.setdefault(key, []).append(hashlib.sha256(data).hexdigest())

    def remove(self, key):
        with self.lock:
            self.objects.pop(key, None)

    def get(self, name):
        """The object of an s3:// name, or None."""
        with self.lock:
            return self.objects.get(name.removeprefix("s3://%s/" % BUCKET))

    def keys(self):
        with self.lock:
            return list(self.objects)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, bucket):
        self.bucket = bucket
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request, client_address):
        pass  # a client that was killed


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def key(self):
        return urllib.parse.unquote(self.path.split("?")[0]).split("/", 2)[-1]

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def found(self):
        """The object's bytes and how long they take, or None."""
        source = re.fullmatch(r"([0-9.]+)--(\d+)\.csv", self.key())
        if source:
            return table(int(source[2])), float(source[1])
        data = self.server.bucket.get(self.key())
        return None if data is None else (data, 0)

    def do_HEAD(self):
        found = self.found()
        if found is None:
            return self.answer(404)
        self.answer(200, [("Content-Length", str(len(found[0]))), ("ETag", self.etag(found[0]))])

    def do_GET(self):
        found = self.found()
        if found is None:
            return self.answer(404)
        data, seconds = found
        headers = [("ETag", self.etag(data))]
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        whole = len(data)
        if part:
            first, last = int(part[1]), min(int(part[2] or whole - 1), whole - 1)
            data = data[first:last + 1]
            headers.append(("Content-Range", "bytes %d-%d/%d" % (first, last, whole)))
        headers.append(("Content-Length", str(len(data))))
        self.answer(206 if part else 200, headers)
        pieces = max(1, round(seconds / 0.25))
        size = -(-len(data) // pieces)
        for piece in range(pieces):
            if seconds:
                time.sleep(seconds / pieces)
            self.wfile.write(data[piece * size:(piece + 1) * size])

    def do_PUT(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bucket.put(self.key(), data)
        self.answer(200, [("ETag", self.etag(data))])

    def do_DELETE(self):
        self.server.bucket.remove(self.key())
        self.answer(204)

    def do_POST(self):
        self.answer(501)  # nothing here is large enough for parts

    @staticmethod
    def etag(data):
        return '"%s"' % hashlib.md5(data).hexdigest()
