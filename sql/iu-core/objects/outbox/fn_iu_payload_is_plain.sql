create or replace function public.fn_iu_payload_is_plain(safe_payload jsonb, payload_text text)
returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    return octet_length(payload_text) <= 8192
        and payload_text !~ '[^A-Za-z0-9_.:"-][^"]*":|"":|\\'
        and not lower(jsonb_path_query_array(
            safe_payload, 'strict $.** ? (@.type() == "object").keyvalue().key'
        )::text collate "C") like any (array[
            '%body%', '%content%', '%secret%', '%pass%', '%pwd%', '%credential%', '%token%',
            '%vector%', '%embedding%', '%key%', '%authorization%', '%cookie%'
        ])
        and not jsonb_path_exists(safe_payload, 'strict $.**{33}')
        and (
            payload_text not like '%[%'
            or not jsonb_path_exists(safe_payload, 'strict $.** ? (@.type() == "array" && @.size() > 16)')
        );
end
$$;
comment on function public.fn_iu_payload_is_plain(jsonb, text) is
'The quick look at a payload: true where it is certainly small and refs-only. Where it is false
fn_iu_payload_check decides. payload_text is the payload as text. Cost grows with the size of the
payload alone.';
