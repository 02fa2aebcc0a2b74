create or replace function public.fn_iu_delivery_reports_require(outcomes jsonb)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_wrong jsonb;
begin
    if outcomes is null or jsonb_typeof(outcomes) <> 'array' or jsonb_array_length(outcomes) > 1000 then
        raise exception 'outcomes are not an array of at most 1000 objects: %',
            coalesce(left(outcomes::text, 80), 'null') using
            errcode = 'IU104', hint = 'Give an array with an object for each claim of one target.';
    end if;
    select e into v_wrong from jsonb_array_elements(outcomes) as e
    where not coalesce(
        jsonb_typeof(e) = 'object' and jsonb_typeof(e -> 'claim_id') = 'number'
        and jsonb_typeof(e -> 'fence') = 'number' and e ->> 'decision' in ('sent', 'retry', 'failed'), false
    ) limit 1;
    if found then
        raise exception 'malformed outcome: %', left(v_wrong::text, 200) using
            errcode = 'IU104',
            hint = 'Give claim_id, fence and decision (sent, retry or failed); optional are status_code, '
                'latency_ms, retry_after_seconds, response_hash (hex), error and local_fault.';
    end if;
end
$$;
comment on function public.fn_iu_delivery_reports_require(jsonb) is
'Raises IU104 unless the argument is an array of at most 1,000 objects with claim_id, fence and decision.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_reports_require(jsonb)', 'internal'
);
