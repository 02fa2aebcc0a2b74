create or replace function public.fn_iu_deployment()
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('iu.deployment', true), '') $$;
comment on function public.fn_iu_deployment() is
'The deployment that the session presents: the setting iu.deployment, which a sender sets from IU_DEPLOYMENT.
Null if it is not set.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_deployment()', 'internal');
