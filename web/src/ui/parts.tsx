/** Small parts that every screen is made of. */
import { Link } from "@tanstack/react-router";
import { CircleAlert, CircleCheck, CircleDashed, CircleMinus, CirclePause, CircleX, Loader, RefreshCw } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { wayFrom } from "../api/wording";
import { named } from "../named";

const STATUS = named<[typeof CircleCheck, string, string]>({
  queued: [CircleDashed, "waiting", "text-soft"],
  assigned: [Loader, "starting", "text-accent"],
  running: [Loader, "running", "text-accent"],
  paused: [CirclePause, "paused", "text-warn"],
  disconnected: [CircleAlert, "app away", "text-warn"],
  completed: [CircleCheck, "done", "text-good"],
  failed: [CircleX, "failed", "text-bad"],
  cancelled: [CircleMinus, "cancelled", "text-soft"],
  interrupted: [CircleMinus, "interrupted", "text-soft"],
  lost: [CircleX, "app was lost", "text-bad"],
  expired: [CircleX, "nobody took it", "text-bad"],
});

export function Status({ status }: { status: string }) {
  const [Icon, text, colour] = STATUS[status] ?? [CircleDashed, status, "text-soft"];
  const turns = status === "running" || status === "assigned";
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap text-sm ${colour}`}>
      <Icon aria-hidden className={`size-4 ${turns ? "animate-spin motion-reduce:animate-none" : ""}`} />
      {text}
    </span>
  );
}

export function Progress({ percent, message, left }: { percent: number | null | undefined; message?: string | null; left?: string | null }) {
  const known = typeof percent === "number";
  return (
    <div className="grid gap-1">
      <div
        role="progressbar"
        aria-label="progress"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={known ? Math.round(percent) : undefined}
        className="h-2 overflow-hidden rounded-full bg-line"
      >
        <svg aria-hidden className="block h-full w-full" preserveAspectRatio="none" viewBox="0 0 100 1">
          <rect width={known ? Math.max(0, Math.min(100, percent)) : 100} height="1" className={known ? "fill-accent" : "animate-pulse fill-accent"} />
        </svg>
      </div>
      <div className="quiet flex justify-between gap-4">
        <span className="truncate">{message || (known ? "" : "under way")}</span>
        {known && (
          <span className="shrink-0 tabular-nums">
            {left && <span className="mr-3">{left}</span>}
            {Math.round(percent)} %
          </span>
        )}
      </div>
    </div>
  );
}

/** What is shown while something is fetched: of the size it will have, so that nothing jumps. */
export function Loading({ rows = 6, label = "Loading" }: { rows?: number; label?: string }) {
  return (
    <div role="status" aria-label={label} className="grid gap-2">
      {Array.from({ length: rows }, (_, at) => (
        <div key={at} className="panel h-14 animate-pulse opacity-60 motion-reduce:animate-none" />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="panel grid justify-items-center gap-2 px-6 py-12 text-center">
      <p className="m-0 font-medium">{title}</p>
      <div className="quiet max-w-prose">{children}</div>
    </div>
  );
}

export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const text = error instanceof Error ? error.message : String(error);
  const isAway = error instanceof ApiError && error.code === "hub_unavailable";
  const way = error instanceof ApiError ? wayFrom(error.code, error.fields) : undefined;
  return (
    <div role="alert" className="panel flex flex-wrap items-start gap-3 border-bad px-4 py-3">
      <CircleAlert aria-hidden className="mt-0.5 size-5 shrink-0 text-bad" />
      <p className="m-0 min-w-0 flex-1 basis-48 whitespace-pre-wrap break-words">{text}</p>
      {way && (
        <Link to={way.to} className="button">
          {way.text}
        </Link>
      )}
      {again && (
        <button type="button" className="button" onClick={again}>
          <RefreshCw aria-hidden className="size-4" /> {isAway ? "Ask again" : "Try again"}
        </button>
      )}
    </div>
  );
}

export function Title({ children, beside }: { children: ReactNode; beside?: ReactNode }) {
  return (
    <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
      <h1 className="m-0 min-w-0 break-words text-2xl font-semibold tracking-tight">{children}</h1>
      {beside}
    </div>
  );
}
