create or replace function public.fn_iu_delivery_shard(subject uuid)
returns smallint
language sql immutable parallel safe
return cast(get_byte(sha256(uuid_send(subject)), 0) & 63 as smallint);
comment on function public.fn_iu_delivery_shard(uuid) is
'The shard of a subject, 0 to 63: the first byte of its sha256, modulo 64. The body is bound at creation and
inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_shard(uuid)', 'internal'
);
