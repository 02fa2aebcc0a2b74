create or replace function public.fn_iu_chain_hash(given jsonb)
returns bytea
language sql immutable parallel safe
return sha256(convert_to(cast(jsonb_strip_nulls(given - 'row_hash') as text), 'UTF8'));
comment on function public.fn_iu_chain_hash(jsonb) is
'sha256 of a row of a chained table, as JSON without row_hash and without nulls, so that a column that a later
step adds leaves the hashes of earlier rows as they are. The JSON must be made in time zone UTC. The body is
bound at creation and inlined.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_chain_hash(jsonb)', 'explain');
