-- name: LockAccountByEmail :one
-- LockAccountByEmail needs the setting app.email. What others changed while it waited is seen by the statements after it.
select id
from users
where lower(email) = lower(sqlc.arg(email)::text)
for update;

-- name: LockRequestAccount :one
-- LockRequestAccount locks the account of the transaction's user, likewise.
select id
from users
where id = (select request_user())
for update;

-- name: AddAccount :execrows
-- AddAccount needs the setting app.email.
insert into users (id, email, password_hash, full_name, terms_accepted_at, created_at, updated_at)
values (
  sqlc.arg(id),
  sqlc.arg(email),
  sqlc.arg(password_hash),
  sqlc.arg(full_name),
  sqlc.narg(terms_accepted_at),
  sqlc.arg(at),
  sqlc.arg(at)
)
on conflict do nothing;

-- name: RenewRegistration :execrows
-- RenewRegistration notes that an address was registered again before it was proved.
update users
set
  password_hash = sqlc.arg(password_hash),
  full_name = sqlc.arg(full_name),
  terms_accepted_at = sqlc.narg(terms_accepted_at),
  updated_at = sqlc.arg(at)
where id = sqlc.arg(id) and email_verified_at is null;

-- name: SetPassword :execrows
-- SetPassword changes the password of the transaction's user.
update users
set
  password_hash = sqlc.arg(password_hash),
  password_changed_at = sqlc.arg(at)::timestamptz,
  updated_at = sqlc.arg(at)::timestamptz
where id = (select request_user());

-- name: ProveAddress :one
-- ProveAddress gives an address to the transaction's user, who used a token that went to it in this transaction.
select prove_address(sqlc.arg(email)::text, sqlc.arg(at)::timestamptz)::boolean as proved;

-- name: TokensSince :one
-- TokensSince counts the tokens made for the transaction's user and a purpose.
select
  (count(*) filter (where created_at > sqlc.arg(hour_ago)::timestamptz))::integer as in_hour,
  (count(*) filter (where created_at > sqlc.arg(minute_ago)::timestamptz))::integer as in_minute
from account_tokens
where user_id = (select request_user()) and purpose = sqlc.arg(purpose) and created_at > sqlc.arg(hour_ago)::timestamptz;

-- name: ReplaceAccountTokens :exec
update account_tokens
set replaced_at = sqlc.arg(at)::timestamptz
where user_id = (select request_user())
  and purpose = any(sqlc.arg(purposes)::text [])
  and used_at is null
  and replaced_at is null;

-- name: AddAccountToken :exec
insert into account_tokens (id, user_id, purpose, token_hash, email, created_at, expires_at)
values (
  sqlc.arg(id),
  (select request_user()),
  sqlc.arg(purpose),
  sqlc.narg(token_hash),
  sqlc.arg(email),
  sqlc.arg(at),
  sqlc.arg(expires_at)
);

-- name: AccountTokenOwner :one
-- AccountTokenOwner returns what a token that can still be used is for; it needs the setting app.token_hash.
select
  user_id,
  purpose,
  email
from account_tokens
where token_hash = sqlc.arg(token_hash)::bytea
  and purpose = any(sqlc.arg(purposes)::text [])
  and used_at is null
  and replaced_at is null
  and expires_at > sqlc.arg(at)::timestamptz;

-- name: UseAccountToken :execrows
-- UseAccountToken uses a token of the transaction's user up. Of several at once, one gets a row.
update account_tokens
set used_at = sqlc.arg(at)::timestamptz
where token_hash = sqlc.arg(token_hash)::bytea
  and user_id = (select request_user())
  and used_at is null
  and replaced_at is null
  and expires_at > sqlc.arg(at)::timestamptz;

-- name: Profile :one
select
  u.id,
  u.email,
  u.full_name,
  coalesce(u.phone, '')::text as phone,
  u.locale,
  u.time_zone,
  u.is_operator,
  (u.email_verified_at is not null)::boolean as verified,
  u.created_at,
  u.updated_at,
  u.last_login_at,
  u.password_changed_at,
  coalesce((
    select t.email
    from account_tokens as t
    where t.user_id = u.id
      and t.purpose = 'change_email'
      and t.used_at is null
      and t.replaced_at is null
      and t.expires_at > sqlc.arg(at)::timestamptz
    order by t.created_at desc
    limit 1
  ), '')::text as pending_email
from users as u
where u.id = (select request_user());

-- name: UpdateProfile :execrows
-- UpdateProfile leaves what is null as it is.
update users
set
  full_name = coalesce(sqlc.narg(full_name), full_name),
  phone = case when sqlc.narg(phone)::text is null then phone else nullif(sqlc.narg(phone)::text, '') end,
  locale = coalesce(sqlc.narg(locale), locale),
  time_zone = coalesce(sqlc.narg(time_zone), time_zone),
  updated_at = sqlc.arg(at)::timestamptz
where id = (select request_user());

-- name: RemoveUnverifiedAccounts :one
select remove_unverified_accounts(sqlc.arg(idle_since)::timestamptz)::bigint as removed;

-- name: RemoveAccountTokens :execrows
delete from account_tokens
where expires_at < sqlc.arg(expired_before)::timestamptz;

-- name: RemoveMails :execrows
-- RemoveMails removes mails that were sent or given up before an instant.
delete from mails
where coalesce(sent_at, failed_at) < sqlc.arg(ended_before)::timestamptz;

-- name: TakeMails :many
-- TakeMails takes mails that are due for one sender: until next_at no other gets them.
update mails
set
  next_at = sqlc.arg(lease_until)::timestamptz,
  attempts = attempts + 1
where id in (
  select due.id
  from mails as due
  where due.sent_at is null and due.failed_at is null and due.next_at <= sqlc.arg(at)::timestamptz
  order by due.next_at, due.id
  limit sqlc.arg(most)
  for update skip locked
)
returning id, recipient, kind, subject, body, created_at, attempts;

-- name: MailSent :execrows
update mails
set
  sent_at = sqlc.arg(at)::timestamptz,
  body = '',
  problem = null
where id = sqlc.arg(id);

-- name: MailDelayed :execrows
update mails
set
  next_at = sqlc.arg(next_at)::timestamptz,
  problem = sqlc.arg(problem)::text
where id = sqlc.arg(id);

-- name: MailGivenUp :execrows
update mails
set
  failed_at = sqlc.arg(at)::timestamptz,
  body = '',
  problem = sqlc.arg(problem)::text
where id = sqlc.arg(id);

-- name: ListenMails :exec
listen signalcraft_mails;
