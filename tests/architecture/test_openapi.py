"""The OpenAPI document: stable operation ids, one security scheme, and an example for everything that is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from arkitekt_next.hub.app import create_app
from arkitekt_next.hub.core.config import HubSettings

OPERATIONS = {
    "get_health": "GET /health",
    "get_metrics": "GET /metrics",
    "get_openapi": "GET /api/openapi.json",
    "get_message_schemas": "GET /api/schema/messages.json",
    "get_definition_schema": "GET /api/schema/definition.json",
    "open_challenge": "POST /api/auth/local/challenge",
    "issue_token": "POST /api/auth/local/token",
    "get_me": "GET /api/me",
    "get_account": "GET /api/account",
    "change_account": "PATCH /api/account",
    "list_logins": "GET /api/logins",
    "revoke_login": "DELETE /api/logins/{login}",
    "list_redeem_tokens": "GET /api/redeem-tokens",
    "create_redeem_token": "POST /api/redeem-tokens",
    "revoke_redeem_token": "DELETE /api/redeem-tokens/{token}",
    "get_device": "GET /api/devices/{user_code}",
    "approve_device": "POST /api/devices/{user_code}/approve",
    "deny_device": "POST /api/devices/{user_code}/deny",
    "list_clients": "GET /api/clients",
    "create_client": "POST /api/clients",
    "remove_client": "DELETE /api/clients/{client}",
    "list_teams": "GET /api/teams",
    "create_team": "POST /api/teams",
    "get_team": "GET /api/team",
    "switch_team": "POST /api/team/switch",
    "list_team_audit": "GET /api/team/audit",
    "list_members": "GET /api/members",
    "change_member": "PATCH /api/members/{person}",
    "remove_member": "DELETE /api/members/{person}",
    "list_invitations": "GET /api/invitations",
    "create_invitation": "POST /api/invitations",
    "revoke_invitation": "DELETE /api/invitations/{invitation}",
    "list_people": "GET /api/people",
    "create_person": "POST /api/people",
    "change_person": "PATCH /api/people/{person}",
    "create_link": "POST /api/people/{person}/link",
    "list_keys": "GET /api/keys",
    "rotate_keys": "POST /api/keys/rotate",
    "list_audit": "GET /api/audit",
    "verify_audit": "GET /api/audit/verify",
    "list_allowed": "GET /api/apps/{identifier}/providers",
    "allow_provider": "PUT /api/apps/{identifier}/providers/{person}",
    "forbid_provider": "DELETE /api/apps/{identifier}/providers/{person}",
    "list_shares": "GET /api/actions/{name}/shares",
    "share_action": "PUT /api/actions/{name}/shares/{person}",
    "unshare_action": "DELETE /api/actions/{name}/shares/{person}",
    "list_apps": "GET /api/apps",
    "get_app": "GET /api/apps/{identifier}",
    "list_actions": "GET /api/actions",
    "get_action": "GET /api/actions/{name}",
    "list_definitions": "GET /api/actions/{name}/definitions",
    "get_definition": "GET /api/definitions/{definition_hash}",
    "check_arguments": "POST /api/actions/{name}/check",
    "list_agents": "GET /api/agents",
    "get_agent": "GET /api/agents/{agent}",
    "submit_task": "POST /api/tasks",
    "list_tasks": "GET /api/tasks",
    "get_task": "GET /api/tasks/{task}",
    "list_events": "GET /api/tasks/{task}/events",
    "list_yields": "GET /api/tasks/{task}/yields",
    "stream_events": "GET /api/tasks/{task}/stream",
    "list_children": "GET /api/tasks/{task}/children",
    "run_again": "POST /api/tasks/{task}/again",
    "steer_task": "POST /api/tasks/{task}/{verb}",
    "create_item": "POST /api/items",
    "list_items": "GET /api/items",
    "get_item": "GET /api/items/{item}",
    "change_item": "PATCH /api/items/{item}",
    "abandon_item": "DELETE /api/items/{item}",
    "commit_item": "POST /api/items/{item}/commit",
    "grant_item": "POST /api/items/{item}/grants",
    "link_item": "POST /api/items/{item}/links",
    "get_thumbnail": "GET /api/items/{item}/thumbnail",
    "trash_item": "POST /api/items/{item}/trash",
    "restore_item": "POST /api/items/{item}/restore",
    "tag_item": "PUT /api/items/{item}/tags/{tag}",
    "untag_item": "DELETE /api/items/{item}/tags/{tag}",
    "get_usage": "GET /api/usage",
    "list_folders": "GET /api/folders",
    "create_folder": "POST /api/folders",
    "get_folder": "GET /api/folders/{folder}",
    "change_folder": "PATCH /api/folders/{folder}",
    "remove_folder": "DELETE /api/folders/{folder}",
    "trace_item": "GET /api/items/{item}/provenance",
    "describe_item": "GET /api/items/{item}/provenance.json",
    "trace_task": "GET /api/tasks/{task}/provenance",
    "list_items_of_task": "GET /api/tasks/{task}/items",
    "find_source": "GET /api/apps/{identifier}/sources/{source_hash}",
    "keep_source": "PUT /api/apps/{identifier}/sources/{source_hash}",
    "get_setup": "GET /api/account/setup",
    "make_account_link": "POST /api/account/link",
    "make_page_link": "POST /api/account/page-link",
}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return create_app(HubSettings(folder=tmp_path_factory.mktemp("hub"))).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def contents(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body and every answer: (where, media type, content)."""
    for where, operation in operations(document):
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{where} body", media, content
        for status, answer in operation["responses"].items():
            for media, content in answer.get("content", {}).items():
                yield f"{where} {status}", media, content


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def examples(document: dict[str, Any], content: dict[str, Any]) -> list[Any]:
    said = [example["value"] for example in content.get("examples", {}).values()]
    if "example" in content:
        said.append(content["example"])
    schema = content.get("schema", {})
    for branch in (schema, *schema.get("anyOf", ())):
        said += resolved(document, branch).get("examples", [])
    return said


@pytest.mark.requirement("wire.rest")
def test_the_operations_and_their_ids_are_as_clients_know_them(document: dict[str, Any]) -> None:
    assert {operation["operationId"]: where for where, operation in operations(document)} == OPERATIONS


def test_every_operation_is_described_and_filed(document: dict[str, Any]) -> None:
    known = {tag["name"] for tag in document["tags"]}
    for where, operation in operations(document):
        assert operation["summary"], where
        assert operation["description"], where
        assert len(operation["tags"]) == 1, where
        assert operation["tags"][0] in known, where


def test_everything_but_the_public_routes_names_the_token(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for where, operation in operations(document):
        is_public = "/api/auth/" in where or "/api/schema/" in where or "openapi" in where or " /api" not in where
        assert operation.get("security") == (None if is_public else [{"token": []}]), where
        expected = {"429"} if is_public else {"401", "403"}
        assert expected <= set(operation["responses"]), where


def test_every_body_and_every_answer_has_an_example(document: dict[str, Any]) -> None:
    missing = [where for where, _, content in contents(document) if not examples(document, content)]
    assert missing == []


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for where, media, content in contents(document):
        if media != "application/json" or "schema" not in content:
            continue
        schema = {**content["schema"], "components": document["components"]}
        validator = jsonschema.Draft202012Validator(schema)
        for example in examples(document, content):
            assert list(validator.iter_errors(example)) == [], (where, example)
            checked += 1
    assert checked > 100


def test_every_error_has_the_one_shape(document: dict[str, Any]) -> None:
    for where, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and where != "GET /health":
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, (where, status)


def test_bodies_and_queries_refuse_what_they_do_not_know(document: dict[str, Any]) -> None:
    for where, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for branch in content["schema"].get("anyOf", [content["schema"]]):
                if branch.get("type") != "null":
                    assert resolved(document, branch)["additionalProperties"] is False, where


def test_the_document_is_valid_by_its_own_standard(tmp_path: Path, document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema.get("description") or schema.get("enum"), name
