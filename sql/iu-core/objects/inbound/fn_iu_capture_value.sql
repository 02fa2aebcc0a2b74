create or replace function public.fn_iu_capture_value(
    table_oid oid, column_name text, row_alias text default 'n', as_text boolean default false
)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    -- By the output function of its type and never by a cast, which could be a function of a user (decision
    -- 050).
    select format(
        'case when %1$s.%2$I is not null then concat(%1$s.%2$I) end%3$s', row_alias, column_name, case
            when not as_text then '::' || public.fn_iu_capture_type(table_oid, column_name) else ''
        end
    )
$$;
comment on function public.fn_iu_capture_value(oid, text, text, boolean) is
'The expression for the value of a column in the trigger function of a capture, as text or as its built-in
type. row_alias is n for the captured row, o for the row before an update.';
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_capture_value(oid, text, text, boolean)', 'internal'
);
