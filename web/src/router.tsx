/** Which address shows which screen. Screens beyond the first are fetched when they are needed. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { keepingRoutes } from "./keeping/routes";
import { Functions } from "./pages/Functions";
import { Layout } from "./ui/Layout";
import { Empty, Failure, Loading } from "./ui/parts";

export const root = createRootRoute({
  component: Layout,
  notFoundComponent: () => <Empty title="There is nothing at this address">Choose one of the places above.</Empty>,
});

export interface FunctionsSearch {
  q?: string | undefined;
  online?: boolean | undefined;
  tag?: string | undefined;
  app?: string | undefined;
}
export interface FunctionSearch {
  args?: Record<string, unknown> | undefined; // wire values, so that a link holds a filled form
  from?: string | undefined; // a task whose arguments are taken
}
export interface TasksSearch {
  q?: string | undefined;
  state?: string | undefined;
  action?: string | undefined;
  app?: string | undefined;
  person?: string | undefined; // an id, or "me"
}
export interface HistorySearch {
  direction?: "back" | "forward" | "both" | undefined;
  depth?: number | undefined;
  view?: "graph" | "list" | undefined;
}
export interface DataSearch {
  q?: string | undefined;
  kind?: string | undefined;
  tag?: string | undefined;
  mine?: boolean | undefined;
  folder?: string | undefined;
  trash?: boolean | undefined;
}
export interface ItemSearch {
  with?: string | undefined; // another image to compare with
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value ? value.slice(0, 256) : undefined);
const flag = (value: unknown): true | undefined => (value === true ? true : undefined);
const among = <T extends string>(value: unknown, all: readonly T[]): T | undefined => all.find((one) => one === value);
const historySearch = (raw: Record<string, unknown>): HistorySearch => ({
  direction: among(raw.direction, ["back", "forward", "both"]),
  depth: typeof raw.depth === "number" && raw.depth >= 1 && raw.depth <= 50 ? Math.floor(raw.depth) : undefined,
  view: among(raw.view, ["graph", "list"]),
});

const functions = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: Functions,
  validateSearch: (raw: Record<string, unknown>): FunctionsSearch => ({ q: text(raw.q), online: flag(raw.online), tag: text(raw.tag), app: text(raw.app) }),
});
const oneFunction = createRoute({
  getParentRoute: () => root,
  path: "/functions/$name",
  component: lazyRouteComponent(() => import("./pages/Function"), "Function"),
  validateSearch: (raw: Record<string, unknown>): FunctionSearch => ({
    args: typeof raw.args === "object" && raw.args !== null && !Array.isArray(raw.args) ? (raw.args as Record<string, unknown>) : undefined,
    from: text(raw.from),
  }),
});
const tasks = createRoute({
  getParentRoute: () => root,
  path: "/tasks",
  component: lazyRouteComponent(() => import("./pages/Tasks"), "Tasks"),
  validateSearch: (raw: Record<string, unknown>): TasksSearch => ({ q: text(raw.q), state: text(raw.state), action: text(raw.action), app: text(raw.app), person: text(raw.person) }),
});
const task = createRoute({
  getParentRoute: () => root,
  path: "/tasks/$id",
  component: lazyRouteComponent(() => import("./pages/Task"), "Task"),
});
const data = createRoute({
  getParentRoute: () => root,
  path: "/data",
  component: lazyRouteComponent(() => import("./pages/Data"), "Data"),
  validateSearch: (raw: Record<string, unknown>): DataSearch => ({ q: text(raw.q), kind: text(raw.kind), tag: text(raw.tag), mine: flag(raw.mine), folder: text(raw.folder), trash: flag(raw.trash) }),
});
const item = createRoute({
  getParentRoute: () => root,
  path: "/data/$id",
  component: lazyRouteComponent(() => import("./pages/Item"), "Item"),
  validateSearch: (raw: Record<string, unknown>): ItemSearch => ({ with: text(raw.with) }),
});
const itemHistory = createRoute({
  getParentRoute: () => root,
  path: "/data/$id/history",
  component: lazyRouteComponent(() => import("./history/Pages"), "ItemHistory"),
  validateSearch: historySearch,
});
const taskHistory = createRoute({
  getParentRoute: () => root,
  path: "/tasks/$id/history",
  component: lazyRouteComponent(() => import("./history/Pages"), "TaskHistory"),
  validateSearch: historySearch,
});

export function makeRouter() {
  return createRouter({
    basepath: "/app",
    routeTree: root.addChildren([functions, oneFunction, tasks, task, taskHistory, data, item, itemHistory, keepingRoutes(root)]),
    defaultPreload: "intent",
    scrollRestoration: true,
    defaultPendingComponent: () => <Loading />,
    defaultErrorComponent: ({ error, reset }) => <Failure error={error} again={reset} />,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
