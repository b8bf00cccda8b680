/** Following a task: its events as they happen, in order, and again from the last one after a break. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useReducer } from "react";
import { pathTo } from "../api/client";
import { tellSession } from "../api/session";
import { parse } from "../json";
import { type Pace, pass as passStep } from "./remaining";

export interface Line {
  number: number;
  at_us: number;
  level: string;
  message: string;
}

export interface Followed {
  lines: Line[];
  values: unknown[][]; // the newest of them
  sizes: number[]; // of each of them, in characters as it came
  first: number; // the number of the first value that is kept
  progress: { percent: number | null; message: string | null } | null;
  pace: Pace | null;
  broken: string | null; // what is wrong with the connection
}

const VALUES = 10_000;
const KEPT_CHARACTERS = 32 * 2 ** 20; // of all values that are kept
const LINES = 2_000;
const HELD = 500;
const HELD_CHARACTERS = 2 ** 20;
const KINDS = ["event", "values", "progressed", "outcome"];
const FIRST_MS = 1_000;
const LAST_MS = 30_000;
const BROKEN = "The connection broke off. It goes on from where it was.";
const EMPTY: Followed = { lines: [], values: [], sizes: [], first: 0, progress: null, pace: null, broken: null };

type Message = { kind: string; number?: number; name?: string; at_us?: number; data?: Record<string, unknown>; first?: number; values?: unknown[][]; size: number; heardMs: number };
type Told = Message[] | "new" | "back" | { broken: string };

function reduce(old: Followed, told: Told): Followed {
  if (told === "new") return EMPTY;
  if (told === "back") return old.broken === null ? old : { ...old, broken: null };
  if (!Array.isArray(told)) return { ...old, broken: told.broken };
  let { lines, values, sizes, first, progress, pace } = old;
  for (const message of told) {
    if (message.kind === "values") {
      const skip = Math.max(0, first + values.length - (message.first ?? 0));
      if (values === old.values) [values, sizes] = [values.slice(), sizes.slice()];
      const come = message.values ?? [];
      for (const value of come.slice(skip)) {
        values.push(value);
        sizes.push(message.size / come.length);
      }
    } else if (message.kind === "event" && message.name === "log") {
      lines = lines === old.lines ? lines.slice() : lines;
      lines.push({ number: message.number ?? 0, at_us: message.at_us ?? 0, level: String(message.data?.level ?? "info"), message: String(message.data?.message ?? "") });
    } else if ((message.kind === "event" || message.kind === "progressed") && message.name === "progress") {
      const { percent, message: text } = message.data ?? {};
      progress = { percent: typeof percent === "number" ? percent : null, message: typeof text === "string" ? text : null };
      pace = passStep(pace, { at_us: message.at_us ?? message.heardMs * 1000, heardMs: message.heardMs, percent: progress.percent });
    }
  }
  if (lines.length > LINES) lines = lines.slice(-LINES);
  const much = values === old.values ? 0 : tooMany(sizes);
  if (much > 0) [values, sizes, first] = [values.slice(much), sizes.slice(much), first + much];
  return { lines, values, sizes, first, progress, pace, broken: null };
}

/** How many of the oldest values have to go, so that what is kept bears a page: neither many nor large. */
function tooMany(sizes: number[]): number {
  let [kept, characters] = [0, 0];
  while (kept < Math.min(sizes.length, VALUES)) {
    characters += sizes[sizes.length - 1 - kept]!;
    if (kept > 0 && characters > KEPT_CHARACTERS) break;
    kept += 1;
  }
  return sizes.length - kept;
}

interface Listener {
  hear: (message: Message) => void;
  tell: (told: "back" | { broken: string }) => void;
}

/** Keep a stream of events open until the task has ended; give what ends it sooner.
 *
 * A browser goes on by itself after a break, but never after an answer that is no stream, as of a hub that starts anew. */
function follow(id: string, { hear, tell }: Listener): () => void {
  const path = pathTo`/api/tasks/${id}`;
  let source: EventSource | null = null;
  let [last, tries, timer, isOver] = [0, 0, 0, false];
  const end = () => {
    isOver = true;
    source?.close();
    clearTimeout(timer);
  };
  const open = () => {
    source = new EventSource(`${path}/stream?after=${last}`);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event: MessageEvent<string>) => {
        tries = 0;
        const message: Message = { ...(parse(event.data) as Message), size: event.data.length, heardMs: Date.now() };
        last = Math.max(last, message.number ?? 0);
        if (message.kind === "outcome") end();
        hear(message);
      });
    }
    source.onopen = () => tell("back");
    source.onerror = () => {
      if (isOver) return;
      tell({ broken: BROKEN });
      if (source?.readyState === EventSource.CLOSED) void wonder();
    };
  };
  const wonder = async () => {
    const status = await fetch(`${path}/stream?after=${last}`, { headers: { accept: "text/event-stream" } }).then(
      (answer) => {
        void answer.body?.cancel();
        return answer.status;
      },
      () => 0,
    );
    if (isOver) return;
    if (status === 204) tell("back"); // it has ended, and all of it was told
    else if (status === 403 || status === 404) tell({ broken: "You can't follow it any more: it was removed, or is kept from you." });
    else {
      if (status === 401) tellSession("ended");
      if (status !== 200) tell({ broken: `${BROKEN} The hub is asked again by itself.` });
      const delay = Math.min(LAST_MS, FIRST_MS * 2 ** tries++);
      timer = window.setTimeout(open, delay * (0.5 + Math.random() / 2));
      return;
    }
    end();
  };
  open();
  return end;
}

/** Follow a task that one may read; of others nothing is asked. */
export function useFollow(id: string, isReadable: boolean): Followed {
  const [followed, tell] = useReducer(reduce, EMPTY);
  const client = useQueryClient();
  useEffect(() => {
    tell("new");
    if (!isReadable) return;
    let waiting: Message[] = [];
    let [frame, held] = [0, 0];
    const pass = () => {
      cancelAnimationFrame(frame);
      frame = 0;
      tell(waiting);
      waiting = [];
      held = 0;
    };
    const hear = (message: Message) => {
      waiting.push(message);
      held += message.size;
      frame ||= requestAnimationFrame(pass);
      if (waiting.length >= HELD || held >= HELD_CHARACTERS) pass(); // a page that is not seen draws no frames
      if (message.kind === "outcome" || (message.kind === "event" && message.name !== "log" && message.name !== "progress"))
        void client.invalidateQueries({ queryKey: ["task", id] });
    };
    const end = follow(id, { hear, tell });
    return () => {
      end();
      cancelAnimationFrame(frame);
    };
  }, [id, isReadable, client]);
  return followed;
}
