// The dashboard: lists jobs, submits a split, shows one job as it goes. Speaks only the HTTP API.
"use strict";

const kFinal = new Set(["completed", "cancelled", "discarded"]);
const byId = (id) => document.getElementById(id);

// element("td", {class: "x"}, child…): children are nodes or text, never markup.
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : {"Content-Type": "application/json"},
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const document_ = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(document_.detail), {problem: document_});
  return document_;
}

function showProblem(error) {
  const box = byId("problem");
  const list = (error.problem?.errors ?? []).map(
      (one) => element("li", {}, element("code", {}, one.pointer), " ", one.detail));
  box.replaceChildren(error.message, list.length > 0 ? element("ul", {}, ...list) : "");
  box.hidden = false;
}

const list = (text) => text.split(",").map((word) => word.trim()).filter((word) => word !== "");

// "3" → 3; "a, b" → ["a", "b"]; "a=0.5, b=0.5" → {a: 0.5, b: 0.5}.
function readGroups(text) {
  const words = list(text);
  if (words.length === 1 && /^\d+$/.test(words[0])) return Number(words[0]);
  if (!text.includes("=")) return words;
  return Object.fromEntries(words.map((word) => {
    const at = word.lastIndexOf("=");
    return [word.slice(0, at).trim(), Number(word.slice(at + 1))];
  }));
}

async function submit(event) {
  event.preventDefault();
  byId("problem").hidden = true;
  const data = Object.fromEntries(new FormData(event.target));
  const request = {
    source: data.source,
    groups: readGroups(data.groups),
    objective: data.objective,
    method: data.method,
  };
  for (const field of ["columns", "strata"]) {
    if (list(data[field]).length > 0) request[field] = list(data[field]);
  }
  for (const field of ["restarts", "budget_seconds", "seed"]) {
    if (data[field] !== "") request[field] = Number(data[field]);
  }
  try {
    const job = await call("POST", "/split", request);
    choose(job.id);
    await refresh();
  } catch (error) {
    showProblem(error);
  }
}

// The job that is shown, and the stream that tells about it.
let chosen = null;
let stream = null;

function choose(id) {
  chosen = id;
  // So that a job's page can be linked to and survives a reload.
  history.replaceState(null, "", "#" + id);
  stream?.close();
  stream = new EventSource(`/jobs/${id}/events`);
  stream.addEventListener("progress", (event) => showJob(JSON.parse(event.data)));
  stream.addEventListener("end", (event) => {
    stream.close();
    showJob(JSON.parse(event.data));
    refresh();
  });
}

async function act(job, verb) {
  try {
    const changed = await call("POST", job.links[verb]);
    if (changed.id === chosen) choose(changed.id);
    await refresh();
  } catch (error) {
    showProblem(error);
  }
}

function action(job) {
  const click = (verb) => (event) => { event.stopPropagation(); act(job, verb); };
  if (!kFinal.has(job.state)) {
    return element("button", {onclick: click("cancel"), ...(job.cancel_requested && {disabled: ""})},
                   job.cancel_requested ? "cancelling…" : "Cancel");
  }
  return job.state === "completed" ? "" : element("button", {onclick: click("retry")}, "Retry");
}

const time = (text) => text === null ? "" : new Date(text).toLocaleTimeString();

function progressCell(job) {
  const {fraction} = job.progress;
  return element("td", {},
                 element("progress", {max: 1, value: fraction}), ` ${Math.round(fraction * 100)} %`,
                 element("span", {class: "message"}, job.error ?? job.progress.message));
}

function jobRow(job) {
  return element("tr", {onclick: () => choose(job.id), class: job.id === chosen ? "chosen" : ""},
                 element("td", {}, element("code", {title: job.id}, "…" + job.id.slice(-12))),
                 element("td", {class: job.state}, job.state), progressCell(job),
                 element("td", {}, `${job.attempt} of ${job.max_attempts}`),
                 element("td", {}, time(job.created_at)), element("td", {}, action(job)));
}

// Standardised mean differences as bars, 0.5 and more filling the width.
function balanceTable(balance) {
  const bar = (value, kind) => {
    const span = element("span", {class: "bar " + kind});
    span.style.width = `${Math.min(value / 0.5, 1) * 10}rem`;
    return element("td", {}, span);
  };
  return element("table", {},
                 element("thead", {}, element("tr", {},
                     element("th", {}, "Column"),
                     element("th", {class: "number"}, "Random split"), element("th"),
                     element("th", {class: "number"}, "This split"), element("th"))),
                 element("tbody", {}, ...balance.map((column) => element("tr", {},
                     element("td", {}, column.column),
                     element("td", {class: "number"}, column.smd_before.toFixed(3)),
                     bar(column.smd_before, "before"),
                     element("td", {class: "number"}, column.smd_after.toFixed(3)),
                     bar(column.smd_after, "after")))));
}

function showJob(job) {
  if (job.id !== chosen) return;
  const facts = [["Id", job.id], ["State", job.state], ["Source", job.request?.source],
                 ["Progress", `${Math.round(job.progress.fraction * 100)} % ${job.progress.message}`],
                 ["Waits behind", job.position ? `${job.position.ahead} jobs` : null],
                 ["Error", job.error]];
  if (job.result) {
    facts.push(["Assignment", job.result.assignment], ["Report", job.result.report],
               ["Groups", Object.entries(job.result.groups).map(([name, size]) => `${name}: ${size}`).join(", ")],
               ["Objective", String(job.result.objective)], ["Seconds", job.result.seconds.toFixed(2)],
               ...(job.result.warnings ?? []).map((warning) => ["Note", warning]));
  }
  const rows = facts.filter(([, value]) => value !== null && value !== undefined)
      .flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
  byId("detail-body").replaceChildren(
      element("dl", {}, ...rows), job.result ? balanceTable(job.result.balance) : "");
  byId("detail").hidden = false;
}

async function refresh() {
  const start = performance.now();
  try {
    const {jobs} = await call("GET", "/jobs?limit=25");
    byId("jobs").replaceChildren(...jobs.map(jobRow));
    byId("none").hidden = jobs.length > 0;
    byId("health").textContent = `answers in ${(performance.now() - start).toFixed(0)} ms`;
  } catch (error) {
    byId("health").textContent = `cannot list the jobs: ${error.message}`;
  }
}

async function keepFresh() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, 1000));
  }
}

byId("form").addEventListener("submit", submit);
if (location.hash.length > 1) choose(location.hash.slice(1));
keepFresh();
