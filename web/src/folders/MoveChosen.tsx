/** Filing what was chosen in a list. */
import { ask, pathTo } from "../api/client";
import { FolderPicker } from "./FolderPicker";
import { useFolderChange } from "./queries";

interface Props {
  chosen: ReadonlySet<string>;
  hidden: number; // of them, not among what the list shows
  onMoved: (left: string[]) => void; // those that could not be moved
}

export function MoveChosen({ chosen, hidden, onMoved }: Props) {
  const move = useFolderChange(async (folder: string | null) => {
    const left: string[] = [];
    let why = "";
    for (const id of chosen) {
      try {
        await ask("PATCH", pathTo`/api/items/${id}`, { folder });
      } catch (error) {
        left.push(id);
        why = (error as Error).message;
      }
    }
    onMoved(left);
    if (left.length > 0) throw new Error(`${left.length} of ${chosen.size} could not be moved, and are still chosen. ${why}`);
  });
  return (
    <div className="panel mb-3 flex flex-wrap items-center gap-3 px-3 py-2">
      <span role="status">{chosen.size === 0 ? "Choose what is to be moved." : `${chosen.size} chosen${hidden === 0 ? "" : `, ${hidden === chosen.size ? "none of them shown here" : `${hidden} of them not shown here`}`}`}</span>
      <FolderPicker label="Move into…" button="Move" isBusy={move.isPending || chosen.size === 0} onChoose={(folder) => move.mutate(folder)} />
      {move.error && (
        <p role="alert" className="m-0 text-sm text-bad">
          {move.error.message}
        </p>
      )}
    </div>
  );
}
