/** What acts for people: sign-ins, and the tokens by which apps that nobody watches sign in. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Loading, Title } from "../ui/parts";
import { LetIn } from "./Apps";
import { RedeemTokens } from "./RedeemTokens";
import { SignIns } from "./SignIns";
import { Section } from "./parts";
import { logins } from "./queries";
import { useRights } from "./rights";

export function Tokens() {
  const rights = useRights();
  const [isAll, setAll] = useState(false);
  const found = useQuery(logins(isAll));
  if (rights === null) return <Loading />;
  return (
    <div className="grid gap-8">
      <div>
        <Title beside={<LetIn />}>Sign-ins</Title>
        {rights.manages && (
          <label className="flex min-h-9 items-center gap-2 text-sm">
            <input type="checkbox" className="size-4 accent-accent" checked={isAll} onChange={(event) => setAll(event.target.checked)} />
            Everybody's in the team
          </label>
        )}
      </div>
      <Section title={isAll ? "What acts for people" : "What acts for you"}>
        <p className="quiet m-0">
          Your password, passkeys and linked accounts are on <a href="/account">your account</a>.
        </p>
        <SignIns found={found} empty="Nothing is signed in." />
      </Section>
      <RedeemTokens rights={rights} isAll={isAll} />
    </div>
  );
}
