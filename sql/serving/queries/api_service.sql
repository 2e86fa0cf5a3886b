-- name: RequestHome :one
-- RequestHome returns the business of a row, by the name of its table and its id; no row unless the transaction's
-- user is a member of it.
select found.home::uuid as business_id
from (select request_home(sqlc.arg(noun)::text, sqlc.arg(id)::uuid) as home) as found
where found.home is not null;

-- name: AddAuditEntry :exec
insert into audit_log (at, business_id, user_id, session_id, action, subject, subject_name, outcome, ip, user_agent, request_id, details)
values (
  sqlc.arg(at),
  sqlc.narg(business_id),
  sqlc.narg(user_id),
  sqlc.narg(session_id),
  sqlc.arg(action),
  sqlc.arg(subject),
  sqlc.arg(subject_name),
  sqlc.arg(outcome),
  sqlc.narg(ip),
  sqlc.arg(user_agent),
  sqlc.arg(request_id),
  sqlc.arg(details)
);

-- name: AddEvent :exec
insert into events (business_id, user_id, kind, payload)
values (sqlc.narg(business_id), sqlc.narg(user_id), sqlc.arg(kind), sqlc.arg(payload));

-- name: AddMail :exec
insert into mails (id, user_id, recipient, kind, subject, body)
values (sqlc.arg(id), sqlc.narg(user_id), sqlc.arg(recipient), sqlc.arg(kind), sqlc.arg(subject), sqlc.arg(body));
