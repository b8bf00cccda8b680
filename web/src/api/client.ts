/** Asking the hub. The browser's session says who asks; what changes something carries the page's token as well. */
import { parse, stringify } from "../json";
import type { components } from "./schema";
import { csrf, renew, tellAnother, tellSession } from "./session";
import { worded } from "./wording";

export type Schemas = components["schemas"];

export class ApiError extends Error {
  readonly status: number; // 0 where the hub did not answer at all
  readonly code: string;
  readonly fields: Record<string, unknown>;
  readonly body: unknown; // what was answered, where it was JSON

  constructor(status: number, code: string, message: string, fields: Record<string, unknown> = {}, body: unknown = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.body = body;
  }
}

const TOKEN = "X-Arkitekt-CSRF";

/** Ask the hub. Raises `ApiError`. What the token of an older sign-in did not let through is asked once more. */
export async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal, isAgain = false): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (method !== "GET") headers[TOKEN] = csrf();
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : stringify(body), signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "hub_unavailable", "The hub does not answer. What you see may be old; it is asked again by itself.");
  }
  if (answer.status === 401) {
    tellSession("ended");
    throw new ApiError(401, "not_authenticated", "Your sign-in has ended.");
  }
  const text = await answer.text();
  const found = text && answer.headers.get("content-type")?.includes("json") ? parse(text) : null;
  if (answer.ok) {
    if (path.startsWith("/api/")) tellSession("here"); // how the hub is, it tells anybody
    return found as T;
  }
  const said = (found ?? {}) as { code?: string; message?: string; fields?: Record<string, unknown> };
  if (answer.status === 403 && said.message?.includes(TOKEN)) {
    const other = isAgain ? undefined : await renew();
    if (other === null) return ask(method, path, body, signal, true);
    tellAnother(other);
    throw new ApiError(403, "another_session", "Nothing was sent: this page is of another session.");
  }
  const refusal = { code: said.code ?? "internal", message: said.message ?? `The hub answered ${answer.status}.`, fields: said.fields ?? {} };
  throw new ApiError(answer.status, refusal.code, worded(refusal), refusal.fields, found);
}

/** A path whose parts are taken as they are: no sign in them leads elsewhere, and one that is dots alone is refused. */
export function pathTo(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((path, part, index) => path + segment(values[index - 1]!) + part);
}

function segment(text: string): string {
  if (/^\.{0,2}$/.test(text)) throw new ApiError(404, "not_found", `There is nothing that is called "${text}".`); // no way of writing dots keeps a browser from going up
  return encodeURIComponent(text);
}

/** Write a query; what is undefined, null or empty is left out, arrays are repeated. */
export function query(values: Record<string, string | number | boolean | string[] | null | undefined>): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) found.append(name, String(one));
  }
  const text = found.toString();
  return text ? `?${text}` : "";
}
