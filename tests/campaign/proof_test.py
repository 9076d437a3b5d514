#!/usr/bin/env python3
"""That the campaign's proof notices what it is there for, each fault in a campaign where all else is well."""
import copy
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import types
import unittest

sys.dont_write_bytecode = True

import faults
import observer
import plan
import proof
import service as processes
from clients import Order

JOB = "01a213a1-7ffb-7c0c-8ab0-6917e2c8ea53"


class Proof(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.store, self.log = os.path.join(folder.name, "jobs.db"), os.path.join(folder.name, "log")
        self.write_log("info worker task 1 ended: signal KILL pid=7\n")
        self.order = Order("a key", {"source": "s3://c/1--7.csv", "seed": 7}, {JOB}, 1)
        self.objects = {}
        result = {}
        for role, data in (("assignment", b"r1,1\n"), ("report", json.dumps({"seed": 7}).encode()), ("page", b"<p>")):
            result[role] = "s3://c/out/1--7.%s.2.%s" % (JOB, role)
            result[role + "_sha256"] = hashlib.sha256(data).hexdigest()
            self.objects[result[role]] = data
        self.end = {"id": JOB, "state": "completed", "attempt": 2, "failures": 1, "max_attempts": 5, "error": None,
                    "result": result, "finished_at": "then"}
        self.order.end = copy.deepcopy(self.end)
        self.observer = types.SimpleNamespace(taken=[], failed=[])
        with sqlite3.connect(self.store) as store:
            store.execute("CREATE TABLE jobs(seq INTEGER, id TEXT, state TEXT)")
            store.execute("CREATE TABLE job_data(seq INTEGER, payload TEXT)")
            store.execute("INSERT INTO jobs VALUES (1, ?, 'completed')", (JOB,))
            store.execute("INSERT INTO job_data VALUES (1, ?)", (json.dumps(self.order.body),))
        store.close()

    def write_log(self, text):
        with open(self.log, "w") as log:
            log.write(text)

    def found(self):
        clients = types.SimpleNamespace(orders=lambda: [self.order], job=lambda id: self.end, surprises=[])
        bucket = types.SimpleNamespace(get=self.objects.get, keys=lambda: list(self.objects))
        service = types.SimpleNamespace(store=self.store, log=self.log)
        return list(proof.violations(service, clients, bucket, self.observer))

    def expect(self, words):
        self.assertTrue(any(words in sentence for sentence in self.found()), self.found())

    def test_a_sound_campaign_has_no_violations(self):
        self.assertEqual(self.found(), [])

    def test_a_job_that_is_gone(self):
        self.end = None
        self.expect("was acknowledged and is gone")

    def test_a_job_that_never_ends(self):
        self.end["state"] = "running"
        self.expect("is still running")

    def test_a_job_that_ends_twice(self):
        self.end["finished_at"] = "later"
        self.expect("ended twice")

    def test_a_job_that_nobody_cancelled(self):
        self.end["state"] = self.order.end["state"] = "cancelled"
        self.expect("nobody asked for it")

    def test_a_job_that_is_discarded_too_early(self):
        self.end.update(state="discarded", error="the worker that ran it died")
        self.order.end = self.end
        self.expect("discarded after 1 of 5 failures")

    def test_a_key_with_two_jobs(self):
        self.order.ids.add("another")
        self.expect("several jobs")

    def test_a_request_that_was_stored_twice(self):
        with sqlite3.connect(self.store) as store:
            store.execute("INSERT INTO job_data VALUES (2, ?)", (json.dumps(self.order.body),))
        store.close()
        self.expect("2 jobs have the source")

    def test_a_result_of_another_attempt(self):
        self.end["attempt"] = self.order.end["attempt"] = 3
        self.expect("was completed by attempt 3 and names")

    def test_a_result_that_was_overwritten(self):
        self.objects[self.end["result"]["assignment"]] = b"r1,2\n"
        self.expect("another SHA-256")

    def test_the_report_of_another_job(self):
        data = json.dumps({"seed": 8}).encode()
        self.objects[self.end["result"]["report"]] = data
        self.end["result"]["report_sha256"] = self.order.end["result"]["report_sha256"] = hashlib.sha256(data).hexdigest()
        self.expect("its seed is 8")

    def test_an_attempt_that_began_after_the_end(self):
        self.objects["s3://c/out/1--7.%s.3.report" % JOB] = b""
        self.expect("was written by attempt 3 of a job that had 2")

    def test_a_worker_that_crashed(self):
        self.write_log("error worker task 1 ended: signal SEGV pid=7\n")
        self.expect("a worker crashed")

    def test_an_attempt_that_failed_by_itself(self):
        self.observer.failed.append((1, JOB, "out of luck"))
        self.expect("failed by itself: out of luck")


class Owners(unittest.TestCase):
    """What the observer makes of an attempt that was taken from the worker `sleep`."""

    def setUp(self):
        child = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.owner = processes.look(child.pid)[0]
        self.record = faults.Record()
        self.observer = observer.Observer("no store", None, self.record)

    def fault(self, expired=True):
        return self.observer._fault_of(self.owner, expired, time.monotonic())

    def paused(self, alone, seconds, ended_ago):
        now = time.monotonic()
        self.record.paused(faults.Pause(self.owner, alone, now - seconds - ended_ago, now - ended_ago))

    def test_a_live_owner_keeps_its_lease(self):
        self.assertIn("although it lived", self.fault())
        self.assertIn("taken for dead", self.fault(expired=False))

    def test_a_dead_owner_does_not(self):
        self.owner = processes.Process(self.owner.pid, "another start")
        self.assertEqual(self.fault(), "")
        self.assertEqual(self.fault(expired=False), "")

    def test_one_that_stood_still_alone_for_a_lease_does_not(self):
        self.paused(alone=True, seconds=plan.LEASE, ended_ago=0)
        self.assertEqual(self.fault(), "")

    def judge(self, owner, text="the worker that ran it died"):
        errors = [(JOB, 1, text)]
        self.observer.judge([(JOB, 1, owner)] if owner else [], [], 0)
        self.observer.judge([], errors, time.monotonic())
        self.observer.judge([], errors, time.monotonic())  # each is judged once
        return [taken.fault for taken in self.observer.taken]

    def test_the_owner_is_who_held_the_lease(self):
        [fault] = self.judge("host/boot/pid:[1]/%s/%s" % (self.owner.pid, self.owner.start))
        self.assertIn("taken for dead", fault)
        self.assertEqual(self.observer.unseen, 0)

    def test_an_expired_lease_of_a_dead_owner_is_no_fault(self):
        text = "its lease expired: its worker died, hung or lost the store"
        self.assertEqual(self.judge("host/boot/pid:[1]/%s/1" % self.owner.pid, text), [""])

    def test_an_owner_that_was_never_seen_is_counted(self):
        self.assertEqual(self.judge(None), [""])
        self.assertEqual(self.observer.unseen, 1)

    def test_another_error_is_the_attempts_own(self):
        self.assertEqual(self.judge("host/boot/pid:[1]/1/1", "out of luck"), [])
        self.assertEqual(self.observer.failed, [(1, JOB, "out of luck")])

    def test_short_and_old_pauses_and_those_of_all_excuse_nothing(self):
        self.paused(alone=True, seconds=5, ended_ago=0)
        self.paused(alone=True, seconds=20, ended_ago=5)
        self.paused(alone=False, seconds=20, ended_ago=0)
        self.assertIn("although it lived", self.fault())


class Plan(unittest.TestCase):
    def test_a_seed_is_a_plan(self):
        self.assertEqual(plan.draw(7, 60), plan.draw(7, 60))
        self.assertNotEqual(plan.draw(7, 60), plan.draw(8, 60))

    def test_every_kind_comes_in_a_short_campaign(self):
        for seed in range(20):
            self.assertEqual({event.kind for event in plan.draw(seed, 20)}, set(plan.KINDS))

    def test_pauses_reach_twice_a_lease(self):
        longest = max(event.seconds for event in plan.draw(1, 3600) if event.kind == "pause task")
        self.assertGreater(longest, 1.8 * plan.LEASE)
        self.assertLessEqual(longest, 2 * plan.LEASE)


if __name__ == "__main__":
    unittest.main()
