//! People, sessions, tokens.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eddy_store::{Role, Token, User, now_ms, random_bytes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Caller, TOKEN, cookie_name, csrf_of};
use crate::app::App;
use crate::extract::{In, Path};
use crate::password::{LONGEST, hex};
use crate::problem::{Problem, Subject};
use crate::route::Access::{Public, Role as Needs};
use crate::route::Route;

const GROUP: &str = "People";

pub(super) fn routes() -> Vec<Route> {
    let (get, post, patch, delete) = (Method::GET, Method::POST, Method::PATCH, Method::DELETE);
    vec![
        Route::new(
            post.clone(),
            "/api/v1/setup",
            Public,
            GROUP,
            "Become the first admin, with the secret of the one-time link that the server printed",
            setup,
        )
        .takes::<Setup>()
        .gives::<SessionInfo>(201, "Logged in"),
        Route::new(post.clone(), "/api/v1/session", Public, GROUP, "Log in", login)
            .takes::<Login>()
            .gives::<SessionInfo>(201, "Logged in; the session is in a cookie"),
        Route::new(get.clone(), "/api/v1/session", Needs(Role::Predictor), GROUP, "Who one is", session)
            .gives::<SessionInfo>(200, "Name, role, and what to send with changes"),
        Route::new(delete.clone(), "/api/v1/session", Needs(Role::Predictor), GROUP, "Log out", logout)
            .gives_nothing(204, "Logged out"),
        Route::new(
            Method::PUT,
            "/api/v1/session/password",
            Needs(Role::Viewer),
            GROUP,
            "Change one's password; all sessions end",
            change_password,
        )
        .takes::<NewPassword>()
        .gives_nothing(204, "Changed"),
        Route::new(get.clone(), "/api/v1/users", Needs(Role::Admin), GROUP, "Everybody", users)
            .gives::<Vec<User>>(200, "By name"),
        Route::new(post.clone(), "/api/v1/users", Needs(Role::Admin), GROUP, "Add somebody", add_user)
            .takes::<NewUser>()
            .gives::<User>(201, "Added"),
        Route::new(
            patch,
            "/api/v1/users/{id}",
            Needs(Role::Admin),
            GROUP,
            "Change what somebody may do, shut them out, or set their password",
            change_user,
        )
        .takes::<UserChange>()
        .gives::<User>(200, "Changed"),
        Route::new(
            delete.clone(),
            "/api/v1/users/{id}",
            Needs(Role::Admin),
            GROUP,
            "Remove somebody",
            remove_user,
        )
        .gives_nothing(204, "Removed"),
        Route::new(
            get,
            "/api/v1/tokens",
            Needs(Role::Viewer),
            GROUP,
            "One's tokens; everybody's for admins",
            tokens,
        )
        .gives::<Vec<Token>>(200, "Newest first"),
        Route::new(
            post,
            "/api/v1/tokens",
            Needs(Role::Viewer),
            GROUP,
            "Make a token; its secret is shown this once",
            add_token,
        )
        .takes::<NewToken>()
        .gives::<MadeToken>(201, "Made"),
        Route::new(delete, "/api/v1/tokens/{id}", Needs(Role::Viewer), GROUP, "Remove a token", remove_token)
            .gives_nothing(204, "Removed"),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The secret of the link: what stands behind `#setup=`.
    secret: String,
    /// Name to log in with.
    name: String,
    /// Password.
    password: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// Name.
    name: String,
    /// Password.
    password: String,
}

#[derive(Serialize, JsonSchema)]
struct SessionInfo {
    /// Name.
    name: String,
    /// What they may do.
    role: Role,
    /// To be sent as the header `x-eddy-csrf` with methods that change something; none for tokens, which need none.
    csrf: Option<String>,
    /// Until when the session lasts, in milliseconds since 1970.
    expires_ms: Option<i64>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The password so far.
    old: String,
    /// The password from now on.
    new: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// Name to log in with.
    name: String,
    /// Password.
    password: String,
    /// What they may do.
    role: Role,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    /// What they may do.
    role: Option<Role>,
    /// Whether they are shut out.
    disabled: Option<bool>,
    /// A new password.
    password: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is for.
    name: String,
    /// What it may do at most.
    scope: Role,
    /// Days that it is good for.
    days: f64,
}

#[derive(Serialize, JsonSchema)]
struct MadeToken {
    /// The secret: `Authorization: Bearer <secret>`.
    secret: String,
    /// The token.
    token: Token,
}

fn check_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(Problem::invalid("name: 1 to 64 characters are needed"))
}

fn check_password(app: &App, password: &str, name: &str) -> Result<(), Problem> {
    let least = app.config().accounts.password_length;
    if password.chars().count() < least {
        return Err(Problem::invalid(format!("password: at least {least} characters are needed")));
    }
    if password.len() > LONGEST {
        return Err(Problem::invalid(format!("password: at most {LONGEST} bytes are taken")));
    }
    let mut letters: Vec<char> = password.chars().collect();
    letters.dedup();
    if password.to_lowercase().contains(&name.to_lowercase()) && name.len() > 3 || letters.len() < 4 {
        return Err(Problem::invalid("password: one that is harder to guess is needed"));
    }
    Ok(())
}

async fn setup(
    State(app): State<Arc<App>>,
    caller: Caller,
    In(asked): In<Setup>,
) -> Result<Response, Problem> {
    let name = check_name(&asked.name)?;
    check_password(&app, &asked.password, &name)?;
    app.logins.begin("the one-time link", caller.ip(), app.logins.now()).map_err(Problem::too_often)?;
    let refused = || {
        Problem::forbidden(
            "the link is not known, too old, or spent; start the server with --new-link for another",
        )
    };
    let secret = asked.secret.clone();
    if !app.ask(move |store| Ok(store.invitation_holds(&secret)?)).await? {
        return Err(refused());
    }
    let hash = app.hasher.hash(asked.password).await?;
    let user = app
        .ask(move |store| Ok(store.accept_invitation(&asked.secret, &name, &hash)?))
        .await?
        .ok_or_else(refused)?;
    begin(&app, &caller, user).await
}

async fn login(
    State(app): State<Arc<App>>,
    caller: Caller,
    In(asked): In<Login>,
) -> Result<Response, Problem> {
    let short: String = asked.name.chars().take(64).collect();
    if let Err(seconds) = app.logins.begin(&short, caller.ip(), app.logins.now()) {
        app.metrics.logins_limited.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(name = ?short, address = %caller.ip(), "a login was refused: too many tries");
        return Err(Problem::too_often(seconds).about(short));
    }
    let asked_name = short.clone();
    let known = app.ask(move |store| Ok(store.user_by_name(&asked_name)?)).await?;
    let (user, hash) = known.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
    let password: String = if asked.password.len() > LONGEST { String::new() } else { asked.password };
    let holds = app.hasher.holds(password, hash).await?;
    let Some(user) = user.filter(|user| holds && !user.disabled) else {
        app.metrics.logins_refused.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(name = ?short, address = %caller.ip(), "a login was refused");
        return Err(Problem::unknown_caller("name or password is wrong").about(short));
    };
    app.logins.succeeded(&short, caller.ip(), app.logins.now());
    begin(&app, &caller, user).await
}

/// A new session, whatever there was before.
async fn begin(app: &App, caller: &Caller, user: User) -> Result<Response, Problem> {
    let config = app.config();
    let secret = hex(&random_bytes::<32>());
    let hours = config.accounts.session_hours;
    let expires_ms = now_ms() + (hours * 3_600_000.0) as i64;
    let (id, kept, address) = (user.id.clone(), secret.clone(), caller.ip().to_string());
    let old = caller.session.clone();
    app.ask(move |store| {
        if let Some(old) = old {
            store.end_session(&old)?;
        }
        Ok(store.begin_session(&id, &kept, expires_ms, &address)?)
    })
    .await?;
    let info = SessionInfo {
        name: user.name,
        role: user.role,
        csrf: Some(csrf_of(&secret)),
        expires_ms: Some(expires_ms),
    };
    let mut response = (StatusCode::CREATED, Json(info)).into_response();
    set_cookie(&mut response, config.server.tls.is_some(), &secret, (hours * 3_600.0) as u64);
    Ok(response)
}

fn set_cookie(response: &mut Response, secure: bool, secret: &str, seconds: u64) {
    let name = cookie_name(secure);
    let only = if secure { "; Secure" } else { "" };
    let text = format!("{name}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{only}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

async fn session(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<SessionInfo>, Problem> {
    let user = caller.somebody()?;
    let secret = caller.session.clone();
    let expires_ms = app
        .ask(move |store| {
            Ok(match secret {
                Some(secret) => store.session(&secret)?.map(|session| session.expires_ms),
                None => None,
            })
        })
        .await?;
    Ok(Json(SessionInfo {
        name: user.name.clone(),
        role: caller.role.unwrap_or(user.role),
        csrf: caller.session.as_deref().map(csrf_of),
        expires_ms,
    }))
}

async fn logout(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    if let Some(secret) = caller.session {
        app.ask(move |store| Ok(store.end_session(&secret)?)).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, app.config().server.tls.is_some(), "", 0);
    Ok(response)
}

async fn change_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    In(asked): In<NewPassword>,
) -> Result<StatusCode, Problem> {
    let user = caller.somebody()?.clone();
    if caller.session.is_none() {
        return Err(Problem::forbidden("passwords are changed by people, not with tokens"));
    }
    check_password(&app, &asked.new, &user.name)?;
    app.logins.begin(&user.name, caller.ip(), app.logins.now()).map_err(Problem::too_often)?;
    let name = user.name.clone();
    let hash = app.ask(move |store| Ok(store.user_by_name(&name)?)).await?.map(|(_, hash)| hash);
    if !app.hasher.holds(asked.old, hash).await? {
        return Err(Problem::forbidden("the old password is wrong"));
    }
    let hash = app.hasher.hash(asked.new).await?;
    app.ask(move |store| Ok(store.change_user(&user.id, None, None, Some(&hash))?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn users(State(app): State<Arc<App>>) -> Result<Json<Vec<User>>, Problem> {
    Ok(Json(app.ask(|store| Ok(store.users()?)).await?))
}

async fn add_user(State(app): State<Arc<App>>, In(asked): In<NewUser>) -> Result<Response, Problem> {
    let name = check_name(&asked.name)?;
    check_password(&app, &asked.password, &name)?;
    let hash = app.hasher.hash(asked.password).await?;
    let user = app.ask(move |store| Ok(store.add_user(&name, asked.role, &hash)?)).await?;
    Ok((StatusCode::CREATED, Subject::beside(user.id.clone()), Json(user)).into_response())
}

async fn change_user(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    In(asked): In<UserChange>,
) -> Result<Json<User>, Problem> {
    let asked_id = id.clone();
    let user = app.ask(move |store| Ok(store.user(&asked_id)?)).await?;
    let hash = match asked.password {
        Some(password) => {
            check_password(&app, &password, &user.name)?;
            Some(app.hasher.hash(password).await?)
        }
        None => None,
    };
    let changed = app
        .ask(move |store| Ok(store.change_user(&id, asked.role, asked.disabled, hash.as_deref())?))
        .await?;
    Ok(Json(changed))
}

async fn remove_user(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    app.ask(move |store| Ok(store.remove_user(&id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn tokens(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Vec<Token>>, Problem> {
    let own = if caller.role == Some(Role::Admin) { None } else { Some(caller.somebody()?.id.clone()) };
    Ok(Json(app.ask(move |store| Ok(store.tokens(own.as_deref())?)).await?))
}

async fn add_token(
    State(app): State<Arc<App>>,
    caller: Caller,
    In(asked): In<NewToken>,
) -> Result<Response, Problem> {
    let user = caller.somebody()?.clone();
    let name = check_name(&asked.name)?;
    if Some(asked.scope) > caller.role {
        return Err(Problem::forbidden("a token may do no more than who makes it"));
    }
    let most = app.config().accounts.token_days;
    if !(asked.days > 0.0 && asked.days <= most) {
        return Err(Problem::invalid(format!("days: above 0 and up to {most} are possible")));
    }
    let expires_ms = now_ms() + (asked.days * 86_400_000.0) as i64;
    let secret = format!("{TOKEN}{}", hex(&random_bytes::<32>()));
    let kept = secret.clone();
    let token =
        app.ask(move |store| Ok(store.add_token(&user.id, &name, &kept, asked.scope, expires_ms)?)).await?;
    let about = Subject::beside(named(&token));
    Ok((StatusCode::CREATED, about, Json(MadeToken { secret, token })).into_response())
}

/// A token in the audit log: by its id, and by the name that its owner gave it.
fn named(token: &Token) -> String {
    format!("{} ({})", token.id, token.name)
}

async fn remove_token(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let own = if caller.role == Some(Role::Admin) { None } else { Some(caller.somebody()?.id.clone()) };
    let removed = app
        .ask(move |store| {
            let known = store.tokens(own.as_deref())?.into_iter().find(|token| token.id == id);
            store.remove_token(&id, own.as_deref())?;
            Ok(known.as_ref().map_or(id, named))
        })
        .await?;
    Ok((StatusCode::NO_CONTENT, Subject::beside(removed)).into_response())
}
