/** A list in each of its states: under way, broken, empty, and full. */
import type { ReactNode } from "react";
import { Failure, Loading } from "../ui/parts";
import { Rows } from "./Rows";
import type { Listed } from "./useList";

interface Props<T> {
  listed: Listed<T>;
  label: string;
  height: number;
  leastWidth?: number | undefined;
  keyOf: (row: T) => string;
  render: (row: T) => ReactNode;
  nothing: ReactNode;
}

export function List<T>({ listed, nothing, ...look }: Props<T>) {
  const { rows, error, isPending, isOld, moreError } = listed;
  if (rows.length === 0 && error) return <Failure error={error} again={listed.again} />;
  if (isPending) return <Loading />;
  if (rows.length === 0) return nothing;
  return (
    <div className={isOld ? "opacity-60 transition-opacity delay-150" : ""} aria-busy={isOld}>
      <Rows {...look} rows={rows} hasMore={listed.hasMore && moreError === null} more={listed.more} see={listed.see} />
      {moreError !== null && <Failure error={moreError} again={listed.again} />}
    </div>
  );
}
