/** What an app has said of late: the log lines of its newest tasks, in the order of their times. */
import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Section } from "./parts";
import { lines } from "./queries";

const NEWEST = 200;
const LEVELS: Record<string, string> = { error: "text-bad", critical: "text-bad", warning: "text-warn", debug: "text-soft" };

export function LogLines({ tasks }: { tasks: string[] }) {
  const found = useQueries({ queries: tasks.map((task) => ({ ...lines(task), refetchInterval: 5_000 })) });
  const said = found.flatMap((one) => one.data ?? []).sort((a, b) => a.at_us - b.at_us);
  const isPending = found.some((one) => one.isPending && !one.error);
  return (
    <Section title="What it said">
      {said.length === 0 ? (
        <p className="quiet m-0">{isPending ? "Looking for log lines." : "Its newest tasks have logged nothing that you may read."}</p>
      ) : (
        <div role="log" aria-label="What it said" tabIndex={0} className="panel max-h-80 overflow-auto px-3 py-2 font-mono text-xs">
          {said.slice(-NEWEST).map((line) => (
            <div key={`${line.task} ${line.number}`} className={`flex gap-3 ${LEVELS[String(line.data?.level)] ?? ""}`}>
              <Link to="/tasks/$id" params={{ id: line.task }} className="shrink-0 text-soft no-underline hover:underline">
                {new Date(line.at_us / 1000).toLocaleTimeString()}
              </Link>
              <span className="min-w-0 whitespace-pre-wrap break-words">{String(line.data?.message ?? "")}</span>
            </div>
          ))}
        </div>
      )}
    </Section>
  );
}
