// Logs in with a token: the server answers with a cookie that scripts cannot read.
"use strict";

const byId = (id) => document.getElementById(id);

// Where the user wanted to go; a path of this service only.
function next() {
  const wanted = new URL(new URLSearchParams(location.search).get("next") ?? document.baseURI, location.origin);
  return wanted.origin === location.origin ? wanted.pathname + wanted.hash : document.baseURI;
}

byId("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("login", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({token: byId("token").value.trim()}),
  });
  if (answer.ok) {
    location.assign(next());
    return;
  }
  byId("problem").textContent = (await answer.json()).detail;
  byId("problem").hidden = false;
});
