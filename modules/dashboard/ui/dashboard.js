// The dashboard: starts jobs, lists them, shows one as it goes. Speaks only the HTTP API.
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
  if (answer.status === 401) location.assign("login?next=" + encodeURIComponent(location.pathname + location.hash));
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

// A value that a schema would take, to start from.
function exampleOf(schema) {
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return exampleOf(schema.anyOf[0]);
  switch ([schema.type].flat()[0]) {
    case "object": {
      const required = new Set(schema.required ?? []);
      return Object.fromEntries(Object.entries(schema.properties ?? {})
          .filter(([name, member]) => required.has(name) || member.default !== undefined)
          .map(([name, member]) => [name, exampleOf(member)]));
    }
    case "array": return [];
    case "string": return "";
    case "integer":
    case "number": return schema.minimum ?? 0;
    case "boolean": return false;
    default: return null;
  }
}

// Of the routes that start jobs: path → example of a body.
const starters = new Map();

function showExample() {
  byId("body").value = JSON.stringify(starters.get(byId("paths").value), null, 2);
}

// Every POST route that answers 202 and takes a JSON body starts jobs.
async function findStarters() {
  const {info, paths} = await call("GET", "openapi.json");
  document.title = info.title;
  byId("name").textContent = info.title;
  for (const [path, {post}] of Object.entries(paths)) {
    const body = post?.requestBody?.content["application/json"]?.schema;
    if (body && post.responses["202"] && !path.includes("{")) starters.set(path, exampleOf(body));
  }
  byId("paths").replaceChildren(...[...starters.keys()].map((path) => element("option", {}, path)));
  byId("new").hidden = starters.size === 0;
  if (starters.size > 0) showExample();
}

async function submit(event) {
  event.preventDefault();
  byId("problem").hidden = true;
  try {
    const job = await call("POST", byId("paths").value.slice(1), JSON.parse(byId("body").value));
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
  history.replaceState(null, "", location.pathname + location.search + "#" + id);
  stream?.close();
  stream = new EventSource(`jobs/${id}/events`);
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
                 element("td", {}, `${job.attempt} (failed ${job.failures} of ${job.max_attempts})`),
                 element("td", {}, time(job.created_at)), element("td", {}, action(job)));
}

// A list of flat objects as a table, everything else as text.
function valueNode(value) {
  const isRow = (item) => item !== null && typeof item === "object" && !Array.isArray(item);
  if (Array.isArray(value) && value.length > 0 && value.every(isRow)) {
    const columns = Object.keys(value[0]);
    return element("table", {},
                   element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", {}, name)))),
                   element("tbody", {}, ...value.map((row) => element("tr", {}, ...columns.map(
                       (name) => element("td", {}, valueNode(row[name])))))));
  }
  // {name: "/path"}: places of this service.
  if (isRow(value) && Object.keys(value).length > 0 &&
      Object.values(value).every((path) => typeof path === "string" && /^\/[^/]/.test(path))) {
    return element("span", {}, ...Object.entries(value).flatMap(
        ([name, path]) => [element("a", {href: path}, name), " "]));
  }
  if (typeof value === "string") return value;
  return Number.isInteger(value) || typeof value !== "number" ? JSON.stringify(value) : value.toPrecision(4);
}

function showJob(job) {
  if (job.id !== chosen) return;
  const facts = [["Id", job.id], ["Kind", job.kind], ["State", job.state],
                 ["Progress", `${Math.round(job.progress.fraction * 100)} % ${job.progress.message}`],
                 ["Waits behind", job.position ? `${job.position.ahead} jobs` : null],
                 ["Error", job.error]].filter(([, value]) => value !== null && value !== undefined);
  const members = (value) => value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value) : [["", value]];
  const list = (entries) => element("dl", {}, ...entries.flatMap(
      ([name, value]) => [element("dt", {}, name), element("dd", {}, valueNode(value))]));
  const part = (title, value) => [element("h3", {}, title), list(members(value))];
  byId("detail-body").replaceChildren(list(facts), ...part("Request", job.request),
                                      ...(job.result === null ? [] : part("Result", job.result)));
  byId("detail").hidden = false;
}

async function refresh() {
  const start = performance.now();
  try {
    const {jobs} = await call("GET", "jobs?limit=25");
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

// The button to log out, for those who had to log in.
async function showCaller() {
  const {name, role} = await call("GET", "session");
  byId("caller").textContent = name === "" ? "" : `${name} (${role})`;
  byId("logout").hidden = name === "";
}

async function logOut() {
  await fetch("logout", {method: "POST"});
  location.assign("login");
}

byId("logout").addEventListener("click", logOut);
showCaller().catch(showProblem);
byId("form").addEventListener("submit", submit);
byId("paths").addEventListener("change", showExample);
findStarters().catch(showProblem);
if (location.hash.length > 1) choose(location.hash.slice(1));
keepFresh();
