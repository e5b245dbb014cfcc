// The only place that speaks HTTP: requests, problems (RFC 9457), the CSRF token, uploads with progress.

/** Where the API is, beside wherever the dashboard is. */
export const BASE = new URL("api/v1/", document.baseURI);

/** What went wrong, in words that can be shown. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly retryAfter: number | null = null,
  ) {
    super(detail || title);
  }

  /** The server does not know this route (yet). */
  get unavailable(): boolean {
    return this.status === 404 || this.status === 405 || this.status === 501;
  }
}

let csrf: string | null = null;
let onLoggedOut: () => void = () => {};

export function setCsrf(token: string | null): void {
  csrf = token;
}

/** Called when the server says that nobody is logged in any more. */
export function whenLoggedOut(call: () => void): void {
  onLoggedOut = call;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export function url(path: string, query: Query = {}): string {
  const full = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") full.searchParams.set(name, String(value));
  }
  return full.href;
}

function headers(method: string, type?: string): Record<string, string> {
  const all: Record<string, string> = { accept: "application/json" };
  if (type) all["content-type"] = type;
  if (csrf && method !== "GET") all["x-eddy-csrf"] = csrf;
  return all;
}

const MEND: Record<number, string> = {
  403: "Ask an admin for a role that may do this.",
  413: "Send a smaller part, or ask an admin to raise the limit.",
  429: "Wait a little and try again.",
  507: "Remove data sets or runs that are no longer needed.",
};

function problemOf(status: number, text: string, retry: string | null): Problem {
  let title = `The server answered ${status}`;
  let detail = "";
  try {
    const said = JSON.parse(text) as { title?: string; detail?: string; error?: string };
    title = said.title ?? title;
    detail = said.detail ?? said.error ?? "";
  } catch {
    // Something before the server answered, not in JSON.
  }
  if (!detail) detail = MEND[status] ?? "";
  const seconds = Number(retry);
  return new Problem(status, title, detail, retry && Number.isFinite(seconds) ? seconds : null);
}

async function fetched(method: string, path: string, options: { query?: Query; body?: unknown; signal?: AbortSignal; raw?: BodyInit }): Promise<Response> {
  const isJson = options.body !== undefined;
  let response: Response;
  try {
    response = await fetch(url(path, options.query), {
      method,
      headers: headers(method, isJson ? "application/json" : undefined),
      body: isJson ? JSON.stringify(options.body) : options.raw,
      signal: options.signal,
      credentials: "same-origin",
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "The server cannot be reached", "Check that it runs and that this machine reaches it, then try again.");
  }
  if (!response.ok) {
    const problem = problemOf(response.status, await response.text(), response.headers.get("retry-after"));
    if (problem.status === 401 && path !== "session") onLoggedOut();
    throw problem;
  }
  return response;
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const response = await fetched("GET", path, { query, signal });
  return (await response.json()) as T;
}

export async function getBytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await fetched("GET", path, { signal })).arrayBuffer();
}

export async function send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T> {
  const response = await fetched(method, path, { body });
  const text = await response.text();
  return (text ? JSON.parse(text) : null) as T;
}

export interface Upload<T> {
  done: Promise<T>;
  cancel(): void;
}

/** Sends a file as it is, with progress; nothing of it is held in memory. */
export function upload<T>(path: string, query: Query, file: Blob, onProgress: (sent: number, of: number) => void): Upload<T> {
  const request = new XMLHttpRequest();
  const done = new Promise<T>((fulfil, refuse) => {
    request.open("POST", url(path, query));
    for (const [name, value] of Object.entries(headers("POST", "application/octet-stream"))) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded, event.lengthComputable ? event.total : file.size));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) fulfil(JSON.parse(request.responseText) as T);
      else refuse(problemOf(request.status, request.responseText, request.getResponseHeader("retry-after")));
    });
    request.addEventListener("error", () => refuse(new Problem(0, "The upload broke off", "The connection to the server was lost. Try again.")));
    request.addEventListener("abort", () => refuse(new DOMException("called off", "AbortError")));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
