"""The contents of schema public that steps create, to compare before and after."""

from __future__ import annotations

from typing import Any

from iu_pipelines.db.gateway import Gateway

_PICTURE = {
    "relations": """select c.relname::text, c.relkind::text, c.relowner::regrole::text, coalesce(c.relacl,
        acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))::text as acl
        from pg_class c where c.relnamespace = 'public'::regnamespace order by 1""",
    "columns": """select a.attrelid::regclass::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
        a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        left join pg_attrdef d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
        where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
        order by 1, 2""",
    "constraints": """select conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
        from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2""",
    "indexes": "select indexname::text, indexdef from pg_indexes where schemaname = 'public' order by 1",
    "triggers": """select t.tgname::text, pg_get_triggerdef(t.oid)
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where c.relnamespace = 'public'::regnamespace and not t.tgisinternal order by 1, 2""",
    "functions": """select p.oid::regprocedure::text, md5(p.prosrc), p.proowner::regrole::text
        from pg_proc p where p.pronamespace = 'public'::regnamespace order by 1""",
    "default privileges": """select defaclrole::regrole::text, defaclobjtype::text, defaclacl::text
        from pg_default_acl order by 1""",
}
_ROWS = {
    "iu_schema_step": "select step_name, checksum from public.iu_schema_step order by 1",
    "dot_config": "select key, value from public.dot_config order by 1",
    "event_type_registry": "select * from public.event_type_registry order by 1",
    "iu_outbound_route": """select route_code, event_type, enabled, dry_run
        from public.iu_outbound_route order by 1""",
    "iu_inbound_route": "select * from public.iu_inbound_route order by 1",
}


def picture(gateway: Gateway) -> dict[str, list[dict[str, Any]]]:
    """Return everything in schema public that steps create, except times and serial numbers."""
    seen = {name: gateway.fetch_all(sql) for name, sql in _PICTURE.items()}
    tables = {row["relname"] for row in seen["relations"]}
    return seen | {table: gateway.fetch_all(sql) for table, sql in _ROWS.items() if table in tables}
