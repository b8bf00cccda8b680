BEGIN TRANSACTION;
CREATE TABLE account_link (
	digest BLOB NOT NULL, 
	person_id TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	expires_at_us BIGINT NOT NULL, 
	used_at_us BIGINT, 
	CONSTRAINT pk_account_link PRIMARY KEY (digest), 
	CONSTRAINT fk_account_link_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
INSERT INTO "account_link" VALUES(X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,9223372036854775807,-9223372036854775808);
CREATE TABLE action (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	app_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_action PRIMARY KEY (id), 
	CONSTRAINT fk_action_app_id_app FOREIGN KEY(app_id) REFERENCES app (id), 
	CONSTRAINT fk_action_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT uq_action_team_id_name UNIQUE (team_id, name)
);
INSERT INTO "action" VALUES('action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','action.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE agent (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	app_id TEXT NOT NULL, 
	release_id TEXT NOT NULL, 
	session TEXT NOT NULL, 
	hub_id TEXT NOT NULL, 
	epoch INTEGER NOT NULL, 
	mode TEXT NOT NULL, 
	visibility TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	host TEXT NOT NULL, 
	capacity INTEGER NOT NULL, 
	grace_us BIGINT NOT NULL, 
	connected_at_us BIGINT NOT NULL, 
	lease_expires_at_us BIGINT NOT NULL, 
	disconnected_at_us BIGINT, 
	gone_at_us BIGINT, environment_hash TEXT, 
	CONSTRAINT pk_agent PRIMARY KEY (id), 
	CONSTRAINT fk_agent_app_id_app FOREIGN KEY(app_id) REFERENCES app (id), 
	CONSTRAINT fk_agent_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_agent_release_id_release FOREIGN KEY(release_id) REFERENCES release (id), 
	CONSTRAINT fk_agent_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT uq_agent_team_id_person_id_app_id_session UNIQUE (team_id, person_id, app_id, session)
);
INSERT INTO "agent" VALUES('agent.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','release.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','agent.session µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','agent.hub_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',2147483647,'agent.mode µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','agent.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','agent.labels µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','agent.host µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',2147483647,9223372036854775807,9223372036854775807,9223372036854775807,-9223372036854775808,-9223372036854775808,'agent.environment_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE app (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	identifier TEXT NOT NULL, 
	owner_id TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_app PRIMARY KEY (id), 
	CONSTRAINT fk_app_owner_id_person FOREIGN KEY(owner_id) REFERENCES person (id), 
	CONSTRAINT fk_app_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT uq_app_team_id_identifier UNIQUE (team_id, identifier)
);
INSERT INTO "app" VALUES('app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','app.identifier µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE audit (
	number BIGINT NOT NULL, 
	team_id TEXT, 
	person_id TEXT, 
	app TEXT, 
	event TEXT NOT NULL, 
	subject TEXT, 
	data TEXT NOT NULL, 
	at_us BIGINT NOT NULL, 
	previous BLOB NOT NULL, 
	hash BLOB NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (number)
);
INSERT INTO "audit" VALUES(9223372036854775807,'audit.team_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','audit.person_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','audit.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','audit.event µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','audit.subject µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','audit.data µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
CREATE TABLE authorization_code (
	digest BLOB NOT NULL, 
	team_id TEXT NOT NULL, 
	login_id TEXT NOT NULL, 
	client_id TEXT NOT NULL, 
	redirect_uri TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	challenge TEXT NOT NULL, 
	nonce TEXT, 
	created_at_us BIGINT NOT NULL, 
	expires_at_us BIGINT NOT NULL, 
	used_at_us BIGINT, 
	CONSTRAINT pk_authorization_code PRIMARY KEY (digest), 
	CONSTRAINT fk_authorization_code_login_id_login FOREIGN KEY(login_id) REFERENCES login (id), 
	CONSTRAINT fk_authorization_code_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "authorization_code" VALUES(X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','login.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','authorization_code.client_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','authorization_code.redirect_uri µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','authorization_code.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','authorization_code.challenge µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','authorization_code.nonce µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,9223372036854775807,-9223372036854775808);
CREATE TABLE client (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	redirect_uris TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	secret_digest BLOB, 
	by_id TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	revoked_at_us BIGINT, 
	CONSTRAINT pk_client PRIMARY KEY (id), 
	CONSTRAINT fk_client_by_id_person FOREIGN KEY(by_id) REFERENCES person (id), 
	CONSTRAINT fk_client_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "client" VALUES('client.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','client.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','client.redirect_uris µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','client.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,-9223372036854775808);
CREATE TABLE consent (
	team_id TEXT NOT NULL, 
	app_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_consent PRIMARY KEY (app_id, person_id), 
	CONSTRAINT fk_consent_app_id_app FOREIGN KEY(app_id) REFERENCES app (id), 
	CONSTRAINT fk_consent_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_consent_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "consent" VALUES('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE data_grant (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	login_id TEXT NOT NULL, 
	item_id TEXT NOT NULL, 
	mode TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	expires_at_us BIGINT NOT NULL, 
	revoked_at_us BIGINT, 
	CONSTRAINT pk_data_grant PRIMARY KEY (id), 
	CONSTRAINT fk_data_grant_item_id_item FOREIGN KEY(item_id) REFERENCES item (id), 
	CONSTRAINT fk_data_grant_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_data_grant_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "data_grant" VALUES('data_grant.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','data_grant.login_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','data_grant.mode µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,9223372036854775807,-9223372036854775808);
CREATE TABLE definition (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	action_id TEXT NOT NULL, 
	definition_hash TEXT NOT NULL, 
	signature_hash TEXT NOT NULL, 
	body TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	offered_at_us BIGINT NOT NULL, visibility TEXT DEFAULT 'team' NOT NULL, 
	CONSTRAINT pk_definition PRIMARY KEY (id), 
	CONSTRAINT fk_definition_action_id_action FOREIGN KEY(action_id) REFERENCES action (id), 
	CONSTRAINT fk_definition_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT uq_definition_team_id_action_id_definition_hash UNIQUE (team_id, action_id, definition_hash)
);
INSERT INTO "definition" VALUES('definition.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','definition.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','definition.signature_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','definition.body µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,9223372036854775807,'definition.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
CREATE TABLE device_code (
	digest BLOB NOT NULL, 
	user_code_digest BLOB NOT NULL, 
	client_id TEXT NOT NULL, 
	app TEXT NOT NULL, 
	version TEXT NOT NULL, 
	machine TEXT NOT NULL, 
	scopes TEXT NOT NULL, 
	status TEXT NOT NULL, 
	login_id TEXT, 
	created_at_us BIGINT NOT NULL, 
	expires_at_us BIGINT NOT NULL, 
	polled_at_us BIGINT, 
	interval_s INTEGER NOT NULL, 
	CONSTRAINT pk_device_code PRIMARY KEY (digest), 
	CONSTRAINT fk_device_code_login_id_login FOREIGN KEY(login_id) REFERENCES login (id), 
	CONSTRAINT uq_device_code_user_code_digest UNIQUE (user_code_digest)
);
INSERT INTO "device_code" VALUES(X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','device_code.client_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','device_code.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','device_code.version µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','device_code.machine µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','device_code.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','device_code.status µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','login.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,9223372036854775807,-9223372036854775808,2147483647);
CREATE TABLE environment (
	team_id TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	body TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_environment PRIMARY KEY (team_id, hash), 
	CONSTRAINT fk_environment_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "environment" VALUES('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','environment.hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','environment.body µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE event (
	team_id TEXT NOT NULL, 
	task_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	first BIGINT, 
	count INTEGER, 
	at_us BIGINT NOT NULL, 
	data TEXT NOT NULL, 
	CONSTRAINT pk_event PRIMARY KEY (task_id, number), 
	CONSTRAINT fk_event_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
)
 WITHOUT ROWID

;
INSERT INTO "event" VALUES('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','event.task_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,'event.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',2147483647,-9223372036854775808,2147483647,9223372036854775807,'event.data µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
CREATE TABLE folder (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	parent_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	visibility TEXT NOT NULL, 
	private_to TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_folder PRIMARY KEY (id), 
	CONSTRAINT fk_folder_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_folder_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT uq_folder_team_id_parent_id_name_private_to UNIQUE (team_id, parent_id, name, private_to)
);
INSERT INTO "folder" VALUES('folder.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','folder.parent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','folder.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','folder.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','folder.private_to µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE function_version (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	action_id TEXT NOT NULL, 
	definition_hash TEXT NOT NULL, 
	function_hash TEXT NOT NULL, 
	code_hash TEXT NOT NULL, 
	release_id TEXT NOT NULL, 
	environment_hash TEXT, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_function_version PRIMARY KEY (id), 
	CONSTRAINT fk_function_version_action_id_action FOREIGN KEY(action_id) REFERENCES action (id), 
	CONSTRAINT fk_function_version_release_id_release FOREIGN KEY(release_id) REFERENCES release (id), 
	CONSTRAINT fk_function_version_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "function_version" VALUES('function_version.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','function_version.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','function_version.function_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','function_version.code_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','release.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','function_version.environment_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE hub (
	id TEXT NOT NULL, 
	url TEXT NOT NULL, 
	started_at_us BIGINT NOT NULL, 
	lease_expires_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_hub PRIMARY KEY (id)
);
INSERT INTO "hub" VALUES('hub.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','hub.url µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,9223372036854775807);
CREATE TABLE identity (
	issuer TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_identity PRIMARY KEY (issuer, subject), 
	CONSTRAINT fk_identity_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
INSERT INTO "identity" VALUES('identity.issuer µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','identity.subject µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE implementation (
	agent_id TEXT NOT NULL, 
	action_id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	definition_hash TEXT NOT NULL, 
	signature_hash TEXT NOT NULL, 
	concurrency INTEGER, 
	active BOOLEAN NOT NULL, version_id TEXT, 
	CONSTRAINT pk_implementation PRIMARY KEY (agent_id, action_id), 
	CONSTRAINT fk_implementation_action_id_action FOREIGN KEY(action_id) REFERENCES action (id), 
	CONSTRAINT fk_implementation_agent_id_agent FOREIGN KEY(agent_id) REFERENCES agent (id), 
	CONSTRAINT fk_implementation_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "implementation" VALUES('agent.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','implementation.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','implementation.signature_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',2147483647,1,'implementation.version_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
CREATE TABLE invitation (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	role TEXT NOT NULL, 
	by_id TEXT NOT NULL, 
	uses_left INTEGER NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	expires_at_us BIGINT NOT NULL, 
	revoked_at_us BIGINT, 
	CONSTRAINT pk_invitation PRIMARY KEY (id), 
	CONSTRAINT fk_invitation_by_id_person FOREIGN KEY(by_id) REFERENCES person (id), 
	CONSTRAINT fk_invitation_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT uq_invitation_digest UNIQUE (digest)
);
INSERT INTO "invitation" VALUES('invitation.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','invitation.role µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',2147483647,9223372036854775807,9223372036854775807,-9223372036854775808);
CREATE TABLE item (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	by_id TEXT NOT NULL, 
	app TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	note TEXT DEFAULT '' NOT NULL, 
	visibility TEXT NOT NULL, 
	is_temporary BOOLEAN NOT NULL, 
	folder_id TEXT, 
	parent_id TEXT, 
	task_id TEXT, 
	size_bytes BIGINT DEFAULT '0' NOT NULL, 
	objects INTEGER DEFAULT '0' NOT NULL, 
	digest TEXT, 
	shape TEXT DEFAULT '' NOT NULL, 
	dtype TEXT DEFAULT '' NOT NULL, 
	meta TEXT NOT NULL, 
	writes BIGINT DEFAULT '0' NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	used_at_us BIGINT NOT NULL, 
	committed_at_us BIGINT, 
	trashed_at_us BIGINT, 
	removed_at_us BIGINT, 
	cleared_at_us BIGINT, 
	CONSTRAINT pk_item PRIMARY KEY (id), 
	CONSTRAINT fk_item_by_id_person FOREIGN KEY(by_id) REFERENCES person (id), 
	CONSTRAINT fk_item_folder_id_folder FOREIGN KEY(folder_id) REFERENCES folder (id), 
	CONSTRAINT fk_item_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_item_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "item" VALUES('item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.kind µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.note µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',1,'folder.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.parent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.task_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,2147483647,'item.digest µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.shape µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.dtype µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.meta µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,9223372036854775807,9223372036854775807,-9223372036854775808,-9223372036854775808,-9223372036854775808,-9223372036854775808);
CREATE TABLE item_tag (
	item_id TEXT NOT NULL, 
	tag TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	CONSTRAINT pk_item_tag PRIMARY KEY (item_id, tag), 
	CONSTRAINT fk_item_tag_item_id_item FOREIGN KEY(item_id) REFERENCES item (id), 
	CONSTRAINT fk_item_tag_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "item_tag" VALUES('item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item_tag.tag µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
CREATE TABLE login (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	app TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	client_id TEXT DEFAULT '' NOT NULL, 
	scopes TEXT NOT NULL, 
	version TEXT DEFAULT '' NOT NULL, 
	machine TEXT DEFAULT '' NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	used_at_us BIGINT NOT NULL, 
	revoked_at_us BIGINT, 
	CONSTRAINT pk_login PRIMARY KEY (id), 
	CONSTRAINT fk_login_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_login_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "login" VALUES('login.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','login.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','login.kind µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','login.client_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','login.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','login.version µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','login.machine µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,9223372036854775807,-9223372036854775808);
CREATE TABLE membership (
	team_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	role TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_membership PRIMARY KEY (team_id, person_id), 
	CONSTRAINT fk_membership_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_membership_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "membership" VALUES('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','membership.role µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE object (
	"key" TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	item_id TEXT NOT NULL, 
	blob TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	digest TEXT NOT NULL, 
	etag TEXT NOT NULL, 
	content_type TEXT NOT NULL, 
	modified_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_object PRIMARY KEY ("key"), 
	CONSTRAINT fk_object_item_id_item FOREIGN KEY(item_id) REFERENCES item (id), 
	CONSTRAINT fk_object_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "object" VALUES('object.key µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','object.blob µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,'object.digest µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','object.etag µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','object.content_type µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE passkey (
	id BLOB NOT NULL, 
	person_id TEXT NOT NULL, 
	public_key BLOB NOT NULL, 
	sign_count BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	used_at_us BIGINT, 
	CONSTRAINT pk_passkey PRIMARY KEY (id), 
	CONSTRAINT fk_passkey_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
INSERT INTO "passkey" VALUES(X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF',9223372036854775807,'passkey.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,-9223372036854775808);
CREATE TABLE person (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	os_user TEXT, 
	created_at_us BIGINT NOT NULL, email TEXT, password_hash TEXT, is_hub_owner BOOLEAN DEFAULT 0 NOT NULL, disabled_at_us BIGINT, 
	CONSTRAINT pk_person PRIMARY KEY (id), 
	CONSTRAINT uq_person_os_user UNIQUE (os_user)
);
INSERT INTO "person" VALUES('person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.os_user µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,'person.email µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.password_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',1,-9223372036854775808);
CREATE TABLE redeem_token (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	app TEXT, 
	scopes TEXT NOT NULL, 
	is_single_use BOOLEAN NOT NULL, 
	uses INTEGER DEFAULT '0' NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	expires_at_us BIGINT NOT NULL, 
	revoked_at_us BIGINT, 
	CONSTRAINT pk_redeem_token PRIMARY KEY (id), 
	CONSTRAINT fk_redeem_token_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_redeem_token_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT uq_redeem_token_digest UNIQUE (digest)
);
INSERT INTO "redeem_token" VALUES('redeem_token.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','redeem_token.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','redeem_token.scopes µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',1,2147483647,9223372036854775807,9223372036854775807,-9223372036854775808);
CREATE TABLE release (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	app_id TEXT NOT NULL, 
	version TEXT NOT NULL, 
	source_hash TEXT DEFAULT '' NOT NULL, 
	lock_hash TEXT DEFAULT '' NOT NULL, 
	python TEXT DEFAULT '' NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_release PRIMARY KEY (id), 
	CONSTRAINT fk_release_app_id_app FOREIGN KEY(app_id) REFERENCES app (id), 
	CONSTRAINT fk_release_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT uq_release_team_id_app_id_version_source_hash_lock_hash_python UNIQUE (team_id, app_id, version, source_hash, lock_hash, python)
);
INSERT INTO "release" VALUES('release.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','release.version µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','release.source_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','release.lock_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','release.python µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE release_source (
	app_id TEXT NOT NULL, 
	source_hash TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	item_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_release_source PRIMARY KEY (app_id, source_hash), 
	CONSTRAINT fk_release_source_app_id_app FOREIGN KEY(app_id) REFERENCES app (id), 
	CONSTRAINT fk_release_source_item_id_item FOREIGN KEY(item_id) REFERENCES item (id), 
	CONSTRAINT fk_release_source_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_release_source_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "release_source" VALUES('app.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','release_source.source_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE setting (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_setting PRIMARY KEY (name)
);
INSERT INTO "setting" VALUES('setting.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','setting.value µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
CREATE TABLE share (
	team_id TEXT NOT NULL, 
	action_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	by_id TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_share PRIMARY KEY (action_id, person_id), 
	CONSTRAINT fk_share_action_id_action FOREIGN KEY(action_id) REFERENCES action (id), 
	CONSTRAINT fk_share_by_id_person FOREIGN KEY(by_id) REFERENCES person (id), 
	CONSTRAINT fk_share_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_share_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "share" VALUES('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','action.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE signing_key (
	id TEXT NOT NULL, 
	public TEXT NOT NULL, 
	private TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	retired_at_us BIGINT, 
	CONSTRAINT pk_signing_key PRIMARY KEY (id)
);
INSERT INTO "signing_key" VALUES('signing_key.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','signing_key.public µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','signing_key.private µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,-9223372036854775808);
CREATE TABLE "task" (
	team_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	app TEXT NOT NULL, 
	reference TEXT NOT NULL, 
	action TEXT NOT NULL, 
	status TEXT NOT NULL, 
	visibility TEXT DEFAULT 'team' NOT NULL, 
	is_discreet BOOLEAN DEFAULT 0 NOT NULL, 
	parent_id TEXT, 
	root_id TEXT NOT NULL, 
	agent_id TEXT, 
	attempt INTEGER NOT NULL, 
	failures INTEGER DEFAULT '0' NOT NULL, 
	epoch INTEGER NOT NULL, 
	yields BIGINT DEFAULT '0' NOT NULL, 
	queued_at_us BIGINT NOT NULL, 
	assigned_at_us BIGINT, 
	started_at_us BIGINT, 
	ended_at_us BIGINT, 
	signature_hash TEXT NOT NULL, 
	definition_hash TEXT NOT NULL, 
	hub_id TEXT NOT NULL, 
	origin_hub_id TEXT NOT NULL, 
	args TEXT NOT NULL, 
	options TEXT NOT NULL, 
	timeline TEXT NOT NULL, 
	progress TEXT, 
	returns TEXT, 
	error TEXT, version_id TEXT, again_of TEXT, 
	CONSTRAINT pk_task PRIMARY KEY (team_id, id), 
	CONSTRAINT fk_task_person_id_person FOREIGN KEY(person_id) REFERENCES person (id), 
	CONSTRAINT fk_task_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT uq_task_team_id_person_id_app_reference UNIQUE (team_id, person_id, app, reference)
);
INSERT INTO "task" VALUES('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','person.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.app µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.reference µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.action µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.status µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.visibility µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',1,'task.parent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.root_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.agent_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',2147483647,2147483647,2147483647,9223372036854775807,9223372036854775807,-9223372036854775808,-9223372036854775808,-9223372036854775808,'task.signature_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.definition_hash µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.hub_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.origin_hub_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.args µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.options µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.timeline µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.progress µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.returns µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.error µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.version_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task.again_of µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
CREATE TABLE task_item (
	team_id TEXT NOT NULL, 
	task_id TEXT NOT NULL, 
	item_id TEXT NOT NULL, 
	role TEXT NOT NULL, 
	CONSTRAINT pk_task_item PRIMARY KEY (team_id, task_id, item_id, role), 
	CONSTRAINT fk_task_item_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "task_item" VALUES('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task_item.task_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task_item.item_id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','task_item.role µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1');
CREATE TABLE team (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_team PRIMARY KEY (id)
);
INSERT INTO "team" VALUES('team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.name µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE token (
	digest BLOB NOT NULL, 
	team_id TEXT NOT NULL, 
	login_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	expires_at_us BIGINT NOT NULL, 
	used_at_us BIGINT, 
	CONSTRAINT pk_token PRIMARY KEY (digest), 
	CONSTRAINT fk_token_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT fk_token_login_id_login FOREIGN KEY(login_id) REFERENCES login (id)
);
INSERT INTO "token" VALUES(X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','login.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','token.kind µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,9223372036854775807,-9223372036854775808);
CREATE TABLE upload (
	id TEXT NOT NULL, 
	team_id TEXT NOT NULL, 
	item_id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	content_type TEXT NOT NULL, 
	created_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_upload PRIMARY KEY (id), 
	CONSTRAINT fk_upload_item_id_item FOREIGN KEY(item_id) REFERENCES item (id), 
	CONSTRAINT fk_upload_team_id_team FOREIGN KEY(team_id) REFERENCES team (id)
);
INSERT INTO "upload" VALUES('upload.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','item.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','upload.key µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','upload.content_type µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE TABLE upload_part (
	upload_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	team_id TEXT NOT NULL, 
	blob TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	digest TEXT NOT NULL, 
	modified_at_us BIGINT NOT NULL, 
	CONSTRAINT pk_upload_part PRIMARY KEY (upload_id, number), 
	CONSTRAINT fk_upload_part_team_id_team FOREIGN KEY(team_id) REFERENCES team (id), 
	CONSTRAINT fk_upload_part_upload_id_upload FOREIGN KEY(upload_id) REFERENCES upload (id)
);
INSERT INTO "upload_part" VALUES('upload.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',2147483647,'team.id µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1','upload_part.blob µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807,'upload_part.digest µ-ß-日本-🔬 ''" \ \u0000 \ud800 %s :b_id $1',9223372036854775807);
CREATE INDEX ix_agent_live ON agent (team_id, id) WHERE gone_at_us IS NULL;
CREATE INDEX ix_agent_team ON agent (team_id, id);
CREATE INDEX ix_definition_hash ON definition (team_id, definition_hash);
CREATE INDEX ix_implementation_action ON implementation (team_id, action_id);
CREATE INDEX ix_audit_team ON audit (team_id, number);
CREATE INDEX ix_invitation_team ON invitation (team_id, id);
CREATE INDEX ix_login_person ON login (team_id, person_id, id);
CREATE INDEX ix_login_revoked ON login (revoked_at_us);
CREATE INDEX ix_redeem_token_team ON redeem_token (team_id, id);
CREATE UNIQUE INDEX ix_person_email ON person (email);
CREATE INDEX ix_passkey_person ON passkey (person_id);
CREATE INDEX ix_identity_person ON identity (person_id);
CREATE INDEX ix_task_action ON task (team_id, action, id);
CREATE INDEX ix_task_live ON task (team_id, status, id) WHERE ended_at_us IS NULL;
CREATE INDEX ix_task_parent ON task (team_id, parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX ix_task_root ON task (team_id, root_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX ix_task_unhappy ON task (team_id, status, id) WHERE status IN ('failed', 'cancelled', 'interrupted', 'lost', 'expired');
CREATE INDEX ix_token_expires ON token (expires_at_us);
CREATE INDEX ix_token_login ON token (login_id);
CREATE INDEX ix_task_item ON task_item (team_id, item_id, role, task_id);
CREATE INDEX ix_item_folder ON item (folder_id);
CREATE INDEX ix_item_open ON item (created_at_us) WHERE committed_at_us IS NULL;
CREATE INDEX ix_item_parent ON item (parent_id);
CREATE INDEX ix_item_removed ON item (id) WHERE removed_at_us IS NOT NULL;
CREATE INDEX ix_item_shown ON item (team_id, id) WHERE committed_at_us IS NOT NULL AND is_temporary = false AND trashed_at_us IS NULL;
CREATE INDEX ix_item_task ON item (team_id, task_id);
CREATE INDEX ix_item_team ON item (team_id, id);
CREATE INDEX ix_item_temporary ON item (used_at_us) WHERE is_temporary = true AND removed_at_us IS NULL;
CREATE INDEX ix_item_trashed ON item (trashed_at_us) WHERE trashed_at_us IS NOT NULL AND removed_at_us IS NULL;
CREATE INDEX ix_item_uncleared ON item (id) WHERE removed_at_us IS NOT NULL AND cleared_at_us IS NULL;
CREATE INDEX ix_data_grant_expires ON data_grant (expires_at_us);
CREATE INDEX ix_data_grant_item ON data_grant (item_id);
CREATE INDEX ix_data_grant_login ON data_grant (login_id);
CREATE INDEX ix_item_tag ON item_tag (team_id, tag);
CREATE INDEX ix_object_item ON object (item_id);
CREATE INDEX ix_upload_item ON upload (item_id);
CREATE INDEX ix_function_version_code ON function_version (team_id, code_hash);
CREATE INDEX ix_release_source_item ON release_source (item_id);
COMMIT;
