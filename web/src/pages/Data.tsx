/** What the team keeps: found by words, kind, tags and folder, with pictures. */
import { getRouteApi } from "@tanstack/react-router";
import { LayoutGrid, ListChecks, Rows3 } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { items as itemsQuery } from "../api/queries";
import { Folders } from "../folders/Folders";
import { MoveChosen } from "../folders/MoveChosen";
import { Trail } from "../folders/Trail";
import { ItemCard, ItemRow } from "../list/ItemRow";
import { List } from "../list/List";
import { Check, Word, wordsOf } from "../list/Narrow";
import { enterList } from "../list/Rows";
import { useList } from "../list/useList";
import type { DataSearch } from "../router";
import { Choice } from "../ui/Choice";
import { Search } from "../ui/Search";
import { Empty, Title } from "../ui/parts";
import { Choose, Drop } from "../upload/Drop";

const route = getRouteApi("/data");
const ROWS = { height: 88 };
const GRID = { height: 252, leastWidth: 190 };
const KINDS: [string, string][] = [["image", "Images"], ["array", "Arrays"], ["table", "Tables"], ["file", "Files"]];
const LOOK = "data look";

export function Data() {
  const { q = "", kind = "", tag = "", mine = false, folder = "", trash = false } = route.useSearch();
  const navigate = route.useNavigate();
  const [isGrid, setGrid] = useState(() => localStorage.getItem(LOOK) === "grid");
  const [chosen, setChosen] = useState<ReadonlySet<string> | null>(null);
  const listed = useList(itemsQuery({ text: q, kind, mine, trashed: trash, ...(folder ? { folder } : {}), ...(tag ? { tag: [tag] } : {}) }));
  const set = useCallback((changes: DataSearch) => void navigate({ search: (old) => ({ ...old, ...changes }), replace: true }), [navigate]);
  const search = useCallback((text: string) => set({ q: text || undefined }), [set]);
  const tags = useMemo(() => wordsOf(listed.rows, (row) => row.tags), [listed.rows]);
  const choose = (id: string) => setChosen((old) => toggled(old ?? new Set(), id));
  const hidden = useMemo(() => (chosen?.size ? chosen.size - listed.rows.filter((row) => chosen.has(row.id)).length : 0), [chosen, listed.rows]);
  const isNarrowed = q !== "" || kind !== "" || tag !== "" || mine;
  const look = (wanted: boolean) => {
    setGrid(wanted);
    localStorage.setItem(LOOK, wanted ? "grid" : "rows");
  };
  const Shown = isGrid ? ItemCard : ItemRow;
  return (
    <>
      <Title
        beside={
          <div className="flex flex-wrap items-center gap-2">
            <button type="button" className="button" aria-pressed={chosen !== null} onClick={() => setChosen(chosen === null ? new Set() : null)}>
              <ListChecks aria-hidden className="size-4" /> {chosen === null ? "Choose several" : "Done choosing"}
            </button>
            <Look isGrid={isGrid} onLook={look} />
            <Choose />
          </div>
        }
      >
        Data
      </Title>
      <Drop>
        <div role="search" className="mb-4 flex flex-wrap items-center gap-3">
          <Search value={q} label="Search names and notes" onSearch={search} onKeyDown={enterList} />
          <Choice label="Kind" value={kind} options={[["", "Everything"], ...KINDS]} onChoose={(value) => set({ kind: value || undefined })} />
          <Word label="Tag" value={tag} known={tags} onChange={(value) => set({ tag: value })} />
          <Check label="Only mine" value={mine} onChange={(value) => set({ mine: value })} />
          <Check label="The trash" value={trash} onChange={(value) => set({ trash: value })} />
        </div>
        {folder !== "" && <Trail folder={folder} />}
        {!trash && <Folders folder={folder} />}
        {chosen !== null && <MoveChosen chosen={chosen} hidden={hidden} onMoved={(left) => setChosen(new Set(left))} />}
        <List
          listed={listed}
          label="Data"
          {...(isGrid ? GRID : ROWS)}
          keyOf={(row) => row.id}
          render={(row) => <Shown item={row} isChosen={chosen === null ? null : chosen.has(row.id)} onChoose={choose} />}
          nothing={<Nothing isNarrowed={isNarrowed} isTrash={trash} isFolder={folder !== ""} />}
        />
      </Drop>
    </>
  );
}

function Look({ isGrid, onLook }: { isGrid: boolean; onLook: (isGrid: boolean) => void }) {
  return (
    <div role="group" aria-label="Look of the list" className="flex">
      <button type="button" className={`button rounded-r-none ${isGrid ? "" : "bg-accent-soft"}`} aria-pressed={!isGrid} aria-label="Rows" onClick={() => onLook(false)}>
        <Rows3 aria-hidden className="size-4" />
      </button>
      <button type="button" className={`button rounded-l-none border-l-0 ${isGrid ? "bg-accent-soft" : ""}`} aria-pressed={isGrid} aria-label="Pictures" onClick={() => onLook(true)}>
        <LayoutGrid aria-hidden className="size-4" />
      </button>
    </div>
  );
}

function toggled(old: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const made = new Set(old);
  if (!made.delete(id)) made.add(id);
  return made;
}

function Nothing({ isNarrowed, isTrash, isFolder }: { isNarrowed: boolean; isTrash: boolean; isFolder: boolean }) {
  if (isNarrowed) return <Empty title="Nothing fits">Try fewer words, or every kind.</Empty>;
  if (isTrash) return <Empty title="The trash is empty">What is put here can be restored for some days.</Empty>;
  if (isFolder) return <Empty title="No data lies here">Choose some in another place, and move it here.</Empty>;
  return (
    <Empty title="Nothing is stored yet">
      What functions give under a name appears here. Drop files here to store them, or bring in many with <code>arkitekt-next data import cells.tif</code>.
    </Empty>
  );
}
