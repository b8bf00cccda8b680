/** What became of the session, where it is not the one that the page was loaded in. */
import { signIn, useSession } from "../api/session";

export function SessionNote() {
  const session = useSession();
  if (session.is === "here") return null;
  const isEnded = session.is !== "another";
  return (
    <div role="alert" className="sticky top-0 z-30 mt-3 flex flex-wrap items-center gap-3 rounded-md border border-warn bg-panel px-3 py-2">
      <p className="m-0 min-w-0 flex-1 basis-56 break-words">
        {session.is !== "another" ? "Your sign-in has ended. Sign in again; until then, what you typed stays here." : `${session.said} Nothing is changed, and what you typed stays, until you load the page again, or sign in as before in another tab.`}
      </p>
      <button type="button" className="button main" onClick={() => (isEnded ? signIn() : location.reload())}>
        {isEnded ? "Sign in" : "Load it again"}
      </button>
    </div>
  );
}
