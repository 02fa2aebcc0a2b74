-- 010: group roles, step ledger, object manifest, access matrix, and what steps and proofs call.
-- By hand: psql -1 -v ON_ERROR_STOP=1 -f 010_roles_and_ledger.sql
-- Without CREATEROLE: set iu.without_roles = 'on' first; the installing role then owns all objects.

do $roles$
declare
    v_role text;
    v_about jsonb := jsonb_build_object(
        'iu_owner', 'owns the objects of iu_pipelines; nobody logs in as it',
        'iu_emitter', 'may emit events and write versions and links; nothing else',
        'workflow_admin', 'may run, replay, seek and set gates; cannot write to the outbox or the attempts',
        'iu_auditor', 'may read everything and change nothing'
    );
begin
    if current_setting('iu.without_roles', true) = 'on' then
        raise notice 'roles not created: iu_owner, iu_emitter, workflow_admin, iu_auditor';
        return;
    end if;
    for v_role in select jsonb_object_keys(v_about) loop
        if not exists (select from pg_catalog.pg_roles where rolname = v_role) then
            begin
                execute format('create role %I nologin', v_role);
                execute format('comment on role %I is %L', v_role, v_about ->> v_role);
            exception
                when duplicate_object or unique_violation then
                    null;  -- another database of this cluster is being installed at the same time
                when insufficient_privilege then
                    raise exception 'role % may not create role %', current_user, v_role using
                        errcode = 'IU901',
                        hint = 'Ask an administrator to create the roles iu_owner, iu_emitter, '
                            'workflow_admin and iu_auditor and to grant iu_owner to the installing role, '
                            'or install without roles (iu migrate --without-roles, '
                            'or set iu.without_roles = ''on'').';
            end;
        end if;
    end loop;
    if not pg_has_role(current_user, 'iu_owner', 'usage') then
        begin
            execute format('grant iu_owner to %I', current_user);
        exception when insufficient_privilege then
            raise exception 'role % does not have the rights of iu_owner', current_user using
                errcode = 'IU901',
                hint = format(
                    'Ask an administrator to run: grant iu_owner to %1$I; alter role %1$I inherit',
                    current_user
                );
        end;
    end if;
    execute 'alter default privileges for role iu_owner revoke execute on functions from public';
    if has_schema_privilege(current_user, 'public', 'create with grant option') then
        execute 'grant usage, create on schema public to iu_owner';
        execute 'grant usage on schema public to iu_emitter, workflow_admin, iu_auditor';
    elsif not has_schema_privilege('iu_owner', 'public', 'create') then
        raise exception 'role iu_owner may not create objects in schema public' using
            errcode = 'IU901',
            hint = 'Ask the owner of the database to run: grant usage, create on schema public to iu_owner';
    end if;
end
$roles$;

create table public.iu_schema_step (
    module text not null,
    step_name text not null,
    requires text[] not null default '{}',
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp(),
    applied_by text not null default session_user,
    server_major int not null default current_setting('server_version_num')::int / 10000,
    constraint iu_schema_step_pkey primary key (module, step_name),
    constraint module_is_a_folder_of_steps check (module ~ '^iu-[a-z0-9-]{1,50}$'),
    constraint checksum_is_a_sha256 check (checksum ~ '^[0-9a-f]{64}$')
);
comment on table public.iu_schema_step is
'Ledger of applied steps, with the sha256 of the text of each. module is the folder of the step below sql.
requires lists the steps that it depends on, as module/step. server_major is the major version of the
server at the time: a functions step is applied again after a major upgrade.';

create table public.iu_schema_access (
    module text not null,
    access text not null,
    role_name text not null,
    verbs text not null,
    declared_by text not null default '',
    declared_in xid8 not null,
    constraint iu_schema_access_pkey primary key (access, role_name)
);
comment on table public.iu_schema_access is
'Access matrix: the privileges (as GRANT names them) that a role has on every object of an access kind.
PUBLIC has none. declared_by is the step and declared_in the transaction that last declared the row.
Written by fn_iu_access_declare and fn_iu_step_record.';

create table public.iu_schema_object (
    object text primary key,
    kind text not null,
    module text not null,
    access text not null,
    made_by text not null,
    declared_by text not null default '',
    declared_in xid8 not null,
    constraint kind_is_known check (kind in ('table', 'view', 'function', 'type', 'trigger'))
);
comment on table public.iu_schema_object is
'Manifest: every table, view, function, type and trigger that a module has created, with its access kind
(iu_schema_access; internal: no role). A trigger is listed by its complete definition. Privileges, owners,
append-only triggers, proofs and rollback are derived from it. made_by is the step that created a function
or view, empty for the functions step. declared_by is the step and declared_in the transaction that last
declared the object. Written by fn_iu_object_declare, fn_iu_trigger_ensure and fn_iu_step_record.';

create function public.fn_iu_step_require(module text, step_name text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    if not exists (
        select from public.iu_schema_step as s
        where s.module = fn_iu_step_require.module and s.step_name = fn_iu_step_require.step_name
    ) then
        raise exception 'step %/% is not applied yet', module, step_name using
            errcode = 'IU901',
            hint = 'Apply the steps in the order that iu migrate --plan prints.';
    end if;
    perform set_config(
        'iu.step_requires',
        concat_ws(',', nullif(current_setting('iu.step_requires', true), ''), module || '/' || step_name),
        true
    );
    if not (
        select s.setting::int between 1 and 300 from pg_catalog.pg_settings as s where s.name = 'lock_timeout'
    ) then
        perform set_config('lock_timeout', coalesce(current_setting('iu.lock_timeout', true), '300ms'), true);
    end if;
end
$$;
comment on function public.fn_iu_step_require(text, text) is
'First statement of a step, once for each step that it depends on: raises IU901 if that step is not in the
ledger, and notes it for fn_iu_step_record. Sets lock_timeout to 300 ms for the transaction if it is 0 or
longer: other sessions queue behind a step that waits for a lock. iu.lock_timeout sets another limit.';

create function public.fn_iu_step_record(module text, step_name text, checksum text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_known text := (
        select s.checksum from public.iu_schema_step as s
        where s.module = fn_iu_step_record.module and s.step_name = fn_iu_step_record.step_name
    );
    v_requires text [] := coalesce(
        string_to_array(nullif(current_setting('iu.step_requires', true), ''), ','), '{}'
    );
begin
    if v_known is distinct from checksum and v_known is not null and step_name not like '%\_functions' then
        raise exception 'step % was changed after it was applied', step_name using
            errcode = 'IU901',
            detail = format('ledger %s, file %s', v_known, checksum),
            hint = 'Restore the file, and write the change as a new step.';
    elsif v_requires = '{}' and exists (select from public.iu_schema_step) then
        raise exception 'step % was not applied in one transaction, or requires no step', step_name using
            errcode = 'IU901',
            hint = 'Run the file with psql -1; its first statement must be fn_iu_step_require.';
    end if;
    if exists (
        select from public.iu_schema_object as o
        where o.declared_in = pg_current_xact_id() and o.declared_by = ''
            and o.module <> fn_iu_step_record.module
    ) then
        raise exception 'step %/% declares objects of another module', module, step_name using
            errcode = 'IU901', hint = format('Declare them as objects of %s.', quote_literal(module));
    end if;
    update public.iu_schema_access as a set declared_by = fn_iu_step_record.step_name
    where a.module = fn_iu_step_record.module and a.declared_in = pg_current_xact_id() and a.declared_by = '';
    update public.iu_schema_object as o set declared_by = fn_iu_step_record.step_name
    where o.module = fn_iu_step_record.module and o.declared_in = pg_current_xact_id() and o.declared_by = '';
    if found then
        v_requires := v_requires || array(
            select o.module || '/' || o.declared_by from public.iu_schema_object as o
            where o.object = 'public.fn_iu_object_declare(text,text,text,text,text)'
                and o.module <> fn_iu_step_record.module
        );
    end if;
    if step_name like '%\_functions' then
        perform public.fn_iu_module_prune(module, step_name);
        perform public.fn_iu_object_secure(o.kind, o.object, o.access) from public.iu_schema_object as o
        where o.kind <> 'trigger';
    end if;
    insert into public.iu_schema_step as s (module, step_name, requires, checksum)
    values (module, step_name, v_requires, checksum)
    on conflict on constraint iu_schema_step_pkey do update
    set requires = excluded.requires, checksum = excluded.checksum, server_major = excluded.server_major,
        applied_at = clock_timestamp(), applied_by = session_user;
    perform set_config('iu.step_requires', '', true);
end
$$;
comment on function public.fn_iu_step_record(text, text, text) is
'Last statement of a step: records it in the ledger. Raises IU901 if the step is recorded with another
checksum, except for a repeatable step (its name ends in _functions), and if the file did not run in one
transaction. A step that declares objects depends on the core step that created fn_iu_object_declare. A
repeatable step drops the objects that it no longer declares, and grants on every object of the manifest
what the access matrix now says.';

create function public.fn_iu_step_forget(module text, step_name text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_later public.iu_schema_step;
begin
    select s.* into v_later from public.iu_schema_step as s
    where module || '/' || step_name = any (s.requires)
    order by (s.module = fn_iu_step_forget.module) desc, s.step_name desc limit 1;
    if found then
        raise exception 'step %/% cannot be rolled back before %/%',
            module, step_name, v_later.module, v_later.step_name using
            errcode = 'IU901',
            hint = case
                when v_later.module = module
                then 'Roll the steps back from the last to the first: iu rollback does so.'
                else format(
                    'Module %1$s depends on it. Roll back that module first: iu rollback 000 --module %1$s',
                    v_later.module
                )
            end;
    end if;
    delete from public.iu_schema_step as s
    where s.module = fn_iu_step_forget.module and s.step_name = fn_iu_step_forget.step_name;
end
$$;
comment on function public.fn_iu_step_forget(text, text) is
'Last statement of a rollback: removes the step from the ledger. Raises IU901 while an applied step of any
module depends on it.';

create function public.fn_iu_objects_drop(objects text[])
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    v_row record;
    v_detail text;
begin
    for v_row in
        select t.tgname, t.tgrelid::regclass as relation from pg_catalog.pg_trigger as t
        where lower(pg_get_triggerdef(t.oid)) = any (objects)
    loop
        execute format('drop trigger %I on %s', v_row.tgname, v_row.relation);
    end loop;
    for v_row in
        select o.kind, string_agg(o.object, ', ') as names from public.iu_schema_object as o
        where o.object = any (objects) and o.kind in ('view', 'function')
            and public.fn_iu_object_identity(o.kind, o.object) is not null
        group by o.kind order by o.kind desc
    loop
        execute format('drop %s %s', v_row.kind, v_row.names);
    end loop;
exception when dependent_objects_still_exist then
    get stacked diagnostics v_detail = pg_exception_detail;
    raise exception 'other objects depend on functions or views to be dropped: %', v_detail using
        errcode = 'IU901',
        hint = 'Drop or change the dependent objects, and try again.';
end
$$;
comment on function public.fn_iu_objects_drop(text[]) is
'Drops the named triggers, views and functions of the manifest that still exist. Never drops dependent
objects of others: raises IU901 if there are any.';

create function public.fn_iu_module_drop(module text, step_name text)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    perform public.fn_iu_object_release(o.kind, o.object, o.made_by = '') from public.iu_schema_object as o
    where o.module = fn_iu_module_drop.module and o.declared_by = fn_iu_module_drop.step_name
        and (o.kind in ('table', 'type') or o.made_by <> '');
    perform public.fn_iu_objects_drop(array(
        select o.object from public.iu_schema_object as o
        where o.module = fn_iu_module_drop.module and o.declared_by = fn_iu_module_drop.step_name
            and o.made_by = ''
    ));
    delete from public.iu_schema_object as o
    where o.module = fn_iu_module_drop.module and o.declared_by = fn_iu_module_drop.step_name;
    delete from public.iu_schema_access as a
    where a.module = fn_iu_module_drop.module and a.declared_by = fn_iu_module_drop.step_name;
end
$$;
comment on function public.fn_iu_module_drop(text, text) is
'Rolls back a functions step of a module: drops the triggers, views and functions that it declared,
revokes the privileges on its tables and transfers them to the installing role. Raises IU901 if objects of
others depend on a function or view to be dropped.';

create function public.fn_iu_object_release(kind text, object text, to_installer boolean)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_role text;
begin
    for v_role in select r.rolname from pg_catalog.pg_roles as r
        where r.rolname in (select a.role_name from public.iu_schema_access as a) loop
        execute format('revoke all on %s %s from %I', replace(kind, 'view', 'table'), object, v_role);
    end loop;
    if to_installer then
        execute format('alter %s %s owner to %I', kind, object, current_user);
    end if;
end
$$;
comment on function public.fn_iu_object_release(text, text, boolean) is
'Revokes the privileges of the access matrix on an object; with to_installer, transfers it to the current
user.';

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
'One line of a proof: a notice that begins with PASS if seen equals expected, else a warning that begins
with FAIL. Returns true for PASS. Writes only the session setting iu.proof_failed, which fn_iu_proof_end
reads.';

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
            hint = 'Each line that begins with FAIL shows the expected and the seen value.';
    end if;
end
$$;
comment on function public.fn_iu_proof_end(text) is
'Ends a proof: raises IU902 with the names of the lines that failed since the last call, if any did.';

do $owner$
declare
    v_object text;
begin
    if current_setting('iu.without_roles', true) is distinct from 'on' then
        foreach v_object in array array[
            'table public.iu_schema_step', 'table public.iu_schema_access', 'table public.iu_schema_object',
            'function public.fn_iu_step_require', 'function public.fn_iu_step_record',
            'function public.fn_iu_step_forget', 'function public.fn_iu_objects_drop',
            'function public.fn_iu_module_drop',
            'function public.fn_iu_object_release', 'function public.fn_iu_proof_note',
            'function public.fn_iu_proof_end'
        ] loop
            execute format('alter %s owner to iu_owner', v_object);
        end loop;
    end if;
end
$owner$;

select public.fn_iu_step_record(
    'iu-core', '010_roles_and_ledger',
    '8180888ae7f0b58b4db2a7129be9eaaa0875b58162a87efd121d05a4f1b33242'
);
