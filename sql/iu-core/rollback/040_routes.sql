-- Undoes 040. Refuses if routes would be lost that the step did not create.
do $refuse$
declare
    v_route text := (
        select string_agg(r.route_code, ', ' order by r.route_code) from public.iu_outbound_route as r
        where r.route_code not in ('iu.version_applied.workflow', 'iu.structure_piece_split.workflow')
    );
begin
    if v_route is not null then
        raise exception 'rollback of 040_routes would lose the routes %', v_route using
            errcode = 'IU901', hint = 'If they are no longer needed, delete them first.';
    end if;
end
$refuse$;
drop table public.iu_outbound_route;
drop table public.iu_outbound_route_version;
drop table public.iu_audit_name;
select public.fn_iu_step_forget('iu-core', '040_routes');
