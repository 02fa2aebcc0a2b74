-- Objects of step 010: the ledger, the manifest and the functions that steps and proofs call.
select public.fn_iu_object_declare(
    'iu-core', 'table', 'public.iu_schema_step', 'state', '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'table', 'public.iu_schema_access', 'state', '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'table', 'public.iu_schema_object', 'state', '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_step_require(text, text)', 'internal', '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_step_record(text, text, text)', 'internal', '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_step_forget(text, text)', 'internal', '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_objects_drop(text[])', 'internal', '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_module_drop(text, text)', 'internal', '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_object_release(text, text, boolean)', 'internal',
    '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_proof_note(text, text, text)', 'inspect', '010_roles_and_ledger'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_proof_end(text)', 'inspect', '010_roles_and_ledger'
);

-- Functions that maintain the manifest itself; they exist before the first declaration.
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_object_identity(text, text)', 'inspect'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_roles_are_used()', 'inspect'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_object_rights(text, text)', 'inspect'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_object_misfit(text, text, text)', 'inspect'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_object_secure(text, text, text)', 'internal'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_access_declare(text, text, text, text)', 'internal'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_trigger_ensure(text, text)', 'internal'
);
select public.fn_iu_object_declare(
    'iu-core', 'function', 'public.fn_iu_object_declare(text, text, text, text, text)', 'internal'
);
