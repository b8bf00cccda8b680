/** Redeem tokens: by one, an app that nobody watches signs in for whoever made it. It is told once. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { useState } from "react";
import { type Schemas, ask, pathTo } from "../api/client";
import { Choice } from "../ui/Choice";
import { ConfirmButton } from "../ui/Confirm";
import { Secret } from "../ui/Secret";
import { Failure } from "../ui/parts";
import { ago, moment } from "../ui/words";
import { DAYS, DAY_S, List, Said, Section } from "./parts";
import { redeemTokens } from "./queries";
import type { Rights } from "./rights";
import { SCOPES, many, may } from "./words";

type Scope = Schemas["Scope"];
const ALL: Scope[] = ["read", "call", "provide", "manage"];

export function RedeemTokens({ rights, isAll }: { rights: Rights; isAll: boolean }) {
  const found = useQuery(redeemTokens(isAll));
  return (
    <Section title="Redeem tokens">
      <p className="quiet m-0 max-w-prose">For an app that nobody watches, as in a container: it signs in with the token and acts for whoever made it. Without an app's name a token works once.</p>
      <Make scopes={rights.role === "guest" ? ALL.slice(0, 2) : ALL} />
      <List found={found} label="Redeem tokens" empty={<p className="quiet m-0">No token waits to be used.</p>} keyOf={(token) => token.id} render={(token) => <Row token={token} />} />
    </Section>
  );
}

function Make({ scopes }: { scopes: Scope[] }) {
  const client = useQueryClient();
  const [app, setApp] = useState("");
  const [days, setDays] = useState("30");
  const [given, setGiven] = useState<Scope[]>(scopes.filter((scope) => scope !== "manage"));
  const make = useMutation({
    mutationFn: () => ask<Schemas["NewRedeemToken"]>("POST", "/api/redeem-tokens", { app: app.trim() || null, scopes: given, expires_s: Number(days) * DAY_S }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["redeem-tokens"] }),
  });
  return (
    <>
      <form
        aria-label="Make a token"
        className="panel grid items-end gap-3 px-4 py-3 sm:grid-cols-[2fr_1fr_auto]"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <label className="grid gap-1 text-sm">
          <span className="text-soft">Only for the app (may be left out)</span>
          <input className="field h-9" maxLength={64} pattern="[a-z][a-z0-9_\-]{0,63}" title="Small letters, digits, - and _, beginning with a letter" placeholder="segment" value={app} onChange={(event) => setApp(event.target.value)} />
        </label>
        <Choice isLabelSeen label="Holds for" value={days} options={[...DAYS, ["365", "a year"]]} onChoose={setDays} />
        <button type="submit" className="button main" disabled={make.isPending || given.length === 0}>
          <KeyRound aria-hidden className="size-4" /> Make a token
        </button>
        <fieldset className="m-0 flex flex-wrap gap-x-4 border-0 p-0 sm:col-span-3">
          <legend className="p-0 text-sm text-soft">It may</legend>
          {scopes.map((scope) => (
            <label key={scope} className="flex min-h-8 items-center gap-2 text-sm" title={SCOPES[scope][1]}>
              <input type="checkbox" className="size-4 accent-accent" checked={given.includes(scope)} onChange={(event) => setGiven(event.target.checked ? [...given, scope] : given.filter((one) => one !== scope))} />
              {SCOPES[scope][0]}
            </label>
          ))}
        </fieldset>
      </form>
      {make.error && <Failure error={make.error} />}
      {make.data && (
        <Secret title="Your token is ready" label="The token" text={make.data.secret} close={make.reset}>
          Whoever has it acts for you. It works {make.data.app === null ? "once, for any app" : `for ${make.data.app} alone`}, until {moment(make.data.expires_at_us)}, and is shown only now.
        </Secret>
      )}
    </>
  );
}

function Row({ token }: { token: Schemas["RedeemToken"] }) {
  const name = token.app ?? "any app, once";
  return (
    <>
      <Said more={`${token.person.name}, made ${ago(token.created_at_us)}, ${token.uses === 0 ? "not used yet" : `used ${many(token.uses, "time")}`}, holds until ${moment(token.expires_at_us)}; may ${may(token.scopes)}`}>
        For {name}
      </Said>
      <ConfirmButton
        text="Revoke"
        label={`Revoke the token for ${name}`}
        title={`Revoke the token for ${name}?`}
        confirm="Revoke it"
        stale={["redeem-tokens"]}
        act={() => ask("DELETE", pathTo`/api/redeem-tokens/${token.id}`)}
      >
        <p className="m-0">Nothing signs in by it any more. What has signed in by it goes on: end its sign-in as well, if it is to stop.</p>
      </ConfirmButton>
    </>
  );
}
