/** Who belongs to the team, as what; and who is invited. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Schemas, ask, pathTo } from "../api/client";
import { Confirm, ConfirmButton } from "../ui/Confirm";
import { Empty, Loading, Title } from "../ui/parts";
import { ago } from "../ui/words";
import { Invitations } from "./Invitations";
import { List, Said } from "./parts";
import { members } from "./queries";
import { type Rights, useRights } from "./rights";
import { ROLES, an } from "./words";

type Member = Schemas["Member"];
type Role = Schemas["Role"];

export function People() {
  const rights = useRights();
  if (rights === null) return <Loading />;
  if (rights.role === "guest") return <Empty title="You are a guest here">Guests do not see who belongs to the team. Ask whoever invited you.</Empty>;
  return (
    <div className="grid gap-8">
      <Members rights={rights} />
      {rights.manages && <Invitations rights={rights} />}
    </div>
  );
}

function Members({ rights }: { rights: Rights }) {
  const found = useQuery(members);
  const [wanted, setWanted] = useState<{ member: Member; role: Role } | null>(null);
  return (
    <div>
      <Title>People</Title>
      <List
        found={found}
        label="Members"
        empty={<Empty title="Nobody is here" />}
        keyOf={(member) => member.id}
        render={(member) => <Row member={member} rights={rights} onRole={(role) => setWanted({ member, role })} />}
      />
      {wanted && (
        <Confirm
          title={`Make ${wanted.member.name} ${an(wanted.role)}?`}
          confirm={`Make ${an(wanted.role)}`}
          isGrave={false}
          stale={["members", "me"]}
          act={() => ask("PATCH", pathTo`/api/members/${wanted.member.id}`, { role: wanted.role })}
          close={() => setWanted(null)}
        >
          <p className="m-0">
            {`${an(wanted.role).replace(/^a/, "A")} ${ROLES[wanted.role]}.`} {wanted.member.id === rights.person && "You change your own role: only somebody else can give it back."}
          </p>
        </Confirm>
      )}
    </div>
  );
}

function Row({ member, rights, onRole }: { member: Member; rights: Rights; onRole: (role: Role) => void }) {
  const isSelf = member.id === rights.person;
  const isMine = rights.givable.includes(member.role);
  return (
    <>
      <Said more={`${member.email ? `${member.email}, ` : ""}joined ${ago(member.joined_at_us)}`}>
        {member.name}
        {isSelf && <span className="chip">you</span>}
        {member.is_disabled && <span className="chip">account closed</span>}
        {!isMine && <span className="chip">{member.role}</span>}
      </Said>
      {isMine && (
        <label>
          <span className="sr-only">Role of {member.name}</span>
          <select className="field text-sm" value={member.role} onChange={(event) => onRole(event.target.value as Role)}>
            {rights.givable.map((role) => (
              <option key={role} value={role}>
                {role}
              </option>
            ))}
          </select>
        </label>
      )}
      {isMine && !isSelf && (
        <ConfirmButton
          text="Remove"
          label={`Remove ${member.name}`}
          title={`Remove ${member.name} from the team?`}
          confirm="Remove them"
          stale={["members", "logins", "apps"]}
          act={() => ask("DELETE", pathTo`/api/members/${member.id}`)}
        >
          <p className="m-0">All their sign-ins in this team end, and their apps stop within seconds. What they have stored and run stays the team's.</p>
          <p className="m-0">They come back only by an invitation.</p>
        </ConfirmButton>
      )}
    </>
  );
}
