/** What the hub says of itself. */
import { useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck } from "lucide-react";
import type { Schemas } from "../api/client";
import { Failure, Loading, Title } from "../ui/parts";
import { moment, span } from "../ui/words";
import { health } from "./queries";
import { many } from "./words";

const DATABASES: Record<string, string> = { sqlite: "SQLite", postgresql: "PostgreSQL" };

export function Health() {
  const found = useQuery(health);
  return (
    <>
      <Title>Health</Title>
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {!found.data && !found.error && <Loading rows={3} />}
      {found.data && <Said health={found.data} isOld={found.error !== null} atMs={found.dataUpdatedAt} />}
    </>
  );
}

function Said({ health, isOld, atMs }: { health: Schemas["Health"]; isOld: boolean; atMs: number }) {
  const isWell = health.status === "ok";
  const Icon = isWell ? CircleCheck : CircleAlert;
  const rows: [string, string][] = [
    ["Release", health.version],
    ["Runs since", `${moment(atMs * 1000 - health.uptime_s * 1e6)}, for ${span(health.uptime_s * 1e6)}`],
    ["Database", DATABASES[health.database] ?? health.database],
    ["Agents online", `${health.agents}, of all teams`],
    ["Under way", many(health.live_tasks, "task")],
    ["Waiting for an agent", many(health.queued_tasks, "task")],
    ["Waiting to be written", many(health.backlog, "record")],
    ["Answers after", `${span(health.loop_lag_s * 1e6)} of other work`],
    ["Hub", health.hub],
  ];
  return (
    <div className={`grid gap-4 ${isOld ? "opacity-60" : ""}`}>
      <div role="status" className="panel flex items-start gap-3 px-4 py-3">
        <Icon aria-hidden className={`mt-0.5 size-5 shrink-0 ${isWell ? "text-good" : "text-warn"}`} />
        <div className="min-w-0">
          <p className="m-0 font-medium">{isOld ? "What it last said" : isWell ? "The hub is well" : "The hub is not quite well"}</p>
          {health.reasons.map((reason) => (
            <p key={reason} className="m-0 break-words text-sm">
              {reason}
            </p>
          ))}
        </div>
      </div>
      <dl className="panel m-0 grid grid-cols-[auto_1fr] gap-x-6 gap-y-2 px-4 py-3">
        {rows.map(([name, text]) => (
          <div key={name} className="contents">
            <dt className="text-soft">{name}</dt>
            <dd className="m-0 min-w-0 break-words tabular-nums">{text}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
