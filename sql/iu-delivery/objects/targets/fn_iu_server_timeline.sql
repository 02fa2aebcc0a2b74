create or replace function public.fn_iu_server_timeline()
returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$ select left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) $$;
comment on function public.fn_iu_server_timeline() is
'The timeline of the server, as in the names of WAL files: it changes with each failover and point-in-time
recovery. Not on a standby.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_server_timeline()', 'internal');
