/** The log of the team: who did what to people, sign-ins and rights. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { List } from "../list/List";
import { useList } from "../list/useList";
import { Choice } from "../ui/Choice";
import { Empty, Loading, Title } from "../ui/parts";
import { moment } from "../ui/words";
import { Denied } from "./parts";
import { log, members } from "./queries";
import { useRights } from "./rights";
import { EVENTS, done } from "./words";

const route = getRouteApi("/team/audit");
const ROW = 68;

export function Audit() {
  const rights = useRights();
  if (rights === null) return <Loading />;
  return (
    <>
      <Title>Log</Title>
      {rights.manages ? <Shown /> : <Denied what="The log" />}
    </>
  );
}

function Shown() {
  const { event = "", person = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const listed = useList(log(event, person));
  const people = useQuery(members);
  const names = useMemo(() => new Map(people.data?.map((member) => [member.id, member.name])), [people.data]);
  const narrow = (changed: { event?: string | undefined; person?: string | undefined }) => void navigate({ search: (old) => ({ ...old, ...changed }), replace: true });
  return (
    <>
      <div className="mb-4 grid gap-3 sm:grid-cols-2">
        <Choice isLabelSeen label="What was done" value={event} options={[["", "Everything"], ...kinds(event)]} onChoose={(value) => narrow({ event: value || undefined })} />
        <Choice isLabelSeen label="By whom" value={person} options={[["", "Anybody"], ...who(people.data ?? [], person)]} onChoose={(value) => narrow({ person: value || undefined })} />
      </div>
      <List
        listed={listed}
        height={ROW}
        label="Log"
        keyOf={(row) => String(row.number)}
        render={(row) => <Entry entry={row} names={names} />}
        nothing={<Empty title="Nothing of it was done">{(event || person) && "Choose everything, or anybody."}</Empty>}
      />
    </>
  );
}

function kinds(chosen: string): [string, string][] {
  const known = Object.entries(EVENTS).map(([kind, [text]]): [string, string] => [kind, text]);
  return chosen && !(chosen in EVENTS) ? [...known, [chosen, done(chosen)]] : known;
}

function who(people: Schemas["Member"][], chosen: string): [string, string][] {
  const known = people.map((member): [string, string] => [member.id, member.name]);
  return chosen && !people.some((member) => member.id === chosen) ? [...known, [chosen, "Somebody who has left"]] : known;
}

function Entry({ entry, names }: { entry: Schemas["AuditEntry"]; names: Map<string, string> }) {
  const by = entry.person === null ? "The hub" : (names.get(entry.person) ?? "Somebody who has left");
  const subject = entry.subject === null || entry.subject === entry.person ? undefined : names.get(entry.subject);
  const more = Object.entries(entry.data).map(([name, value]) => `${name} ${typeof value === "string" ? (names.get(value) ?? value) : JSON.stringify(value)}`);
  return (
    <div className="panel grid h-full content-center px-4" title={entry.event}>
      <p className="m-0 truncate">
        <span className="font-medium">{by}</span> {done(entry.event)}
        {subject !== undefined && <span className="font-medium"> {subject}</span>}
      </p>
      <p className="quiet m-0 truncate">
        {moment(entry.at_us)}
        {entry.app ? `, by ${entry.app === "page" ? "the page" : entry.app}` : ""}
        {more.length > 0 ? `; ${more.join(", ")}` : ""}
      </p>
    </div>
  );
}
