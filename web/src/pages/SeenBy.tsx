/** Who sees an item, and the button by which those who may change it do so. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Lock, UsersRound } from "lucide-react";
import { type Schemas, ask, pathTo } from "../api/client";
import { useRights } from "../keeping/rights";
import { ConfirmButton } from "../ui/Confirm";

type Visibility = Schemas["Item"]["visibility"];

const show = (item: string, visibility: Visibility) => ask<Schemas["Item"]>("PATCH", pathTo`/api/items/${item}`, { visibility });

export function SeenBy({ item }: { item: Schemas["Item"] }) {
  const rights = useRights();
  const isOwn = rights?.person === item.person.id;
  const isTeams = item.visibility === "team";
  const isThere = item.removed_at_us === null;
  const owner = isOwn ? "only you" : `only ${item.person.name}`;
  return (
    <div className="grid justify-items-start gap-1.5 pb-1">
      <span aria-live="polite">{isTeams ? "the team, without its guests" : `${owner}, and who may read the calls it went through`}</span>
      {isThere && isOwn && <Change item={item} to={isTeams ? "private" : "team"} />}
      {isThere && !isOwn && isTeams && rights?.manages && <GiveAway item={item} />}
    </div>
  );
}

function Change({ item, to }: { item: Schemas["Item"]; to: Visibility }) {
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: () => show(item.id, to),
    onSuccess: (changed) => {
      client.setQueryData(["item", item.id], changed);
      return client.invalidateQueries({ queryKey: ["items"] });
    },
  });
  const Icon = to === "private" ? Lock : UsersRound;
  return (
    <>
      {/* Not disabled meanwhile: whoever pressed it by keyboard would lose their place. */}
      <button type="button" className="button" aria-disabled={change.isPending} onClick={() => change.isPending || change.mutate()}>
        <Icon aria-hidden className="size-4" /> {to === "private" ? "Make it private" : "Show it to the team"}
      </button>
      {change.error && (
        <p role="alert" className="m-0 text-sm text-bad">
          {change.error.message}
        </p>
      )}
    </>
  );
}

/** Whoever manages the team may make somebody else's item private, and does not see it from then on. */
function GiveAway({ item }: { item: Schemas["Item"] }) {
  const navigate = useNavigate();
  const act = async () => {
    await show(item.id, "private");
    await navigate({ to: "/data" });
  };
  return (
    <ConfirmButton text="Make it private" icon={<Lock aria-hidden className="size-4" />} isGrave={false} title={`Make ${item.name} private?`} confirm="Make it private" act={act} stale={["items"]}>
      <p className="m-0">Only {item.person.name} will see it then, besides who may read the calls it went through, and only they can show it to the team again.</p>
    </ConfirmButton>
  );
}
