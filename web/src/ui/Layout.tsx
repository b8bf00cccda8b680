/** The frame of every screen: where one is, who one is, and whether the hub answers. */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { Database, LayoutGrid, ListTodo, Moon, Sun, UserRound, UsersRound } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { ApiError } from "../api/client";
import { me } from "../api/queries";
import { useSameSession } from "../api/session";
import { SessionNote } from "./SessionNote";
import { TeamMenu } from "./TeamMenu";

const PLACES = [
  { to: "/", text: "Functions", icon: LayoutGrid },
  { to: "/tasks", text: "Tasks", icon: ListTodo },
  { to: "/data", text: "Data", icon: Database },
  { to: "/team", text: "Team", icon: UsersRound },
] as const;

export function Layout() {
  const who = useQuery({ ...me, refetchInterval: 15_000, refetchOnWindowFocus: "always" });
  useSameSession(who.data, who.dataUpdatedAt);
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const first = useRef(path);
  useEffect(() => {
    if (first.current !== path) main.current?.focus({ preventScroll: true });
    first.current = path;
  }, [path]);
  const isAway = who.error instanceof ApiError && who.error.code === "hub_unavailable";
  return (
    <div className="mx-auto flex min-h-dvh max-w-6xl flex-col px-4 sm:px-6">
      <a href="#main" className="button sr-only focus:not-sr-only focus:absolute focus:left-4 focus:top-2 focus:z-10">
        Skip to the content
      </a>
      <header className="flex flex-wrap items-center gap-x-6 gap-y-1 border-b border-line py-2.5">
        <Link to="/" className="flex items-center gap-2 font-semibold text-ink no-underline">
          <img src="/static/icon.svg" alt="" width="24" height="24" />
          <span className="sr-only sm:not-sr-only">arkitekt-next</span>
        </Link>
        <nav aria-label="Main" className="order-last flex w-full overflow-x-auto sm:order-none sm:w-auto sm:gap-1">
          {PLACES.map(({ to, text, icon: Icon }) => (
            <Link
              key={to}
              to={to}
              activeOptions={{ exact: to === "/", includeSearch: false }}
              activeProps={{ className: "bg-accent-soft text-accent", "aria-current": "page" }}
              inactiveProps={{ className: "text-soft hover:text-ink" }}
              className="flex min-h-9 items-center gap-1.5 rounded-md px-2.5 py-1 text-sm font-medium no-underline"
            >
              <Icon aria-hidden className="size-4" />
              {text}
            </Link>
          ))}
        </nav>
        <div className="ml-auto flex items-center gap-1">
          {who.data && <TeamMenu team={who.data.team} />}
          <Theme />
          <a href="/account" className="button plain" title="Your account, sign-ins and passkeys">
            <UserRound aria-hidden className="size-4" />
            <span className="max-w-32 truncate">{who.data?.person.name ?? "Account"}</span>
          </a>
        </div>
      </header>
      <SessionNote />
      {isAway && (
        <p role="status" className="m-0 mt-3 rounded-md bg-accent-soft px-3 py-2 text-sm">
          The hub does not answer just now. What you see may be old; it is asked again by itself.
        </p>
      )}
      <main id="main" ref={main} tabIndex={-1} className="min-w-0 flex-1 py-6 outline-none">
        <Outlet />
      </main>
    </div>
  );
}

function Theme() {
  const [theme, setTheme] = useState(() => localStorage.getItem("theme") ?? "");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    if (theme) localStorage.setItem("theme", theme);
  }, [theme]);
  const isDark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const Icon = isDark ? Sun : Moon;
  return (
    <button type="button" className="button plain" aria-label={isDark ? "Light colours" : "Dark colours"} onClick={() => setTheme(isDark ? "light" : "dark")}>
      <Icon aria-hidden className="size-4" />
    </button>
  );
}
