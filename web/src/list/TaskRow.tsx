/** A task as one line of a list. */
import { Link } from "@tanstack/react-router";
import type { Schemas } from "../api/client";
import { Status } from "../ui/parts";
import { ago, span } from "../ui/words";

export function TaskRow({ task }: { task: Schemas["Task"] }) {
  const percent = task.progress?.percent;
  return (
    <Link to="/tasks/$id" params={{ id: task.id }} className="panel grid h-full grid-cols-[1fr_auto] items-center gap-4 px-4 text-ink no-underline hover:border-soft">
      <span className="min-w-0">
        <span className="block truncate font-medium">{task.action}</span>
        <span className="quiet block truncate">
          {ago(task.queued_at_us)}
          {task.ended_at_us && task.started_at_us ? `, took ${span(task.ended_at_us - task.started_at_us)}` : ""}
          {task.yields > 0 ? `, ${task.yields} values` : ""}, by {task.app}
        </span>
      </span>
      <span className="flex items-center gap-3">
        {typeof percent === "number" && task.ended_at_us === null && <span className="quiet tabular-nums">{Math.round(percent)} %</span>}
        <Status status={task.status} />
      </span>
    </Link>
  );
}
