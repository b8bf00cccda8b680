/** A place onto which files are dropped, with a button for those who don't drag, and what becomes of each of them. */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Upload as UploadIcon } from "lucide-react";
import { type DragEvent, type ReactNode, useRef, useState } from "react";
import { Progress } from "../ui/parts";
import { size } from "../ui/words";
import { type Upload, again, bringIn, clear, isUnderWay, stop, useUploads } from "./uploads";

export function Drop({ children }: { children: ReactNode }) {
  const [isOver, setOver] = useState(false);
  const depth = useRef(0); // entering a child comes before leaving its parent
  const client = useQueryClient();
  const bring = (files: Iterable<File>) => bringIn(files, () => void client.invalidateQueries({ queryKey: ["items"] }));
  const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  return (
    <div
      className="relative min-h-96"
      onDragEnter={(event) => {
        if (!hasFiles(event)) return;
        depth.current += 1;
        setOver(true);
      }}
      onDragOver={(event) => hasFiles(event) && event.preventDefault()}
      onDragLeave={(event) => {
        if (!hasFiles(event)) return;
        depth.current -= 1;
        if (depth.current <= 0) setOver(false);
      }}
      onDrop={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        depth.current = 0;
        setOver(false);
        bring(event.dataTransfer.files);
      }}
    >
      {isOver && (
        <div className="pointer-events-none absolute inset-0 z-10 grid place-items-center rounded-lg border-2 border-dashed border-accent bg-accent-soft/90">
          <p className="m-0 font-medium">Drop files to store them: TIFF, PNG and JPEG as images, all others as they are.</p>
        </div>
      )}
      <Uploads />
      {children}
    </div>
  );
}

/** A button that opens the file chooser. */
export function Choose() {
  const field = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  return (
    <>
      <button type="button" className="button main" onClick={() => field.current?.click()}>
        <UploadIcon aria-hidden className="size-4" /> Add files
      </button>
      <input
        ref={field}
        type="file"
        multiple
        className="sr-only"
        tabIndex={-1}
        aria-label="Files to store"
        onChange={(event) => {
          bringIn([...(event.target.files ?? [])], () => void client.invalidateQueries({ queryKey: ["items"] }));
          event.target.value = "";
        }}
      />
    </>
  );
}

function Uploads() {
  const uploads = useUploads();
  if (uploads.length === 0) return null;
  const left = uploads.filter(isUnderWay).length;
  return (
    <section aria-label="Files that are brought in" className="panel mb-4 grid gap-3 px-4 py-3">
      <div className="flex items-center justify-between gap-3">
        <h2 className="m-0 text-sm font-semibold">
          <span aria-live="polite">{left > 0 ? `${left} of ${uploads.length} under way: leave this tab open` : `${uploads.length === 1 ? "It is" : "All are"} through`}</span>
        </h2>
        {left < uploads.length && (
          <button type="button" className="button plain" onClick={clear}>
            Clear
          </button>
        )}
      </div>
      <ul className="m-0 grid max-h-72 list-none gap-2 overflow-auto p-0">
        {uploads.map((upload) => (
          <li key={upload.id}>
            <One upload={upload} />
          </li>
        ))}
      </ul>
    </section>
  );
}

const WORDS: Record<Upload["state"], string> = { waiting: "waits", reading: "is read and sent", sending: "is sent", done: "is stored", failed: "was not stored", stopped: "was stopped" };

function One({ upload }: { upload: Upload }) {
  const { id, name, bytes, state, part, note, item, kind } = upload;
  return (
    <div className="grid gap-1">
      <div className="flex flex-wrap items-center gap-x-3">
        <span className="min-w-0 flex-1 truncate">
          {item ? (
            <Link to="/data/$id" params={{ id: item.id }}>
              {name}
            </Link>
          ) : (
            name
          )}
          <span className="quiet"> {size(bytes)}</span>
        </span>
        <span className={`text-sm ${state === "failed" ? "text-bad" : "text-soft"}`}>{WORDS[state]}</span>
        {isUnderWay(upload) && (
          <button type="button" className="button plain min-h-8 py-0.5" aria-label={`Stop ${name}`} onClick={() => stop(id)}>
            Stop
          </button>
        )}
        {(state === "failed" || state === "stopped") && (
          <button type="button" className="button min-h-8 py-0.5" aria-label={`Try ${name} again`} onClick={() => again(id)}>
            Try again
          </button>
        )}
        {state === "failed" && kind === "image" && (
          <button type="button" className="button min-h-8 py-0.5" aria-label={`Keep ${name} as a file`} onClick={() => again(id, "file")}>
            Keep it as a file
          </button>
        )}
      </div>
      {(state === "reading" || state === "sending") && <Progress percent={part * 100} />}
      {note && (
        <p role={state === "failed" ? "alert" : undefined} className="m-0 text-sm text-bad">
          {note}
        </p>
      )}
    </div>
  );
}
