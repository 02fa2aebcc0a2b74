create or replace function public.fn_iu_audit_link_misfit(
    batch public.iu_route_batch, previous public.iu_route_batch
)
returns text
language plpgsql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if batch.previous_hash is distinct from coalesce(previous.batch_hash, '\x') then
        return case
            when previous.batch_id is null
            then format('batch %s is the first and names one before it: that one was taken out', batch.batch_id)
            else format(
                'batch %s does not follow batch %s: one was altered, taken out or put elsewhere',
                batch.batch_id, previous.batch_id
            )
        end;
    elsif batch.batch_hash is distinct from public.fn_iu_batch_hash(batch) then
        return format('batch %s was altered: its hash is not that of its facts', batch.batch_id);
    end if;
    return null;
end
$$;
comment on function public.fn_iu_audit_link_misfit(public.iu_route_batch, public.iu_route_batch) is
'Why a batch does not continue the hash chain after the previous batch of its worker (null: it is the first),
as a message; null if it does. Reads no table.';
select public.fn_iu_object_declare(
    'iu-core', 'function',
    'public.fn_iu_audit_link_misfit(public.iu_route_batch, public.iu_route_batch)',
    'internal'
);
