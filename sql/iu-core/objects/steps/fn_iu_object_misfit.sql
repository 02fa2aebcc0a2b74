create or replace function public.fn_iu_object_misfit(kind text, object text, access text)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    with given as (
        select r.role_name, r.verb from public.fn_iu_object_rights(kind, object) as r
    ),
    wanted as (
        select a.role_name, v.verb
        from public.iu_schema_access as a
        cross join unnest(string_to_array(a.verbs, ', ')) as v (verb)
        where a.access = fn_iu_object_misfit.access and public.fn_iu_roles_are_used()
    ),
    misfit as (
        select g.role_name, g.verb, 'may' as said from given as g
        where not exists (select from wanted as w where (w.role_name, w.verb) = (g.role_name, g.verb))
        union all
        select w.role_name, w.verb, 'may not' from wanted as w
        where not exists (select from given as g where (w.role_name, w.verb) = (g.role_name, g.verb))
    )
    select string_agg(format('%s %s %s', m.role_name, m.said, m.verb), ', ' order by m.role_name, m.verb)
    from misfit as m
$$;
comment on function public.fn_iu_object_misfit(text, text, text) is
'How the privileges on an object differ from the access matrix, as text; null if they do not. Without the
group roles only the owner may have any.';
