/** Choosing a folder by its path. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Folder, allFolders } from "./queries";

interface Props {
  label: string;
  button: string;
  isBusy: boolean;
  without?: (folder: Folder) => boolean;
  onChoose: (folder: string | null) => void;
}

const TOP = "-";

export function FolderPicker({ label, button, isBusy, without, onChoose }: Props) {
  const found = useQuery(allFolders);
  const [chosen, setChosen] = useState("");
  const folders = (found.data ?? []).filter((folder) => !without?.(folder));
  return (
    <form
      className="flex flex-wrap items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (chosen) onChoose(chosen === TOP ? null : chosen);
      }}
    >
      <select className="field w-auto max-w-72" aria-label={label} value={chosen} onChange={(event) => setChosen(event.target.value)}>
        <option value="">{found.isPending ? "…" : label}</option>
        <option value={TOP}>Out of all folders</option>
        {folders.map((folder) => (
          <option key={folder.id} value={folder.id}>
            {folder.path}
          </option>
        ))}
      </select>
      <button type="submit" className="button" disabled={!chosen || isBusy}>
        {button}
      </button>
    </form>
  );
}
