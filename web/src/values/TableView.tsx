/** The cells of a stored table. What reads them is large, and is fetched when a table is looked at. */
import { Suspense, lazy } from "react";
import type { Schemas } from "../api/client";
import { Loading } from "../ui/parts";

const Table = lazy(() => import("../table/Table"));

export function TableView({ item, rows = 18 }: { item: Schemas["Item"]; rows?: number }) {
  if (item.kind !== "table" || item.committed_at_us === null || item.removed_at_us !== null || item.trashed_at_us !== null) return null;
  return (
    <div className="mt-6 min-w-0">
      <Suspense fallback={<Loading rows={3} label="Opening the table" />}>
        <Table key={item.id} item={item} rows={rows} />
      </Suspense>
    </div>
  );
}
