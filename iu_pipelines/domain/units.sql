-- The SQL of units.py: versions are copied into a temporary table, and from there new ones are inserted.

-- name: lock_writers
select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('iu_pipelines.unit_version'));

-- name: create_chunk
create temporary table iu_version_chunk (
    ordinal bigint not null,
    canonical_address text not null,
    version_ref text not null,
    change text not null
) on commit drop;

-- name: copy_chunk
copy pg_temp.iu_version_chunk (ordinal, canonical_address, version_ref, change) from stdin;

-- name: add_units
insert into public.information_unit (canonical_address, unit_kind)
select
    canonical_address,
    'file'
from pg_temp.iu_version_chunk
group by canonical_address
order by min(ordinal)
on conflict (canonical_address) do nothing;

-- name: add_versions
with fresh as (
    select
        unit.unit_id,
        chunk.version_ref,
        chunk.change,
        chunk.ordinal,
        row_number() over (partition by unit.unit_id order by chunk.ordinal) as place
    from pg_temp.iu_version_chunk as chunk
    inner join public.information_unit as unit on chunk.canonical_address = unit.canonical_address
    where not exists (
        select from public.unit_version as stored
        where stored.unit_id = unit.unit_id and stored.version_ref = chunk.version_ref
    )
),

latest as (
    select
        fresh.unit_id,
        coalesce((
            select stored.version_seq from public.unit_version as stored
            where stored.unit_id = fresh.unit_id
            order by stored.version_seq desc
            limit 1
        ), 0) as version_seq
    from fresh
    group by fresh.unit_id
),

added as (
    insert into public.unit_version (unit_id, version_seq, version_ref, version_facts, actor_ref)
    select
        fresh.unit_id,
        latest.version_seq + fresh.place,
        fresh.version_ref,
        jsonb_build_object('change', fresh.change),
        %(actor_ref)s
    from fresh
    inner join latest on fresh.unit_id = latest.unit_id
    order by fresh.ordinal
    returning version_seq
)

select
    count(*) as versions_added,
    count(*) filter (where version_seq > 1) as events_emitted
from added;
