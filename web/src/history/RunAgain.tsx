/** Running a call again: with the function as it is now, or with the very version that ran. */
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { ApiError, type Schemas, ask, pathTo } from "../api/client";
import { useReference } from "../api/reference";

type Version = "current" | "same";

export function RunAgain({ task, isMain }: { task: string; isMain: boolean }) {
  const navigate = useNavigate();
  const [version, setVersion] = useState<Version>("current");
  const reference = useReference();
  const again = useMutation({
    mutationFn: () => ask<Schemas["Submitted"]>("POST", pathTo`/api/tasks/${task}/again`, { version, reference: reference.of({ task, version }) }),
    retry: (count, error) => error instanceof ApiError && error.status === 0 && count < 5,
    onSuccess: (done) => {
      reference.forget();
      void navigate({ to: "/tasks/$id", params: { id: done.task } });
    },
  });
  return (
    <>
      <span className="inline-flex">
        <button type="button" className={`button rounded-r-none ${isMain ? "main" : ""}`} disabled={again.isPending} onClick={() => again.mutate()}>
          <RotateCcw aria-hidden className="size-4" /> Run again
        </button>
        <select className="field w-auto rounded-l-none border-l-0 py-0 text-sm" aria-label="In which version" value={version} onChange={(event) => setVersion(event.target.value as Version)}>
          <option value="current">as it is now</option>
          <option value="same">the same version</option>
        </select>
      </span>
      {again.error && (
        <p role="alert" className="m-0 w-full text-sm text-bad">
          {again.error.message}
        </p>
      )}
    </>
  );
}
