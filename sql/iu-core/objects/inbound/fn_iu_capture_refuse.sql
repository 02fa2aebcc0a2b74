create or replace function public.fn_iu_capture_refuse(route_code text, message text, advice text)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'capture %: %', left(route_code, 100), message using errcode = 'IU703', hint = advice;
end
$$;
comment on function public.fn_iu_capture_refuse(text, text, text) is
'Raises IU703: a capture is not valid or does not fit its table.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_refuse(text, text, text)', 'internal'
);
