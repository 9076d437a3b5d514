#!/usr/bin/env node
// Runs the log-in page's script as a browser does, at the root of a site and below a path of it: where
// the token is posted to, and where the browser goes then.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const script = fs.readFileSync(path.join(__dirname, "../modules/dashboard/ui/login.js"), "utf8");

async function logIn(base, next) {
  const found = {};
  const resolved = (url) => new URL(url, base).href;
  const element = {
    value: " saola_x ",
    addEventListener: (name, listener) => { found[name] = listener; },
  };
  vm.runInNewContext(script, {
    URL,
    URLSearchParams,
    document: {baseURI: base, getElementById: () => element},
    location: {
      origin: new URL(base).origin,
      search: next === undefined ? "" : "?next=" + encodeURIComponent(next),
      assign: (url) => { found.goes = resolved(url); },
    },
    fetch: async (url, {method, body}) => {
      found.posts = `${method} ${resolved(url)} ${body}`;
      return {ok: true};
    },
  });
  await found.submit({preventDefault() {}});
  return found;
}

(async () => {
  for (const base of ["https://a.example/", "https://a.example/site/"]) {
    assert.strictEqual((await logIn(base)).posts, `POST ${base}login {"token":"saola_x"}`);
    assert.strictEqual((await logIn(base)).goes, base);
    const job = new URL("docs#x", base);
    assert.strictEqual((await logIn(base, job.pathname + job.hash)).goes, job.href);
    for (const elsewhere of ["//b.example/", "/.//b.example/", "/site/.//b.example/", "/site//b.example/", "/\\b.example",
                             "\\\\b.example", "\t//b.example", "https://b.example/", "https:b.example",
                             "https://a.example@b.example/", "https://a.example.b.example/", "http://a.example/site/",
                             "http://", "javascript:alert(1)", "blob:https://a.example/site/1"]) {
      const {goes} = await logIn(base, elsewhere);
      assert.ok(goes.startsWith(base), `${elsewhere} led from ${base} to ${goes}`);
    }
  }
  const {goes} = await logIn("https://a.example/site/", "/site/../neighbour/");
  assert.strictEqual(goes, "https://a.example/site/", "a neighbour below another path is another service");
})();
