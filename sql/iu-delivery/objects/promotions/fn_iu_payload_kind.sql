create or replace function public.fn_iu_payload_kind(safe_payload jsonb)
returns text
language sql immutable parallel safe
return array_to_string(array(select jsonb_object_keys(safe_payload)), ',');
comment on function public.fn_iu_payload_kind(jsonb) is
'The kind of an event: its payload keys, separated by commas, in the order in which jsonb keeps them. Events
with equal keys have equal kinds. The body is bound at creation and inlined.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_payload_kind(jsonb)', 'internal');
