/** Sign-ins: which app acts for whom, what it may, and how that ends. */
import type { UseQueryResult } from "@tanstack/react-query";
import { type Schemas, ask, pathTo } from "../api/client";
import { ConfirmButton } from "../ui/Confirm";
import { ago } from "../ui/words";
import { Dot, List, Said } from "./parts";
import { comesBack, how, may } from "./words";

type Login = Schemas["Login"];

export function SignIns({ found, empty }: { found: UseQueryResult<Login[]>; empty: string }) {
  return <List found={found} label="Sign-ins" empty={<p className="quiet m-0">{empty}</p>} keyOf={(login) => login.id} render={(login) => <Row login={login} />} />;
}

function Row({ login }: { login: Login }) {
  const isBrowser = login.kind === "page";
  const name = isBrowser ? "Browser" : login.app;
  return (
    <>
      <Said
        more={
          <>
            {login.person.name}, {isBrowser ? "" : `${how(login.kind)}, `}used {ago(login.used_at_us)}
            {isBrowser ? "" : `; may ${may(login.scopes)}`}
          </>
        }
      >
        {name}
        {login.version && <span className="quiet">{login.version}</span>}
        {login.machine && <span className="quiet">on {login.machine}</span>}
        {login.is_current && <span className="chip">this one</span>}
      </Said>
      {login.is_connected && <Dot state="online" />}
      {!login.is_current && (
        <ConfirmButton
          text="End"
          label={`End the sign-in of ${name}${login.machine ? ` on ${login.machine}` : ""}`}
          title={`End this sign-in of ${name}?`}
          confirm="End it"
          stale={["logins", "apps", "app", "agents"]}
          act={() => ask("DELETE", pathTo`/api/logins/${login.id}`)}
        >
          <p className="m-0">
            It acts for {login.person.name} no more: within seconds its connections close{isBrowser ? "" : ", and what it offers stops"}. {comesBack([login.kind])}
          </p>
        </ConfirmButton>
      )}
    </>
  );
}
