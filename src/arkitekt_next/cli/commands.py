"""The tree of commands: their names, their one-line helps, and where each is defined.

It leaves every command to a module of its own. The rule: nothing heavier than click is imported here.
"""

from __future__ import annotations

import click

from arkitekt_next.cli.lazy import LazyGroup, Place

PROGRAM = "arkitekt-next"

_RUN = {
    "dev": Place("arkitekt_next.cli.run_commands:dev", "Connect this folder's app and reload it when it is edited."),
    "prod": Place("arkitekt_next.cli.run_commands:prod", "Connect this folder's app and serve until told to stop."),
}

_COMMANDS = {
    "init": Place("arkitekt_next.cli.init_command:init", "Make an app of this folder."),
    "run": Place("arkitekt_next.cli.commands:run", "Connect the app to a hub: dev (reloads) or prod."),
    "call": Place("arkitekt_next.cli.call_command:call", "Call a function and print what it returns."),
    "inspect": Place("arkitekt_next.cli.inspect_command:inspect", "List the functions there are, or describe one."),
    "check": Place("arkitekt_next.cli.check_command:check", "Find what is wrong with the app before it runs."),
    "manifest": Place("arkitekt_next.cli.manifest_command:manifest", "Print what the app would publish, as JSON."),
    "data": Place("arkitekt_next.cli.commands:data", "Images, tables and files in and out of a hub."),
    "gen": Place("arkitekt_next.cli.gen_command:gen", "Write a typed Python client for functions of the hub."),
    "login": Place("arkitekt_next.cli.login_command:login", "Sign an app in at a hub, by a browser anywhere."),
    "logout": Place("arkitekt_next.cli.logout_command:logout", "Sign an app out, at its hub and on this machine."),
    "status": Place("arkitekt_next.cli.status_command:status", "Show the sign-ins kept on this machine."),
    "hub": Place("arkitekt_next.cli.commands:hub", "Run a hub on this machine; keep its accounts and teams."),
    "self": Place("arkitekt_next.cli.commands:self_group", "About this installation."),
    "app": Place("arkitekt_next.cli.commands:app", "Older spellings: `app init`, `app run dev`.", hidden=True),
}

_HUB = {
    "start": Place("arkitekt_next.cli.hub_commands:start", "Run a hub here, or in the background."),
    "status": Place("arkitekt_next.cli.hub_commands:status", "Say whether a hub runs, where, and how it is."),
    "stop": Place("arkitekt_next.cli.hub_commands:stop", "Stop the hub of a folder."),
    "open": Place("arkitekt_next.cli.open_command:open_hub", "Open your hub in the browser, signed in."),
    "backup": Place("arkitekt_next.cli.backup_commands:backup", "Write everything a hub keeps to one file."),
    "restore": Place("arkitekt_next.cli.backup_commands:restore", "Put a backup back in place."),
    "user": Place("arkitekt_next.cli.commands:user", "The hub's accounts."),
    "team": Place("arkitekt_next.cli.commands:team", "Teams, their members, and how people come in."),
    "login": Place("arkitekt_next.cli.commands:logins", "Which apps act for whom."),
    "token": Place("arkitekt_next.cli.commands:token", "Tokens by which apps that nobody watches sign in."),
    "client": Place("arkitekt_next.cli.commands:client", "Programs that may ask for sign-ins by OAuth."),
    "keys": Place("arkitekt_next.cli.commands:keys", "The keys that sign access tokens."),
    "audit": Place("arkitekt_next.cli.audit_command:audit", "What was done to accounts, sign-ins and rights."),
}

_DATA = {
    "import": Place("arkitekt_next.cli.data.storing:import_images", "Store image files as images."),
    "export": Place("arkitekt_next.cli.data.fetching:export", "Write items as files for other programs."),
    "ls": Place("arkitekt_next.cli.data.looking:ls", "List what is stored."),
    "show": Place("arkitekt_next.cli.data.looking:show", "Show all that is known of an item."),
    "put": Place("arkitekt_next.cli.data.storing:put", "Store files as they are."),
    "get": Place("arkitekt_next.cli.data.fetching:get", "Fetch a stored file as it is."),
    "tag": Place("arkitekt_next.cli.data.changing:tag", "Put tags on an item."),
    "untag": Place("arkitekt_next.cli.data.changing:untag", "Take tags off an item."),
    "rm": Place("arkitekt_next.cli.data.changing:rm", "Put items into the trash."),
    "restore": Place("arkitekt_next.cli.data.changing:restore", "Take items out of the trash."),
    "du": Place("arkitekt_next.cli.data.looking:du", "Say what takes the room."),
    "watch": Place("arkitekt_next.cli.data.watching:watch", "Store every image that appears in a folder."),
}

_USER = {
    "list": Place("arkitekt_next.cli.user_commands:list_users", "List the hub's accounts."),
    "add": Place("arkitekt_next.cli.user_commands:add", "Make an account, and a link to it."),
    "link": Place("arkitekt_next.cli.user_commands:link", "Make a link to choose a password by."),
    "disable": Place("arkitekt_next.cli.user_commands:disable", "Let somebody in no longer."),
    "enable": Place("arkitekt_next.cli.user_commands:enable", "Let somebody in again."),
    "make-owner": Place("arkitekt_next.cli.user_commands:make_owner", "Give the hub into somebody's keeping."),
}

_TEAM = {
    "list": Place("arkitekt_next.cli.team_commands:list_teams", "List your teams."),
    "create": Place("arkitekt_next.cli.team_commands:create", "Make a team."),
    "members": Place("arkitekt_next.cli.team_commands:members", "List who belongs to a team."),
    "invite": Place("arkitekt_next.cli.team_commands:invite", "Make a link by which people come in."),
    "invitations": Place("arkitekt_next.cli.team_commands:invitations", "List open invitations."),
    "uninvite": Place("arkitekt_next.cli.team_commands:uninvite", "Take an invitation back."),
    "role": Place("arkitekt_next.cli.team_commands:role", "Change what a member is."),
    "remove": Place("arkitekt_next.cli.team_commands:remove", "Remove a member, or leave."),
    "share": Place("arkitekt_next.cli.share_commands:share", "Let a guest see and call a function."),
    "unshare": Place("arkitekt_next.cli.share_commands:unshare", "End that a guest sees and calls a function."),
    "shares": Place("arkitekt_next.cli.share_commands:shares", "List the guests who see a function."),
}

_LOGIN = {
    "list": Place("arkitekt_next.cli.access_commands:list_logins", "List sign-ins."),
    "revoke": Place("arkitekt_next.cli.access_commands:revoke_login", "End a sign-in."),
}

_TOKEN = {
    "list": Place("arkitekt_next.cli.access_commands:list_tokens", "List redeem tokens."),
    "create": Place("arkitekt_next.cli.access_commands:create_token", "Make a redeem token."),
    "revoke": Place("arkitekt_next.cli.access_commands:revoke_token", "Take a redeem token back."),
}

_CLIENT = {
    "list": Place("arkitekt_next.cli.client_commands:list_clients", "List OAuth programs."),
    "add": Place("arkitekt_next.cli.client_commands:add", "Register an OAuth program."),
    "remove": Place("arkitekt_next.cli.client_commands:remove", "Remove an OAuth program."),
}

_KEYS = {
    "list": Place("arkitekt_next.cli.key_commands:list_keys", "List the keys there are and were."),
    "rotate": Place("arkitekt_next.cli.key_commands:rotate", "Sign with a new key from now on."),
}

_SELF = {"info": Place("arkitekt_next.cli.self_command:info", "Versions, folders, and the hub on this machine.")}

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(
    cls=LazyGroup,
    places=_COMMANDS,
    context_settings=_CONTEXT,
    epilog="""\b
Examples:
  arkitekt-next init --yes                         make an app of this folder
  arkitekt-next run dev                            connect it; starts a hub if none runs
  arkitekt-next call my-app.pixel_size camera_um=6.5
  arkitekt-next inspect                            what there is to call

Each command has its own --help.""",
)
@click.version_option(package_name="arkitekt-next", message="%(prog)s %(version)s", prog_name=PROGRAM)
def cli() -> None:
    """Turn typed Python functions into apps a whole team can find, call and watch."""


@click.group(cls=LazyGroup, places=_RUN, context_settings=_CONTEXT)
def run() -> None:
    """Connect the app of this folder to a hub.

    `dev` reloads the app when it is edited and starts a hub if none runs; `prod` does neither.
    """


@click.group(cls=LazyGroup, places=_DATA, context_settings=_CONTEXT)
def data() -> None:
    """Bring images, tables and files into a hub and out of it, and look at what is there.

    ITEM is an id, or a name that only one item has.
    """


@click.group(cls=LazyGroup, places=_HUB, context_settings=_CONTEXT)
def hub() -> None:
    """Run a hub on this machine, and keep the accounts, teams and sign-ins of one anywhere.

    A hub keeps everything in one folder. `--folder` names another than yours; so does ARKITEKT_HUB_FOLDER.
    """


@click.group(cls=LazyGroup, places=_USER, context_settings=_CONTEXT)
def user() -> None:
    """Keep the hub's accounts. For its owner.

    PERSON is an e-mail address, a name that only one has, or an id.
    """


@click.group(cls=LazyGroup, places=_TEAM, context_settings=_CONTEXT)
def team() -> None:
    """Keep teams: who belongs to them, as what, and how they come in.

    PERSON is an e-mail address, a name that only one has, or an id.
    """


@click.group(cls=LazyGroup, places=_LOGIN, context_settings=_CONTEXT, name="login")
def logins() -> None:
    """See which apps act for whom, and end that. To sign in yourself: `arkitekt-next login`."""


@click.group(cls=LazyGroup, places=_TOKEN, context_settings=_CONTEXT)
def token() -> None:
    """Keep redeem tokens: by one, an app that nobody watches signs in for you (ARKITEKT_REDEEM_TOKEN)."""


@click.group(cls=LazyGroup, places=_CLIENT, context_settings=_CONTEXT)
def client() -> None:
    """Keep the programs that may ask members for sign-ins by OAuth. For owners and admins of the team."""


@click.group(cls=LazyGroup, places=_KEYS, context_settings=_CONTEXT)
def keys() -> None:
    """Keep the keys that sign access tokens. For the owner of the hub."""


@click.group(cls=LazyGroup, places=_SELF, context_settings=_CONTEXT, name="self")
def self_group() -> None:
    """About this installation."""


@click.group(
    cls=LazyGroup,
    places={name: _COMMANDS[name] for name in ("init", "run", "call", "inspect", "check", "manifest", "gen")},
    context_settings=_CONTEXT,
)
def app() -> None:
    """Older spellings of the commands that deal with an app."""
