select keep('before', (select coalesce(max(change_no), 0)::text from dot_config_history));
select fn_iu_gate_set('iu_core.delivery_enabled', 'true', 'first');
select fn_iu_gate_set('iu_core.delivery_enabled', 'true', 'the same again');
update dot_config set value = 'false' where key = 'iu_core.delivery_enabled';
insert into dot_config (key, value, description) values ('test.gate', 'true', 'a gate of a test');
delete from dot_config where key = 'test.gate';
select same(
    (
        select jsonb_agg(jsonb_build_array(key, old_value, new_value, reason) order by change_no)
        from dot_config_history where change_no > kept('before')::bigint
    ),
    '[["iu_core.delivery_enabled", "false", "true", "first"],
      ["iu_core.delivery_enabled", "true", "true", "the same again"],
      ["iu_core.delivery_enabled", "true", "false", null],
      ["test.gate", null, "true", null],
      ["test.gate", "true", null, null]]'::jsonb
);
select same((select count(*) from dot_config_history where changed_by <> session_user), 0);
