create or replace function public.fn_iu_promotion_refuse(
    rule text, seen text, needed text, others jsonb default '[]'
)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_others text;
    v_cures text;
begin
    select string_agg(
        format(
            '%s (needs %s, found %s)',
            o.other ->> 'rule', o.other ->> 'needed', coalesce(o.other ->> 'seen', 'nothing')
        ), ', ' order by o.place
    ) into v_others
    from jsonb_array_elements(others) with ordinality as o (other, place);
    select string_agg(c.cure, ' ' order by c.place) into v_cures
    from (
        select public.fn_iu_promotion_cure(r.missed) as cure, min(r.place) as place
        from unnest(rule || array(select o ->> 'rule' from jsonb_array_elements(others) as o))
        with ordinality as r (missed, place)
        group by 1
    ) as c;
    raise exception 'rule % refuses the promotion: it needs %, and found %',
        rule, needed, coalesce(seen, 'nothing') || coalesce(', also missed: ' || v_others, '')
        using errcode = 'IU205', hint = v_cures || ' The rules are in docs/operate/promotions.md#rules.';
end
$$;
comment on function public.fn_iu_promotion_refuse(text, text, text, jsonb) is
'Always raises IU205, with the name of the rule, the value needed and the value seen. others are further rules
that are missed, as objects with the keys rule, seen and needed.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_promotion_refuse(text, text, text, jsonb)', 'internal'
);
