create or replace function public.fn_iu_decision_require(decision text, reason text, proposed_by text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.fn_iu_login_require('iu_approver', 'IU204');
    perform public.fn_iu_delivery_isolation_require();
    perform public.fn_iu_name_require(
        'decision', decision, '^(approve|reject)$', 'Give approve or reject.'
    );
    perform public.fn_iu_argument_require('reason', reason, 2000);
    if decision = 'approve' and proposed_by = session_user then
        perform public.fn_iu_promotion_refuse(
            'two_people', proposed_by || ', who proposed it', 'another login'
        );
    end if;
end
$$;
comment on function public.fn_iu_decision_require(text, text, text) is
'Raises IU204 unless the login of the session is an approver, IU104 for a malformed decision or reason, IU303
above read committed, and IU205 if a login approves what it proposed. Read-only.';
select public.fn_iu_object_declare(
    'iu-delivery', 'function', 'public.fn_iu_decision_require(text, text, text)', 'internal'
);
