CREATE TABLE public.account_link (
    digest bytea NOT NULL,
    person_id text NOT NULL,
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    used_at_us bigint
);
CREATE TABLE public.action (
    id text NOT NULL,
    team_id text NOT NULL,
    app_id text NOT NULL,
    name text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.agent (
    id text NOT NULL,
    team_id text NOT NULL,
    person_id text NOT NULL,
    app_id text NOT NULL,
    release_id text NOT NULL,
    session text NOT NULL,
    hub_id text NOT NULL,
    epoch integer NOT NULL,
    mode text NOT NULL,
    visibility text NOT NULL,
    labels text NOT NULL,
    host text NOT NULL,
    capacity integer NOT NULL,
    grace_us bigint NOT NULL,
    connected_at_us bigint NOT NULL,
    lease_expires_at_us bigint NOT NULL,
    disconnected_at_us bigint,
    gone_at_us bigint,
    environment_hash text
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.app (
    id text NOT NULL,
    team_id text NOT NULL,
    identifier text NOT NULL,
    owner_id text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.audit (
    number bigint NOT NULL,
    team_id text,
    person_id text,
    app text,
    event text NOT NULL,
    subject text,
    data text NOT NULL,
    at_us bigint NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE public.authorization_code (
    digest bytea NOT NULL,
    team_id text NOT NULL,
    login_id text NOT NULL,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    scopes text NOT NULL,
    challenge text NOT NULL,
    nonce text,
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    used_at_us bigint
);
CREATE TABLE public.client (
    id text NOT NULL,
    team_id text NOT NULL,
    name text NOT NULL,
    redirect_uris text NOT NULL,
    scopes text NOT NULL,
    secret_digest bytea,
    by_id text NOT NULL,
    created_at_us bigint NOT NULL,
    revoked_at_us bigint
);
CREATE TABLE public.consent (
    team_id text NOT NULL,
    app_id text NOT NULL,
    person_id text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.data_grant (
    id text NOT NULL,
    team_id text NOT NULL,
    person_id text NOT NULL,
    login_id text NOT NULL,
    item_id text NOT NULL,
    mode text NOT NULL,
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    revoked_at_us bigint
);
CREATE TABLE public.definition (
    id text NOT NULL,
    team_id text NOT NULL,
    action_id text NOT NULL,
    definition_hash text NOT NULL,
    signature_hash text NOT NULL,
    body text NOT NULL,
    created_at_us bigint NOT NULL,
    offered_at_us bigint NOT NULL,
    visibility text DEFAULT 'team'::text NOT NULL
);
CREATE TABLE public.device_code (
    digest bytea NOT NULL,
    user_code_digest bytea NOT NULL,
    client_id text NOT NULL,
    app text NOT NULL,
    version text NOT NULL,
    machine text NOT NULL,
    scopes text NOT NULL,
    status text NOT NULL,
    login_id text,
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    polled_at_us bigint,
    interval_s integer NOT NULL
);
CREATE TABLE public.environment (
    team_id text NOT NULL,
    hash text NOT NULL,
    body text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.event (
    team_id text NOT NULL,
    task_id text NOT NULL,
    number bigint NOT NULL,
    name text NOT NULL,
    attempt integer NOT NULL,
    first bigint,
    count integer,
    at_us bigint NOT NULL,
    data text NOT NULL
);
CREATE TABLE public.folder (
    id text NOT NULL,
    team_id text NOT NULL,
    parent_id text NOT NULL,
    person_id text NOT NULL,
    name text NOT NULL,
    visibility text NOT NULL,
    private_to text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.function_version (
    id text NOT NULL,
    team_id text NOT NULL,
    action_id text NOT NULL,
    definition_hash text NOT NULL,
    function_hash text NOT NULL,
    code_hash text NOT NULL,
    release_id text NOT NULL,
    environment_hash text,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.hub (
    id text NOT NULL,
    url text NOT NULL,
    started_at_us bigint NOT NULL,
    lease_expires_at_us bigint NOT NULL
);
CREATE TABLE public.identity (
    issuer text NOT NULL,
    subject text NOT NULL,
    person_id text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.implementation (
    agent_id text NOT NULL,
    action_id text NOT NULL,
    team_id text NOT NULL,
    definition_hash text NOT NULL,
    signature_hash text NOT NULL,
    concurrency integer,
    active boolean NOT NULL,
    version_id text
);
CREATE TABLE public.invitation (
    id text NOT NULL,
    team_id text NOT NULL,
    digest bytea NOT NULL,
    role text NOT NULL,
    by_id text NOT NULL,
    uses_left integer NOT NULL,
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    revoked_at_us bigint
);
CREATE TABLE public.item (
    id text NOT NULL,
    team_id text NOT NULL,
    person_id text NOT NULL,
    by_id text NOT NULL,
    app text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    visibility text NOT NULL,
    is_temporary boolean NOT NULL,
    folder_id text,
    parent_id text,
    task_id text,
    size_bytes bigint DEFAULT '0'::bigint NOT NULL,
    objects integer DEFAULT 0 NOT NULL,
    digest text,
    shape text DEFAULT ''::text NOT NULL,
    dtype text DEFAULT ''::text NOT NULL,
    meta text NOT NULL,
    writes bigint DEFAULT '0'::bigint NOT NULL,
    created_at_us bigint NOT NULL,
    used_at_us bigint NOT NULL,
    committed_at_us bigint,
    trashed_at_us bigint,
    removed_at_us bigint,
    cleared_at_us bigint
);
CREATE TABLE public.item_tag (
    item_id text NOT NULL,
    tag text NOT NULL,
    team_id text NOT NULL
);
CREATE TABLE public.login (
    id text NOT NULL,
    team_id text NOT NULL,
    person_id text NOT NULL,
    app text NOT NULL,
    kind text NOT NULL,
    client_id text DEFAULT ''::text NOT NULL,
    scopes text NOT NULL,
    version text DEFAULT ''::text NOT NULL,
    machine text DEFAULT ''::text NOT NULL,
    created_at_us bigint NOT NULL,
    used_at_us bigint NOT NULL,
    revoked_at_us bigint
);
CREATE TABLE public.membership (
    team_id text NOT NULL,
    person_id text NOT NULL,
    role text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.object (
    key text NOT NULL COLLATE pg_catalog."C",
    team_id text NOT NULL,
    item_id text NOT NULL,
    blob text NOT NULL,
    size_bytes bigint NOT NULL,
    digest text NOT NULL,
    etag text NOT NULL,
    content_type text NOT NULL,
    modified_at_us bigint NOT NULL
);
CREATE TABLE public.passkey (
    id bytea NOT NULL,
    person_id text NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name text NOT NULL,
    created_at_us bigint NOT NULL,
    used_at_us bigint
);
CREATE TABLE public.person (
    id text NOT NULL,
    name text NOT NULL,
    os_user text,
    created_at_us bigint NOT NULL,
    email text,
    password_hash text,
    is_hub_owner boolean DEFAULT false NOT NULL,
    disabled_at_us bigint
);
CREATE TABLE public.redeem_token (
    id text NOT NULL,
    team_id text NOT NULL,
    person_id text NOT NULL,
    digest bytea NOT NULL,
    app text,
    scopes text NOT NULL,
    is_single_use boolean NOT NULL,
    uses integer DEFAULT 0 NOT NULL,
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    revoked_at_us bigint
);
CREATE TABLE public.release (
    id text NOT NULL,
    team_id text NOT NULL,
    app_id text NOT NULL,
    version text NOT NULL,
    source_hash text DEFAULT ''::text NOT NULL,
    lock_hash text DEFAULT ''::text NOT NULL,
    python text DEFAULT ''::text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.release_source (
    app_id text NOT NULL,
    source_hash text NOT NULL,
    team_id text NOT NULL,
    item_id text NOT NULL,
    person_id text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.setting (
    name text NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.share (
    team_id text NOT NULL,
    action_id text NOT NULL,
    person_id text NOT NULL,
    by_id text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.signing_key (
    id text NOT NULL,
    public text NOT NULL,
    private text NOT NULL,
    created_at_us bigint NOT NULL,
    retired_at_us bigint
);
CREATE TABLE public.task (
    team_id text NOT NULL,
    id text NOT NULL,
    person_id text NOT NULL,
    app text NOT NULL,
    reference text NOT NULL,
    action text NOT NULL,
    status text NOT NULL,
    parent_id text,
    root_id text NOT NULL,
    agent_id text,
    attempt integer NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    epoch integer NOT NULL,
    yields bigint DEFAULT '0'::bigint NOT NULL,
    queued_at_us bigint NOT NULL,
    assigned_at_us bigint,
    started_at_us bigint,
    ended_at_us bigint,
    signature_hash text NOT NULL,
    definition_hash text NOT NULL,
    hub_id text NOT NULL,
    origin_hub_id text NOT NULL,
    args text NOT NULL,
    options text NOT NULL,
    timeline text NOT NULL,
    progress text,
    returns text,
    error text,
    visibility text DEFAULT 'team'::text NOT NULL,
    is_discreet boolean DEFAULT false NOT NULL,
    version_id text,
    again_of text
);
CREATE TABLE public.task_item (
    team_id text NOT NULL,
    task_id text NOT NULL,
    item_id text NOT NULL,
    role text NOT NULL
);
CREATE TABLE public.team (
    id text NOT NULL,
    name text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.token (
    digest bytea NOT NULL,
    team_id text NOT NULL,
    login_id text NOT NULL,
    kind text NOT NULL,
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    used_at_us bigint
);
CREATE TABLE public.upload (
    id text NOT NULL,
    team_id text NOT NULL,
    item_id text NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    content_type text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.upload_part (
    upload_id text NOT NULL,
    number integer NOT NULL,
    team_id text NOT NULL,
    blob text NOT NULL,
    size_bytes bigint NOT NULL,
    digest text NOT NULL,
    modified_at_us bigint NOT NULL
);
INSERT INTO public.account_link VALUES ('\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807, -9223372036854775808);
INSERT INTO public.action VALUES ('action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'action.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.agent VALUES ('agent.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.session µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.hub_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, 'agent.mode µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.labels µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.host µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, 9223372036854775807, 9223372036854775807, 9223372036854775807, -9223372036854775808, -9223372036854775808, 'agent.environment_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.alembic_version VALUES ('0003');
INSERT INTO public.app VALUES ('app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'app.identifier µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.audit VALUES (9223372036854775807, 'audit.team_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'audit.person_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'audit.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'audit.event µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'audit.subject µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'audit.data µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
INSERT INTO public.authorization_code VALUES ('\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'login.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'authorization_code.client_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'authorization_code.redirect_uri µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'authorization_code.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'authorization_code.challenge µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'authorization_code.nonce µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807, -9223372036854775808);
INSERT INTO public.client VALUES ('client.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'client.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'client.redirect_uris µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'client.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, -9223372036854775808);
INSERT INTO public.consent VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.data_grant VALUES ('data_grant.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'data_grant.login_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'data_grant.mode µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807, -9223372036854775808);
INSERT INTO public.definition VALUES ('definition.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'definition.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'definition.signature_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'definition.body µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807, 'definition.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.device_code VALUES ('\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'device_code.client_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'device_code.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'device_code.version µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'device_code.machine µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'device_code.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'device_code.status µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'login.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807, -9223372036854775808, 2147483647);
INSERT INTO public.environment VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'environment.hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'environment.body µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.event VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'event.task_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 'event.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, -9223372036854775808, 2147483647, 9223372036854775807, 'event.data µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.folder VALUES ('folder.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'folder.parent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'folder.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'folder.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'folder.private_to µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.function_version VALUES ('function_version.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'function_version.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'function_version.function_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'function_version.code_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'function_version.environment_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.hub VALUES ('hub.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'hub.url µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807);
INSERT INTO public.identity VALUES ('identity.issuer µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'identity.subject µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.implementation VALUES ('agent.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'implementation.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'implementation.signature_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, true, 'implementation.version_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.invitation VALUES ('invitation.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'invitation.role µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, 9223372036854775807, 9223372036854775807, -9223372036854775808);
INSERT INTO public.item VALUES ('item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.kind µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.note µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', true, 'folder.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.parent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.task_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 2147483647, 'item.digest µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.shape µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.dtype µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.meta µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807, 9223372036854775807, -9223372036854775808, -9223372036854775808, -9223372036854775808, -9223372036854775808);
INSERT INTO public.item_tag VALUES ('item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item_tag.tag µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.login VALUES ('login.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'login.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'login.kind µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'login.client_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'login.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'login.version µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'login.machine µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807, -9223372036854775808);
INSERT INTO public.membership VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'membership.role µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.object VALUES ('object.key µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'object.blob µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 'object.digest µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'object.etag µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'object.content_type µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.passkey VALUES ('\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 9223372036854775807, 'passkey.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, -9223372036854775808);
INSERT INTO public.person VALUES ('person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.os_user µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 'person.email µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.password_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', true, -9223372036854775808);
INSERT INTO public.redeem_token VALUES ('redeem_token.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'redeem_token.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'redeem_token.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', true, 2147483647, 9223372036854775807, 9223372036854775807, -9223372036854775808);
INSERT INTO public.release VALUES ('release.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.version µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.source_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.lock_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.python µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.release_source VALUES ('app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release_source.source_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.setting VALUES ('setting.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'setting.value µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.share VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.signing_key VALUES ('signing_key.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'signing_key.public µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'signing_key.private µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, -9223372036854775808);
INSERT INTO public.task VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.reference µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.action µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.status µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.parent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.root_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.agent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, 2147483647, 2147483647, 9223372036854775807, 9223372036854775807, -9223372036854775808, -9223372036854775808, -9223372036854775808, 'task.signature_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.hub_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.origin_hub_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.args µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.options µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.timeline µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.progress µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.returns µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.error µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', true, 'task.version_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.again_of µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.task_item VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task_item.task_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task_item.item_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task_item.role µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.team VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.token VALUES ('\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'login.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'token.kind µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807, -9223372036854775808);
INSERT INTO public.upload VALUES ('upload.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'upload.key µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'upload.content_type µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.upload_part VALUES ('upload.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'upload_part.blob µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 'upload_part.digest µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.account_link
    ADD CONSTRAINT pk_account_link PRIMARY KEY (digest);
ALTER TABLE ONLY public.action
    ADD CONSTRAINT pk_action PRIMARY KEY (id);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT pk_agent PRIMARY KEY (id);
ALTER TABLE ONLY public.app
    ADD CONSTRAINT pk_app PRIMARY KEY (id);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (number);
ALTER TABLE ONLY public.authorization_code
    ADD CONSTRAINT pk_authorization_code PRIMARY KEY (digest);
ALTER TABLE ONLY public.client
    ADD CONSTRAINT pk_client PRIMARY KEY (id);
ALTER TABLE ONLY public.consent
    ADD CONSTRAINT pk_consent PRIMARY KEY (app_id, person_id);
ALTER TABLE ONLY public.data_grant
    ADD CONSTRAINT pk_data_grant PRIMARY KEY (id);
ALTER TABLE ONLY public.definition
    ADD CONSTRAINT pk_definition PRIMARY KEY (id);
ALTER TABLE ONLY public.device_code
    ADD CONSTRAINT pk_device_code PRIMARY KEY (digest);
ALTER TABLE ONLY public.environment
    ADD CONSTRAINT pk_environment PRIMARY KEY (team_id, hash);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT pk_event PRIMARY KEY (task_id, number);
ALTER TABLE ONLY public.folder
    ADD CONSTRAINT pk_folder PRIMARY KEY (id);
ALTER TABLE ONLY public.function_version
    ADD CONSTRAINT pk_function_version PRIMARY KEY (id);
ALTER TABLE ONLY public.hub
    ADD CONSTRAINT pk_hub PRIMARY KEY (id);
ALTER TABLE ONLY public.identity
    ADD CONSTRAINT pk_identity PRIMARY KEY (issuer, subject);
ALTER TABLE ONLY public.implementation
    ADD CONSTRAINT pk_implementation PRIMARY KEY (agent_id, action_id);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT pk_invitation PRIMARY KEY (id);
ALTER TABLE ONLY public.item
    ADD CONSTRAINT pk_item PRIMARY KEY (id);
ALTER TABLE ONLY public.item_tag
    ADD CONSTRAINT pk_item_tag PRIMARY KEY (item_id, tag);
ALTER TABLE ONLY public.login
    ADD CONSTRAINT pk_login PRIMARY KEY (id);
ALTER TABLE ONLY public.membership
    ADD CONSTRAINT pk_membership PRIMARY KEY (team_id, person_id);
ALTER TABLE ONLY public.object
    ADD CONSTRAINT pk_object PRIMARY KEY (key);
ALTER TABLE ONLY public.passkey
    ADD CONSTRAINT pk_passkey PRIMARY KEY (id);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT pk_person PRIMARY KEY (id);
ALTER TABLE ONLY public.redeem_token
    ADD CONSTRAINT pk_redeem_token PRIMARY KEY (id);
ALTER TABLE ONLY public.release
    ADD CONSTRAINT pk_release PRIMARY KEY (id);
ALTER TABLE ONLY public.release_source
    ADD CONSTRAINT pk_release_source PRIMARY KEY (app_id, source_hash);
ALTER TABLE ONLY public.setting
    ADD CONSTRAINT pk_setting PRIMARY KEY (name);
ALTER TABLE ONLY public.share
    ADD CONSTRAINT pk_share PRIMARY KEY (action_id, person_id);
ALTER TABLE ONLY public.signing_key
    ADD CONSTRAINT pk_signing_key PRIMARY KEY (id);
ALTER TABLE ONLY public.task
    ADD CONSTRAINT pk_task PRIMARY KEY (team_id, id);
ALTER TABLE ONLY public.task_item
    ADD CONSTRAINT pk_task_item PRIMARY KEY (team_id, task_id, item_id, role);
ALTER TABLE ONLY public.team
    ADD CONSTRAINT pk_team PRIMARY KEY (id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT pk_token PRIMARY KEY (digest);
ALTER TABLE ONLY public.upload
    ADD CONSTRAINT pk_upload PRIMARY KEY (id);
ALTER TABLE ONLY public.upload_part
    ADD CONSTRAINT pk_upload_part PRIMARY KEY (upload_id, number);
ALTER TABLE ONLY public.action
    ADD CONSTRAINT uq_action_team_id_name UNIQUE (team_id, name);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT uq_agent_team_id_person_id_app_id_session UNIQUE (team_id, person_id, app_id, session);
ALTER TABLE ONLY public.app
    ADD CONSTRAINT uq_app_team_id_identifier UNIQUE (team_id, identifier);
ALTER TABLE ONLY public.definition
    ADD CONSTRAINT uq_definition_team_id_action_id_definition_hash UNIQUE (team_id, action_id, definition_hash);
ALTER TABLE ONLY public.device_code
    ADD CONSTRAINT uq_device_code_user_code_digest UNIQUE (user_code_digest);
ALTER TABLE ONLY public.folder
    ADD CONSTRAINT uq_folder_team_id_parent_id_name_private_to UNIQUE (team_id, parent_id, name, private_to);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT uq_invitation_digest UNIQUE (digest);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT uq_person_os_user UNIQUE (os_user);
ALTER TABLE ONLY public.redeem_token
    ADD CONSTRAINT uq_redeem_token_digest UNIQUE (digest);
ALTER TABLE ONLY public.release
    ADD CONSTRAINT uq_release_team_id_app_id_version_source_hash_lock_hash_python UNIQUE (team_id, app_id, version, source_hash, lock_hash, python);
ALTER TABLE ONLY public.task
    ADD CONSTRAINT uq_task_team_id_person_id_app_reference UNIQUE (team_id, person_id, app, reference);
CREATE INDEX ix_agent_live ON public.agent USING btree (team_id, id) WHERE (gone_at_us IS NULL);
CREATE INDEX ix_agent_team ON public.agent USING btree (team_id, id);
CREATE INDEX ix_audit_team ON public.audit USING btree (team_id, number);
CREATE INDEX ix_data_grant_expires ON public.data_grant USING btree (expires_at_us);
CREATE INDEX ix_data_grant_item ON public.data_grant USING btree (item_id);
CREATE INDEX ix_data_grant_login ON public.data_grant USING btree (login_id);
CREATE INDEX ix_definition_hash ON public.definition USING btree (team_id, definition_hash);
CREATE INDEX ix_function_version_code ON public.function_version USING btree (team_id, code_hash);
CREATE INDEX ix_identity_person ON public.identity USING btree (person_id);
CREATE INDEX ix_implementation_action ON public.implementation USING btree (team_id, action_id);
CREATE INDEX ix_invitation_team ON public.invitation USING btree (team_id, id);
CREATE INDEX ix_item_folder ON public.item USING btree (folder_id);
CREATE INDEX ix_item_open ON public.item USING btree (created_at_us) WHERE (committed_at_us IS NULL);
CREATE INDEX ix_item_parent ON public.item USING btree (parent_id);
CREATE INDEX ix_item_removed ON public.item USING btree (id) WHERE (removed_at_us IS NOT NULL);
CREATE INDEX ix_item_shown ON public.item USING btree (team_id, id) WHERE ((committed_at_us IS NOT NULL) AND (is_temporary = false) AND (trashed_at_us IS NULL));
CREATE INDEX ix_item_tag ON public.item_tag USING btree (team_id, tag);
CREATE INDEX ix_item_task ON public.item USING btree (team_id, task_id);
CREATE INDEX ix_item_team ON public.item USING btree (team_id, id);
CREATE INDEX ix_item_temporary ON public.item USING btree (used_at_us) WHERE ((is_temporary = true) AND (removed_at_us IS NULL));
CREATE INDEX ix_item_trashed ON public.item USING btree (trashed_at_us) WHERE ((trashed_at_us IS NOT NULL) AND (removed_at_us IS NULL));
CREATE INDEX ix_item_uncleared ON public.item USING btree (id) WHERE ((removed_at_us IS NOT NULL) AND (cleared_at_us IS NULL));
CREATE INDEX ix_login_person ON public.login USING btree (team_id, person_id, id);
CREATE INDEX ix_login_revoked ON public.login USING btree (revoked_at_us);
CREATE INDEX ix_object_item ON public.object USING btree (item_id);
CREATE INDEX ix_passkey_person ON public.passkey USING btree (person_id);
CREATE UNIQUE INDEX ix_person_email ON public.person USING btree (email);
CREATE INDEX ix_redeem_token_team ON public.redeem_token USING btree (team_id, id);
CREATE INDEX ix_release_source_item ON public.release_source USING btree (item_id);
CREATE INDEX ix_task_action ON public.task USING btree (team_id, action, id);
CREATE INDEX ix_task_item ON public.task_item USING btree (team_id, item_id, role, task_id);
CREATE INDEX ix_task_live ON public.task USING btree (team_id, status, id) WHERE (ended_at_us IS NULL);
CREATE INDEX ix_task_parent ON public.task USING btree (team_id, parent_id, id) WHERE (parent_id IS NOT NULL);
CREATE INDEX ix_task_root ON public.task USING btree (team_id, root_id, id) WHERE (parent_id IS NOT NULL);
CREATE INDEX ix_task_unhappy ON public.task USING btree (team_id, status, id) WHERE (status = ANY (ARRAY['failed'::text, 'cancelled'::text, 'interrupted'::text, 'lost'::text, 'expired'::text]));
CREATE INDEX ix_token_expires ON public.token USING btree (expires_at_us);
CREATE INDEX ix_token_login ON public.token USING btree (login_id);
CREATE INDEX ix_upload_item ON public.upload USING btree (item_id);
ALTER TABLE ONLY public.account_link
    ADD CONSTRAINT fk_account_link_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.action
    ADD CONSTRAINT fk_action_app_id_app FOREIGN KEY (app_id) REFERENCES public.app(id);
ALTER TABLE ONLY public.action
    ADD CONSTRAINT fk_action_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT fk_agent_app_id_app FOREIGN KEY (app_id) REFERENCES public.app(id);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT fk_agent_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT fk_agent_release_id_release FOREIGN KEY (release_id) REFERENCES public.release(id);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT fk_agent_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.app
    ADD CONSTRAINT fk_app_owner_id_person FOREIGN KEY (owner_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.app
    ADD CONSTRAINT fk_app_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.authorization_code
    ADD CONSTRAINT fk_authorization_code_login_id_login FOREIGN KEY (login_id) REFERENCES public.login(id);
ALTER TABLE ONLY public.authorization_code
    ADD CONSTRAINT fk_authorization_code_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.client
    ADD CONSTRAINT fk_client_by_id_person FOREIGN KEY (by_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.client
    ADD CONSTRAINT fk_client_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.consent
    ADD CONSTRAINT fk_consent_app_id_app FOREIGN KEY (app_id) REFERENCES public.app(id);
ALTER TABLE ONLY public.consent
    ADD CONSTRAINT fk_consent_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.consent
    ADD CONSTRAINT fk_consent_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.data_grant
    ADD CONSTRAINT fk_data_grant_item_id_item FOREIGN KEY (item_id) REFERENCES public.item(id);
ALTER TABLE ONLY public.data_grant
    ADD CONSTRAINT fk_data_grant_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.data_grant
    ADD CONSTRAINT fk_data_grant_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.definition
    ADD CONSTRAINT fk_definition_action_id_action FOREIGN KEY (action_id) REFERENCES public.action(id);
ALTER TABLE ONLY public.definition
    ADD CONSTRAINT fk_definition_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.device_code
    ADD CONSTRAINT fk_device_code_login_id_login FOREIGN KEY (login_id) REFERENCES public.login(id);
ALTER TABLE ONLY public.environment
    ADD CONSTRAINT fk_environment_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT fk_event_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.folder
    ADD CONSTRAINT fk_folder_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.folder
    ADD CONSTRAINT fk_folder_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.function_version
    ADD CONSTRAINT fk_function_version_action_id_action FOREIGN KEY (action_id) REFERENCES public.action(id);
ALTER TABLE ONLY public.function_version
    ADD CONSTRAINT fk_function_version_release_id_release FOREIGN KEY (release_id) REFERENCES public.release(id);
ALTER TABLE ONLY public.function_version
    ADD CONSTRAINT fk_function_version_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.identity
    ADD CONSTRAINT fk_identity_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.implementation
    ADD CONSTRAINT fk_implementation_action_id_action FOREIGN KEY (action_id) REFERENCES public.action(id);
ALTER TABLE ONLY public.implementation
    ADD CONSTRAINT fk_implementation_agent_id_agent FOREIGN KEY (agent_id) REFERENCES public.agent(id);
ALTER TABLE ONLY public.implementation
    ADD CONSTRAINT fk_implementation_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT fk_invitation_by_id_person FOREIGN KEY (by_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT fk_invitation_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.item
    ADD CONSTRAINT fk_item_by_id_person FOREIGN KEY (by_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.item
    ADD CONSTRAINT fk_item_folder_id_folder FOREIGN KEY (folder_id) REFERENCES public.folder(id);
ALTER TABLE ONLY public.item
    ADD CONSTRAINT fk_item_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.item_tag
    ADD CONSTRAINT fk_item_tag_item_id_item FOREIGN KEY (item_id) REFERENCES public.item(id);
ALTER TABLE ONLY public.item_tag
    ADD CONSTRAINT fk_item_tag_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.item
    ADD CONSTRAINT fk_item_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.login
    ADD CONSTRAINT fk_login_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.login
    ADD CONSTRAINT fk_login_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.membership
    ADD CONSTRAINT fk_membership_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.membership
    ADD CONSTRAINT fk_membership_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.object
    ADD CONSTRAINT fk_object_item_id_item FOREIGN KEY (item_id) REFERENCES public.item(id);
ALTER TABLE ONLY public.object
    ADD CONSTRAINT fk_object_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.passkey
    ADD CONSTRAINT fk_passkey_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.redeem_token
    ADD CONSTRAINT fk_redeem_token_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.redeem_token
    ADD CONSTRAINT fk_redeem_token_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.release
    ADD CONSTRAINT fk_release_app_id_app FOREIGN KEY (app_id) REFERENCES public.app(id);
ALTER TABLE ONLY public.release_source
    ADD CONSTRAINT fk_release_source_app_id_app FOREIGN KEY (app_id) REFERENCES public.app(id);
ALTER TABLE ONLY public.release_source
    ADD CONSTRAINT fk_release_source_item_id_item FOREIGN KEY (item_id) REFERENCES public.item(id);
ALTER TABLE ONLY public.release_source
    ADD CONSTRAINT fk_release_source_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.release_source
    ADD CONSTRAINT fk_release_source_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.release
    ADD CONSTRAINT fk_release_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.share
    ADD CONSTRAINT fk_share_action_id_action FOREIGN KEY (action_id) REFERENCES public.action(id);
ALTER TABLE ONLY public.share
    ADD CONSTRAINT fk_share_by_id_person FOREIGN KEY (by_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.share
    ADD CONSTRAINT fk_share_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.share
    ADD CONSTRAINT fk_share_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.task_item
    ADD CONSTRAINT fk_task_item_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.task
    ADD CONSTRAINT fk_task_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.task
    ADD CONSTRAINT fk_task_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT fk_token_login_id_login FOREIGN KEY (login_id) REFERENCES public.login(id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT fk_token_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.upload
    ADD CONSTRAINT fk_upload_item_id_item FOREIGN KEY (item_id) REFERENCES public.item(id);
ALTER TABLE ONLY public.upload_part
    ADD CONSTRAINT fk_upload_part_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.upload_part
    ADD CONSTRAINT fk_upload_part_upload_id_upload FOREIGN KEY (upload_id) REFERENCES public.upload(id);
ALTER TABLE ONLY public.upload
    ADD CONSTRAINT fk_upload_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
