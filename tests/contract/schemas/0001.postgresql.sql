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
    gone_at_us bigint
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
CREATE TABLE public.definition (
    id text NOT NULL,
    team_id text NOT NULL,
    action_id text NOT NULL,
    definition_hash text NOT NULL,
    signature_hash text NOT NULL,
    body text NOT NULL,
    created_at_us bigint NOT NULL,
    offered_at_us bigint NOT NULL
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
CREATE TABLE public.hub (
    id text NOT NULL,
    url text NOT NULL,
    started_at_us bigint NOT NULL,
    lease_expires_at_us bigint NOT NULL
);
CREATE TABLE public.implementation (
    agent_id text NOT NULL,
    action_id text NOT NULL,
    team_id text NOT NULL,
    definition_hash text NOT NULL,
    signature_hash text NOT NULL,
    concurrency integer,
    active boolean NOT NULL
);
CREATE TABLE public.membership (
    team_id text NOT NULL,
    person_id text NOT NULL,
    role text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.person (
    id text NOT NULL,
    name text NOT NULL,
    os_user text,
    created_at_us bigint NOT NULL
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
CREATE TABLE public.setting (
    name text NOT NULL,
    value text NOT NULL
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
    error text
);
CREATE TABLE public.team (
    id text NOT NULL,
    name text NOT NULL,
    created_at_us bigint NOT NULL
);
CREATE TABLE public.token (
    id text NOT NULL,
    team_id text NOT NULL,
    person_id text NOT NULL,
    app text NOT NULL,
    digest bytea NOT NULL,
    scopes text NOT NULL,
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    revoked_at_us bigint
);
INSERT INTO public.action VALUES ('action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'action.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.agent VALUES ('agent.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.session µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.hub_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, 'agent.mode µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.labels µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'agent.host µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, 9223372036854775807, 9223372036854775807, 9223372036854775807, -9223372036854775808, -9223372036854775808);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.app VALUES ('app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'app.identifier µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.definition VALUES ('definition.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'definition.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'definition.signature_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'definition.body µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807);
INSERT INTO public.event VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'event.task_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 'event.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, -9223372036854775808, 2147483647, 9223372036854775807, 'event.data µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.hub VALUES ('hub.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'hub.url µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807);
INSERT INTO public.implementation VALUES ('agent.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'implementation.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'implementation.signature_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, true);
INSERT INTO public.membership VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'membership.role µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.person VALUES ('person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.os_user µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.release VALUES ('release.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.version µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.source_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.lock_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'release.python µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.setting VALUES ('setting.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'setting.value µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.task VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.reference µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.action µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.status µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.parent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.root_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.agent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 2147483647, 2147483647, 2147483647, 9223372036854775807, 9223372036854775807, -9223372036854775808, -9223372036854775808, -9223372036854775808, 'task.signature_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.hub_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.origin_hub_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.args µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.options µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.timeline µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.progress µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.returns µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'task.error µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
INSERT INTO public.team VALUES ('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807);
INSERT INTO public.token VALUES ('token.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 'token.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'token.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1', 9223372036854775807, 9223372036854775807, -9223372036854775808);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.action
    ADD CONSTRAINT pk_action PRIMARY KEY (id);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT pk_agent PRIMARY KEY (id);
ALTER TABLE ONLY public.app
    ADD CONSTRAINT pk_app PRIMARY KEY (id);
ALTER TABLE ONLY public.definition
    ADD CONSTRAINT pk_definition PRIMARY KEY (id);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT pk_event PRIMARY KEY (task_id, number);
ALTER TABLE ONLY public.hub
    ADD CONSTRAINT pk_hub PRIMARY KEY (id);
ALTER TABLE ONLY public.implementation
    ADD CONSTRAINT pk_implementation PRIMARY KEY (agent_id, action_id);
ALTER TABLE ONLY public.membership
    ADD CONSTRAINT pk_membership PRIMARY KEY (team_id, person_id);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT pk_person PRIMARY KEY (id);
ALTER TABLE ONLY public.release
    ADD CONSTRAINT pk_release PRIMARY KEY (id);
ALTER TABLE ONLY public.setting
    ADD CONSTRAINT pk_setting PRIMARY KEY (name);
ALTER TABLE ONLY public.task
    ADD CONSTRAINT pk_task PRIMARY KEY (team_id, id);
ALTER TABLE ONLY public.team
    ADD CONSTRAINT pk_team PRIMARY KEY (id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT pk_token PRIMARY KEY (id);
ALTER TABLE ONLY public.action
    ADD CONSTRAINT uq_action_team_id_name UNIQUE (team_id, name);
ALTER TABLE ONLY public.agent
    ADD CONSTRAINT uq_agent_team_id_person_id_app_id_session UNIQUE (team_id, person_id, app_id, session);
ALTER TABLE ONLY public.app
    ADD CONSTRAINT uq_app_team_id_identifier UNIQUE (team_id, identifier);
ALTER TABLE ONLY public.definition
    ADD CONSTRAINT uq_definition_team_id_action_id_definition_hash UNIQUE (team_id, action_id, definition_hash);
ALTER TABLE ONLY public.person
    ADD CONSTRAINT uq_person_os_user UNIQUE (os_user);
ALTER TABLE ONLY public.release
    ADD CONSTRAINT uq_release_team_id_app_id_version_source_hash_lock_hash_python UNIQUE (team_id, app_id, version, source_hash, lock_hash, python);
ALTER TABLE ONLY public.task
    ADD CONSTRAINT uq_task_team_id_person_id_app_reference UNIQUE (team_id, person_id, app, reference);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT uq_token_digest UNIQUE (digest);
CREATE INDEX ix_agent_live ON public.agent USING btree (team_id, id) WHERE (gone_at_us IS NULL);
CREATE INDEX ix_agent_team ON public.agent USING btree (team_id, id);
CREATE INDEX ix_definition_hash ON public.definition USING btree (team_id, definition_hash);
CREATE INDEX ix_implementation_action ON public.implementation USING btree (team_id, action_id);
CREATE INDEX ix_task_action ON public.task USING btree (team_id, action, id);
CREATE INDEX ix_task_live ON public.task USING btree (team_id, status, id) WHERE (ended_at_us IS NULL);
CREATE INDEX ix_task_parent ON public.task USING btree (team_id, parent_id, id) WHERE (parent_id IS NOT NULL);
CREATE INDEX ix_task_root ON public.task USING btree (team_id, root_id, id) WHERE (parent_id IS NOT NULL);
CREATE INDEX ix_task_unhappy ON public.task USING btree (team_id, status, id) WHERE (status = ANY (ARRAY['failed'::text, 'cancelled'::text, 'interrupted'::text, 'lost'::text, 'expired'::text]));
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
ALTER TABLE ONLY public.definition
    ADD CONSTRAINT fk_definition_action_id_action FOREIGN KEY (action_id) REFERENCES public.action(id);
ALTER TABLE ONLY public.definition
    ADD CONSTRAINT fk_definition_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.event
    ADD CONSTRAINT fk_event_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.implementation
    ADD CONSTRAINT fk_implementation_action_id_action FOREIGN KEY (action_id) REFERENCES public.action(id);
ALTER TABLE ONLY public.implementation
    ADD CONSTRAINT fk_implementation_agent_id_agent FOREIGN KEY (agent_id) REFERENCES public.agent(id);
ALTER TABLE ONLY public.implementation
    ADD CONSTRAINT fk_implementation_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.membership
    ADD CONSTRAINT fk_membership_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.membership
    ADD CONSTRAINT fk_membership_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.release
    ADD CONSTRAINT fk_release_app_id_app FOREIGN KEY (app_id) REFERENCES public.app(id);
ALTER TABLE ONLY public.release
    ADD CONSTRAINT fk_release_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.task
    ADD CONSTRAINT fk_task_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.task
    ADD CONSTRAINT fk_task_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT fk_token_person_id_person FOREIGN KEY (person_id) REFERENCES public.person(id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT fk_token_team_id_team FOREIGN KEY (team_id) REFERENCES public.team(id);
