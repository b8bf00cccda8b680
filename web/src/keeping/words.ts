/** What is said of roles, rights, sign-ins and what was done. */
import type { Schemas } from "../api/client";
import { named } from "../named";

type Role = Schemas["Role"];
type Scope = Schemas["Scope"];

export const ROLES: Record<Role, string> = {
  owner: "may do everything in the team",
  admin: "invites, changes roles and ends sign-ins, except an owner's",
  member: "calls what the team shares, and offers functions of their own",
  guest: "sees and calls only what was shared with them",
};

export const SCOPES: Record<Scope, [string, string]> = {
  read: ["see", "what you can see in the team"],
  call: ["call", "functions in your name, and stop those calls"],
  provide: ["offer functions", "in your name; what others call runs on its machine"],
  manage: ["manage", "sharing, sign-ins and, where you may, the team's people"],
};

const KINDS = named<string>({
  local: "on the hub's own machine",
  page: "in a browser",
  device: "approved by code",
  code: "approved in the browser",
  redeem: "by a redeem token",
});

export const how = (kind: string): string => KINDS[kind] ?? kind;
/** How what was ended comes back. */
export const comesBack = (kinds: string[]): string =>
  kinds.includes("local") ? "On the hub's own machine it signs itself in again: stop it there as well." : kinds.every((kind) => kind === "page") ? "To come back, they have to sign in again." : "To come back, it has to be let in again.";

export const may = (scopes: Scope[]): string => scopes.map((scope) => SCOPES[scope]?.[0] ?? scope).join(", ") || "nothing";
export const an = (word: string): string => `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;
export const many = (count: number, one: string, more = `${one}s`): string => `${count} ${count === 1 ? one : more}`;

/** What was done, as the log calls it, and in words. Each is of a kind, by which the log can be narrowed. */
export const EVENTS = named<[string, Record<string, string>]>({
  member: ["People", { joined: "came into the team", left: "left the team", removed: "removed from the team", role_changed: "changed the role of" }],
  invitation: ["Invitations", { created: "made an invitation", accepted: "accepted an invitation", revoked: "took an invitation back" }],
  login: ["Sign-ins of apps", { agreed: "let a program in", revoked: "ended a sign-in" }],
  device: ["Apps let in by code", { approved: "let an app in", denied: "turned an app away", code_unknown: "typed an unknown code" }],
  redeem_token: ["Redeem tokens", { created: "made a redeem token", revoked: "revoked a redeem token" }],
  page: ["Browsers", { signed_in: "signed in", signed_out: "signed out", link_created: "opened the page from the hub's machine", sign_in_refused: "was refused" }],
  provider: ["Who provides apps", { allowed: "let somebody provide an app", forbidden: "let somebody provide an app no more" }],
  action: ["Shared functions", { shared: "shared a function", unshared: "shared a function no more" }],
  client: ["OAuth programs", { created: "registered a program", removed: "removed a program" }],
  account: ["Accounts", { changed: "changed an account", set_up: "set up an account", link_created: "made an account link", password_changed: "changed a password" }],
  passkey: ["Passkeys", { added: "added a passkey", removed: "removed a passkey", used: "signed in with a passkey", refused: "was refused with a passkey" }],
  identity: ["Linked accounts", { linked: "linked an account", unlinked: "unlinked an account", refused: "was refused" }],
});

export function done(event: string): string {
  const [kind = "", what = ""] = event.split(".");
  return EVENTS[kind]?.[1][what] ?? event;
}
