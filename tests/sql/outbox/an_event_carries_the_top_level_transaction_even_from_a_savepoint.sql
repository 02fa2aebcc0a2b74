select keep('event', null::text);
do $$
begin
    begin
        perform iu_test.keep('event', iu_test.emit()::text);
    exception when division_by_zero then
        null;
    end;
end
$$;
select same(
    (select emitted_xid from event_outbox where event_id = kept('event')::uuid), pg_current_xact_id()
);
