// The API for people: what /openapi.json says, operation by operation.
"use strict";

function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

// "integer, 2 … 9, default 2" of a schema.
function typeOf(schema) {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  let text = [schema.type ?? "any"].flat().join(" or ");
  if (schema.enum) text = schema.enum.filter((word) => word !== null).map((word) => `"${word}"`).join(", ");
  if (schema.type === "array") text = `list of ${typeOf(schema.items)}`;
  if (schema.minimum !== undefined || schema.maximum !== undefined) {
    text += `, ${schema.minimum ?? ""} … ${schema.maximum ?? ""}`;
  }
  if (schema.default !== undefined) text += `, default ${JSON.stringify(schema.default)}`;
  return text;
}

// The members of an object, those inside it below them.
function rowsOf(schema, path = "") {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => [
    element("tr", {}, element("td", {}, element("code", {}, path + name)),
            element("td", {}, typeOf(member) + ((schema.required ?? []).includes(name) ? "" : " (optional)")),
            element("td", {}, member.description ?? "")),
    ...rowsOf(member, `${path}${name}.`),
  ]);
}

function table(title, rows) {
  return rows.length === 0 ? null : element("div", {}, element("h3", {}, title), element("table", {}, ...rows));
}

function show(path, method, operation) {
  const json = (part) => part?.content?.["application/json"]?.schema;
  const parameters = (operation.parameters ?? []).map((one) => element("tr", {},
      element("td", {}, element("code", {}, one.name)), element("td", {}, `${one.in}, ${typeOf(one.schema)}`),
      element("td", {}, one.description ?? "")));
  const body = json(operation.requestBody);
  const answers = Object.entries(operation.responses).map(([status, answer]) => element("tr", {},
      element("td", {}, status), element("td", {}, answer.description)));
  const answer = Object.values(operation.responses).map(json).find((schema) => schema?.properties);
  return element("section", {}, element("h2", {}, element("code", {}, `${method.toUpperCase()} ${path}`)),
                 element("p", {}, operation.summary), operation.description ? element("p", {}, operation.description) : null,
                 table("Parameters", parameters), table("JSON body", body ? rowsOf(body) : []),
                 table("Answers", answers), table("JSON answer", answer ? rowsOf(answer) : []));
}

(async () => {
  const {info, paths} = await (await fetch("openapi.json")).json();
  document.title = info.title;
  document.getElementById("title").textContent = `${info.title} ${info.version}`;
  document.getElementById("about").textContent = info.description ?? "";
  document.getElementById("operations").replaceChildren(...Object.entries(paths).flatMap(
      ([path, operations]) => Object.entries(operations).map(([method, operation]) => show(path, method, operation))));
})();
