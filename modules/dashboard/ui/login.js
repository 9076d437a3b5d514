// Logs in with a token: the server answers with a cookie that scripts cannot read.
"use strict";

const byId = (id) => document.getElementById(id);

// Where the user wanted to go; a page of this service only, whatever a link to the log-in page says.
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "";
  const url = URL.canParse(wanted, document.baseURI) ? new URL(wanted, document.baseURI).href : "";
  return url.startsWith(document.baseURI) ? url : document.baseURI;
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
