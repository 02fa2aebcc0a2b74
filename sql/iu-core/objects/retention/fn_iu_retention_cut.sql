create or replace function public.fn_iu_retention_cut(event_domain text)
returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(max(h.to_seq), 0) from public.iu_retention_history as h
    where h.event_domain = fn_iu_retention_cut.event_domain
$$;
comment on function public.fn_iu_retention_cut(text) is
'The event_seq up to which retention has deleted the old events of a domain; 0 if none. An event that
committed very late may still exist below it. One index probe.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_retention_cut(text)', 'inspect');
