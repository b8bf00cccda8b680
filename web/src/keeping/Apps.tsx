/** Every app of the team: whether it is there, and who it belongs to. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { DoorOpen } from "lucide-react";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { Rows } from "../list/Rows";
import { Empty, Failure, Loading, Title } from "../ui/parts";
import { ago } from "../ui/words";
import { Dot } from "./parts";
import { agentsAway, apps } from "./queries";
import { many } from "./words";

const ROW = 76;
const nothing = () => undefined; // all of them are here

export function LetIn() {
  return (
    <a href="/device" className="button">
      <DoorOpen aria-hidden className="size-4" /> Let an app in
    </a>
  );
}

export function Apps() {
  const found = useQuery(apps);
  const left = useQuery(agentsAway);
  const seen = useMemo(() => lastSeen(left.data ?? []), [left.data]);
  return (
    <>
      <Title beside={<LetIn />}>Apps</Title>
      {!found.data && (found.error ? <Failure error={found.error} again={() => void found.refetch()} /> : <Loading label="Loading apps" />)}
      {found.data?.length === 0 && (
        <Empty title="No app has come yet">
          On any machine, <code>arkitekt-next run dev --url {location.origin}</code> brings one.
        </Empty>
      )}
      {found.data && found.data.length > 0 && (
        <Rows rows={found.data} height={ROW} label="Apps" keyOf={(row) => row.identifier} render={(row) => <Row app={row} seenUs={seen.get(row.identifier)} />} hasMore={false} more={nothing} see={nothing} />
      )}
    </>
  );
}

export function lastSeen(agents: Schemas["Agent"][]): Map<string, number> {
  const seen = new Map<string, number>();
  for (const agent of agents) seen.set(agent.app, Math.max(seen.get(agent.app) ?? 0, leftUs(agent)));
  return seen;
}

export const leftUs = (agent: Schemas["Agent"]): number => agent.disconnected_at_us ?? agent.gone_at_us ?? agent.connected_at_us;

function Row({ app, seenUs }: { app: Schemas["App"]; seenUs: number | undefined }) {
  const isOnline = app.agents_online > 0;
  return (
    <Link to="/team/apps/$app" params={{ app: app.identifier }} className="panel flex h-full items-center gap-4 px-4 text-ink no-underline hover:border-soft">
      <span className="min-w-0 flex-1">
        <span className="block truncate font-medium">
          {app.identifier}
          {app.version !== null && <span className="quiet"> {app.version}</span>}
        </span>
        <span className="quiet block truncate">
          of {app.owner}, {isOnline ? many(app.agents_online, "agent") : seenUs === undefined ? "not seen of late" : `last seen ${ago(seenUs)}`}
        </span>
      </span>
      <Dot state={isOnline ? "online" : "disconnected"} />
    </Link>
  );
}
