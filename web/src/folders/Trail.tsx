/** Where one is among the folders, each step a way back. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { trailTo } from "./queries";

export function Trail({ folder }: { folder: string }) {
  const found = useQuery(trailTo(folder));
  const steps = found.data ?? [];
  return (
    <nav aria-label="Folder" className="mb-3">
      <ol className="m-0 flex list-none flex-wrap items-center gap-1 p-0">
        <li>
          <Link to="/data" search={(old) => ({ ...old, folder: undefined })} className="inline-flex min-h-6 items-center">
            All data
          </Link>
        </li>
        {steps.map((step, at) => (
          <li key={step.id} className="flex min-w-0 items-center gap-1">
            <ChevronRight aria-hidden className="size-4 shrink-0 text-soft" />
            {at === steps.length - 1 ? (
              <span aria-current="page" className="break-words font-medium">
                {step.name}
              </span>
            ) : (
              <Link to="/data" search={(old) => ({ ...old, folder: step.id })} className="inline-flex min-h-6 items-center break-words">
                {step.name}
              </Link>
            )}
          </li>
        ))}
        {found.error && <li className="text-bad">{found.error.message}</li>}
      </ol>
    </nav>
  );
}
