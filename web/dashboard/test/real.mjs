// The real server, for tests in which nothing is made up between the browser and the program.
//
// EDDY names the program (default: the release build of this workspace).

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { root } from "../../shared/test/browser.mjs";

export const EDDY = process.env.EDDY ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/eddy");

/** Why a test cannot be run, or false. */
export const missing = !existsSync(EDDY) && `there is no ${EDDY}: build it with cargo build --release -p eddy`;

/** Has the program make a file. */
export const generate = (path, ...how) => (execFileSync(EDDY, ["generate", ...how, "--seed", "7", "-o", path]), path);

/** Starts the server, and reads the one-time link that it prints. */
export async function started(folder) {
  const child = spawn(EDDY, ["serve", "--listen", "127.0.0.1:0", "--data", join(folder, "data")], { stdio: ["ignore", "pipe", "ignore"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const link = /https?:\S+#setup=\S+/.exec(line)?.[0];
    if (link) return { child, link, url: new URL(link).origin };
  }
  throw new Error("the server did not start");
}

/** Hears what a page must not do: write to the console, break the policy, open a dialog, ask for something elsewhere. */
export async function overhear(page, url) {
  const heard = [];
  // Beside a picture that is opened by itself, the browser looks for an icon.
  page.on("console", (message) => message.location().url.endsWith("/favicon.ico") || heard.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => heard.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => (heard.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on("request", (request) => request.url().startsWith(url) || /^(data|blob|about):/.test(request.url()) || heard.push(`elsewhere: ${request.url()}`));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  return heard;
}

/** Calls the API as the first admin, who is set up by the link. */
export async function admin({ link, url }, name, password) {
  const made = await fetch(`${url}/api/v1/setup`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ secret: link.split("#setup=")[1], name, password }) });
  assert.equal(made.status, 201, await made.clone().text());
  const [cookie] = made.headers.getSetCookie()[0].split(";");
  const { csrf } = await made.json();
  const call = async (method, path, body) => {
    const raw = Buffer.isBuffer(body);
    const type = body === undefined ? {} : { "content-type": raw ? "application/octet-stream" : "application/json" };
    const answer = await fetch(`${url}/api/v1/${path}`, { method, headers: { cookie, "x-eddy-csrf": csrf, ...type }, body: body === undefined || raw ? body : JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  const get = (path) => call("GET", path);
  const post = (path, body) => call("POST", path, body);
  /** Waits until something is in none of the states in which it is worked on. */
  const settled = async (path) => {
    for (;;) {
      const found = await get(path);
      if (!["queued", "running", "checking"].includes(found.state)) return found;
      await pause(100);
    }
  };
  return {
    cookie,
    has: async (path) => (await fetch(`${url}/api/v1/${path}`, { headers: { cookie } })).ok,
    get,
    post,
    put: (path, body) => call("PUT", path, body),
    upload: async (fileName, bytes) => settled(`datasets/${(await post(`datasets?name=${encodeURIComponent(fileName)}`, bytes)).id}`),
    job: async (request) => settled(`jobs/${(await post("jobs", request)).id}`),
  };
}
