//! People, their sessions and their tokens. Secrets are kept as digests only.

use rusqlite::{OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::{to_word, word};
use crate::{Store, StoreError, new_id, now_ms};

/// What somebody may do. Each may do what those before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Ask models for predictions, and nothing else: for tokens of programs.
    Predictor,
    /// See everything but people.
    Viewer,
    /// Send data, run jobs, judge incidents, promote models.
    Analyst,
    /// Manage people, settings and what is kept.
    Admin,
}

/// Somebody who can log in.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct User {
    /// Id.
    pub id: String,
    /// Name to log in with.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they are shut out.
    pub disabled: bool,
    /// Since when they are known, in milliseconds since 1970.
    pub created_ms: i64,
    /// When they last logged in.
    pub last_login_ms: Option<i64>,
}

/// Somebody who has logged in.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who.
    pub user: User,
    /// Until when, in milliseconds since 1970.
    pub expires_ms: i64,
}

/// A secret that a program shows instead of logging in.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Token {
    /// Id.
    pub id: String,
    /// Id of whose it is.
    pub user: String,
    /// What it is for.
    pub name: String,
    /// What it may do at most.
    pub scope: Role,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Until when it is good.
    pub expires_ms: i64,
    /// When it was last shown, to the hour.
    pub used_ms: Option<i64>,
}

/// A digest of a secret. Secrets are random and long, so a plain digest cannot be turned back.
fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

const USER: &str = "users.id, users.name, users.role, users.disabled, users.created_ms, users.last_login_ms";

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        role: word(row, 2)?,
        disabled: row.get(3)?,
        created_ms: row.get(4)?,
        last_login_ms: row.get(5)?,
    })
}

impl Store {
    /// Everybody, by name.
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {USER} FROM users ORDER BY name"))?
                .query_map([], user)?
                .collect()
        })
    }

    /// How many people there are.
    pub fn n_users(&self) -> Result<u64, StoreError> {
        self.read(|db| db.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0)))
            .map(|n| n.max(0) as u64)
    }

    /// Somebody.
    pub fn user(&self, id: &str) -> Result<User, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {USER} FROM users WHERE id = ?1"))?
                .query_row([id], user)
                .optional()
        })?
        .ok_or_else(|| StoreError::missing("user", id))
    }

    /// Somebody by name, with the hash of the password.
    pub fn user_by_name(&self, name: &str) -> Result<Option<(User, String)>, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {USER}, password FROM users WHERE name = ?1"))?
                .query_row([name], |row| Ok((user(row)?, row.get(6)?)))
                .optional()
        })
    }

    /// Adds somebody. `password` is a hash.
    pub fn add_user(&self, name: &str, role: Role, password: &str) -> Result<User, StoreError> {
        let id = new_id();
        let added = self.write(|tx| {
            tx.execute(
                "INSERT INTO users(id, name, role, password, created_ms) VALUES(?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT(name) DO NOTHING",
                params![id, name, to_word(&role), password, now_ms()],
            )
        })?;
        if added == 0 {
            return Err(StoreError::Conflict(format!("there is somebody called '{name}' already")));
        }
        self.user(&id)
    }

    /// Adds the first admin with the secret of the one-time link; the secret is spent by it. None when it is wrong,
    /// too old or spent.
    pub fn accept_invitation(
        &self,
        secret: &str,
        name: &str,
        password: &str,
    ) -> Result<Option<User>, StoreError> {
        let id = new_id();
        let accepted = self.write(|tx| {
            let spent = tx.execute(
                "DELETE FROM invitation WHERE hash = ?1 AND expires_ms > ?2",
                params![digest(secret), now_ms()],
            )?;
            if spent == 0 {
                return Ok(false);
            }
            tx.execute(
                "INSERT INTO users(id, name, role, password, created_ms) VALUES(?1, ?2, 'admin', ?3, ?4)
                 ON CONFLICT(name) DO UPDATE SET role = 'admin', password = excluded.password, disabled = 0",
                params![id, name, password, now_ms()],
            )?;
            Ok(true)
        })?;
        if !accepted {
            return Ok(None);
        }
        Ok(self.user_by_name(name)?.map(|(user, _)| user))
    }

    /// Whether a one-time link with this secret would be accepted.
    pub fn invitation_holds(&self, secret: &str) -> Result<bool, StoreError> {
        self.read(|db| {
            db.query_row(
                "SELECT count(*) FROM invitation WHERE hash = ?1 AND expires_ms > ?2",
                params![digest(secret), now_ms()],
                |row| row.get::<_, i64>(0),
            )
        })
        .map(|n| n == 1)
    }

    /// Puts a new one-time link in the place of any earlier one.
    pub fn invite(&self, secret: &str, expires_ms: i64) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO invitation(only, hash, expires_ms) VALUES(1, ?1, ?2)",
                params![digest(secret), expires_ms],
            )
            .map(|_| ())
        })
    }

    /// Changes what somebody may do, whether they are shut out, or their password (a hash). Whoever is changed is logged
    /// out. The last admin stays one.
    pub fn change_user(
        &self,
        id: &str,
        role: Option<Role>,
        disabled: Option<bool>,
        password: Option<&str>,
    ) -> Result<User, StoreError> {
        self.user(id)?;
        let left = self.write(|tx| {
            tx.execute(
                "UPDATE users SET role = coalesce(?2, role), disabled = coalesce(?3, disabled),
                 password = coalesce(?4, password) WHERE id = ?1",
                params![id, role.map(|role| to_word(&role)), disabled, password],
            )?;
            tx.execute("DELETE FROM sessions WHERE user = ?1", [id])?;
            let left = admins(tx)?;
            // Nothing of this is kept when nobody could undo it.
            if left == 0 { Err(rusqlite::Error::StatementChangedRows(0)) } else { Ok(left) }
        });
        match left {
            Err(StoreError::Database(rusqlite::Error::StatementChangedRows(0))) => Err(last_admin()),
            Err(error) => Err(error),
            Ok(_) => self.user(id),
        }
    }

    /// Removes somebody with their sessions and tokens. The last admin stays.
    pub fn remove_user(&self, id: &str) -> Result<(), StoreError> {
        self.user(id)?;
        let done = self.write(|tx| {
            tx.execute("DELETE FROM users WHERE id = ?1", [id])?;
            if admins(tx)? == 0 { Err(rusqlite::Error::StatementChangedRows(0)) } else { Ok(()) }
        });
        match done {
            Err(StoreError::Database(rusqlite::Error::StatementChangedRows(0))) => Err(last_admin()),
            other => other,
        }
    }

    /// Begins a session.
    pub fn begin_session(
        &self,
        user: &str,
        secret: &str,
        expires_ms: i64,
        address: &str,
    ) -> Result<(), StoreError> {
        let now = now_ms();
        self.write(|tx| {
            tx.execute("DELETE FROM sessions WHERE expires_ms < ?1", [now])?;
            // The oldest sessions of one person make room.
            tx.execute(
                "DELETE FROM sessions WHERE user = ?1 AND hash NOT IN
                 (SELECT hash FROM sessions WHERE user = ?1 ORDER BY created_ms DESC LIMIT 19)",
                [user],
            )?;
            tx.execute(
                "INSERT INTO sessions(hash, user, created_ms, expires_ms, address) VALUES(?1, ?2, ?3, ?4, ?5)",
                params![digest(secret), user, now, expires_ms, address],
            )?;
            tx.execute("UPDATE users SET last_login_ms = ?2 WHERE id = ?1", params![user, now])?;
            Ok(())
        })
    }

    /// The session of a secret, while it lasts and its owner is not shut out.
    pub fn session(&self, secret: &str) -> Result<Option<Session>, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {USER}, sessions.expires_ms FROM sessions JOIN users ON users.id = sessions.user
                 WHERE hash = ?1 AND expires_ms > ?2 AND disabled = 0"
            ))?
            .query_row(params![digest(secret), now_ms()], |row| {
                Ok(Session { user: user(row)?, expires_ms: row.get(6)? })
            })
            .optional()
        })
    }

    /// Ends a session.
    pub fn end_session(&self, secret: &str) -> Result<(), StoreError> {
        self.write(|tx| tx.execute("DELETE FROM sessions WHERE hash = ?1", [digest(secret)]).map(|_| ()))
    }

    /// Adds a token.
    pub fn add_token(
        &self,
        user: &str,
        name: &str,
        secret: &str,
        scope: Role,
        expires_ms: i64,
    ) -> Result<Token, StoreError> {
        let id = new_id();
        self.write(|tx| {
            tx.execute(
                "INSERT INTO tokens(id, user, name, hash, scope, created_ms, expires_ms) VALUES(?1,?2,?3,?4,?5,?6,?7)",
                params![id, user, name, digest(secret), to_word(&scope), now_ms(), expires_ms],
            )
        })?;
        self.tokens(None)?
            .into_iter()
            .find(|token| token.id == id)
            .ok_or_else(|| StoreError::missing("token", &id))
    }

    /// Tokens, newest first; those of one person only.
    pub fn tokens(&self, user: Option<&str>) -> Result<Vec<Token>, StoreError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT id, user, name, scope, created_ms, expires_ms, used_ms FROM tokens
                 WHERE ?1 IS NULL OR user = ?1 ORDER BY id DESC LIMIT 1000",
            )?
            .query_map([user], |row| {
                Ok(Token {
                    id: row.get(0)?,
                    user: row.get(1)?,
                    name: row.get(2)?,
                    scope: word(row, 3)?,
                    created_ms: row.get(4)?,
                    expires_ms: row.get(5)?,
                    used_ms: row.get(6)?,
                })
            })?
            .collect()
        })
    }

    /// Whose a token is and what it may do: the lesser of its scope and the role of its owner. None when it is unknown,
    /// too old, or its owner is shut out.
    pub fn token(&self, secret: &str) -> Result<Option<(User, Role, String)>, StoreError> {
        let now = now_ms();
        let found = self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {USER}, tokens.scope, tokens.used_ms, tokens.id, tokens.name FROM tokens JOIN users ON users.id = tokens.user
                 WHERE hash = ?1 AND expires_ms > ?2 AND disabled = 0"
            ))?
            .query_row(params![digest(secret), now], |row| {
                let used_ms: Option<i64> = row.get(7)?;
                let (id, name): (String, String) = (row.get(8)?, row.get(9)?);
                Ok((user(row)?, word::<Role>(row, 6)?, used_ms, id, name))
            })
            .optional()
        })?;
        let Some((user, scope, used_ms, id, name)) = found else { return Ok(None) };
        if used_ms.is_none_or(|used| now - used > 3_600_000) {
            self.write(|tx| tx.execute("UPDATE tokens SET used_ms = ?2 WHERE id = ?1", params![id, now]))?;
        }
        let role = scope.min(user.role);
        Ok(Some((user, role, name)))
    }

    /// Removes a token; that of one person only, unless nobody is named.
    pub fn remove_token(&self, id: &str, user: Option<&str>) -> Result<(), StoreError> {
        let n = self.write(|tx| {
            tx.execute("DELETE FROM tokens WHERE id = ?1 AND (?2 IS NULL OR user = ?2)", params![id, user])
        })?;
        if n == 0 { Err(StoreError::missing("token", id)) } else { Ok(()) }
    }
}

fn admins(tx: &rusqlite::Transaction<'_>) -> rusqlite::Result<i64> {
    tx.query_row("SELECT count(*) FROM users WHERE role = 'admin' AND disabled = 0", [], |row| row.get(0))
}

fn last_admin() -> StoreError {
    StoreError::Conflict("this is the last admin; make somebody else one first".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;

    const LATER: i64 = i64::MAX;

    #[test]
    fn the_one_time_link_works_once() {
        let (_folder, store) = store();
        store.invite("secret", LATER).unwrap();
        assert!(store.invitation_holds("secret").unwrap() && !store.invitation_holds("other").unwrap());
        assert!(store.accept_invitation("other", "anna", "hash").unwrap().is_none());
        let anna = store.accept_invitation("secret", "anna", "hash").unwrap().unwrap();
        assert_eq!((anna.name.as_str(), anna.role), ("anna", Role::Admin));
        assert!(store.accept_invitation("secret", "bert", "hash").unwrap().is_none());
        store.invite("old", 1).unwrap();
        assert!(store.accept_invitation("old", "bert", "hash").unwrap().is_none());
        assert_eq!(store.n_users().unwrap(), 1);
    }

    #[test]
    fn the_last_admin_can_neither_go_nor_step_down() {
        let (_folder, store) = store();
        let anna = store.add_user("anna", Role::Admin, "hash").unwrap();
        assert!(store.add_user("ANNA", Role::Viewer, "hash").is_err(), "names are alike whatever their case");
        assert!(store.change_user(&anna.id, Some(Role::Viewer), None, None).is_err());
        assert!(store.change_user(&anna.id, None, Some(true), None).is_err());
        assert!(store.remove_user(&anna.id).is_err());
        assert_eq!(store.user(&anna.id).unwrap().role, Role::Admin);
        let bert = store.add_user("bert", Role::Admin, "hash").unwrap();
        assert_eq!(store.change_user(&anna.id, Some(Role::Viewer), None, None).unwrap().role, Role::Viewer);
        store.remove_user(&anna.id).unwrap();
        assert_eq!(store.users().unwrap()[0].id, bert.id);
    }

    #[test]
    fn a_session_ends_by_logout_by_time_and_by_a_change_of_its_owner() {
        let (_folder, store) = store();
        store.add_user("root", Role::Admin, "hash").unwrap();
        let anna = store.add_user("anna", Role::Viewer, "hash").unwrap();
        for secret in ["a", "b"] {
            store.begin_session(&anna.id, secret, LATER, "127.0.0.1").unwrap();
        }
        store.begin_session(&anna.id, "old", 1, "127.0.0.1").unwrap();
        assert!(store.session("old").unwrap().is_none() && store.session("nobody").unwrap().is_none());
        assert_eq!(store.session("a").unwrap().unwrap().user.id, anna.id);
        store.end_session("a").unwrap();
        assert!(store.session("a").unwrap().is_none() && store.session("b").unwrap().is_some());
        store.change_user(&anna.id, None, None, Some("new")).unwrap();
        assert!(store.session("b").unwrap().is_none());
        (0..30).for_each(|n| store.begin_session(&anna.id, &format!("s{n}"), LATER, "").unwrap());
        let alive = (0..30).filter(|n| store.session(&format!("s{n}")).unwrap().is_some()).count();
        assert_eq!(alive, 20);
    }

    #[test]
    fn a_token_may_no_more_than_its_owner() {
        let (_folder, store) = store();
        let root = store.add_user("root", Role::Admin, "hash").unwrap();
        let anna = store.add_user("anna", Role::Viewer, "hash").unwrap();
        let token = store.add_token(&anna.id, "script", "t", Role::Admin, LATER).unwrap();
        assert_eq!(store.token("t").unwrap().unwrap().1, Role::Viewer);
        store.add_token(&root.id, "phone", "p", Role::Predictor, LATER).unwrap();
        assert_eq!(store.token("p").unwrap().unwrap().1, Role::Predictor);
        store.add_token(&root.id, "old", "o", Role::Admin, 1).unwrap();
        assert!(store.token("o").unwrap().is_none());
        assert!(store.remove_token(&token.id, Some(&root.id)).is_err(), "not hers");
        store.remove_token(&token.id, Some(&anna.id)).unwrap();
        assert!(store.token("t").unwrap().is_none());
        assert_eq!(store.tokens(Some(&root.id)).unwrap().len(), 2);
    }
}
