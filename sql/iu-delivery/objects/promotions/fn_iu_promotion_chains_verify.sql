-- The settings timezone, intervalstyle and bytea_output: as in fn_iu_chain_append.
create or replace function public.fn_iu_promotion_chains_verify()
returns table (ledger text, entries bigint, misfit_no bigint, fault text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set row_security = off
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
#variable_conflict use_variable
declare
    v_number text;
begin
    for ledger, v_number in values
        ('iu_evidence_pack', 'pack_no'),
        ('iu_promotion_threshold_change', 'change_no'),
        ('iu_promotion_threshold_decision', 'decision_no'),
        ('iu_route_promotion', 'promotion_no'),
        ('iu_route_promotion_decision', 'decision_no')
    loop
        misfit_no := null;
        fault := null;
        execute format('select count(*) from public.%I', ledger) into entries;
        execute format($query$
            select k.number, case
                when k.previous_hash is distinct from k.expected
                    then 'previous_hash is not that of the row before'
                else 'row_hash is not that of the row' end
            from (
                select c.%2$I as number, c.previous_hash, c.row_hash,
                    public.fn_iu_chain_hash(to_jsonb(c)) as computed,
                    lag(c.row_hash, 1, '') over (order by c.%2$I) as expected
                from public.%1$I as c
            ) as k
            where k.previous_hash is distinct from k.expected or k.row_hash is distinct from k.computed
            order by k.number limit 1
        $query$, ledger, v_number) into misfit_no, fault;
        return next;
    end loop;
    ledger := 'iu_promotion_threshold';
    entries := (select count(*) from public.iu_promotion_threshold);
    misfit_no := null;
    select format('%s is %s, but %s was decided', t.threshold, t.value, d.decided) into fault
    from public.iu_promotion_threshold as t
    cross join lateral (
        select coalesce((
            select c.new_value from public.iu_promotion_threshold_decision as k
            inner join public.iu_promotion_threshold_change as c on c.change_no = k.change_no
            where k.decision = 'approve' and c.threshold = t.threshold order by k.decision_no desc limit 1
        ), t.initial_value) as decided
    ) as d
    where t.value <> d.decided order by t.threshold limit 1;
    return next;
end
$$;
comment on function public.fn_iu_promotion_chains_verify() is
'Recomputes the chains of packs, thresholds, promotions and their decisions, one row for each table: entries,
and the number and the fault of the first row that does not fit, null if all do. The last row compares the
thresholds with the last decision about each. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_chains_verify()', 'explain'
);
