/** The screens about the team. None of them is in the first view, so all are fetched when they are needed. */
import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import type { root } from "../router";

export interface AuditSearch {
  event?: string | undefined;
  person?: string | undefined;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value ? value.slice(0, 64) : undefined);

export function keepingRoutes(above: typeof root) {
  const team = createRoute({ getParentRoute: () => above, path: "/team", component: lazyRouteComponent(() => import("./Team"), "Team") });
  const start = createRoute({
    getParentRoute: () => team,
    path: "/",
    beforeLoad: () => {
      throw redirect({ to: "/team/apps", replace: true });
    },
  });
  const apps = createRoute({ getParentRoute: () => team, path: "apps", component: lazyRouteComponent(() => import("./Apps"), "Apps") });
  const app = createRoute({ getParentRoute: () => team, path: "apps/$app", component: lazyRouteComponent(() => import("./App"), "App") });
  const people = createRoute({ getParentRoute: () => team, path: "people", component: lazyRouteComponent(() => import("./People"), "People") });
  const tokens = createRoute({ getParentRoute: () => team, path: "tokens", component: lazyRouteComponent(() => import("./Tokens"), "Tokens") });
  const storage = createRoute({ getParentRoute: () => team, path: "storage", component: lazyRouteComponent(() => import("./Storage"), "Storage") });
  const health = createRoute({ getParentRoute: () => team, path: "health", component: lazyRouteComponent(() => import("./Health"), "Health") });
  const audit = createRoute({
    getParentRoute: () => team,
    path: "audit",
    component: lazyRouteComponent(() => import("./Audit"), "Audit"),
    validateSearch: (raw: Record<string, unknown>): AuditSearch => ({ event: text(raw.event), person: text(raw.person) }),
  });
  return team.addChildren([start, apps, app, people, tokens, storage, health, audit]);
}
