/** Bringing a file in where something stored is chosen: by a button, or dropped onto it. */
import { Upload as UploadIcon } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import type { Schemas } from "../api/client";
import { Progress } from "../ui/parts";
import { bringIn, isUnderWay, useUploads } from "./uploads";

interface Props {
  what: string;
  kinds: readonly string[];
  onStored: (item: Schemas["Item"]) => void;
  children: ReactNode;
}

export function Bring({ what, kinds, onStored, children }: Props) {
  const [file, setFile] = useState<File | null>(null);
  const [isOver, setOver] = useState(false);
  const [misfit, setMisfit] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const upload = useUploads().find((one) => one.file === file);
  const bring = (given: File | undefined) => {
    if (given === undefined) return;
    setMisfit("");
    setFile(given);
    bringIn([given], (item) => (kinds.length === 0 || kinds.includes(item.kind) ? onStored(item) : setMisfit(`It is stored as a ${item.kind}, and ${what} is wanted here.`)));
  };
  return (
    <div
      className={`grid gap-1.5 rounded-md ${isOver ? "outline-2 outline-offset-2 outline-dashed outline-accent" : ""}`}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(false);
        bring(event.dataTransfer.files[0]);
      }}
    >
      <div className="flex items-start gap-2">
        <div className="min-w-0 flex-1">{children}</div>
        <button type="button" className="button" title={`Bring in ${what} from this machine`} onClick={() => field.current?.click()}>
          <UploadIcon aria-hidden className="size-4" /> Add<span className="sr-only"> a file</span>
        </button>
        <input
          ref={field}
          type="file"
          className="sr-only"
          tabIndex={-1}
          aria-label={`File to store as ${what}`}
          onChange={(event) => {
            bring(event.target.files?.[0]);
            event.target.value = "";
          }}
        />
      </div>
      {upload && isUnderWay(upload) && <Progress percent={upload.part * 100} message={`${upload.name} is stored`} />}
      {(misfit || upload?.state === "failed") && (
        <p role="alert" className="m-0 text-sm text-bad">
          {misfit || upload?.note}
        </p>
      )}
    </div>
  );
}
