-- enable_seqscan, enable_bitmapscan, enable_hashjoin and enable_mergejoin off: each claim is one probe of
-- its primary key (decision 011).
create or replace function public.fn_iu_delivery_reports_read(outcomes jsonb)
returns public.iu_delivery_report[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    v_reports public.iu_delivery_report [];
begin
    v_reports := array(
        select row(
            r.claim_id, r.fence, r.decision, r.status_code::smallint, r.latency_ms, r.retry_after_seconds,
            decode(r.response_hash, 'hex'), left(r.error, 500), coalesce(r.local_fault, false),
            c.route_no, c.event_seq, c.subject, c.promotion_no, o.claim_id is not null, false
        )::public.iu_delivery_report
        from (
            select distinct on (e.claim_id) e.* from jsonb_to_recordset(outcomes) as e (
                claim_id bigint, fence int, decision text, status_code int, latency_ms int,
                retry_after_seconds int, response_hash text, error text, local_fault boolean
            )
            order by e.claim_id
        ) as r
        left join public.iu_delivery_claim as c on c.claim_id = r.claim_id
        left join public.iu_delivery_outcome as o on o.claim_id = r.claim_id
        order by c.route_no, c.event_seq
    );
    return v_reports;
exception when invalid_text_representation or numeric_value_out_of_range or invalid_parameter_value then
    raise exception 'malformed outcomes: %', left(sqlerrm, 300) using
        errcode = 'IU104',
        hint = 'status_code, latency_ms and retry_after_seconds are whole numbers, response_hash is hex.';
end
$$;
comment on function public.fn_iu_delivery_reports_read(jsonb) is
'The outcomes given to fn_iu_delivery_record with the facts of their claims, ordered by route and event. Of
several about one claim the first is taken. Raises IU104 for a value of a wrong type.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_delivery_reports_read(jsonb)', 'internal'
);
