/** Invitations: a link by which people come in. It is told once, to whoever makes it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { UserPlus } from "lucide-react";
import { useState } from "react";
import { type Schemas, ask, pathTo } from "../api/client";
import { Choice } from "../ui/Choice";
import { ConfirmButton } from "../ui/Confirm";
import { Secret } from "../ui/Secret";
import { Failure } from "../ui/parts";
import { ago, moment } from "../ui/words";
import { DAYS, DAY_S, List, Said, Section } from "./parts";
import { invitations } from "./queries";
import type { Rights } from "./rights";
import { ROLES, an, many } from "./words";

type Role = Schemas["Role"];

export function Invitations({ rights }: { rights: Rights }) {
  const found = useQuery(invitations);
  return (
    <Section title="Invitations">
      <Make rights={rights} />
      <List found={found} label="Open invitations" empty={<p className="quiet m-0">No invitation is open.</p>} keyOf={(one) => one.id} render={(one) => <Row invitation={one} rights={rights} />} />
    </Section>
  );
}

function Make({ rights }: { rights: Rights }) {
  const client = useQueryClient();
  const [role, setRole] = useState<Role>("member");
  const [days, setDays] = useState("7");
  const [uses, setUses] = useState("1");
  const make = useMutation({
    mutationFn: () => ask<Schemas["NewInvitation"]>("POST", "/api/invitations", { role, expires_s: Number(days) * DAY_S, uses: Number(uses) }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["invitations"] }),
  });
  return (
    <>
      <form
        aria-label="Invite"
        className="panel grid items-end gap-3 px-4 py-3 sm:grid-cols-[1fr_1fr_1fr_auto]"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <Choice isLabelSeen label="Invite as" value={role} options={[...rights.givable].reverse().map((one) => [one, one])} onChoose={(value) => setRole(value as Role)} />
        <Choice isLabelSeen label="Holds for" value={days} options={DAYS} onChoose={setDays} />
        <label className="grid gap-1 text-sm">
          <span className="text-soft">For how many people</span>
          <input type="number" required min={1} max={100} step={1} className="field h-9" value={uses} onChange={(event) => setUses(event.target.value)} />
        </label>
        <button type="submit" className="button main" disabled={make.isPending}>
          <UserPlus aria-hidden className="size-4" /> Make a link
        </button>
        <p className="quiet m-0 sm:col-span-4">{`${an(role).replace(/^a/, "A")} ${ROLES[role]}.`}</p>
      </form>
      {make.error && <Failure error={make.error} />}
      {make.data && (
        <Secret title="Your invitation is ready" label="The link" text={make.data.link} close={make.reset}>
          Give it to whom you invite, by a way that only they read. It makes {many(make.data.uses_left, "person", "people")} {make.data.uses_left === 1 ? an(make.data.role) : `${make.data.role}s`} of the team, holds until {moment(make.data.expires_at_us)}, and is shown only now.
        </Secret>
      )}
    </>
  );
}

function Row({ invitation, rights }: { invitation: Schemas["Invitation"]; rights: Rights }) {
  return (
    <>
      <Said more={`by ${invitation.by.name} ${ago(invitation.created_at_us)}, holds until ${moment(invitation.expires_at_us)}`}>
        {invitation.role}, for {many(invitation.uses_left, "person", "people")}
      </Said>
      {rights.givable.includes(invitation.role) && (
        <ConfirmButton
          text="Take back"
          label={`Take back the invitation as ${invitation.role}`}
          title="Take this invitation back?"
          confirm="Take it back"
          stale={["invitations"]}
          act={() => ask("DELETE", pathTo`/api/invitations/${invitation.id}`)}
        >
          <p className="m-0">Nobody comes in by its link any more. Whoever has come in by it stays.</p>
        </ConfirmButton>
      )}
    </>
  );
}
