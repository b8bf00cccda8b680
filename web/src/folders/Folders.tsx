/** The folders at one place, and making, naming, moving and removing them. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Folder as Icon, FolderPlus } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { ask, pathTo } from "../api/client";
import { ConfirmButton } from "../ui/Confirm";
import { Failure } from "../ui/parts";
import { FolderPicker } from "./FolderPicker";
import { type Folder, foldersIn, trailTo, useFolderChange } from "./queries";

const NAME = 256;

export function Folders({ folder }: { folder: string }) {
  const found = useQuery(foldersIn(folder));
  const trail = useQuery(trailTo(folder));
  const here = trail.data?.at(-1);
  const folders = found.data ?? [];
  return (
    <section aria-label="Folders" className="mb-4 grid gap-2">
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      <ul className="m-0 flex list-none flex-wrap items-center gap-2 p-0">
        {folders.map((one) => (
          <li key={one.id} className="min-w-0 max-w-full">
            <Link to="/data" search={(old) => ({ ...old, folder: one.id })} className="button max-w-full">
              <Icon aria-hidden className="size-4 shrink-0 text-accent" />
              <span className="truncate">{one.name}</span>
              {one.visibility === "private" && <span className="chip">private</span>}
            </Link>
          </li>
        ))}
        <li>
          <Make parent={folder} />
        </li>
        {here && (
          <li>
            <Change key={here.id} folder={here} trail={trail.data ?? []} />
          </li>
        )}
      </ul>
    </section>
  );
}

function Make({ parent }: { parent: string }) {
  const [isOpen, setOpen] = useState(false);
  const [isPrivate, setPrivate] = useState(false);
  const make = useFolderChange(
    (name: string) => ask("POST", "/api/folders", { name, parent: parent || null, visibility: isPrivate ? "private" : "team" }),
    () => setOpen(false),
  );
  if (!isOpen) {
    return (
      <button type="button" className="button plain" onClick={() => setOpen(true)}>
        <FolderPlus aria-hidden className="size-4" /> New folder
      </button>
    );
  }
  return (
    <Named label="Name of the folder" button="Make" name="" isBusy={make.isPending} error={make.error} onName={(name) => make.mutate(name)} onCancel={() => setOpen(false)}>
      <label className="flex min-h-9 items-center gap-2 text-sm">
        <input type="checkbox" className="size-4 accent-accent" checked={isPrivate} onChange={(event) => setPrivate(event.target.checked)} />
        Only I see it
      </label>
    </Named>
  );
}

function Change({ folder, trail }: { folder: Folder; trail: Folder[] }) {
  const [isOpen, setOpen] = useState(false);
  const navigate = useNavigate();
  const close = () => setOpen(false);
  const path = pathTo`/api/folders/${folder.id}`;
  const change = useFolderChange((body: { name?: string; parent?: string | null }) => ask("PATCH", path, body), close);
  const remove = async () => {
    await ask("DELETE", path);
    await navigate({ to: "/data", search: (old) => ({ ...old, folder: trail.at(-2)?.id }) });
  };
  if (!isOpen) {
    return (
      <button type="button" className="button plain" onClick={() => setOpen(true)}>
        Change this folder
      </button>
    );
  }
  const isBusy = change.isPending;
  return (
    <div className="panel flex flex-wrap items-center gap-3 px-3 py-2">
      <Named label="New name" button="Rename" name={folder.name} isBusy={isBusy} error={change.error} onName={(name) => change.mutate({ name })} onCancel={close} />
      <FolderPicker label="Move it into…" button="Move folder" isBusy={isBusy} without={(one) => one.id === folder.id || one.path.startsWith(`${folder.path}/`)} onChoose={(parent) => change.mutate({ parent })} />
      <ConfirmButton text="Remove the folder" title={`Remove the folder ${folder.name}?`} confirm="Remove it" act={remove} stale={["folders", "items", "item"]}>
        <p className="m-0">Only a folder that is empty can be removed. It can't be restored.</p>
      </ConfirmButton>
    </div>
  );
}

interface NamedProps {
  label: string;
  button: string;
  name: string;
  isBusy: boolean;
  error: Error | null;
  onName: (name: string) => void;
  onCancel: () => void;
  children?: ReactNode;
}

/** A small form that asks for the name of a folder. */
function Named({ label, button, name, isBusy, error, onName, onCancel, children }: NamedProps) {
  const [text, setText] = useState(name);
  const id = useId();
  const wanted = text.trim();
  const isFine = wanted !== "" && wanted !== name && !/[/\u0000-\u001f]/.test(wanted);
  return (
    <form
      className="flex flex-wrap items-center gap-2"
      onKeyDown={(event) => event.key === "Escape" && onCancel()}
      onSubmit={(event) => {
        event.preventDefault();
        if (isFine) onName(wanted);
      }}
    >
      <input autoFocus className="field w-48" aria-label={label} placeholder={label} aria-invalid={wanted.includes("/")} aria-describedby={`${id}-problem`} maxLength={NAME} value={text} onChange={(event) => setText(event.target.value)} />
      {children}
      <button type="submit" className="button" disabled={!isFine || isBusy}>
        {button}
      </button>
      <button type="button" className="button plain" onClick={onCancel}>
        Leave it
      </button>
      <span id={`${id}-problem`} className="w-full text-sm text-bad empty:hidden" role="alert">
        {wanted.includes("/") ? "A name has no slash. Make one folder in another instead." : error?.message}
      </span>
    </form>
  );
}
