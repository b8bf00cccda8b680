"""What the project promises, one id a promise: `@pytest.mark.requirement(id)` marks the tests that fail when it breaks.

`tests/architecture/test_requirements.py` holds the two together: no promise without a test, no mark without a promise.
Only what is reached stands here; a feature enters with the test that would notice its absence.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REQUIREMENTS: Mapping[str, str] = MappingProxyType(
    {
        # -- declaring a function
        "declare.register": "Every way to decorate names actions by one rule and gives the function back.",
        "declare.plain-python": "A registered function runs as plain Python without a hub, its helpers idle.",
        "declare.docstrings": "Google, NumPy and reST docstrings describe arguments and outputs alike.",
        "declare.kinds": "A hint becomes its kind, and a value comes back as it was, through its branch of a union.",
        "declare.defaults": "A default keeps the kind and the nullability that the hint says.",
        "declare.models": "Dataclass, pydantic model, TypedDict, NamedTuple arrive as their class, docs and all.",
        "declare.outputs": "A tuple or NamedTuple return becomes several named outputs, and the caller gets a tuple.",
        "declare.structures": "A class with shrink and expand travels as its id by hint alone, under a name of choice.",
        "declare.memory-structures": "Only what is marked stays in its agent: shared there, refused elsewhere.",
        "declare.refusals": "What can't travel, arrays and paths included, is refused at once with place and remedy.",
        "declare.limits": "What `Annotated` limits is checked at the caller, the hub and the agent.",
        "declare.forms": "Widgets, groups and collections are published as their author says.",
        "declare.rules": "Rules across ports travel as data, and one that refuses does so everywhere.",
        "declare.streams": "A generator, plain or async, reaches its reader value by value, before it ends.",
        "declare.threads": "A function that blocks stalls neither the heartbeat nor other functions.",
        "declare.processes": "A function may have a process of its own, which dies alone and can be killed.",
        "declare.concurrency": "No more calls run at once than the function allows.",
        "declare.locks": "Functions that share a lock take turns, and one that waits for its own caller is refused.",
        "declare.effects": "What a function does to the world decides whether lost work is run again.",
        "declare.retries": "A failure is tried again as often as declared, and only where that is harmless.",
        "declare.pure": "What is declared pure is run once for the same arguments to the same process.",
        "declare.timeout": "A declared time limit ends the call that exceeds it.",
        "declare.compatibility": "A change that breaks callers is told from one that does not, in sentences.",
        # -- running an app
        "run.apps": "`easy` and `App` serve and call in plain and async blocks, for good or beside the program.",
        "run.notebooks": "A notebook calls, serves what its cells define, and replaces it when a cell is run again.",
        "run.hooks": "Start-up runs in order with what contexts give, is undone in reverse, and fails loudly.",
        "run.drain": "An app that is told to stop finishes what it runs.",
        "run.release": "The hub knows which sources, locked dependencies and Python a release ran with.",
        # -- calling
        "call.forms": "Plain forms give the value, async ones are awaited; what would block its own loop is refused.",
        "call.find": "A function is found by name, hash, ports or agent, with its signature and docs.",
        "call.submit": "A submitted task has a handle for its result, stream, events and status.",
        "call.children": "A call from inside a task is its child; parent, root and person are known inside.",
        "call.errors": "A remote exception is caught as its own type, with message, traceback, task and agent.",
        "call.checked": "Arguments and results that do not fit are refused by name at the caller and the hub.",
        "call.timeout": "A call that takes too long raises then, and its task is stopped.",
        "call.reference": "Calls with one reference are one task, however often and wherever they are made.",
        "call.waiting": "A call waits for an agent, or fails at once when told to.",
        "call.progress": "Progress and log lines of a function reach whoever follows the task.",
        "call.prints": "Printed lines and tqdm bars of a task are its log and its progress.",
        "call.cancel": "A cancelled function stops where it speaks or awaits and cleans up, or is cut off.",
        "call.pause": "A task pauses at its pause points, goes on step by step, and resumes.",
        "call.backpressure": "A reader that takes nothing pauses the source.",
        "call.routing": "Among several agents work goes to the least busy, in turn, to the same, or by label.",
        "call.testing": "Functions are tried through their ports without a hub; pytest fixtures give an app or a hub.",
        "agent.resume": "A process whose connection broke goes on where it was, without loss or repetition.",
        "agent.outbox": "What an agent could not deliver waits on its disk and is told by the next process.",
        # -- the command line
        "cli.init": "`init` makes a folder an app that runs, and loses nothing that was there.",
        "cli.run-dev": "`run dev` finds or starts a hub, shows each task, and outlives crashes of app and hub.",
        "cli.reload": "An edit is live soon; a broken one is shown while the last good version serves.",
        "cli.run-prod": "`run prod` waits for its hub, comes back to it, and ends well on a signal.",
        "cli.call": "`call` reads values as the ports say, prints results and streams, here or over the hub.",
        "cli.inspect": "`inspect` lists the catalogue and describes one function.",
        "cli.check": "`check` says what is wrong with an app and what its release would break.",
        "cli.gen": "`gen` writes a typed client that works, passes strict type checks, and tells when it is stale.",
        "cli.manifest": "`manifest` prints what the app would publish.",
        "cli.hub": "A hub is started, looked at and stopped by name, in front or in the background.",
        "cli.self": "`self info` says what is installed and which hub runs.",
        "cli.older-spellings": "The older spellings below `app` are the same commands.",
        "cli.scripts": "With `--json` only JSON is printed; without a terminal nothing asks, the flag is named.",
        "cli.exit-codes": "Every way to fail has its documented exit code.",
        "cli.quick": "Help and import load nothing heavy.",
        # -- keeping what is there
        "keep.databases": "SQLite in a folder and PostgreSQL behave alike.",
        "keep.several-hubs": "Hubs that share a database pass calls on and take over from one that died.",
        "keep.backup": "A hub at work is backed up; a damaged copy is refused, and a hub goes on from a sound one.",
        "keep.upgrade": "A database of every release is migrated whole, or refused and left as it was.",
        "keep.metrics": "The metrics say what happened in the hub.",
        "keep.health": "Health is good only while new work is taken, and says why when it is not.",
        "keep.logs": "A hub logs lines of JSON, with no argument in them.",
        "keep.retention": "What ended long ago or takes too much room goes, and nothing that is live.",
        # -- signing in, and who sees what
        "signin.local": "A user of the machine signs in by a proof over the key file, which is never sent.",
        "signin.secrets": "Key files are private; no secret that is given out lies in clear in database, log or backup.",
        "guard.required": "Without a valid token nothing but the public routes answers, and those only so often.",
        "guard.loopback": "A hub listens to its own machine, names and pages, unless told otherwise.",
        "guard.exposure": "Beyond its machine a hub speaks TLS, or only to its proxy, and answers to its own names only.",
        "guard.teams": "Teams see nothing of each other, whatever is asked.",
        "guard.roles": "Who may do what to a team's people, invitations and sign-ins follows from their role alone.",
        "guard.revocation": "What is revoked, removed or disabled loses its tokens, and its sockets within 5 s.",
        "guard.audit": "What is done to accounts is in a log that shows when it was changed, and holds no secret.",
        "guard.policies": "A route or message without a declared policy can't be served.",
        # -- signing in from elsewhere
        "oauth.device": "An app without a browser is let in, narrowed or turned away by a code that a person types.",
        "oauth.code": "Other programs sign in by code and PKCE, and verify our tokens from published keys.",
        "oauth.redeem": "An unattended app gets in by a token that works once, or for it alone.",
        "oauth.rotation": "A refresh token works once; one that comes again ends the sign-in and closes its sockets.",
        "oauth.attacks": "Forged tokens, strange redirects, replayed codes, PKCE downgrades, guesses get nobody in.",
        "oauth.expiry": "A token that expires in the middle of a call or stream does not disturb it.",
        # -- the wire
        "wire.conformance": "Clients in another language, written from the page alone, work with a hub that is killed.",
        "wire.pinned": "Messages are written as published and documented, and unknown fields are ignored.",
        "wire.rest": "The REST operations, their ids and the one shape of errors are as published.",
        "wire.events": "Event streams are pushed in order and resumed without gap or duplicate.",
        # -- invariants of tasks
        "I1": "An acknowledged submit outlives any crash, and ends or waits in a named state.",
        "I2": "A task ends at most once, and its end never changes.",
        "I3": "An agent has one lease with an epoch; a report of another attempt or epoch is refused and said to be.",
        "I4": "Only the agent that holds a task may report on it.",
        "I5": "Yields are numbered without a gap, stored once, and can be read from any number.",
        "I6": "No task counts as running for long after its agent is gone.",
        "I7": "A cancel ends by its deadline, kindly first, then by force, with all children.",
        "I9": "What is not declared repeatable never runs twice by itself; it ends lost, with its last progress.",
        "I10": "Nothing is acknowledged before it is on disk.",
        # -- measured bars
        "bar.kill-hub": "Kills of a hub under load lose, double and change nothing.",
        "bar.kill-agent": "An agent killed at any moment leaves nothing stuck.",
        "bar.stalled-reader": "A reader that takes nothing costs bounded memory, then its connection, and no one else.",
        "bar.overload": "More than a hub takes is refused as busy with a time, after which a caller asks again.",
        "bar.disk-full": "A full disk refuses with the reason, serves reads, loses nothing and recovers by itself.",
        "bar.malformed": "Malformed frames and requests harm neither the hub nor other connections.",
        "bar.backup": "A backup under load equals, restored, the moment it was made of.",
        "bar.upgrade": "An upgrade that dies in the middle leaves the old database.",
    }
)
"""What must hold, by id."""
