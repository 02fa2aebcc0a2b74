create or replace function public.fn_iu_delivery_senders()
returns table (target text, sender text, shards bigint, lease_until timestamptz)
language sql stable security definer rows 10
set search_path = pg_catalog, pg_temp
set row_security = off
as $$
    select t.target_name, s.owner, count(*), max(s.lease_until)
    from public.iu_delivery_shard as s
    inner join public.iu_delivery_target as t on t.target_no = s.target_no
    where s.lease_until > clock_timestamp()
    group by t.target_name, s.owner
    order by t.target_name, s.owner
$$;
comment on function public.fn_iu_delivery_senders() is
'The senders that own shards of a target now: how many of its 64, and until when, unless they claim again. A
sender that has found nothing due for the time of a lease, or that ended, owns none. Read-only.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_delivery_senders()', 'explain');
