// Starts a split by a client whose types were generated from /openapi.json, and follows it to its end.
import createClient from "openapi-fetch";
import type {paths} from "./api.js";

declare const process: {argv: string[]};
const client = createClient<paths>({baseUrl: process.argv[2] ?? ""});

function expect(what: string, good: boolean): void {
  if (!good) throw new Error(what);
}

const {data: accepted, response} = await client.POST("/split", {
  body: {source: "s3://samples/t.csv", groups: 2},
  params: {header: {"Idempotency-Key": "once"}},
});
expect("accepted", response.status === 202 && accepted !== undefined);
const id: string = accepted!.id;

for (let tries = 0; ; ++tries) {
  const {data: job} = await client.GET("/jobs/{id}", {params: {path: {id}}});
  expect("shown", job !== undefined);
  if (job!.state === "completed") break;
  expect(`state ${job!.state}`, tries < 200 && (job!.state === "available" || job!.state === "running"));
  await new Promise((done) => setTimeout(done, 50));
}
const {data: page} = await client.GET("/jobs", {params: {query: {state: "completed", limit: 10}}});
expect("listed", page!.jobs.some((job) => job.id === id && job.progress.fraction === 1));

// @ts-expect-error: groups is a number
const {error} = await client.POST("/split", {body: {source: "x", groups: "many"}});
expect("refused", error !== undefined && error.errors?.[0]?.pointer === "#/groups");
console.log("the generated client works");
