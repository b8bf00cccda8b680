/**
 * What the hub refuses, in the words of a page. Its own are for programs too: they name requests and ids.
 *
 * The rule: the code and the fields decide; where they say nothing of use, what the hub wrote stays as it is.
 */
import { named } from "../named.ts";

export interface Refusal {
  code: string;
  message: string;
  fields: Record<string, unknown>;
}

export interface Way {
  to: "/" | "/tasks" | "/data" | "/team/apps";
  text: string;
}

const ITEMS: Way = { to: "/data", text: "All data" };
const TASKS: Way = { to: "/tasks", text: "All tasks" };
const FUNCTIONS: Way = { to: "/", text: "All functions" };
const APPS: Way = { to: "/team/apps", text: "All apps" };

const MAY = "It may have been removed, or be kept private.";
const MISSING = named<[said: string, way?: Way]>({
  item: [`This item is not to be seen here. ${MAY}`, ITEMS],
  "committed item": [`This item is not to be seen here. ${MAY}`, ITEMS],
  folder: [`This folder is not to be seen here. ${MAY}`, ITEMS],
  task: [`This task is not to be seen here. ${MAY}`, TASKS],
  action: ["There is no function “{name}” here, or it is not shared with you.", FUNCTIONS],
  definition: ["This form of the function is not kept any more.", FUNCTIONS],
  app: ["There is no app “{name}” here, or it is not shared with you.", APPS],
  agent: ["What ran this app has gone, or is not shared with you.", APPS],
  team: ["This team is not here, or you have left it."],
});

const ID = /^([0-9a-f]{8}-[0-9a-f-]{27}|…|)$/i;
const FOR_PROGRAMS = /`(GET|POST|PUT|PATCH|DELETE) |` lists /;

/** Say what was refused, and what may be done about it here. */
export function worded({ code, message, fields }: Refusal): string {
  const { what, name, person, verb } = fields;
  const remedy = remedyOf(fields);
  if (code === "not_found" && typeof what === "string") {
    const id = typeof name === "string" ? name : "";
    const said = MISSING[what]?.[0].replace("{name}", () => id) ?? (ID.test(id) ? `This ${what} is not here.` : `There is no ${what} “${id}”.`);
    return what in MISSING && !remedy.startsWith("Did you mean") ? said : joined(said, remedy);
  }
  if (code === "not_permitted" && typeof verb === "string" && typeof what === "string" && ID.test(String(person))) return joined(`You may not ${verb} ${what}.`, remedy);
  const whole = typeof fields.remedy === "string" && message.endsWith(fields.remedy);
  return whole ? joined(message.slice(0, message.length - String(fields.remedy).length).trim(), remedy) : message;
}

/** Where one finds what there is instead. */
export function wayFrom(code: string, fields: Record<string, unknown>): Way | undefined {
  return code === "not_found" && typeof fields.what === "string" ? MISSING[fields.what]?.[1] : undefined;
}

/** The remedy without what only a program does. */
function remedyOf(fields: Record<string, unknown>): string {
  const remedy = typeof fields.remedy === "string" ? fields.remedy : "";
  const kept = remedy.split(/(?<=[.?!]) /).filter((sentence) => !FOR_PROGRAMS.test(sentence));
  return kept.join(" ").replace(/`([^`]*)`/g, "“$1”");
}

function joined(said: string, remedy: string): string {
  const text = remedy && !/[.?!]$/.test(remedy) ? `${remedy}.` : remedy;
  return text ? `${said} ${text}` : said;
}
