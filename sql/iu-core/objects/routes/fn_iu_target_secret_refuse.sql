create or replace function public.fn_iu_target_secret_refuse(name text, value text)
returns void
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    v_found constant text := public.fn_iu_target_secret(value);
begin
    if v_found is not null then
        raise exception 'argument % contains %', name, v_found using
            errcode = 'IU602',
            hint = 'Leave it out of the address, which is stored and shown as text. Put the secret into '
                'the environment as IU_SECRET_<NAME>, or into a file of IU_SECRETS_DIR, and give the '
                'target its name.';
    end if;
end
$$;
comment on function public.fn_iu_target_secret_refuse(text, text) is
'Raises IU602 if a text of a route contains a password or another secret (fn_iu_target_secret). The message
does not show the text.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_target_secret_refuse(text, text)', 'internal'
);
