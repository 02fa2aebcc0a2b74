insert into iu_outbound_route (route_code, event_type, enabled, target_kind, target_ref) values
('a.first', 'version_applied', true, 'workflow', 'x'), ('z.last', 'version_applied', true, 'workflow', 'x'),
('z.split', 'structure_piece_split', true, 'workflow', 'x');
select emit_many(400);
select emit_many(400, 'structure_piece_split');
select emit_many(400, 'sql_link_created');
select emit_many(400);
select same(run(batch_limit => 5000) ->> 'attempts_written', '3600');
select same(
    (
        select count(*) from (
            select o.event_seq, lag(o.event_seq) over (order by a.attempt_id) as before
            from iu_route_attempt as a inner join event_outbox as o using (event_id)
        ) as pair where before > event_seq
    ), 0
);
