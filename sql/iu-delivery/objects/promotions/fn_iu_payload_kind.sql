create or replace function public.fn_iu_payload_kind(safe_payload jsonb)
returns text
language sql immutable parallel safe
return coalesce((
    select string_agg(k.key, ',' order by k.key collate "C") from jsonb_object_keys(safe_payload) as k (key)
), '');
comment on function public.fn_iu_payload_kind(jsonb) is
'The kind of an event: its payload keys in order, separated by commas. The body is bound at creation and inlined.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_payload_kind(jsonb)', 'internal');
