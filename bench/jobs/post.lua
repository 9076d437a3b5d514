-- wrk: POST /split as a client does; anything but 202 is counted.
wrk.method = "POST"
wrk.path = "/split"
wrk.headers["Content-Type"] = "application/json"
