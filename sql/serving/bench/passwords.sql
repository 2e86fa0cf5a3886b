-- Every account gets the password hash $1.
update users set password_hash = $1
