"""What `run dev` prints: the hub, the app, each task, each reload.

The rule: one line a fact, newest last, so that it reads the same on a terminal and in a log file; whatever came from
the app or a caller is cleaned here.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arkitekt_next.cli import output
from arkitekt_next.cli.output import mark, paint

_TRACE_LINES = 40


class Screen:
    """The lines of one run."""

    # -- the beginning ---------------------------------------------------------------------------------------

    def hub(self, url: str, folder: Path | None, *, is_new: bool, log: Path | None, stop: str, is_kept: bool) -> None:
        """Say which hub is used; of one that was started just now, also where its data lies and how it ends."""
        output.say(
            f"{paint('hub', bold=True)}   {paint(url, 'cyan')}{' (started now, in the background)' if is_new else ''}"
        )
        if is_new and folder is not None:
            output.say(f"      data  {folder}")
            output.say(f"      log   {log}")
            ends = f"it stays; stop it with: {paint(stop, 'cyan')}" if is_kept else "it ends with this run"
            output.say(f"      {ends}")

    def setup(self, link: str) -> None:
        """Say how the hub that was started just now gets its first account."""
        output.say(f"      Set up your account: {paint(link, 'cyan')}")

    def elsewhere(self, variable: str, folder: Path) -> None:
        """Say how callers find a hub whose folder is not the usual one."""
        setting = f'{variable}="{folder}"'
        output.say(f"      callers need {paint(setting, 'cyan')}")

    def app(self, identifier: str, source: Path, actions: Mapping[str, Mapping[str, str]], *, is_shared: bool) -> None:
        """Say what is served."""
        who = "shared with your team" if is_shared else "only you can call it (--share for your team)"
        output.say(f"{paint('app', bold=True)}   {paint(identifier, bold=True)} from {source}; {who}")
        if not actions:
            output.say("      no function yet: put @register on one and save")
        for name, described in actions.items():
            signature = described["signature"].removeprefix(name)
            output.say(f"      {paint(output.clean(f'{identifier}.{name}'), 'cyan')}{output.shorten(signature, 200)}")
        output.say(paint("Reloads when you save. Ctrl-C stops it.\n", dim=True))

    # -- reloading -------------------------------------------------------------------------------------------

    def reloading(self, names: Sequence[str]) -> None:
        """Say that an edit was seen."""
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        self._line("change", "cyan", f"{shown or 'the app'} changed")

    def importing(self) -> None:
        """Say that a version takes long to import, and the likeliest mistake."""
        self._line("warn", "yellow", "still importing the app. A module that runs itself belongs under")
        output.say('           if __name__ == "__main__":')

    def reloaded(
        self, before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]], took_s: float
    ) -> None:
        """Say what an edit changed for callers."""
        changes = [f"+ {after[name]['signature']}" for name in after if name not in before]
        changes += [f"- {name}" for name in before if name not in after]
        for name in after:
            if name in before and before[name]["definition_hash"] != after[name]["definition_hash"]:
                changes.append(f"~ {after[name]['signature']}")
        self._line(
            "ok", "green", f"the new version serves ({took_s:.1f} s)" + ("" if changes else ", same definitions")
        )
        for change in changes:
            output.say(f"           {change}")

    def broken(self, message: str, trace: str, *, is_serving: bool) -> None:
        """Show why a version can't be used."""
        self._line("bad", "red", output.clean(message))
        for line in trace.splitlines()[-_TRACE_LINES:]:
            output.say(f"           {output.clean(line)}")
        still = "The last good version keeps serving." if is_serving else "Nothing is served until you save a good one."
        output.say(f"           {paint(still, bold=True)}")

    def failed(self, message: str, trace: str) -> None:
        """Show why a version stopped by itself."""
        self._line("bad", "red", f"the app stopped: {output.clean(message)}")
        for line in trace.splitlines()[-_TRACE_LINES:]:
            output.say(f"           {output.clean(line)}")
        output.say(f"           {paint('It starts again when you save.', bold=True)}")

    def signed_out(self, reason: str) -> None:
        """Say that the hub does not let the app in any more."""
        self._line("warn", "yellow", output.clean(reason).partition(". ")[0])

    def crashed(self, code: int, again_s: float) -> None:
        """Say that the process of the app died."""
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with code {code}"
        self._line("bad", "red", f"the app's process {how}; it starts again in {again_s:g} s")

    def restarted(self) -> None:
        """Say that the app is back after a crash."""
        self._line("ok", "green", "the app serves again")

    # -- the hub ---------------------------------------------------------------------------------------------

    def waiting(self, reason: str) -> None:
        """Say that there is no hub yet."""
        self._line("warn", "yellow", f"{output.clean(reason).rstrip('.')}. Trying again until it answers")

    def not_kept(self, reason: str) -> None:
        """The hub was to keep the sources, and does not."""
        self._line("warn", "yellow", f"the hub does not keep these sources: {output.clean(reason)}")

    def disconnected(self, url: str) -> None:
        """Say that the hub went away."""
        self._line("warn", "yellow", f"the connection to {url} broke; reconnecting. Results are kept until then")

    def reconnected(self) -> None:
        """Say that it is back."""
        self._line("ok", "green", "connected again")

    def hub_is_back(self, url: str) -> None:
        """Say that a dead hub was started again."""
        self._line("ok", "green", f"the hub had died and was started again at {url}")

    def hub_was_stopped(self) -> None:
        """Say that somebody stopped the hub on purpose."""
        self._line(
            "warn", "yellow", "the hub was stopped; `arkitekt-next hub start` brings it back, and the app with it"
        )

    # -- tasks -----------------------------------------------------------------------------------------------

    def task_runs(self, call: str) -> None:
        """Show a task that takes its time."""
        self._line("run", "blue", f"{output.clean(call)} …")

    def task_ended(self, event: Mapping[str, Any]) -> None:
        """Show a task that is over: its call, how long it took, how it ended."""
        status, yields = str(event["status"]), int(event.get("yields") or 0)
        took = _duration(float(event.get("ran_us") or 0) / 1e6)
        what = [output.clean(event["call"]), paint(took, dim=True)]
        if yields:
            what.append(paint(f"{yields} value{'' if yields == 1 else 's'}", dim=True))
        if status == "completed":
            self._line("ok", "green", "  ".join(what))
            return
        colour = "red" if status == "failed" else "yellow"
        error = output.shorten(str(event.get("error") or ""), 200)
        self._line("bad", colour, "  ".join([*what, paint(error or status, colour)]))

    # -- the end ---------------------------------------------------------------------------------------------

    def finishing(self, running: int, hint: str = "the new version waits for it") -> None:
        """Say that everything under way is being finished first."""
        if running:
            plural = "" if running == 1 else "s"
            self._line("stop", None, f"finishing {running} task{plural}, at most 10 s; {hint}")

    def stopped(self, *, hub_kept: str | None) -> None:
        """Say that it is over."""
        output.say(f"Stopped.{f' The hub still runs; stop it with: {hub_kept}' if hub_kept else ''}")

    def _line(self, sign: str, colour: str | None, text: str) -> None:
        when = paint(time.strftime("%H:%M:%S"), dim=True)
        head, *rest = text.splitlines() or [""]
        output.say(f"{when} {paint(mark(sign), colour)} {head}")
        for line in rest:
            output.say(f"           {line}")


def _duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
