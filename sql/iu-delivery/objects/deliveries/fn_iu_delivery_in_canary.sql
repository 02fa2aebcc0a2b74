create or replace function public.fn_iu_delivery_in_canary(subject uuid, share numeric)
returns boolean
language sql immutable parallel safe
return (
    get_byte(sha256(uuid_send(subject)), 1) * 256 + get_byte(sha256(uuid_send(subject)), 2)
) < share * 65536;
comment on function public.fn_iu_delivery_in_canary(uuid, numeric) is
'Whether a subject is in the canary: the second and third byte of its sha256, as a number, are below share of
65536. So a larger share includes the subjects of a smaller one. The body is bound at creation and inlined.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_in_canary(uuid, numeric)', 'internal'
);
