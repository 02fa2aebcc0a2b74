create or replace function public.fn_iu_payload_is_plain(payload_text text)
returns boolean
language sql stable parallel safe
return octet_length(payload_text) <= 8192 and payload_text like '{%'
and payload_text !~ '[^A-Za-z0-9_.:"-][^"]*":|"":|\\'
and not convert_to(lower(payload_text collate "C"), 'UTF8') like any( -- bytes take half the time of text
    cast(array['_%{%', '%[%'] as bytea[]) || public.fn_iu_payload_words_like() -- a constant of the plan
);
comment on function public.fn_iu_payload_is_plain(text) is
'The quick look at a payload, as text: true where it is certainly a small, flat object of references
and counts. Where it is false fn_iu_payload_check decides. Cost grows with the size of the payload
alone. Bound when it is created, so it needs no search_path and its callers inline it.';
select public.fn_iu_object_declare('iu-core', 'function', 'public.fn_iu_payload_is_plain(text)', 'inspect');
