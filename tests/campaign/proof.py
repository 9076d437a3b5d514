"""What has to be true after a campaign. Each check returns its violations, as sentences."""
import contextlib
import hashlib
import json
import re
import sqlite3
from collections import Counter

from clients import FINAL
from observer import TAKEN


def violations(service, clients, bucket, observer):
    orders = clients.orders()
    ends = {order.key: clients.job(order.id) for order in orders if order.ids}
    found = list(clients.surprises)
    found += _terminal_once(orders, ends)
    found += _ends_have_causes(orders, ends)
    found += _one_job_a_key(orders, service.store)
    found += ["attempt %d of job %s was taken from a live owner: %s (%s)" % (taken.attempt, taken.job, taken.fault, taken.text)
              for taken in observer.taken if taken.fault]
    found += ["attempt %d of job %s failed by itself: %s" % failed for failed in observer.failed]
    found += _results(orders, ends, bucket)
    found += _store(service.store)
    found += _deaths(service.log)
    return found


def _terminal_once(orders, ends):
    for order in orders:
        if not order.ids:
            continue
        end = ends[order.key]
        if end is None:
            yield "job %s was acknowledged and is gone" % order.id
        elif end["state"] not in FINAL:
            yield "job %s was acknowledged and is still %s" % (order.id, end["state"])
        elif order.end and order.end != end:
            yield "job %s ended twice: %s, then %s" % (order.id, json.dumps(order.end), json.dumps(end))


def _ends_have_causes(orders, ends):
    """Cancelled only who was cancelled, discarded only who lost its worker too often."""
    for order in orders:
        end = ends.get(order.key)
        if end is None or end["state"] not in FINAL:
            continue
        if end["state"] == "cancelled" and not order.cancel_asked:
            yield "job %s is cancelled and nobody asked for it" % order.id
        if end["state"] == "discarded" and (end["failures"] < end["max_attempts"] or end["error"] not in TAKEN):
            yield "job %s was discarded after %d of %d failures: %s" % (order.id, end["failures"], end["max_attempts"],
                                                                        end["error"])


def _one_job_a_key(orders, store):
    for order in orders:
        if len(order.ids) > 1:
            yield "key '%s' was answered with several jobs: %s" % (order.key, sorted(order.ids))
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % store, uri=True)) as rows:
        sources = Counter(json.loads(payload)["source"] for (payload,) in rows.execute("SELECT payload FROM job_data"))
    for source, jobs in sources.items():
        if jobs > 1:
            yield "%d jobs have the source %s, which was asked for once" % (jobs, source)


def _results(orders, ends, bucket):
    """What a completed job names was written by the attempt that completed it, whole, and its report is of its own seed."""
    for order in orders:
        end = ends.get(order.key)
        if end is None or end["state"] != "completed":
            continue
        result = end["result"]
        mark = ".%s.%d." % (order.id, end["attempt"])
        for role in ("assignment", "report", "page"):
            name = result.get(role) or ""
            data = bucket.get(name)
            if mark not in name:
                yield "job %s was completed by attempt %d and names %s" % (order.id, end["attempt"], name)
            elif data is None:
                yield "job %s names %s, which is not in the bucket" % (order.id, name)
            elif hashlib.sha256(data).hexdigest() != result["%s_sha256" % role]:
                yield "job %s names %s, whose bytes have another SHA-256 than it says" % (order.id, name)
        report = bucket.get(result.get("report") or "")
        if report and json.loads(report)["seed"] != order.body["seed"]:
            yield "job %s names the report of another job: its seed is %d" % (order.id, json.loads(report)["seed"])
    last = {end["id"]: end["attempt"] for end in ends.values() if end}
    for key in bucket.keys():
        named = re.search(r"\.([0-9a-f-]{36})\.(\d+)\.", key)
        if named and int(named[2]) > last.get(named[1], int(named[2])):
            yield "%s was written by attempt %s of a job that had %d" % (key, named[2], last[named[1]])


def _store(path):
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as store:
        verdict = store.execute("PRAGMA integrity_check").fetchone()[0]
        open_jobs = store.execute("SELECT count(*) FROM jobs WHERE state NOT IN (%s)" % ",".join("?" * len(FINAL)),
                                  FINAL).fetchone()[0]
    if verdict != "ok":
        yield "the store is damaged: %s" % verdict
    if open_jobs:
        yield "%d jobs in the store are not final" % open_jobs


def _deaths(log):
    """Workers may be killed, and may give up on a store that is away; none may crash."""
    with open(log, errors="replace") as lines:
        for line in lines:
            if re.search(r"worker .* ended: signal (?!KILL)", line):
                yield "a worker crashed: %s" % line.strip()
