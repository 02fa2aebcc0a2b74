create function pg_temp.poison() returns trigger language plpgsql as $$
begin
    if new.decision <> 'failed' and (
        select right(o.event_subject_ref::text, 3) in ('001', '017', '040') from public.event_outbox as o
        where o.event_id = new.event_id
    ) then
        raise exception 'the audit refuses this event';
    end if;
    return new;
end
$$;
create trigger poison before insert on iu_route_attempt_log for each row execute function pg_temp.poison();
select emit_many(40);
select same(run(batch_limit => 40) ->> 'dead_lettered', '3');
select same((select count(*) from iu_route_attempt where decision = 'dry_run'), 37);
select same(run() ->> 'seen', '0');
