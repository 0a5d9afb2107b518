CREATE TABLE alembic_version (
  version_num VARCHAR(32) NOT NULL,
  CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE conversation (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  address_key TEXT NOT NULL,
  platform TEXT NOT NULL,
  account TEXT NOT NULL,
  chat TEXT NOT NULL,
  thread TEXT NOT NULL,
  start_turn INTEGER NOT NULL,
  first_turn INTEGER NOT NULL,
  summary TEXT NOT NULL,
  summary_tokens INTEGER NOT NULL,
  model TEXT NOT NULL,
  persona TEXT NOT NULL,
  title TEXT NOT NULL,
  settings TEXT NOT NULL, context_turn INTEGER DEFAULT '1' NOT NULL, active_at FLOAT DEFAULT '0' NOT NULL,
  UNIQUE (address_key)
);
CREATE TABLE inbox (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  "key" TEXT NOT NULL,
  state INTEGER NOT NULL,
  sender TEXT NOT NULL,
  payload TEXT NOT NULL,
  reason TEXT NOT NULL,
  put_at FLOAT NOT NULL,
  UNIQUE ("key")
);
CREATE INDEX ix_inbox_open ON inbox (state, id) WHERE state <> 1;
CREATE TABLE invite (
  code_hash TEXT NOT NULL,
  kind TEXT NOT NULL,
  role TEXT NOT NULL,
  uses_left INTEGER NOT NULL,
  expires_at FLOAT NOT NULL,
  created_by TEXT NOT NULL,
  created_at FLOAT NOT NULL,
  PRIMARY KEY (code_hash)
);
CREATE INDEX ix_invite_created_by ON invite (created_by);
CREATE TABLE person (
  id TEXT NOT NULL,
  role TEXT NOT NULL,
  name TEXT NOT NULL,
  language TEXT NOT NULL,
  settings TEXT NOT NULL,
  created_at FLOAT NOT NULL, name_key TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (id)
);
CREATE TABLE plugin_kv (
  scope TEXT NOT NULL,
  plugin TEXT NOT NULL,
  "key" TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (scope, plugin, "key")
) WITHOUT ROWID;
CREATE TABLE identity (
  platform TEXT NOT NULL,
  user_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at FLOAT NOT NULL,
  PRIMARY KEY (platform, user_id),
  FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_identity_person_id ON identity (person_id);
CREATE TABLE message (
  conversation_id INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  step INTEGER NOT NULL,
  shown BOOLEAN NOT NULL,
  role TEXT NOT NULL,
  text TEXT NOT NULL,
  context TEXT NOT NULL,
  name TEXT NOT NULL,
  attachments TEXT NOT NULL,
  tool_calls TEXT NOT NULL,
  tool_call_id TEXT NOT NULL,
  tokens INTEGER NOT NULL, context_tokens INTEGER DEFAULT '0' NOT NULL,
  PRIMARY KEY (conversation_id, turn, step),
  FOREIGN KEY(conversation_id) REFERENCES conversation (id)
) WITHOUT ROWID;
CREATE TABLE turn (
  id TEXT NOT NULL,
  conversation_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  event_key TEXT NOT NULL,
  state TEXT NOT NULL,
  person_id TEXT NOT NULL,
  text TEXT NOT NULL,
  question_id TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  model TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  finish_reason TEXT NOT NULL,
  citations TEXT NOT NULL,
  error TEXT NOT NULL,
  started_at FLOAT NOT NULL,
  ended_at FLOAT NOT NULL, thoughts TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (id),
  FOREIGN KEY(conversation_id) REFERENCES conversation (id),
  UNIQUE (event_key)
);
CREATE UNIQUE INDEX ix_turn_place ON turn (conversation_id, number, revision);
CREATE INDEX ix_turn_question ON turn (conversation_id, question_id);
CREATE TABLE delivery (
  turn_id TEXT NOT NULL,
  part INTEGER NOT NULL,
  state TEXT NOT NULL,
  message_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (turn_id, part)
);
CREATE INDEX ix_delivery_message_id ON delivery (message_id);
CREATE TABLE feedback (
  turn_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  value INTEGER NOT NULL,
  reason TEXT NOT NULL,
  created_at FLOAT NOT NULL, handled BOOLEAN DEFAULT 0 NOT NULL,
  PRIMARY KEY (turn_id, person_id),
  FOREIGN KEY(turn_id) REFERENCES turn (id) ON DELETE CASCADE
);
CREATE TABLE documents (
  id INTEGER NOT NULL,
  collection TEXT NOT NULL,
  source TEXT NOT NULL,
  title TEXT NOT NULL,
  digest TEXT NOT NULL, origin TEXT DEFAULT '' NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (collection, source)
);
CREATE TABLE passages (
  id INTEGER NOT NULL,
  document_id INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  source TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (id),
  FOREIGN KEY(document_id) REFERENCES documents (id)
);
CREATE INDEX ix_passages_document_id ON passages (document_id);
CREATE VIRTUAL TABLE passages_fts USING fts5(title, body, tokenize = 'ascii');
CREATE TABLE redemption (
  code_hash TEXT NOT NULL,
  person_id TEXT NOT NULL,
  PRIMARY KEY (code_hash, person_id),
  FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_redemption_person_id ON redemption (person_id);
CREATE TABLE lease (
  name TEXT NOT NULL,
  holder TEXT NOT NULL,
  expires_at FLOAT NOT NULL,
  PRIMARY KEY (name)
);
CREATE TABLE overheard (
  conversation_id INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  platform TEXT NOT NULL,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  said_at FLOAT NOT NULL,
  PRIMARY KEY (conversation_id, message_id),
  FOREIGN KEY(conversation_id) REFERENCES conversation (id) ON DELETE CASCADE
);
CREATE INDEX ix_overheard_recent ON overheard (conversation_id, said_at);
CREATE INDEX ix_overheard_sender ON overheard (platform, user_id);
CREATE TABLE audience (
  collection TEXT NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (collection, role)
);
CREATE TABLE console_account (
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  role TEXT NOT NULL,
  language TEXT NOT NULL,
  password TEXT NOT NULL,
  disabled BOOLEAN NOT NULL,
  created_at FLOAT NOT NULL,
  seen_at FLOAT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (name_key)
);
CREATE TABLE console_passkey (
  id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  public_key TEXT NOT NULL,
  sign_count BIGINT NOT NULL,
  name TEXT NOT NULL,
  created_at FLOAT NOT NULL,
  used_at FLOAT NOT NULL,
  PRIMARY KEY (id),
  FOREIGN KEY(account_id) REFERENCES console_account (id) ON DELETE CASCADE
);
CREATE TABLE console_token (
  token_hash TEXT NOT NULL,
  kind TEXT NOT NULL,
  account_id TEXT NOT NULL,
  made_by TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  expires_at FLOAT NOT NULL,
  PRIMARY KEY (token_hash)
);
CREATE TABLE console_session (
  token_hash TEXT NOT NULL,
  id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  created_at FLOAT NOT NULL,
  seen_at FLOAT NOT NULL,
  expires_at FLOAT NOT NULL,
  client TEXT NOT NULL,
  agent TEXT NOT NULL,
  PRIMARY KEY (token_hash),
  FOREIGN KEY(account_id) REFERENCES console_account (id) ON DELETE CASCADE,
  UNIQUE (id)
);
CREATE INDEX ix_console_session_expires_at ON console_session (expires_at);
CREATE TABLE console_audit (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at FLOAT NOT NULL,
  account_id TEXT NOT NULL,
  account TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE TABLE share (
  token_hash TEXT NOT NULL,
  id TEXT NOT NULL,
  conversation_id INTEGER NOT NULL,
  person_id TEXT NOT NULL,
  last_turn INTEGER NOT NULL,
  title TEXT NOT NULL,
  created_at FLOAT NOT NULL,
  expires_at FLOAT NOT NULL,
  PRIMARY KEY (token_hash),
  FOREIGN KEY(conversation_id) REFERENCES conversation (id) ON DELETE CASCADE,
  FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE,
  UNIQUE (id)
);
CREATE INDEX ix_share_person ON share (person_id, created_at, id);
CREATE INDEX ix_share_conversation_id ON share (conversation_id);
CREATE INDEX ix_share_expires_at ON share (expires_at);
CREATE TABLE said (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  conversation_id INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  at FLOAT NOT NULL,
  terms TEXT NOT NULL,
  FOREIGN KEY(conversation_id) REFERENCES conversation (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX ix_said_place ON said (conversation_id, turn);
CREATE VIRTUAL TABLE said_fts USING fts5(terms, content = 'said', content_rowid = 'id', tokenize = 'ascii', detail = none, columnsize = 0);
CREATE TRIGGER said_put AFTER INSERT ON said BEGIN INSERT INTO said_fts (rowid, terms) VALUES (new.id, new.terms); END;
CREATE TRIGGER said_drop AFTER DELETE ON said BEGIN INSERT INTO said_fts (said_fts, rowid, terms) VALUES ('delete', old.id, old.terms); END;
CREATE INDEX ix_conversation_active ON conversation (active_at, id);
CREATE INDEX ix_conversation_platform ON conversation (platform, active_at, id);
CREATE INDEX ix_person_name ON person (name_key, id);
CREATE INDEX ix_person_role ON person (role, name_key, id);
CREATE INDEX ix_feedback_time ON feedback (created_at, turn_id, person_id);
CREATE INDEX ix_feedback_value ON feedback (value, created_at, turn_id, person_id);
CREATE INDEX ix_feedback_open ON feedback (handled, created_at, turn_id, person_id);
CREATE INDEX ix_feedback_open_value ON feedback (handled, value, created_at, turn_id, person_id);
CREATE TABLE statistic (
  span INTEGER NOT NULL,
  at BIGINT NOT NULL,
  name TEXT NOT NULL,
  label TEXT NOT NULL,
  bucket INTEGER NOT NULL,
  count BIGINT NOT NULL,
  total FLOAT NOT NULL, highest FLOAT DEFAULT '0' NOT NULL,
  PRIMARY KEY (span, at, name, label, bucket)
) WITHOUT ROWID;
CREATE TABLE persona (
  name TEXT NOT NULL,
  active INTEGER NOT NULL,
  PRIMARY KEY (name)
);
CREATE TABLE persona_version (
  name TEXT NOT NULL,
  number INTEGER NOT NULL,
  prompt TEXT NOT NULL,
  model TEXT NOT NULL,
  sampling TEXT NOT NULL,
  note TEXT NOT NULL,
  made_by TEXT NOT NULL,
  made_at FLOAT NOT NULL,
  PRIMARY KEY (name, number)
);
CREATE INDEX ix_invite_open ON invite (created_at, code_hash) WHERE uses_left > 0 AND kind <> 'link';
CREATE TABLE place (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  address_key TEXT NOT NULL,
  platform TEXT NOT NULL,
  account TEXT NOT NULL,
  chat TEXT NOT NULL,
  thread TEXT NOT NULL,
  name TEXT NOT NULL,
  code TEXT NOT NULL,
  parent_key TEXT NOT NULL,
  around TEXT NOT NULL,
  name_key TEXT NOT NULL,
  UNIQUE (address_key)
);
CREATE INDEX ix_place_within ON place (parent_key, name_key, id);
CREATE INDEX ix_place_name ON place (name_key, id);
CREATE INDEX ix_place_code ON place (code, id);
CREATE TABLE asker (
  person_id TEXT NOT NULL,
  conversation_id INTEGER NOT NULL,
  active_at FLOAT NOT NULL,
  PRIMARY KEY (person_id, conversation_id),
  FOREIGN KEY(conversation_id) REFERENCES conversation (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX ix_asker_active ON asker (person_id, active_at, conversation_id);
CREATE INDEX ix_asker_conversation ON asker (conversation_id);
CREATE INDEX ix_console_passkey_made ON console_passkey (account_id, created_at, id);
CREATE INDEX ix_console_session_seen ON console_session (account_id, seen_at, created_at, id);
CREATE INDEX ix_turn_person ON turn (person_id, conversation_id, number, revision);
CREATE INDEX ix_feedback_person ON feedback (person_id, created_at, turn_id);
CREATE INDEX ix_console_audit_at ON console_audit (at, id);
CREATE INDEX ix_console_audit_account ON console_audit (account_id, at, id);
CREATE INDEX ix_console_audit_action ON console_audit (action, at, id);
CREATE INDEX ix_console_audit_both ON console_audit (account_id, action, at, id);
CREATE INDEX ix_console_audit_target ON console_audit (target, at, id);
INSERT INTO alembic_version VALUES ('0020')
