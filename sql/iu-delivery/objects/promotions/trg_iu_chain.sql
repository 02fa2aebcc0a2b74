-- The settings timezone, intervalstyle and bytea_output: the JSON of a row, and so its hash, must not depend
-- on the session.
create or replace function public.fn_iu_chain_append()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set row_security = off
set timezone = 'UTC'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
as $$
begin
    execute format(
        'select coalesce((select c.row_hash from %s as c order by c.%I desc limit 1), '''')',
        tg_relid::regclass, tg_argv[0]
    ) into new.previous_hash;
    new.row_hash := public.fn_iu_chain_hash(to_jsonb(new));
    return new;
end
$$;
comment on function public.fn_iu_chain_append() is
'Trigger function: sets previous_hash and row_hash of a row of a chained table. Its argument is the column
that orders the rows. Writers lock the table in share row exclusive mode before the insert; without that lock
a second row with the same previous_hash violates a unique constraint.';
select public.fn_iu_object_declare('iu-delivery', 'function', 'public.fn_iu_chain_append()', 'internal');

select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_chain before insert on public.iu_evidence_pack '
    'for each row execute function public.fn_iu_chain_append(''pack_no'')'
);
select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_chain before insert on public.iu_promotion_threshold_change '
    'for each row execute function public.fn_iu_chain_append(''change_no'')'
);
select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_chain before insert on public.iu_promotion_threshold_decision '
    'for each row execute function public.fn_iu_chain_append(''decision_no'')'
);
select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_chain before insert on public.iu_route_promotion '
    'for each row execute function public.fn_iu_chain_append(''promotion_no'')'
);
select public.fn_iu_trigger_ensure(
    'iu-delivery',
    'create trigger trg_iu_chain before insert on public.iu_route_promotion_decision '
    'for each row execute function public.fn_iu_chain_append(''decision_no'')'
);
