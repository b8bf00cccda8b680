/** Something stored as one line of a list, or as a card with a larger picture. */
import { Link } from "@tanstack/react-router";
import type { Schemas } from "../api/client";
import { ago } from "../ui/words";
import { Thumbnail, what, whatAndSize } from "../values/Thumbnail";

interface Props {
  item: Schemas["Item"];
  isChosen: boolean | null; // null: nothing is being chosen
  onChoose: (id: string) => void;
}

export function ItemRow({ item, isChosen, onChoose }: Props) {
  return (
    <div className="panel flex h-full items-center hover:border-soft">
      <Mark item={item} isChosen={isChosen} onChoose={onChoose} />
      <Link to="/data/$id" params={{ id: item.id }} className="flex h-full min-w-0 flex-1 items-center gap-4 px-3 text-ink no-underline">
        <Thumbnail item={item} size={64} />
        <span className="min-w-0 flex-1">
          <span className="block truncate font-medium">{item.name}</span>
          <span className="quiet block truncate">
            {whatAndSize(item)}, {ago(item.created_at_us)}, by {item.person.name}
          </span>
        </span>
        <span className="hidden gap-1 sm:flex">
          {item.tags.slice(0, 3).map((tag) => (
            <span key={tag} className="chip">
              {tag}
            </span>
          ))}
          {item.visibility === "private" && <span className="chip">private</span>}
        </span>
      </Link>
    </div>
  );
}

export function ItemCard({ item, isChosen, onChoose }: Props) {
  return (
    <div className="panel relative h-full hover:border-soft">
      <Link to="/data/$id" params={{ id: item.id }} className="grid h-full content-start justify-items-center gap-2 p-3 text-ink no-underline">
        <Thumbnail item={item} size={160} />
        <span className="w-full min-w-0">
          <span className="block truncate font-medium">{item.name}</span>
          <span className="quiet block truncate">{what(item)}</span>
        </span>
      </Link>
      {isChosen !== null && (
        <span className="absolute left-1 top-1 rounded-md bg-panel">
          <Mark item={item} isChosen={isChosen} onChoose={onChoose} />
        </span>
      )}
    </div>
  );
}

function Mark({ item, isChosen, onChoose }: Props) {
  if (isChosen === null) return null;
  return (
    <label className="grid size-9 shrink-0 place-items-center">
      <input type="checkbox" className="size-4 accent-accent" aria-label={`Choose ${item.name}`} checked={isChosen} onChange={() => onChoose(item.id)} />
    </label>
  );
}
