-- 010: the group roles, the ledger of steps, and the two functions that proofs report with.
-- By hand: psql -1 -v ON_ERROR_STOP=1 -f 010_roles_and_ledger.sql
-- Without the right to create roles: set iu.without_roles = 'on' first; everything then belongs to the installer.

do $roles$
declare
    v_role text;
    v_about jsonb := jsonb_build_object(
        'iu_owner', 'owns the objects of iu_pipelines; nobody logs in as it',
        'iu_emitter', 'may emit events and write versions and links; nothing else',
        'workflow_admin', 'may run, replay, seek and set gates; cannot write outbox or attempts',
        'iu_auditor', 'may read everything and change nothing'
    );
begin
    if current_setting('iu.without_roles', true) = 'on' then
        raise notice 'roles left out: iu_owner, iu_emitter, workflow_admin, iu_auditor';
        return;
    end if;
    for v_role in select jsonb_object_keys(v_about) loop
        if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
            begin
                execute format('create role %I nologin', v_role);
                execute format('comment on role %I is %L', v_role, v_about ->> v_role);
            exception
                when duplicate_object or unique_violation then
                    null;  -- another database of this cluster was installed in the same moment
                when insufficient_privilege then
                    raise exception 'role % may not create role %', current_user, v_role using
                        errcode = 'IU901',
                        hint = 'Let an administrator create the roles iu_owner, iu_emitter, '
                            'workflow_admin and iu_auditor and grant iu_owner to the installer, '
                            'or install without roles (iu migrate --without-roles, '
                            'or set iu.without_roles = ''on'').';
            end;
        end if;
    end loop;
    if not pg_has_role(current_user, 'iu_owner', 'member') then
        begin
            execute format('grant iu_owner to %I', current_user);
        exception when insufficient_privilege then
            raise exception 'role % is not a member of iu_owner', current_user using
                errcode = 'IU901',
                hint = format('Let an administrator run: grant iu_owner to %I', current_user);
        end;
    end if;
    execute 'alter default privileges for role iu_owner revoke execute on functions from public';
    if has_schema_privilege(current_user, 'public', 'create with grant option') then
        execute 'grant usage, create on schema public to iu_owner';
        execute 'grant usage on schema public to iu_emitter, workflow_admin, iu_auditor';
    elsif not has_schema_privilege('iu_owner', 'public', 'create') then
        raise exception 'role iu_owner may not create objects in schema public' using
            errcode = 'IU901',
            hint = 'Let the owner of the database run: grant usage, create on schema public to iu_owner';
    end if;
end
$roles$;

create table public.iu_schema_step (
    step_name text primary key,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp(),
    applied_by text not null default session_user,
    constraint checksum_is_a_sha256 check (checksum ~ '^[0-9a-f]{64}$')
);
comment on table public.iu_schema_step is
'The ledger of steps: one row for each step of sql/iu-core/runtime that is applied, with the sha256
of its text.';

create function public.fn_iu_step_record(step_name text, checksum text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_known text := (
        select checksum from public.iu_schema_step as step
        where step.step_name = fn_iu_step_record.step_name
    );
begin
    if v_known is distinct from fn_iu_step_record.checksum
        and v_known is not null
        and fn_iu_step_record.step_name not like '%\_functions'
    then
        raise exception 'step % was changed after it was applied', fn_iu_step_record.step_name using
            errcode = 'IU901',
            detail = format('ledger %s, file %s', v_known, fn_iu_step_record.checksum),
            hint = 'Put the file back as it was, and write the change as a new step.';
    end if;
    insert into public.iu_schema_step (step_name, checksum)
    values (fn_iu_step_record.step_name, fn_iu_step_record.checksum)
    on conflict (step_name) do update
    set checksum = excluded.checksum, applied_at = clock_timestamp(), applied_by = session_user;
end
$$;
comment on function public.fn_iu_step_record(text, text) is
'Records a step in the ledger: the last statement of every step. Raises IU901 where the step is
recorded with another checksum; only a repeatable step (its name ends in _functions) may change.';

create function public.fn_iu_step_require(step_name text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select from public.iu_schema_step as step
        where step.step_name = fn_iu_step_require.step_name
    ) then
        raise exception 'step % is not applied yet', fn_iu_step_require.step_name using
            errcode = 'IU901',
            hint = 'Apply the steps in the order of their numbers (iu migrate).';
    end if;
end
$$;
comment on function public.fn_iu_step_require(text) is
'The first statement of a step: raises IU901 where the step before it is not in the ledger.';

create function public.fn_iu_step_forget(step_name text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_later text := (
        select max(step.step_name) from public.iu_schema_step as step
        where step.step_name > fn_iu_step_forget.step_name
    );
begin
    if v_later is not null then
        raise exception 'step % cannot be rolled back before %', step_name, v_later using
            errcode = 'IU901',
            hint = 'Roll the steps back from the last to the first (iu rollback).';
    end if;
    delete from public.iu_schema_step as step
    where step.step_name = fn_iu_step_forget.step_name;
end
$$;
comment on function public.fn_iu_step_forget(text) is
'Takes a step out of the ledger: the last statement of every rollback. Raises IU901 while a later
step is applied.';

create function public.fn_iu_proof_note(name text, expected text, seen text)
returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if expected is not distinct from seen then
        raise notice 'PASS % | expected % | seen %', name, coalesce(expected, 'null'), coalesce(seen, 'null');
        return true;
    end if;
    raise warning 'FAIL % | expected % | seen %', name, coalesce(expected, 'null'), coalesce(seen, 'null');
    perform set_config(
        'iu.proof_failed', concat_ws(', ', nullif(current_setting('iu.proof_failed', true), ''), name), false
    );
    return false;
end
$$;
comment on function public.fn_iu_proof_note(text, text, text) is
'One line of a proof: a notice that begins with PASS where seen equals expected, else a warning
that begins with FAIL. Returns which. Writes only the setting iu.proof_failed of the session,
which fn_iu_proof_end reads.';

create function public.fn_iu_proof_end(title text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_failed text := nullif(current_setting('iu.proof_failed', true), '');
begin
    perform set_config('iu.proof_failed', '', false);
    if v_failed is not null then
        raise exception 'proof % failed: %', title, v_failed using
            errcode = 'IU902',
            hint = 'Each line that begins with FAIL says what was expected and what was seen.';
    end if;
end
$$;
comment on function public.fn_iu_proof_end(text) is
'Closes a proof: raises IU902 with the names of the lines that failed since the last call, if there
are any.';

select public.fn_iu_step_record('010_roles_and_ledger', '92693046ffbd815474ef26a5f067ce31e3a30fa21eab1efd78764beae374b5dc');
