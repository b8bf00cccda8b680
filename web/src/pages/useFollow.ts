/** Following a task: its events as they happen, in order, and again from the last one after a break. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useReducer } from "react";
import { parse } from "../json";

export interface Line {
  number: number;
  at_us: number;
  level: string;
  message: string;
}

export interface Followed {
  lines: Line[];
  values: unknown[][];
  first: number; // the number of the first value that is kept
  progress: { percent: number | null; message: string | null } | null;
  isBroken: boolean;
}

const LINES = 2_000;
const VALUES = 1_000;
const EMPTY: Followed = { lines: [], values: [], first: 0, progress: null, isBroken: false };

type Message = { kind: string; number?: number; name?: string; at_us?: number; data?: Record<string, unknown>; first?: number; values?: unknown[][] };

function reduce(old: Followed, batch: Message[] | "new" | "broken" | "back"): Followed {
  if (batch === "new") return EMPTY;
  if (batch === "broken" || batch === "back") return { ...old, isBroken: batch === "broken" };
  let { lines, values, first, progress } = old;
  for (const message of batch) {
    if (message.kind === "values") {
      const skip = Math.max(0, first + values.length - (message.first ?? 0));
      values = [...values, ...(message.values ?? []).slice(skip)];
    } else if (message.kind === "event" && message.name === "log") {
      lines = [...lines, { number: message.number ?? 0, at_us: message.at_us ?? 0, level: String(message.data?.level ?? "info"), message: String(message.data?.message ?? "") }];
    } else if ((message.kind === "event" || message.kind === "progressed") && message.name === "progress") {
      const { percent, message: text } = message.data ?? {};
      progress = { percent: typeof percent === "number" ? percent : null, message: typeof text === "string" ? text : null };
    }
  }
  if (lines.length > LINES) lines = lines.slice(-LINES);
  if (values.length > VALUES) [values, first] = [values.slice(-VALUES), first + values.length - VALUES];
  return { lines, values, first, progress, isBroken: false };
}

export function useFollow(id: string): Followed {
  const [followed, tell] = useReducer(reduce, EMPTY);
  const client = useQueryClient();
  useEffect(() => {
    tell("new");
    const source = new EventSource(`/api/tasks/${encodeURIComponent(id)}/stream`);
    let waiting: Message[] = [];
    let frame = 0;
    const take = (event: MessageEvent<string>) => {
      const message = parse(event.data) as Message;
      waiting.push(message);
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        tell(waiting);
        waiting = [];
      });
      if (message.kind === "outcome") source.close();
      if (message.kind === "outcome" || (message.kind === "event" && message.name !== "log" && message.name !== "progress"))
        void client.invalidateQueries({ queryKey: ["task", id] });
    };
    for (const kind of ["event", "values", "progressed", "outcome"]) source.addEventListener(kind, take);
    source.onerror = () => tell("broken");
    source.onopen = () => tell("back");
    return () => {
      source.close();
      cancelAnimationFrame(frame);
    };
  }, [id, client]);
  return followed;
}
