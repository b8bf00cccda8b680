/** The frame of the screens about the team: which there are for this person. */
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { useRights } from "./rights";

const SCREENS = [
  { to: "/team/apps", text: "Apps", isFor: () => true },
  { to: "/team/people", text: "People", isFor: (role: string) => role !== "guest" },
  { to: "/team/tokens", text: "Sign-ins", isFor: () => true },
  { to: "/team/storage", text: "Storage", isFor: () => true },
  { to: "/team/health", text: "Health", isFor: () => true },
  { to: "/team/audit", text: "Log", isFor: (role: string) => role === "owner" || role === "admin" },
] as const;

export function Team() {
  const role = useRights()?.role ?? "guest";
  const screens = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    // On a phone not all of them are in sight.
    screens.current?.querySelector("[aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path, role]);
  return (
    <div className="grid gap-6">
      <nav ref={screens} aria-label="Team" className="-mb-px flex gap-1 overflow-x-auto border-b border-line">
        {SCREENS.filter(({ isFor }) => isFor(role)).map(({ to, text }) => (
          <Link
            key={to}
            to={to}
            activeProps={{ className: "border-accent text-accent", "aria-current": "page" }}
            inactiveProps={{ className: "border-transparent text-soft hover:text-ink" }}
            className="flex min-h-9 items-center whitespace-nowrap border-b-2 px-3 py-1 text-sm font-medium no-underline"
          >
            {text}
          </Link>
        ))}
      </nav>
      <div className="min-w-0">
        <Outlet />
      </div>
    </div>
  );
}
