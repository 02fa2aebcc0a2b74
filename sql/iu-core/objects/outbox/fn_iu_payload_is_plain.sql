create or replace function public.fn_iu_payload_is_plain(payload_text text)
returns boolean
language sql stable parallel safe
return octet_length(payload_text) <= 8192 and payload_text like '{%'
and payload_text !~ '[^A-Za-z0-9_.:"-][^"]*":|"":|\\'
and not convert_to(lower(payload_text collate "C"), 'UTF8') like any( -- bytes take half the time of text
    cast(array['_%{%', '%[%'] as bytea[]) || public.fn_iu_payload_words_like() -- a constant of the plan
);
comment on function public.fn_iu_payload_is_plain(text) is
'Quick check of a payload as text: true only for a small, flat object without a forbidden word; if false,
fn_iu_payload_check decides. The cost depends only on the size of the payload. The body is bound at creation
and inlined.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_is_plain(text)', 'inspect');
